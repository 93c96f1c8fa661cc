//! The bounds of what the server holds and waits for.

use std::time::Duration;

/// How long to wait for a connection to a registry.
pub const CONNECT: Duration = Duration::from_secs(10);

/// How long a registry may send nothing.
pub const UPSTREAM_IDLE: Duration = Duration::from_secs(60);

/// How long a browser may take nothing of what is relayed to it. A page that is hidden slows down.
pub const CLIENT_IDLE: Duration = Duration::from_secs(120);

/// How long a browser may remember that a page of another server may ask.
pub const PREFLIGHT: Duration = Duration::from_secs(600);

/// How long a client may take to send the head of a request.
pub const REQUEST_HEAD: Duration = Duration::from_secs(10);

/// Largest head of a request to the server, in bytes.
pub const REQUEST_HEAD_BYTES: usize = 64 * 1024;

/// Headers of an answer of a registry.
pub const ANSWER_HEADERS: usize = 100;

/// Longest value of a header that the relay passes on, in bytes. Tokens in requests and links in
/// answers reach a few KiB.
pub const HEADER_VALUE_BYTES: usize = 16 * 1024;

/// A file of references for `lamina bases`, in bytes.
pub const BASE_LIST_BYTES: u64 = 1 << 20;

/// References that `lamina bases` asks for at once.
pub const BASES_AT_ONCE: usize = 8;

/// Manifests that `lamina bases` reads of one reference.
pub const IMAGES_OF_REFERENCE: usize = 200;

/// Requests that the relay has under way at once.
pub const RELAYED_AT_ONCE: usize = 48;

/// How long a request waits for its turn before the relay says that it is busy.
pub const TURN: Duration = Duration::from_secs(15);

/// Redirects that the relay follows for one request.
pub const REDIRECTS: usize = 8;

/// Token endpoints that the relay remembers; the oldest is forgotten.
pub const REALMS: usize = 256;

/// Chunks that wait between a registry and a slow browser: together with what the sockets hold,
/// all that the relay keeps of a blob.
pub const CHUNKS: usize = 2;

/// Compressed forms of static files that are kept, in bytes. The page and its database are a few MB.
pub const COMPRESSED_BYTES: usize = 64 * 1024 * 1024;

/// Smallest file that is worth compressing, in bytes.
pub const COMPRESS_FROM: usize = 1024;

/// How long connections may finish after the order to stop.
pub const SHUTDOWN: Duration = Duration::from_secs(5);

/// Longest docker config file that is read, in bytes.
pub const DOCKER_CONFIG_BYTES: u64 = 1024 * 1024;

/// Longest password on standard input, in bytes: service account keys are JSON of a few KiB.
pub const PASSWORD_BYTES: u64 = 64 * 1024;

/// Bytes of one downloaded feed file. The largest zip of osv.dev, Ubuntu's, has about 400 MB.
pub const DOWNLOAD_BYTES: u64 = 4 << 30;

/// Bytes of a listing that names a feed's files.
pub const LISTING_BYTES: u64 = 1 << 20;

/// Feed files, or shards, that are fetched at once.
pub const DOWNLOADS_AT_ONCE: usize = 6;

/// Tries of one download that bring no new byte.
pub const DOWNLOAD_TRIES: u32 = 4;

/// Tries of one download in all, however many bytes each brought.
pub const DOWNLOAD_TRIES_IN_ALL: u32 = 40;

/// First pause between tries of a download; doubles with each.
pub const DOWNLOAD_FIRST_WAIT: Duration = Duration::from_millis(500);

/// Longest pause before another try that a server may ask for.
pub const DOWNLOAD_LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Age of a database, in days, from which on it is warned of. It is built every day.
pub const DATABASE_AGE_DAYS: i64 = 5;

/// Bytes of a file with a key. Minisign's have about 150 (public) and 350 (secret).
pub const KEY_FILE_BYTES: u64 = 4096;

