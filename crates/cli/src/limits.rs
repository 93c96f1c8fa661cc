//! The bounds of what the server holds and waits for.

use std::time::Duration;

/// How long to wait for a connection to a registry.
pub const CONNECT: Duration = Duration::from_secs(10);

/// How long a registry may send nothing.
pub const UPSTREAM_IDLE: Duration = Duration::from_secs(60);

/// How long a browser may take nothing of what is relayed to it. A page that is hidden slows down.
pub const CLIENT_IDLE: Duration = Duration::from_secs(120);

/// How long a client may take to send the head of a request.
pub const REQUEST_HEAD: Duration = Duration::from_secs(10);

/// Largest head of a request to the server, in bytes.
pub const REQUEST_HEAD_BYTES: usize = 64 * 1024;

/// Headers of an answer of a registry.
pub const ANSWER_HEADERS: usize = 100;

/// Longest value of a header that the relay passes on, in bytes. Tokens in requests and links in
/// answers reach a few KiB.
pub const HEADER_VALUE_BYTES: usize = 16 * 1024;

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
