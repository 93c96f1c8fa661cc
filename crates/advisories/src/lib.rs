//! The advisory database, version orders and matching.
