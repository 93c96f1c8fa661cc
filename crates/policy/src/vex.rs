//! VEX: what others say of a vulnerability in a product.
//!
//! Three formats are read, told apart by their content: OpenVEX 0.0.1 and 0.2.0 (also within an
//! in-toto statement, a DSSE envelope or a Sigstore bundle, as `cosign attest` makes them), CSAF 2.0
//! (the profile `csaf_vex` and the advisories of vendors), and CycloneDX 1.4 and later. One format is
//! one file under `vex/`.
//!
//! [`matches`] says which statements apply to the findings of an image. A product is the image (by any
//! of its [`image_names`]) with the package as a subcomponent, or the package itself, by purl. Purls are
//! compared as go-vex does. Of several statements about one finding the **newest** counts, as in Trivy;
//! Grype takes the oldest, and the match says so where that would come out otherwise.
//!
//! Signatures are not checked here: who hands a document in answers for where it is from.
//!
//! ```
//! use lamina_policy::{Finding, Package, Subject, vex::{self, Document}};
//!
//! let text = r#"{
//!     "@context": "https://openvex.dev/ns/v0.2.0", "author": "Acme",
//!     "timestamp": "2026-11-01T00:00:00Z",
//!     "statements": [{
//!         "vulnerability": {"name": "CVE-2024-1"},
//!         "products": [{"@id": "pkg:deb/debian/openssl"}],
//!         "status": "not_affected", "impact_statement": "no TLS here"
//!     }]
//! }"#;
//! let documents = [Document::parse(text.as_bytes()).unwrap()];
//! let at = Package { purl: "pkg:deb/debian/openssl@3.0.11", ..Package::default() };
//! let finding = Finding { id: "CVE-2024-1", at, ..Finding::default() };
//! let subject = Subject { findings: vec![finding], ..Subject::default() };
//! let matches = vex::matches(&documents, &subject, &[]);
//! assert!(matches[0].suppresses);
//! assert_eq!(
//!     matches[0].statement,
//!     "OpenVEX of Acme, 2026-11-01: CVE-2024-1 not affected: no TLS here"
//! );
//! ```

mod csaf;
mod cyclonedx;
mod export;
mod matching;
mod openvex;
mod product;
mod read;

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

pub use self::{export::export, matching::matches, product::image_names};
use self::{
    product::{Claim, Component},
    read::{Text, for_people},
};
use crate::limits::{
    MAX_VEX_BYTES, MAX_VEX_ENVELOPES, MAX_VEX_NOTES, MAX_VEX_PRODUCTS, MAX_VEX_STATEMENTS,
};

/// A VEX document, read and bounded.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    format: Format,
    author: Option<String>,
    timestamp: Option<Timestamp>,
    statements: Vec<Statement>,
    notes: Vec<String>,
}

/// The format of a VEX document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// [OpenVEX](https://github.com/openvex/spec).
    #[default]
    OpenVex,
    /// [CSAF](https://docs.oasis-open.org/csaf/csaf/v2.0/csaf-v2.0.html).
    Csaf,
    /// [CycloneDX](https://cyclonedx.org/capabilities/vex/).
    CycloneDx,
}

impl Format {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenVex => "OpenVEX",
            Self::Csaf => "CSAF",
            Self::CycloneDx => "CycloneDX",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a statement says of a vulnerability in a product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VexStatus {
    /// It is not affected.
    NotAffected,
    /// It is affected.
    Affected,
    /// It was affected, and is no longer.
    Fixed,
    /// It is not known yet.
    #[default]
    UnderInvestigation,
}

impl VexStatus {
    /// OpenVEX' word.
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "not_affected" => Self::NotAffected,
            "affected" => Self::Affected,
            "fixed" => Self::Fixed,
            "under_investigation" => Self::UnderInvestigation,
            _ => return None,
        })
    }

    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotAffected => "not affected",
            Self::Affected => "affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under investigation",
        }
    }

    /// Whether a finding of which this is said does not count.
    pub fn suppresses(self) -> bool {
        matches!(self, Self::NotAffected | Self::Fixed)
    }
}

/// What one document says of one vulnerability in some products.
#[derive(Clone, Debug, PartialEq)]
struct Statement {
    /// The vulnerability's id, and its aliases.
    ids: Vec<String>,
    status: VexStatus,
    /// A word of the format's list, e.g. `vulnerable_code_not_present`.
    justification: Option<String>,
    /// Why it is not affected, or what to do about it.
    impact: Option<String>,
    /// Since when it is known.
    timestamp: Option<Timestamp>,
    claims: Vec<Claim>,
    /// All of it in a sentence; written when the document is complete.
    text: String,
}

