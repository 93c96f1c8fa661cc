//! Findings that do not count, for a reason and for a time.

use std::{cmp::Ordering, fmt, str::FromStr};

use jiff::{Timestamp, civil, tz::TimeZone};
use lamina_image::reference::Reference;
use serde::{Deserialize, Serialize};

use crate::{pattern::Pattern, policy::Policy, subject::Package};

/// Findings that do not count. All conditions that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Exception {
    /// The vulnerability's id; any alias of a finding matches, letter case does not matter. For
    /// secrets, misconfigurations and licences the rule that found them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The package's name, or its source package's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<Pattern>,
    /// The package's purl; one without a version or without qualifiers matches all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<Pattern>,
    /// The file that the finding is read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Pattern>,
    /// The layer that brought it, base layer 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// Images to which it is confined: references, or patterns of repositories. All if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Pattern>,
    /// Why it is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who accepted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Expiry>,
    /// When it stops counting; never if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
}

impl Exception {
    /// An exception for one vulnerability, wherever it is.
    pub fn of_id(id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            ..Self::default()
        }
    }

    /// Whether it has stopped counting.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires
            .as_ref()
            .is_some_and(|expiry| now >= expiry.end)
    }

    /// What it is about, for people: its id, or its first condition.
    pub fn label(&self) -> String {
        let condition = |name: &str, pattern: &Option<Pattern>| {
            pattern.as_ref().map(|pattern| format!("{name} {pattern}"))
        };
        self.id
            .clone()
            .or_else(|| condition("package", &self.package))
            .or_else(|| condition("purl", &self.purl))
            .or_else(|| condition("path", &self.path))
            .or_else(|| self.layer.map(|layer| format!("layer {layer}")))
            .unwrap_or_default()
    }

    /// Whether no condition says what it is about.
    pub(crate) fn says_nothing(&self) -> bool {
        let id = self.id.as_deref().unwrap_or_default().trim();
        id.is_empty()
            && self.package.is_none()
            && self.purl.is_none()
            && self.path.is_none()
            && self.layer.is_none()
    }

    /// Whether the conditions other than the id and the images hold.
    fn holds(&self, thing: &Thing<'_>) -> bool {
        let is = |pattern: &Option<Pattern>, text: Option<&str>| {
            pattern
                .as_ref()
                .is_none_or(|pattern| text.is_some_and(|text| pattern.matches(text)))
        };
        let package = thing.package;
        let names_package = self.package.as_ref().is_none_or(|pattern| {
            package.is_some_and(|package| {
                let mut names = [Some(package.name), package.source].into_iter().flatten();
                names.any(|name| pattern.matches(name))
            })
        });
        let names_purl = self.purl.as_ref().is_none_or(|pattern| {
            package.is_some_and(|package| is_purl(pattern.as_str(), pattern, package.purl))
        });
        names_package
            && names_purl
            && is(&self.path, thing.file)
            && self.layer.is_none_or(|layer| thing.layer == Some(layer))
    }
}

/// Whether a pattern matches a purl, or the purl without its qualifiers, or without its version.
fn is_purl(written: &str, pattern: &Pattern, purl: &str) -> bool {
    let bare = purl.split(['?', '#']).next().unwrap_or_default();
    let nameless = bare.rsplit_once('@').map_or(bare, |(name, _)| name);
    let has_qualifiers = written.contains('?') && written.contains('=');
    pattern.matches(purl)
        || (!has_qualifiers && pattern.matches(bare))
        || (!written.contains('@') && pattern.matches(nameless))
}

