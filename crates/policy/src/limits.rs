//! What a policy may cost.

/// Bytes of a policy file. A list of ten thousand exceptions with reasons takes about 2 MB.
pub const MAX_POLICY_BYTES: usize = 4 << 20;

/// Exceptions in one policy.
pub const MAX_EXCEPTIONS: usize = 10_000;

/// Entries of every other list in a policy: statuses, licences, labels, custom rules.
pub const MAX_LIST: usize = 1_000;

/// Bytes of one pattern. Matching takes at worst the product of its length and the text's.
pub const MAX_PATTERN_BYTES: usize = 400;

/// Exceptions without an id, which every finding is compared with.
pub const MAX_PATTERN_EXCEPTIONS: usize = 500;