/// Why a text is no VEX document, or none that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VexError {
    /// It is larger than a document may be.
    #[error("VEX document has {0} bytes, more than {MAX_VEX_BYTES}")]
    TooLarge(usize),
    /// It says more than a document may say.
    #[error("VEX document has more than {most} {what}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// It is no JSON, or not of the format's shape; the source says where.
    #[error("{format} cannot be read")]
    Json {
        /// What it was taken for.
        format: &'static str,
        /// What is wrong, with line and column.
        #[source]
        source: serde_json::Error,
    },
    /// It is JSON, and none of the formats.
    #[error(
        "neither OpenVEX (\"@context\"), CSAF (\"document\" with \"csaf_version\") nor CycloneDX \
         (\"bomFormat\"), nor an attestation of one"
    )]
    UnknownFormat,
    /// It is an attestation of something else.
    #[error("attestation is of {0:?}, which is no OpenVEX")]
    Predicate(String),
    /// Its envelope holds something else.
    #[error("envelope holds {0:?}, which is no in-toto statement")]
    Payload(String),
    /// Its payload is not base64.
    #[error("payload of the envelope is not base64")]
    Base64(#[from] base64::DecodeError),
    /// Envelopes are nested deeper than anybody nests them.
    #[error("more than {MAX_VEX_ENVELOPES} envelopes within each other")]
    TooDeep,
    /// It is of a version that is not read.
    #[error("{format} {version:?} is not read")]
    Version {
        /// The format.
        format: Format,
        /// What it says its version is.
        version: String,
    },
}

impl Document {
    /// Reads a document.
    ///
    /// Statements that say nothing that can be used (no product, an unknown status) are left out, and
    /// [`Document::notes`] says so.
    ///
    /// # Errors
    /// When it is none of the formats, or not of its format's shape, or too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, VexError> {
        if bytes.len() > MAX_VEX_BYTES {
            return Err(VexError::TooLarge(bytes.len()));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        openvex::unwrap(bytes, 0)
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Who made it, as it says itself.
    pub fn author(&self) -> Option<&str> {
        self.author.as_deref()
    }

    /// When it was made, as it says itself.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// How many statements it has that can be used.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether nothing it says can be used.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// What of it could not be used, for people; the first few complaints.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// A document while it is read.
struct Draft {
    document: Document,
    products: usize,
    notes_left_out: usize,
}

impl Draft {
    fn new(format: Format, author: Option<&str>, timestamp: &Text) -> Self {
        let mut draft = Self {
            document: Document {
                format,
                author: for_people(author),
                timestamp: None,
                statements: Vec::new(),
                notes: Vec::new(),
            },
            products: 0,
            notes_left_out: 0,
        };
        draft.document.timestamp = draft.time(timestamp, "the document");
        draft
    }

    fn note(&mut self, note: impl FnOnce() -> String) {
        if self.document.notes.len() < MAX_VEX_NOTES {
            self.document.notes.push(note());
        } else {
            self.notes_left_out += 1;
        }
    }

    /// A time, if it is one.
    fn time(&mut self, text: &Text, of: &str) -> Option<Timestamp> {
        let text = text.as_deref()?;
        let time = text.parse().ok();
        if time.is_none() {
            let shown: String = text.chars().take(40).collect();
            self.note(|| {
                format!("{of} has the time {shown:?}, which is none: taken as the oldest")
            });
        }
        time
    }

    /// Adds a statement, unless it says nothing that can be used.
    fn add(&mut self, statement: Statement) -> Result<(), VexError> {
        if statement.claims.is_empty() {
            let id = statement.ids.first().cloned().unwrap_or_default();
            self.note(|| format!("the statement on {id:?} names no product that can be told"));
            return Ok(());
        }
        if self.document.statements.len() >= MAX_VEX_STATEMENTS {
            return Err(VexError::TooMany {
                what: "statements",
                most: MAX_VEX_STATEMENTS,
            });
        }
        self.document.statements.push(statement);
        Ok(())
    }

    /// Counts what claims hold: readers say so of each, before the next one is made.
    fn count(&mut self, claims: &[Claim]) -> Result<(), VexError> {
        for claim in claims {
            let parts = claim.subcomponents.iter();
            self.products += parts.map(Component::len).sum::<usize>() + claim.product.len();
        }
        if self.products > MAX_VEX_PRODUCTS {
            return Err(VexError::TooMany {
                what: "products",
                most: MAX_VEX_PRODUCTS,
            });
        }
        Ok(())
    }

    fn finish(mut self) -> Document {
        let document = &mut self.document;
        for statement in &mut document.statements {
            statement.timestamp = statement.timestamp.or(document.timestamp);
            statement.text = sentence(document.format, document.author.as_deref(), statement);
        }
        if self.notes_left_out > 0 {
            let more = self.notes_left_out;
            document.notes.push(format!("and {more} more"));
        }
        self.document
    }
}

/// `OpenVEX of Acme, 2026-11-01: CVE-2024-1 not affected (vulnerable code not present): no TLS here`.
fn sentence(format: Format, author: Option<&str>, statement: &Statement) -> String {
    let mut text = format.name().to_owned();
    if let Some(author) = author {
        text.push_str(" of ");
        text.push_str(author);
    }
    if let Some(timestamp) = statement.timestamp {
        let day = timestamp.to_string();
        text.push_str(", ");
        text.push_str(day.get(..10).unwrap_or(&day));
    }
    text.push_str(": ");
    if let Some(id) = statement.ids.first() {
        text.push_str(id);
        text.push(' ');
    }
    text.push_str(statement.status.words());
    if let Some(justification) = &statement.justification {
        text.push_str(" (");
        text.push_str(&justification.replace('_', " "));
        text.push(')');
    }
    if let Some(impact) = &statement.impact {
        text.push_str(": ");
        text.push_str(impact);
    }
    text
}
