//! The distribution protocol: what to ask a registry, and what its answers mean, without I/O.
