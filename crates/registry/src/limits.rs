//! The bounds of everything a registry can make us hold or wait for.

use std::time::Duration;

/// Largest manifest or index, in bytes: the CNCF registry and containerd refuse larger ones too.
pub const MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// Largest small blob (an image config) that is held whole, in bytes.
pub const CONFIG_BYTES: u64 = 8 * 1024 * 1024;

/// Largest answer of a token endpoint, in bytes: tokens of a few KiB are usual (JWT with scopes).
pub const TOKEN_BYTES: u64 = 256 * 1024;

/// Largest page of a tag list, in bytes.
pub const TAGS_BYTES: u64 = 4 * 1024 * 1024;

/// Largest error body, in bytes; longer ones are an error of their own.
pub const ERROR_BYTES: u64 = 64 * 1024;

/// Pages of a tag list that are followed.
pub const TAG_PAGES: u32 = 50;

/// Tags that are kept.
pub const TAGS: usize = 20_000;

/// Longest tag that is kept, in bytes: the specification's own limit.
pub const TAG_CHARS: usize = 128;

/// Redirects that are followed for one request.
pub const REDIRECTS: u32 = 8;

/// Tries of one request, the first included.
pub const TRIES: u32 = 5;

/// Tries when a registry is not reached at all: a name that is misspelt does not get better. Layers
/// are asked for with all patience, as by then the registry is known to be there.
pub const UNREACHED_TRIES: u32 = 2;

/// Time that one request may spend waiting between tries. A registry that asks for longer is
/// reported with the time it asked for.
pub const TOTAL_WAIT: Duration = Duration::from_secs(60);

/// First pause between tries; doubles with each.
pub const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Tokens asked for within one request: the first, and one more after a new challenge.
pub const TOKENS_PER_REQUEST: u32 = 2;

/// Broken transfers of one blob in a row that brought no new byte.
pub const RESUMES_WITHOUT_PROGRESS: u32 = 4;

/// Broken transfers of one blob in all.
pub const RESUMES: u32 = 40;

/// Longest `WWW-Authenticate` or `Link` value that is read, in bytes.
pub const HEADER_BYTES: usize = 16 * 1024;

/// Challenges read from one answer.
pub const CHALLENGES: usize = 8;

/// Parameters read from one challenge.
pub const CHALLENGE_PARAMS: usize = 16;

/// Longest error code kept of a registry's error, in characters.
pub const CODE_CHARS: usize = 64;

/// Longest message kept of a registry's error, in characters.
pub const MESSAGE_CHARS: usize = 300;

/// Longest URL, in bytes. Pre-signed URLs of object stores reach 2 KiB.
pub const URL_BYTES: usize = 16 * 1024;

/// Tokens kept in a session.
pub const TOKENS: usize = 256;

/// Shortest life we give a token: the token specification's default and minimum for clients.
pub const TOKEN_LIFE: Duration = Duration::from_secs(60);

/// Longest life we give a token whatever the registry says.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// A token is not used in the last seconds of its life: requests take time.
pub const TOKEN_MARGIN: Duration = Duration::from_secs(10);
