//! What is known of one layer, and how the layer cache keeps it.
//!
//! An analysis depends on the layer's bytes and the analysers alone: it is kept under
//! [`cache_key`], and read again for every image that has the layer.

use lamina_image::{digest::DiffId, tree::LayerTree};

use crate::{
    facts::Facts,
    kinds::{ANALYSERS, STREAM_ANALYSERS},
    limits::{MAX_ENCODED_BYTES, MAX_OWNED_BYTES, MAX_PACKAGES},
};

/// Raised when the encoding changes, or when [`crate::layer_scan`] could make something else of the
/// same bytes. What one analyser does differently is its own revision.
pub const ANALYSIS_REVISION: u32 = 4;

const MAGIC: &[u8; 8] = b"LMNLAYER";

/// One layer: its files, and what is in them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerAnalysis {
    /// The file tree.
    pub tree: LayerTree,
    /// What the analysers noted.
    pub facts: Facts,
}

/// Why bytes are no analysis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They are something else.
    #[error("the cached analysis is not one")]
    NotAnAnalysis,
    /// They come from another version of Lamina.
    #[error("the cached analysis is of revision {found}, not {ANALYSIS_REVISION}")]
    OtherRevision {
        /// Its revision.
        found: u32,
    },
    /// They are larger than any analysis may be.
    #[error("the cached analysis is {bytes} bytes, more than {MAX_ENCODED_BYTES}")]
    TooLarge {
        /// Their number.
        bytes: usize,
    },
    /// They are damaged.
    #[error("the cached analysis is damaged")]
    Damaged(#[source] postcard::Error),
    /// They can be read, but hold what no analyser writes.
    #[error("the cached analysis is damaged: {what}")]
    Inconsistent {
        /// What cannot be.
        what: &'static str,
    },
}

impl LayerAnalysis {
    /// The bytes that the layer cache keeps.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&ANALYSIS_REVISION.to_le_bytes());
        // Writing to memory fails for types that postcard does not know; these are not among them.
        // Should it happen, the cache holds what `decode` refuses.
        postcard::to_extend(&(&self.tree, &self.facts), bytes).unwrap_or_default()
    }

    /// Reads what [`LayerAnalysis::encode`] wrote. The bytes are not trusted.
    ///
    /// # Errors
    /// When they are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_ENCODED_BYTES {
            return Err(DecodeError::TooLarge { bytes: bytes.len() });
        }
        let rest = bytes
            .strip_prefix(MAGIC)
            .ok_or(DecodeError::NotAnAnalysis)?;
        let (revision, rest) = rest.split_first_chunk().ok_or(DecodeError::NotAnAnalysis)?;
        let found = u32::from_le_bytes(*revision);
        if found != ANALYSIS_REVISION {
            return Err(DecodeError::OtherRevision { found });
        }
        let ((tree, facts), rest): ((LayerTree, Facts), _) =
            postcard::take_from_bytes(rest).map_err(DecodeError::Damaged)?;
        if !rest.is_empty() {
            return Err(DecodeError::Inconsistent {
                what: "bytes after its end",
            });
        }
        check(&facts)?;
        Ok(Self { tree, facts })
    }
}

/// The limits that scanning keeps.
fn check(facts: &Facts) -> Result<(), DecodeError> {
    if facts.packages.len() > MAX_PACKAGES {
        return Err(DecodeError::Inconsistent {
            what: "too many packages",
        });
    }
    let owned_bytes: usize = facts
        .owned
        .iter()
        .map(|owned| owned.files.memory_bytes())
        .sum();
    if owned_bytes > MAX_OWNED_BYTES {
        return Err(DecodeError::Inconsistent {
            what: "too long file lists",
        });
    }
    Ok(())
}

/// The key of a layer's analysis in the cache: the diff id, and the revisions of everything that
/// decides what the analysis is.
pub fn cache_key(diff_id: &DiffId) -> String {
    let mut key = format!("{diff_id} {ANALYSIS_REVISION}");
    for analyser in ANALYSERS {
        key.push_str(&format!(" {}:{}", analyser.id(), analyser.revision()));
    }
    for analyser in STREAM_ANALYSERS {
        key.push_str(&format!(" {}:{}", analyser.id(), analyser.revision()));
    }
    key
}
