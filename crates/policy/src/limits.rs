//! What a policy may cost.

/// Bytes of a policy file. A list of ten thousand exceptions with reasons takes about 2 MB.
pub const MAX_POLICY_BYTES: usize = 4 << 20;

/// Exceptions in one policy.
pub const MAX_EXCEPTIONS: usize = 10_000;
