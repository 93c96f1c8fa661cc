//! What the database says: advisories, and which versions of which package they are about.
//!
//! Each type is generic over its text: owned where a feed makes it, borrowed from the shard where it
//! is read.

use std::fmt;

use crate::{
    orders::{VersionError, VersionOrder},
    rating::Rating,
};

/// One vulnerability as one record of one source tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Advisory {
    /// The id under which it is shown: a CVE where the record names one, else the record's own.
    pub id: String,
    /// The record's own id. A record that fixes several vulnerabilities (a DSA) is several
    /// advisories that share it.
    pub record: String,
    /// Other ids of the same vulnerability, sorted, without the two above.
    pub aliases: Vec<String>,
    /// Which of the shard's sources it comes from: an index into [`crate::shard::ShardMeta::sources`].
    pub source: u32,
    /// When it was published.
    pub published: Option<Day>,
    /// When it was last changed.
    pub modified: Option<Day>,
    /// One line on what it is.
    pub title: Option<String>,
    /// What is said of its severity, each by whom.
    pub ratings: Vec<Rating<String>>,
    /// What kinds of weakness it is: the numbers of [CWE](https://cwe.mitre.org), sorted.
    pub cwes: Vec<u32>,
}

/// What an advisory says of one package.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Affected {
    /// What the ranges mean.
    pub statement: Statement,
    /// Versions it is about, as ranges that do not overlap, lowest first.
    pub ranges: Vec<VersionRange<String>>,
    /// Versions it is about beside the ranges.
    pub versions: Vec<String>,
    /// Which of the packages with this name it is about; empty for all of them. Sorted.
    pub qualifiers: Vec<Qualifier<String>>,
    /// When the version that fixes it became available.
    pub fix_published: Option<Day>,
}

/// Narrows an entry down to some of the packages that have its name.
///
/// Of qualifiers of the same kind one must fit, of different kinds one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Qualifier<S> {
    /// Built from this stream of a module, as `nodejs:18` (RPM's `%{MODULARITYLABEL}`, its first two
    /// parts). An entry without one is about packages that are of no module.
    Module(S),
    /// For this architecture, as the package manager writes it: `x86_64`.
    Architecture(S),
    /// Of this product stream: Red Hat's CPE without `cpe:/o:redhat:` or `cpe:/a:redhat:`, as
    /// `enterprise_linux:9::appstream` or `rhel_eus:9.4::baseos`.
    Product(S),
    /// The entry's name is that of a source package, and its versions are the source's. Without it, a
    /// name in an RPM shard is that of a binary package; shards of Debian, Ubuntu and Alpine have
    /// nothing but source packages and do without. RPM's database states a source without its epoch:
    /// where the version that is compared has none, that of the bound is not compared either.
    Source,
}

/// What the source states. The numbers are those of the shard format; a reader ignores entries with
/// a number that it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Statement {
    /// The versions in the ranges are affected.
    #[default]
    Affected = 0,
    /// The package was never affected in this release.
    NotAffected = 1,
    /// Affected, and the vendor will not fix it.
    WillNotFix = 2,
    /// Affected, and the vendor will fix it later.
    FixDeferred = 3,
    /// Whether it is affected is not known yet.
    UnderInvestigation = 4,
    /// Affected, and the release or product is no longer looked after.
    EndOfLife = 5,
    /// Affected by what others than the vendor say (Alpine's secdb names only what is fixed).
    Possible = 6,
}

impl Statement {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Affected),
            1 => Some(Self::NotAffected),
            2 => Some(Self::WillNotFix),
            3 => Some(Self::FixDeferred),
            4 => Some(Self::UnderInvestigation),
            5 => Some(Self::EndOfLife),
            6 => Some(Self::Possible),
            _ => None,
        }
    }
}

/// How likely a vulnerability is exploited within 30 days, by FIRST's
/// [EPSS](https://www.first.org/epss/).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epss {
    /// The probability.
    pub score: Share,
    /// The share of all vulnerabilities that are no likelier.
    pub percentile: Share,
}

/// A number from 0 to 1, in steps of 1/65534.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(pub(crate) u16);

impl Share {
    const STEPS: f64 = 65_534.0;

    /// The nearest one; numbers outside are taken for 0 or 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 65,534"
    )]
    pub fn of(value: f64) -> Self {
        Self((value.clamp(0.0, 1.0) * Self::STEPS).round() as u16)
    }

    /// The number.
    pub fn value(self) -> f64 {
        f64::from(self.0) / Self::STEPS
    }
}