/// Bytes of all shards of a database that an update fetches. The whole of the public feeds takes under
/// 200 MB.
pub const DATABASE_BYTES: u64 = 4 << 30;

/// Memory of the process that judges custom rules, in bytes of address space: its stack, this program,
/// the report, and about a GB for the rules.
pub const REGO_BYTES: u64 = 2 << 30;

/// How long the process that judges custom rules may take to start and to read the report.
pub const REGO_START: Duration = Duration::from_secs(20);

/// How much longer than it says itself one custom rule may take.
pub const REGO_GRACE: Duration = Duration::from_secs(1);

/// How long all custom rules may take together.
pub const REGO_IN_ALL: Duration = Duration::from_secs(60);

/// Bytes of what the process that judges custom rules answers about one rule.
pub const REGO_ANSWER_BYTES: u64 = 1 << 20;

/// Manifests attached to an image that are looked at for VEX documents.
pub const ATTACHED_MANIFESTS: usize = 50;

/// Attached VEX documents that are fetched.
pub const ATTACHED_DOCUMENTS: usize = 50;
/// Requests for manifests that the gate passes to its upstreams at once. They are short, and fewer at
/// once do not keep blobs waiting.
pub const GATE_MANIFESTS_AT_ONCE: usize = 32;

/// Other requests that the gate passes to its upstreams at once. Each takes two file descriptors.
pub const GATE_AT_ONCE: usize = 400;

/// Images that wait to be scanned, or are.
pub const SCANS_WAITING: usize = 1000;

/// Reports that the gate keeps in memory.
pub const KEPT_REPORTS: usize = 1000;

/// Bytes of all these, as JSON: in memory they take about as much again.
pub const KEPT_REPORTS_BYTES: u64 = 256 << 20;

/// Bytes of one report in the gate's folder. The largest of real images have about 30 MB.
pub const KEPT_FILE_BYTES: u64 = 256 << 20;

/// Reports in the gate's folder.
pub const KEPT_FILES: usize = 50_000;

/// How long a report of which a part is missing is kept: long enough that not every pull scans the
/// image again, short enough that a registry's bad minute is soon forgotten.
pub const UNWHOLE_REPORT: Duration = Duration::from_secs(30);

/// Manifests that the gate keeps, and their bytes.
pub const KEPT_MANIFESTS: usize = 4000;

/// Bytes of all of these.
pub const KEPT_MANIFESTS_BYTES: usize = 64 << 20;

/// Blobs of a signature or SBOM that are looked into.
pub const STATEMENTS: usize = 32;

/// Bytes that are looked at of each: a header of a tar is as long.
pub const STATEMENT_START: usize = 512;

/// Decisions that the gate's page lists.
pub const EVENTS: usize = 500;

/// Findings that a refusal names.
pub const WORST_FINDINGS: usize = 3;

/// Images of an index that are judged with it.
pub const INDEX_IMAGES: usize = 16;

/// Bytes of an AdmissionReview: two objects of etcd's limit of 1.5 MB, and what is around them.
pub const ADMISSION_BYTES: usize = 8 << 20;

/// Images of one admission review.
pub const ADMISSION_IMAGES: usize = 100;

/// How often policies, the database and certificates are looked at for changes.
pub const GATE_RELOAD: Duration = Duration::from_secs(1);

/// Bytes of a file with certificates or a key.
pub const CERTIFICATE_BYTES: u64 = 1 << 20;

/// Bytes of an encrypted report. One of 3,000 findings and 2,000 packages has 300 kB.
pub const SHARE_BYTES: u64 = 8 << 20;

/// Bytes of all of them.
pub const SHARES_BYTES: u64 = 1 << 30;

/// Their number.
pub const SHARES: usize = 5000;

/// Uploads that are taken within a minute, of all who upload.
pub const SHARES_PER_MINUTE: u32 = 30;

/// The longest that one is kept, in days.
pub const SHARE_DAYS: u64 = 30;

/// How long one is kept for which nobody says how long, in days.
pub const SHARE_DAYS_USUAL: u64 = 7;