/// The forms in which a policy may name an image: `docker.io/library/nginx`, the same with its tag,
/// and both as people write them.
pub(crate) fn image_forms(name: &str) -> Vec<String> {
    let mut forms = vec![name.to_owned()];
    if let Ok(reference) = Reference::parse(name) {
        let familiar = reference.familiar();
        let canonical = reference.to_string();
        for form in [familiar, canonical] {
            let bare = form.split('@').next().unwrap_or_default();
            // A colon after the last slash begins a tag, one before it a port.
            let end = bare.rfind('/').map_or(0, |slash| slash + 1);
            let (path, last) = bare.split_at_checked(end).unwrap_or(("", bare));
            let untagged = last.split(':').next().unwrap_or_default();
            forms.push(format!("{path}{untagged}"));
            forms.push(form);
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

/// What an exception may be about: a finding or an issue.
pub(crate) struct Thing<'a> {
    pub(crate) id: &'a str,
    pub(crate) aliases: &'a [String],
    pub(crate) package: Option<&'a Package<'a>>,
    pub(crate) file: Option<&'a str>,
    pub(crate) layer: Option<usize>,
}

/// When an exception stops counting: a date, which it still covers to its end in UTC, or a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expiry {
    text: String,
    end: Timestamp,
}

/// A text that is no expiry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a date (2027-01-31) nor a time (2027-01-31T12:00:00Z)")]
pub struct ExpiryError(pub String);

impl Expiry {
    /// The first moment at which the exception no longer counts.
    pub fn end(&self) -> Timestamp {
        self.end
    }
}

impl FromStr for Expiry {
    type Err = ExpiryError;

    fn from_str(text: &str) -> Result<Self, ExpiryError> {
        let refuse = || ExpiryError(text.chars().take(40).collect());
        let end = if text.len() == "2027-01-31".len() {
            let date: civil::Date = text.parse().map_err(|_| refuse())?;
            let next = date.tomorrow().map_err(|_| refuse())?;
            TimeZone::UTC
                .to_timestamp(next.at(0, 0, 0, 0))
                .map_err(|_| refuse())?
        } else {
            text.parse().map_err(|_| refuse())?
        };
        Ok(Self {
            text: text.to_owned(),
            end,
        })
    }
}

impl TryFrom<String> for Expiry {
    type Error = ExpiryError;

    fn try_from(text: String) -> Result<Self, ExpiryError> {
        text.parse()
    }
}

impl From<Expiry> for String {
    fn from(expiry: Expiry) -> Self {
        expiry.text
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The exceptions of a policy for one image, ready to be asked about many findings.
pub(crate) struct Lookup<'a> {
    exceptions: &'a [Exception],
    /// Sorted by id without regard to case; of the same id, those that count first.
    by_id: Vec<(&'a str, bool, usize)>,
    /// Those without an id.
    others: Vec<(bool, usize)>,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(policy: &'a Policy, image: &str, now: Timestamp) -> Self {
        let exceptions = policy.exceptions.as_slice();
        let list_is_expired = policy
            .exceptions_expire
            .as_ref()
            .is_some_and(|expiry| now >= expiry.end);
        let mut forms = None;
        let mut by_id = Vec::new();
        let mut others = Vec::new();
        for (index, exception) in exceptions.iter().enumerate() {
            if !exception.images.is_empty() {
                let forms = forms.get_or_insert_with(|| image_forms(image));
                let mut images = exception.images.iter();
                if !images.any(|pattern| forms.iter().any(|form| pattern.matches(form))) {
                    continue;
                }
            }
            let is_expired = list_is_expired || exception.is_expired(now);
            match exception.id.as_deref().map(str::trim) {
                Some(id) if !id.is_empty() => by_id.push((id, is_expired, index)),
                _ => others.push((is_expired, index)),
            }
        }
        by_id.sort_by(|a, b| caseless(a.0, b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        Self {
            exceptions,
            by_id,
            others,
        }
    }

    /// The exception for something, and whether it is expired; one that counts if there is one.
    pub(crate) fn find(&self, thing: &Thing<'_>) -> Option<(usize, bool)> {
        if self.exceptions.is_empty() {
            return None;
        }
        let holds = |index: usize| {
            let exception = self.exceptions.get(index);
            exception.is_some_and(|exception| exception.holds(thing))
        };
        let aliases = thing.aliases.iter().map(String::as_str);
        let by_id = std::iter::once(thing.id).chain(aliases).flat_map(|id| {
            let start = self
                .by_id
                .partition_point(|entry| caseless(entry.0, id) == Ordering::Less);
            let same = self.by_id.get(start..).unwrap_or_default();
            same.iter()
                .take_while(move |entry| caseless(entry.0, id) == Ordering::Equal)
                .map(|(_, is_expired, index)| (*is_expired, *index))
        });
        by_id
            .chain(self.others.iter().copied())
            .filter(|(_, index)| holds(*index))
            .min()
            .map(|(is_expired, index)| (index, is_expired))
    }
}

fn caseless(a: &str, b: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    a.bytes().map(lower).cmp(b.bytes().map(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_date_covers_its_whole_day_in_utc() {
        let check = |expires: &str, now: &str, is_expired: bool| {
            let exception = Exception {
                expires: Some(expires.parse().unwrap()),
                ..Exception::default()
            };
            assert_eq!(
                exception.is_expired(now.parse().unwrap()),
                is_expired,
                "{expires} at {now}"
            );
        };
        check("2027-01-31", "2027-01-31T23:59:59Z", false);
        check("2027-01-31", "2027-02-01T00:00:00Z", true);
        check("2027-01-31T12:00:00Z", "2027-01-31T11:59:59Z", false);
        check("2027-01-31T12:00:00Z", "2027-01-31T12:00:00Z", true);
        check("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00Z", true);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "soon",
            "2027-02-30",
            "2027-13-01",
            "9999-12-31",
            "2027-01-31 x",
        ] {
            assert!(text.parse::<Expiry>().is_err(), "{text}");
        }
    }
}
