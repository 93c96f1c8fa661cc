//! Where the files of a feed are published, and what can be checked of them before they are read.

use std::io::{self, Read as _};

use serde::de::IgnoredAny;

use crate::{
    archive::decompressed,
    feeds::{FeedError, Input},
    limits::MAX_JSON_BYTES,
};

/// One file of a feed, where it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// `https://…`, or `oci://registry/repository:tag` for the first layer of an OCI artifact.
    pub url: String,
    /// The path, in a folder of the feed's own, under which it is kept and read. The feed claims it,
    /// unless it is a listing. A file whose name changes with the day had better have one path.
    pub path: String,
    /// It is not read, but names further files: [`crate::Feed::listed`].
    pub is_listing: bool,
    /// The feed is whole without it, if there is nothing at its address.
    pub is_optional: bool,
    /// What its publisher says of its bytes.
    pub checksum: Option<Checksum>,
}

/// A checksum that the publisher of a file gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// SHA-256, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// It is that of the inflated bytes, not of the file's.
    pub is_of_inflated: bool,
}

impl Location {
    /// A file that the feed cannot do without.
    pub fn new(url: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            path: path.into(),
            is_listing: false,
            is_optional: false,
            checksum: None,
        }
    }

    /// The same as a listing of further files.
    #[must_use]
    pub fn listing(self) -> Self {
        Self {
            is_listing: true,
            ..self
        }
    }

    /// The same, which may be absent.
    #[must_use]
    pub fn optional(self) -> Self {
        Self {
            is_optional: true,
            ..self
        }
    }
}

impl Checksum {
    /// The SHA-256 of a file; `None` if the text is none.
    pub fn stored(sha256: &str) -> Option<Self> {
        let sha256 = sha256.trim();
        let sha256 = sha256.strip_prefix("sha256:").unwrap_or(sha256);
        let is_one = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| Self {
            sha256: sha256.to_ascii_lowercase(),
            is_of_inflated: false,
        })
    }

    /// The SHA-256 of a file's inflated bytes; `None` if the text is none.
    pub fn inflated(sha256: &str) -> Option<Self> {
        Self::stored(sha256).map(|checksum| Self {
            is_of_inflated: true,
            ..checksum
        })
    }
}

/// Checks that a file that was just fetched is of the kind that its name says, before it takes the
/// place of the last good one: a server's apology is often a web page with the status 200.
///
/// JSON is read to its end, of zips the directory, of other archives the first member.
///
/// # Errors
/// If it is not.
pub fn probe(mut input: Input<'_>) -> Result<(), FeedError> {
    let path = input.path;
    let bare = [".gz", ".bz2", ".xz", ".zst"]
        .into_iter()
        .find_map(|end| path.strip_suffix(end))
        .unwrap_or(path);
    if path.ends_with(".zip") {
        zip::ZipArchive::new(input.content)?;
    } else if bare.ends_with(".json") {
        let reader = decompressed(&mut input, MAX_JSON_BYTES)?;
        let _: IgnoredAny = serde_json::from_reader(reader)?;
    } else if bare.ends_with(".tar") || path.ends_with(".tgz") {
        let reader = decompressed(&mut input, MAX_JSON_BYTES)?;
        let mut archive = tar::Archive::new(reader);
        archive.entries()?.next().transpose()?;
    } else {
        let start = decompressed(&mut input, MAX_JSON_BYTES)?.take(1 << 16);
        io::copy(&mut { start }, &mut io::sink())?;
    }
    Ok(())
}

