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
}

impl Statement {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Affected),
            1 => Some(Self::NotAffected),
            _ => None,
        }
    }
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
