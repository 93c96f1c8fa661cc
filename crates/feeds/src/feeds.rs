//! The list of feeds.
//!
//! A feed is one file here and one line in [`FEEDS`]. The first that claims a file reads it.

mod alma;
mod alpine;
mod amazon;
mod arch;
mod azure;
mod bottlerocket;
mod debian;
mod endoflife;
mod epss;
mod kev;
mod nvd;
mod oracle;
mod osv;
mod photon;
mod redhat_vex;
mod superseded;
mod suse;

use std::io::{self, Read, Seek};

use lamina_advisories::record::Day;

use crate::{builder::Builder, location::Location};

/// All feeds.
pub const FEEDS: &[&dyn Feed] = &[
    &alpine::Alpine,
    &debian::Debian,
    &nvd::Nvd,
    &epss::Epss,
    &kev::Kev,
    &endoflife::EndOfLife,
    &redhat_vex::RedHatVex,
    &alma::Alma,
    &oracle::Oracle,
    &suse::Suse,
    &azure::Azure,
    &photon::Photon,
    &bottlerocket::Bottlerocket,
    &amazon::Amazon,
    &arch::Arch,
    &superseded::Superseded,
    // OSV claims every zip and JSON file that is nobody else's.
    &osv::Osv,
];

/// Ids of feeds that the builder knows: what they say has no records.
pub(crate) const EPSS: &str = "epss";
pub(crate) const KEV: &str = "kev";
pub(crate) const LIFECYCLE: &str = "endoflife";

/// Ids of OSV, and of feeds that say all that it says of their distribution, and more.
pub(crate) const ALMA: &str = "almalinux-errata";
pub(crate) const REDHAT: &str = "redhat-vex";
pub(crate) const SUSE: &str = "suse-oval";
pub(crate) const PHOTON: &str = "photon";
pub(crate) const OSV: &str = "osv";

/// One public source of advisories.
pub trait Feed: Sync {
    /// Name in the index and on the command line; kebab-case, never changes.
    fn id(&self) -> &'static str;
    /// Name for people and in evidence.
    fn name(&self) -> &'static str;
    /// Where it is published.
    fn url(&self) -> &'static str;
    /// Under which licence.
    fn licence(&self) -> &'static str;
    /// Why this feed is left out unless it is asked for by its id: its licence forbids to pass on what
    /// is made of it, for example. `None` for feeds that everyone may use.
    fn reserved(&self) -> Option<&'static str> {
        None
    }
    /// The files that it is made of, where they are published, on a day. None for a feed that is
    /// published nowhere, or that nobody fetches whole.
    fn locations(&self, _today: Day) -> Vec<Location> {
        Vec::new()
    }
    /// What a listing ([`Location::listing`]) names. `content` is `None` if there is none at its
    /// address.
    ///
    /// # Errors
    /// If it cannot be read, or the feed cannot do without it.
    fn listed(
        &self,
        listing: &Location,
        _content: Option<&[u8]>,
    ) -> Result<Vec<Location>, FeedError> {
        let _ = listing;
        Ok(Vec::new())
    }
    /// Whether this feed reads the file at `path` (any folder before it, `/` between parts).
    fn claims(&self, path: &str) -> bool;
    /// Reads one file. What cannot be used goes to [`Builder::skip`].
    ///
    /// # Errors
    /// If nothing can be read from it.
    fn read(&self, input: Input<'_>, out: &mut Builder) -> Result<(), FeedError>;
}

/// A file of a feed.
pub struct Input<'a> {
    /// Its path, for [`Feed::claims`] and for messages.
    pub path: &'a str,
    /// Its bytes.
    pub content: &'a mut dyn ReadSeek,
}

/// Bytes with random access: a file, or a cursor over memory.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// Why a file gives nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// It is no zip, or one with too much in it.
    #[error("zip cannot be read")]
    Zip(#[from] zip::result::ZipError),
    /// It is not the JSON that this feed has.
    #[error("JSON cannot be read")]
    Json(#[from] serde_json::Error),
    /// It is not the XML that this feed has.
    #[error("XML cannot be read")]
    Xml(#[from] quick_xml::Error),
    /// It cannot be read at all.
    #[error("file cannot be read")]
    Io(#[from] io::Error),
    /// It is larger than anything this feed has ever been.
    #[error("file has more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// It is something else.
    #[error("file is not of this feed: {0}")]
    Foreign(&'static str),
    /// It does not name the files that it should name.
    #[error("listing cannot be read: {0}")]
    Listing(&'static str),
}

/// The feed that reads the file at `path`, if any does.
pub fn feed_for(path: &str) -> Option<&'static dyn Feed> {
    FEEDS.iter().copied().find(|feed| feed.claims(path))
}

/// Name of the file at `path`, and of the folder it is in.
fn file_and_folder(path: &str) -> (&str, &str) {
    let mut parts = path.rsplit('/');
    (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    )
}
