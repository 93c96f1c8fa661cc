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

/// Bytes of one VEX document. Those of vendors about one vulnerability in all their products reach a few
/// MB.
pub const MAX_VEX_BYTES: usize = 16 << 20;

/// Opening brackets in one VEX document: what its lists and objects take in memory is bounded by their
/// number, not by its bytes.
pub const MAX_VEX_NODES: usize = 500_000;

/// Statements in one VEX document.
pub const MAX_VEX_STATEMENTS: usize = 50_000;

/// Products and subcomponents that the statements of one VEX document name, counted each time they are
/// named. One takes about 300 bytes.
pub const MAX_VEX_PRODUCTS: usize = 200_000;

/// Entries of any one list in a VEX document.
pub const MAX_VEX_LIST: usize = 50_000;

/// Ids of one vulnerability in a VEX document that are remembered.
pub const MAX_VEX_IDS: usize = 64;

/// Characters that are kept of a text in a VEX document.
pub const MAX_VEX_TEXT: usize = 400;

/// Complaints about one VEX document that are kept.
pub const MAX_VEX_NOTES: usize = 20;

/// Envelopes around a VEX document: a bundle, an envelope and a statement make three.
pub const MAX_VEX_ENVELOPES: usize = 4;