/// What CISA's catalogue of known exploited vulnerabilities (KEV) says of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exploited {
    /// Since when it is listed.
    pub added: Day,
    /// By when United States agencies must have it fixed.
    pub due: Option<Day>,
    /// Whether ransomware is known to use it.
    pub by_ransomware: bool,
}

/// A range of versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionRange<S> {
    /// The first affected version; `None` from the beginning.
    pub introduced: Option<S>,
    /// Where it ends.
    pub end: RangeEnd<S>,
}

/// Where a range of versions ends. The numbers are those of the shard format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RangeEnd<S> {
    /// It does not: all later versions are affected, as far as is known.
    #[default]
    Never,
    /// Before this version, which fixes it.
    Fixed(S),
    /// With this version, the last that is affected.
    LastAffected(S),
    /// Before this version, which is not said to fix it.
    Before(S),
}

impl<S: AsRef<str>> VersionRange<S> {
    /// Whether a version is in it.
    ///
    /// # Errors
    /// If the order cannot read the version or a bound.
    pub fn holds(&self, order: &dyn VersionOrder, version: &str) -> Result<bool, VersionError> {
        // The upper bound first: it is the one that usually decides.
        let is_below_end = match &self.end {
            RangeEnd::Never => true,
            RangeEnd::Fixed(end) | RangeEnd::Before(end) => {
                order.compare(version, end.as_ref())?.is_lt()
            }
            RangeEnd::LastAffected(end) => order.compare(version, end.as_ref())?.is_le(),
        };
        Ok(is_below_end
            && match &self.introduced {
                None => true,
                Some(introduced) => order.compare(version, introduced.as_ref())?.is_ge(),
            })
    }
}

impl<S: AsRef<str>> fmt::Display for VersionRange<S> {
    /// As `>= 1.2, < 1.3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let introduced = self.introduced.as_ref().map_or("0", AsRef::as_ref);
        write!(f, ">= {introduced}")?;
        match &self.end {
            RangeEnd::Never => Ok(()),
            RangeEnd::Fixed(end) | RangeEnd::Before(end) => write!(f, ", < {}", end.as_ref()),
            RangeEnd::LastAffected(end) => write!(f, ", <= {}", end.as_ref()),
        }
    }
}

/// A day, counted from 1970-01-01 in UTC. Finer times are of no use to a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Day {
    /// Its year.
    pub fn year(self) -> u32 {
        let text = self.to_string();
        let year = text.split('-').next().and_then(|year| year.parse().ok());
        year.unwrap_or(1970)
    }

    /// The day of an RFC 3339 date or time. `None` before 1970 and for text that is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.get(..10)?.splitn(3, '-');
        let mut number = |width: usize| -> Option<u32> {
            let part = parts.next()?;
            let is_number = part.len() == width && part.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| part.parse().ok()).flatten()
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day)
        {
            return None;
        }
        // Days from civil, H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
        let shifted_year = if month <= 2 { year - 1 } else { year };
        let era_year = shifted_year % 400;
        let shifted_month = (month + 9) % 12;
        let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
        let day_of_era = era_year * 365 + era_year / 4 - era_year / 100 + day_of_year;
        (shifted_year / 400 * 146_097 + day_of_era)
            .checked_sub(719_468)
            .map(Self)
    }
}

impl fmt::Display for Day {
    /// As `2026-11-23`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = u64::from(self.0) + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = (shifted_month + 2) % 12 + 1;
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_read_back_as_they_were_written() {
        for text in [
            "1970-01-01",
            "1999-12-31",
            "2000-02-29",
            "2024-02-29",
            "2026-11-23",
            "9999-12-31",
        ] {
            assert_eq!(Day::parse(text).unwrap().to_string(), text);
        }
        for number in 0..40_000 {
            let text = Day(number).to_string();
            assert_eq!(Day::parse(&text), Some(Day(number)), "{text}");
        }
        assert_eq!(Day::parse("2026-11-23T12:00:00Z"), Day::parse("2026-11-23"));
        for text in [
            "",
            "0001-01-01T00:00:00Z",
            "2026-13-01",
            "2026-1-01",
            "yesterday it was",
            "2026-é1-01",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_are_written_as_comparisons() {
        let check = |introduced, end, expect: &str| {
            assert_eq!(VersionRange { introduced, end }.to_string(), expect);
        };
        check(None, RangeEnd::Fixed("2"), ">= 0, < 2");
        check(Some("1"), RangeEnd::LastAffected("2"), ">= 1, <= 2");
        check(Some("1"), RangeEnd::Never, ">= 1");
        check(None, RangeEnd::Before("2"), ">= 0, < 2");
    }
}
