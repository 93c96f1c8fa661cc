//! The distribution protocol: what to ask a registry, and what its answers mean, without I/O.
//!
//! Every operation is a machine ([`Operation`]): [`Operation::poll`] says what it needs next (an HTTP
//! request, or to wait), the driver performs it and calls [`Operation::provide`] with the answer and
//! the time, until `poll` says [`Step::Done`]. The page drives the machines with `fetch`, the native
//! program with an HTTP client; neither knows the protocol. Large blobs are streamed: [`BlobPull`]
//! is told of every chunk and says how to go on when a transfer breaks.
//!
//! Follows the OCI distribution specification 1.1, the token specification of the CNCF distribution
//! project, RFC 9110 (challenges, `Retry-After`, ranges) and RFC 8288 (`Link`).
//!
//! ```
//! use lamina_registry::{HttpAnswer, Headers, Operation, Options, Resolve, Session, Step, Timestamp};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Timestamp::from_millis(0);
//! let session = Session::open("localhost:5000", None, &Options::default())?;
//! let mut resolve = Resolve::new(&session, "demo/shop", "1.0", now);
//! while let Step::Request(request) = resolve.poll() {
//!     assert_eq!(request.url.to_string(), "http://localhost:5000/v2/demo/shop/manifests/1.0");
//!     let answer = HttpAnswer { status: 200, headers: Headers::default(), body: b"{}".to_vec() };
//!     resolve.provide(Ok(answer), now);
//! }
//! assert_eq!(resolve.finish()?.body, b"{}");
//! # Ok(())
//! # }
//! ```

pub mod blob;
pub mod challenge;
pub mod error;
mod exchange;
pub mod flavours;
pub mod http;
pub mod limits;
pub mod link;
pub mod manifest;
pub mod operation;
pub mod ping;
pub mod push;
pub mod rate;
pub mod referrers;
pub mod relay;
mod retry;
pub mod session;
pub mod tags;
pub mod time;
mod token;
pub mod url;

pub use blob::{BlobFetch, BlobPull, BlobStep, Flow};
pub use error::{ErrorKind, PullError, Remedy, Stage};
pub use http::{Headers, HttpAnswer, HttpRequest, Method, TransportError};
pub use manifest::{Resolve, Resolved};
pub use operation::{Operation, Step};
pub use ping::{Ping, Pong};
pub use push::{BlobPush, ManifestPush};
pub use referrers::{Referrers, fallback_tag};
pub use session::{Credentials, Options, Session, SessionSnapshot};
pub use tags::{TagList, Tags};
pub use time::Timestamp;
pub use url::Url;
