//! A list of images that others are built on, told by their layers.
//!
//! The chain id of an image's top layer (OCI image specification, "Layer ChainID") is a digest over
//! its whole stack of layers: what begins with the same stack is built on that image, whatever its
//! manifest says. `lamina bases` makes such a list from registries; docs/inventory.md describes the
//! file.

use std::collections::BTreeMap;

use lamina_image::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::{
    base::{Base, BaseEvidence},
    limits::{MAX_KNOWN_BASES, MAX_KNOWN_BASES_BYTES, MAX_KNOWN_NAME_BYTES},
};

/// Version of the file.
pub const FORMAT: u32 = 1;

/// Name of the file beside an advisory database.
pub const FILE_NAME: &str = "bases.json";

/// One image of one platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBase {
    /// The repository as people write it: `python`, `ghcr.io/owner/app`.
    pub name: String,
    /// The tag under which it was found; `None` if it was asked for by digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The platform, as `os/architecture[/variant]`.
    pub platform: String,
    /// Chain id of its top layer.
    pub chain_id: String,
    /// How many layers it has.
    pub layers: usize,
    /// Digest of its manifest; `None` for one from an archive that has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Digest of its config. The image that has this very config is this one, and is not built on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// When it was created, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
}

impl KnownBase {
    /// Its name for people: `python:3.12-slim`, or with the digest where there is no tag.
    pub fn reference(&self) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => format!("{}:{tag}", self.name),
            (None, Some(digest)) => format!("{}@{digest}", self.name),
            (None, None) => self.name.clone(),
        }
    }

    /// What makes two entries one: the same image under the same name.
    fn key(&self) -> (String, Option<String>, String, String) {
        (
            self.name.clone(),
            self.tag.clone(),
            self.platform.clone(),
            self.chain_id.clone(),
        )
    }
}

/// Why bytes are no list of known bases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnownBasesError {
    /// They are more than any list may be.
    #[error("the list has {bytes} bytes, more than {MAX_KNOWN_BASES_BYTES}")]
    TooLarge {
        /// Their number.
        bytes: usize,
    },
    /// They are no JSON of this kind.
    #[error("the list cannot be read")]
    Json(#[source] serde_json::Error),
    /// Another version of Lamina wrote it.
    #[error("the list has format {found}, not {FORMAT}")]
    OtherFormat {
        /// Its format.
        found: u32,
    },
    /// It has too many entries.
    #[error("the list has {count} entries, more than {MAX_KNOWN_BASES}")]
    TooMany {
        /// Their number.
        count: usize,
    },
    /// An entry says what cannot be.
    #[error("entry {entry} of the list has no {what}")]
    Entry {
        /// Which, from 1.
        entry: usize,
        /// What is not there, or not as it must be.
        what: &'static str,
    },
}

#[derive(Deserialize)]
struct File {
    format: u32,
    bases: Vec<KnownBase>,
}

/// Known images, sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownBases {
    bases: Vec<KnownBase>,
    /// Places in `bases`, by chain id and then in their order.
    by_chain: Vec<usize>,
}

impl KnownBases {
    /// Sorts entries by name, tag and platform. Of one that is there twice the last is kept.
    pub fn new(bases: impl IntoIterator<Item = KnownBase>) -> Self {
        let bases: BTreeMap<_, KnownBase> =
            bases.into_iter().map(|base| (base.key(), base)).collect();
        let bases: Vec<KnownBase> = bases.into_values().collect();
        let mut by_chain: Vec<(&str, usize)> = bases
            .iter()
            .enumerate()
            .map(|(index, base)| (base.chain_id.as_str(), index))
            .collect();
        by_chain.sort_unstable();
        let by_chain = by_chain.into_iter().map(|(_, index)| index).collect();
        Self { bases, by_chain }
    }

    /// Reads what [`KnownBases::render`] wrote. The bytes are not trusted.
    ///
    /// # Errors
    /// When they are anything else, or more than a list may be.
    pub fn parse(bytes: &[u8]) -> Result<Self, KnownBasesError> {
        if bytes.len() > MAX_KNOWN_BASES_BYTES {
            let bytes = bytes.len();
            return Err(KnownBasesError::TooLarge { bytes });
        }
        let file: File = serde_json::from_slice(bytes).map_err(KnownBasesError::Json)?;
        if file.format != FORMAT {
            let found = file.format;
            return Err(KnownBasesError::OtherFormat { found });
        }
        if file.bases.len() > MAX_KNOWN_BASES {
            let count = file.bases.len();
            return Err(KnownBasesError::TooMany { count });
        }
        for (entry, base) in (1..).zip(&file.bases) {
            let length = base.name.len() + base.tag.as_ref().map_or(0, String::len);
            let is_named = !base.name.is_empty()
                && length <= MAX_KNOWN_NAME_BYTES
                && !base.reference().contains(char::is_control);
            let what = match (is_named, base.chain_id.parse::<Digest>()) {
                (false, _) => "name",
                (true, Err(_)) => "chain id",
                (true, Ok(_)) => continue,
            };
            return Err(KnownBasesError::Entry { entry, what });
        }
        Ok(Self::new(file.bases))
    }

    /// The file: JSON, a line for each entry. The same list gives the same bytes.
    pub fn render(&self) -> String {
        let mut text = format!("{{\"format\":{FORMAT},\"bases\":[");
        for (index, base) in self.bases.iter().enumerate() {
            text.push_str(if index == 0 { "\n" } else { ",\n" });
            // Strings and numbers: they can be written.
            text.push_str(&serde_json::to_string(base).unwrap_or_default());
        }
        text.push_str("\n]}\n");
        text
    }

