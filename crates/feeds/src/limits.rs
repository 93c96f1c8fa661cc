//! What a feed may cost.

/// Bytes of one record (a file in an OSV zip, or a file of its own). The largest real ones are
/// advisories of kernels, under 4 MB.
pub const MAX_RECORD_BYTES: u64 = 16 << 20;

/// Bytes of one feed file that is a single JSON text, inflated. Debian's tracker has about 80 MB,
/// a year of NVD about 150 MB.
pub const MAX_JSON_BYTES: u64 = 1 << 30;

/// Records in one zip. The largest, npm's with its malware reports, has about 220,000.
pub const MAX_RECORDS_PER_ZIP: usize = 2_000_000;

/// Bytes of all records of one zip, inflated.
pub const MAX_ZIP_BYTES: u64 = 16 << 30;

/// Characters of a title in a match shard; the whole summary is in the prose.
pub const MAX_TITLE_CHARS: usize = 120;

/// Bytes of one record's details in the prose; the rest is cut off, and said to be.
pub const MAX_DETAILS_BYTES: usize = 32 << 10;

/// Addresses of one record in the prose.
pub const MAX_REFERENCES: usize = 50;

/// Bytes of prose in one shard, uncompressed: opening a finding fetches one of them.
pub const PROSE_PART_BYTES: usize = 256 << 10;

/// Skipped records that are listed; all are counted.
pub const MAX_SKIPPED_LISTED: usize = 100_000;

/// Members of one tar. Red Hat's VEX has about 60,000, Ubuntu's about 50,000.
pub const MAX_ARCHIVE_MEMBERS: usize = 2_000_000;

/// Bytes of one tar, decompressed. Red Hat's VEX has about 30 GB.
pub const MAX_ARCHIVE_BYTES: u64 = 64 << 30;

/// Bytes of one CSV, decompressed. EPSS has about 10 MB.
pub const MAX_CSV_BYTES: u64 = 1 << 28;

/// Bytes of one line of a CSV; what is longer is read as several lines. EPSS's have about 30.
pub const MAX_CSV_LINE_BYTES: u64 = 4096;

/// Bytes of one CSAF document. Red Hat's largest, of vulnerabilities that many products share, have
/// about 60 MB.
pub const MAX_CSAF_BYTES: u64 = 128 << 20;

/// Bytes of one XML file, decompressed. SUSE's OVAL of one release has about 700 MB.
pub const MAX_XML_BYTES: u64 = 4 << 30;

/// Elements in each other. OVAL's criteria are the deepest, at about ten.
pub const MAX_XML_DEPTH: usize = 64;

/// Attributes of one element; the rest is not read.
pub const MAX_XML_ATTRIBUTES: usize = 64;

/// Bytes of an element's own text; the rest is not read.
pub const MAX_XML_TEXT_BYTES: usize = 1 << 20;
/// Pages from the root of a BoltDB bucket to a leaf. A tree of 30 would hold 2^30 pages at least.
pub const MAX_BOLT_DEPTH: usize = 30;

/// How often all walks through a BoltDB file may show each of its bytes, on average. A walk through
/// everything shows a value once for each bucket that it lies in.
pub const MAX_BOLT_READS: u64 = 8;

/// Bytes of another scanner's whole database, decompressed; it is held in memory. trivy-db has about
/// 900 MB, grype's about 1.5 GB.
pub const MAX_DATABASE_BYTES: u64 = 4 << 30;

/// Comparisons in one constraint, and ranges that come of one entry. Real ones have under 100.
pub const MAX_CONSTRAINT_PARTS: usize = 1000;
