//! Limits on reports that come from others.

/// A share link's payload, as text. Chromium accepts addresses of 2 MiB, Firefox of 1 MiB.
pub const MAX_LINK_CHARS: usize = 4 << 20;

/// A shared report, inflated. A report of 3,000 findings and 2,000 packages is about 3 MB.
pub const MAX_REPORT_BYTES: usize = 64 << 20;

/// Values (numbers, texts, lists …) of a report in a link of version 2. A report of 3,000 findings and
/// 2,000 packages has 150,000.
pub const MAX_LINK_VALUES: usize = 2 << 20;

/// How deep lists and objects lie in one another in such a link. A report's lie 7 deep.
pub const MAX_LINK_DEPTH: usize = 32;

/// Characters of a link, from its first to its last, that every program passes on: mail, chat, issue
/// trackers and QR codes of several parts cut off longer ones now and then.
pub const LINK_BUDGET_CHARS: usize = 8_000;
/// Bytes of another tool's report. Trivy's of a large image with all its packages is about 20 MB.
pub const MAX_IMPORT_BYTES: usize = 48 << 20;

/// Objects in one. Each takes up to 700 bytes in memory; Grype writes about 20 for each match.
pub const MAX_IMPORT_OBJECTS: usize = 400_000;

/// Values in one, of objects and lists together.
pub const MAX_IMPORT_VALUES: usize = 4_000_000;

/// Findings that are taken from one.
pub const MAX_IMPORT_FINDINGS: usize = 100_000;

/// Packages that are taken from one.
pub const MAX_IMPORT_PACKAGES: usize = 100_000;

/// Layers that are taken from one. Images have 127 at most.
pub const MAX_IMPORT_LAYERS: usize = 1_000;

/// Ids and fixed versions of one finding that are taken.
pub const MAX_IMPORT_IDS: usize = 64;

/// Characters that are kept of a name, a version, an id or a path.
pub const MAX_IMPORT_NAME: usize = 512;

/// Characters that are kept of a title or a sentence.
pub const MAX_IMPORT_TEXT: usize = 300;

/// Differences between two reports that are kept, of each kind.
pub const MAX_BESIDE_ROWS: usize = 100_000;