    /// The entries.
    pub fn bases(&self) -> &[KnownBase] {
        &self.bases
    }

    /// The entries with this chain id.
    fn of_chain(&self, chain_id: &str) -> impl Iterator<Item = &KnownBase> {
        let chain_of = |index: &usize| {
            let base = self.bases.get(*index);
            base.map_or("", |base| base.chain_id.as_str())
        };
        let start = self
            .by_chain
            .partition_point(|index| chain_of(index) < chain_id);
        self.by_chain
            .iter()
            .skip(start)
            .filter_map(|index| self.bases.get(*index))
            .take_while(move |base| base.chain_id == chain_id)
    }

    /// The known image that another one is built on: of several on each other the newest, of several
    /// names of one the first. `chain_ids` are those of the image's layers, lowest first, and `config`
    /// is the digest of its config: an image is not built on itself.
    pub fn base_of(&self, chain_ids: &[String], config: Option<&str>) -> Option<Base> {
        let stacks: Vec<(usize, &String)> = (1..).zip(chain_ids).collect();
        stacks.into_iter().rev().find_map(|(layers, chain_id)| {
            let is_itself =
                |base: &&KnownBase| config.is_some() && base.config.as_deref() == config;
            if self.of_chain(chain_id).any(|base| is_itself(&base)) {
                return None;
            }
            let base = self.of_chain(chain_id).next()?;
            Some(Base {
                layers,
                name: Some(base.reference()),
                evidence: BaseEvidence::ChainId,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> String {
        format!("sha256:{number:064}")
    }

    /// An entry whose stack of layers is `chain`.
    fn base(name: &str, tag: &str, chain: usize) -> KnownBase {
        KnownBase {
            name: name.to_owned(),
            tag: Some(tag.to_owned()),
            platform: "linux/amd64".to_owned(),
            chain_id: digest(chain),
            layers: chain,
            digest: Some(digest(chain + 100)),
            config: Some(digest(chain + 200)),
            created: None,
        }
    }

    #[test]
    fn the_newest_of_several_bases_is_told() {
        let known = KnownBases::new([
            base("python", "3.12", 2),
            base("debian", "bookworm", 1),
            base("debian", "12", 1),
            base("other", "1", 9),
        ]);
        let check = |chain: &[usize], config: Option<usize>, expect: Option<(usize, &str)>| {
            let chain: Vec<String> = chain.iter().map(|number| digest(*number)).collect();
            let config = config.map(digest);
            let found = known.base_of(&chain, config.as_deref());
            let found = found.as_ref().map(|base| {
                assert_eq!(base.evidence, BaseEvidence::ChainId);
                (base.layers, base.name.as_deref().unwrap())
            });
            assert_eq!(found, expect);
        };
        check(&[1, 2, 3], None, Some((2, "python:3.12")));
        // Of several names the first.
        check(&[1, 5], None, Some((1, "debian:12")));
        // Nothing but labels on top of it, and the image itself.
        check(&[1, 2], Some(7), Some((2, "python:3.12")));
        check(&[1, 2], Some(202), Some((1, "debian:12")));
        check(&[1], Some(201), None);
        check(&[5, 6], None, None);
        check(&[], None, None);
        let none = KnownBases::default().base_of(&[digest(1), String::new()], None);
        assert_eq!(none, None);
    }

    #[test]
    fn a_list_comes_back_as_it_was_written() {
        let by_digest = KnownBase {
            tag: None,
            created: Some("2026-11-01T00:00:00Z".to_owned()),
            ..base("ghcr.io/a/b", "", 3)
        };
        assert_eq!(
            by_digest.reference(),
            format!("ghcr.io/a/b@{}", digest(103))
        );
        let mut moved = base("debian", "12", 1);
        moved.digest = Some(digest(7));
        let list = KnownBases::new([by_digest, base("debian", "12", 1), base("a", "1", 2), moved]);
        assert_eq!(
            list.bases().len(),
            3,
            "the same image under the same name is one"
        );
        assert_eq!(list.bases()[1].digest, Some(digest(7)), "the last is kept");
        let text = list.render();
        assert_eq!(text.lines().count(), 5);
        assert_eq!(KnownBases::parse(text.as_bytes()).unwrap(), list);
        assert_eq!(KnownBases::parse(text.as_bytes()).unwrap().render(), text);
        let empty = KnownBases::default();
        assert_eq!(KnownBases::parse(empty.render().as_bytes()).unwrap(), empty);
    }

    #[test]
    fn other_bytes_are_refused() {
        let check = |bytes: &str, expect: &str| {
            let error = KnownBases::parse(bytes.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(expect), "{error}");
        };
        check("", "cannot be read");
        check("[]", "cannot be read");
        check("{\"format\":2,\"bases\":[]}", "format 2");
        let entry = |name: &str, chain: &str| {
            format!(
                "{{\"format\":1,\"bases\":[{{\"name\":\"{name}\",\"platform\":\"linux/amd64\",\
                 \"chain_id\":\"{chain}\",\"layers\":1}}]}}"
            )
        };
        check(&entry("", &digest(1)), "entry 1 of the list has no name");
        check(&entry("a\\u001b", &digest(1)), "no name");
        check(&entry(&"a".repeat(1000), &digest(1)), "no name");
        check(
            &entry("a", "sha256:1"),
            "entry 1 of the list has no chain id",
        );
        let many = (0..=MAX_KNOWN_BASES).map(|number| base("a", "1", number));
        let many = KnownBases {
            bases: many.collect(),
            by_chain: Vec::new(),
        };
        let mut text = many.render();
        check(&text, "entries, more than");
        text.push_str(&" ".repeat(MAX_KNOWN_BASES_BYTES));
        check(&text, "bytes, more than");
    }
}
