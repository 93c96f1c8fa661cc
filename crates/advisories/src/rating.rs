//! How bad an advisory is said to be, by whom, and which of several voices is heard.

use std::str::FromStr as _;

use cvss::Cvss;
use lamina_inventory::severity::Severity;

/// One statement of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rating<S = String> {
    /// Word or CVSS version.
    pub scheme: Scheme,
    /// The word, or what the score means.
    pub severity: Severity,
    /// CVSS base score in tenths; `None` for a word.
    pub tenths: Option<u8>,
    /// Who says so, e.g. `debian`, `ghsa`, `nvd`.
    pub source: S,
    /// The CVSS vector; empty for a word.
    pub vector: S,
}

/// In what terms severity is stated. The numbers are those of the shard format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scheme {
    /// A word of the source itself.
    Word = 0,
    /// CVSS 2.0.
    Cvss2 = 1,
    /// CVSS 3.0.
    Cvss30 = 2,
    /// CVSS 3.1.
    Cvss31 = 3,
    /// CVSS 4.0.
    Cvss4 = 4,
}

/// The source name of ratings by the National Vulnerability Database, heard last.
pub const NVD: &str = "nvd";

impl Scheme {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        [
            Self::Word,
            Self::Cvss2,
            Self::Cvss30,
            Self::Cvss31,
            Self::Cvss4,
        ]
        .get(usize::from(number))
        .copied()
    }

    /// The name for people; `None` for a word.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Word => return None,
            Self::Cvss2 => "CVSS 2.0",
            Self::Cvss30 => "CVSS 3.0",
            Self::Cvss31 => "CVSS 3.1",
            Self::Cvss4 => "CVSS 4.0",
        })
    }
}

impl<S: AsRef<str>> Rating<S> {
    /// The score, from 0.0 to 10.0.
    pub fn score(&self) -> Option<f64> {
        self.tenths.map(|tenths| f64::from(tenths) / 10.0)
    }

    /// Who says so and in what terms, e.g. `debian`, `ghsa, CVSS 3.1`.
    pub fn describe(&self) -> String {
        let source = self.source.as_ref();
        match self.scheme.name() {
            None => source.to_owned(),
            Some(scheme) => format!("{source}, {scheme}"),
        }
    }

    /// Which of several ratings is heard: the lowest. A word of the source itself (a distribution's
    /// urgency, GitHub's rating), then the source's CVSS, newest version first, then NVD's.
    pub fn rank(&self) -> (bool, u8) {
        let order = match self.scheme {
            Scheme::Word => 0,
            Scheme::Cvss4 => 1,
            Scheme::Cvss31 => 2,
            Scheme::Cvss30 => 3,
            Scheme::Cvss2 => 4,
        };
        (self.source.as_ref() == NVD, order)
    }
}

impl Rating<String> {
    /// A word such as `high`; `None` if it is no severity or says that none is known.
    pub fn from_word(source: &str, word: &str) -> Option<Self> {
        let severity = Severity::parse(word.trim())?;
        (severity != Severity::Unknown).then(|| Self {
            scheme: Scheme::Word,
            severity,
            tenths: None,
            source: source.to_owned(),
            vector: String::new(),
        })
    }

    /// A CVSS vector of any version, scored by its base metrics; `None` if it is none.
    ///
    /// Version 2 has no critical and its vectors no prefix.
    pub fn from_vector(source: &str, vector: &str) -> Option<Self> {
        let vector = vector.trim().trim_end_matches('/').trim_matches(['(', ')']);
        let (scheme, base) = if let Some(metrics) = vector.strip_prefix("CVSS:4.0/") {
            const BASE: [&str; 11] = [
                "AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA",
            ];
            (Scheme::Cvss4, format!("CVSS:4.0/{}", only(metrics, &BASE)?))
        } else if let Some(metrics) = vector.strip_prefix("CVSS:3.1/") {
            (
                Scheme::Cvss31,
                format!("CVSS:3.1/{}", only(metrics, &V3_BASE)?),
            )
        } else if let Some(metrics) = vector.strip_prefix("CVSS:3.0/") {
            (
                Scheme::Cvss30,
                format!("CVSS:3.0/{}", only(metrics, &V3_BASE)?),
            )
        } else {
            const BASE: [&str; 6] = ["AV", "AC", "Au", "C", "I", "A"];
            let metrics = vector.strip_prefix("CVSS:2.0/").unwrap_or(vector);
            (Scheme::Cvss2, only(metrics, &BASE)?)
        };
        let score = match scheme {
            Scheme::Cvss2 => cvss::v2::Vector::from_str(&base).ok()?.score().value(),
            _ => Cvss::from_str(&base).ok()?.score(),
        };
        let tenths = to_tenths(score)?;
        let severity = match (scheme, tenths) {
            (Scheme::Cvss2, 70..) => Severity::High,
            (Scheme::Cvss2, 1..=39) => Severity::Low,
            _ => Severity::from_cvss_score(f64::from(tenths) / 10.0),
        };
        Some(Self {
            scheme,
            severity,
            tenths: Some(tenths),
            source: source.to_owned(),
            vector: vector.to_owned(),
        })
    }
}

const V3_BASE: [&str; 8] = ["AV", "AC", "PR", "UI", "S", "C", "I", "A"];

/// The metrics of a vector that are named in `base`, in its order; `None` if one is missing.
fn only(metrics: &str, base: &[&str]) -> Option<String> {
    let kept: Option<Vec<&str>> = base
        .iter()
        .map(|name| {
            metrics
                .split('/')
                .find(|metric| metric.split_once(':').is_some_and(|(key, _)| key == *name))
        })
        .collect();
    Some(kept?.join("/"))
}

fn to_tenths(score: f64) -> Option<u8> {
    let tenths = (score * 10.0).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked"
    )]
    (0.0..=100.0).contains(&tenths).then_some(tenths as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_scored_by_their_base_metrics() {
        let check = |vector: &str, expect: Option<(f64, Severity)>| {
            let rating = Rating::from_vector("x", vector);
            let got = rating.map(|rating| (rating.score().unwrap(), rating.severity));
            assert_eq!(got, expect, "{vector}");
        };
        let v31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
        check(v31, Some((9.8, Severity::Critical)));
        check(&format!("{v31}/"), Some((9.8, Severity::Critical)));
        check(&format!("{v31}/E:U/RL:O"), Some((9.8, Severity::Critical)));
        check("AV:N/AC:L/Au:N/C:C/I:C/A:C", Some((10.0, Severity::High)));
        check("(AV:L/AC:H/Au:M/C:N/I:N/A:P)", Some((0.8, Severity::Low)));
        check(
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
            Some((9.3, Severity::Critical)),
        );
        check(
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N",
            Some((0.0, Severity::Negligible)),
        );
        check("CVSS:3.1/AV:N", None);
        check("CVSS:5.0/AV:N", None);
        check("7.5", None);
        check("", None);
    }

    #[test]
    fn the_source_is_heard_before_nvd_and_words_before_scores() {
        let word = Rating::from_word("debian", "low").unwrap();
        let own = Rating::from_vector("ghsa", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H");
        let nvd = Rating::from_vector("nvd", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H");
        assert!(word.rank() < own.as_ref().unwrap().rank());
        assert!(own.unwrap().rank() < nvd.unwrap().rank());
        assert_eq!(Rating::from_word("debian", "not yet assigned"), None);
        assert_eq!(Rating::from_word("debian", "unknown"), None);
    }
}