/// The bytes of a file, inflated if the end of its name says so, as pieces to `see`; for checksums.
///
/// # Errors
/// If it cannot be read.
pub fn each_piece(mut input: Input<'_>, mut see: impl FnMut(&[u8])) -> Result<(), FeedError> {
    let mut reader = decompressed(&mut input, MAX_JSON_BYTES)?;
    let mut piece = vec![0; 1 << 16];
    loop {
        let length = match reader.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        see(piece.get(..length).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, io::Cursor};

    use lamina_advisories::record::Day;

    use super::*;
    use crate::{FEEDS, Feed, feed_for};

    fn feed(id: &str) -> &'static dyn Feed {
        FEEDS.iter().copied().find(|feed| feed.id() == id).unwrap()
    }

    fn today() -> Day {
        Day::parse("2026-11-25").unwrap()
    }

    #[test]
    fn feeds_read_the_files_that_they_say_they_are_made_of() {
        for feed in FEEDS {
            let mut paths = BTreeSet::new();
            for location in feed.locations(today()) {
                let what = format!("{} {location:?}", feed.id());
                assert!(paths.insert(location.path.clone()), "{what}");
                let is_relative = !location.path.starts_with('/') && !location.path.contains("..");
                let scheme = location.url.split_once("://").unwrap().0;
                assert!(is_relative && matches!(scheme, "https" | "oci"), "{what}");
                if !location.is_listing {
                    assert!(
                        feed.claims(&format!("{}/{}", feed.id(), location.path)),
                        "{what}"
                    );
                }
            }
        }
    }

    #[test]
    fn osv_fetches_the_ecosystems_that_have_an_order() {
        let osv = feed("osv");
        let listing = osv.locations(today()).remove(0);
        let text = b"PyPI\r\nRed Hat\nNoSuchEcosystem\n../x\n\n";
        let found = osv.listed(&listing, Some(text)).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|l| (l.url.as_str(), l.path.as_str()))
            .collect();
        let base = "https://storage.googleapis.com/osv-vulnerabilities";
        let (pypi, red_hat) = (
            format!("{base}/PyPI/all.zip"),
            format!("{base}/Red%20Hat/all.zip"),
        );
        let expect = [
            (pypi.as_str(), "PyPI/all.zip"),
            (&red_hat, "Red Hat/all.zip"),
        ];
        assert_eq!(shown, expect);
        assert!(osv.listed(&listing, None).is_err());
        assert!(osv.listed(&listing, Some(b"<html>")).is_err());
        for location in found {
            assert_eq!(feed_for(&location.path).unwrap().id(), "osv");
        }
    }

    #[test]
    fn nvd_fetches_every_year_with_its_checksum() {
        let nvd = feed("nvd");
        let years = nvd.locations(today());
        assert_eq!(years.len(), 25);
        let newest = years.last().unwrap();
        let digest = "A".repeat(64);
        let meta =
            format!("lastModifiedDate:2026-01-01T00:00:00-04:00\r\nsize:5\r\nsha256:{digest}\r\n");
        let found = nvd.listed(newest, Some(meta.as_bytes())).unwrap().remove(0);
        assert!(found.url.ends_with("/nvdcve-2.0-2026.json.gz") && found.is_optional);
        assert_eq!(found.checksum, Checksum::inflated(&"a".repeat(64)));
        assert!(nvd.claims(&found.path));
        let found = nvd.listed(newest, None).unwrap().remove(0);
        assert_eq!(found.checksum, None);
    }

    #[test]
    fn alpine_fetches_releases_up_to_those_of_the_year() {
        let locations = feed("alpine-secdb").locations(today());
        let has = |path: &str| locations.iter().any(|l| l.path == path);
        assert!(has("edge/main.json") && has("v3.2/main.json") && has("v3.25/community.json"));
        assert!(!has("v3.1/main.json") && !has("v3.26/main.json"));
    }

    #[test]
    fn what_is_not_of_the_kind_that_its_name_says_is_refused() {
        let check = |path: &str, bytes: &[u8]| {
            probe(Input {
                path,
                content: &mut Cursor::new(bytes),
            })
            .is_ok()
        };
        assert!(check("a.json", b"{\"a\": [1]}"));
        assert!(check("a.csv", b"a,b"));
        for path in [
            "a.json",
            "a.json.gz",
            "a.zip",
            "a.tar.gz",
            "a.tar.zst",
            "a.csv.gz",
            "a.xml.bz2",
        ] {
            assert!(!check(path, b"<html>busy</html>"), "{path}");
        }
        assert!(!check("a.json", b"{\"a\": [1"));
        assert!(!check("a.json", b"{} trailing"));
    }
}
