//! Version constraints as other scanners' databases write them, turned into ranges.
//!
//! Read are comparisons (`<`, `<=`, `>`, `>=`, `=`, `==`, `!=`, a bare version for `=`), joined by commas
//! or blanks (all must hold) and by `||` (one must); the shorthands `^`, `~`, `~>`, `~=`, `1.*`, `1.x` and
//! `1.0 - 2.0`; and the intervals of Maven and NuGet, `[1.0,2.0)`, `(,1.0]`, `[1.0]`, of which any
//! must hold. What a database calls vulnerable minus what it calls patched is what is affected.
//!
//! A range of ours begins *with* a version. What begins *after* one begins with the least version
//! that the order has above it, as far as that can be written ([`successor`]).

use std::cmp::Ordering;

use lamina_advisories::{
    orders::VersionOrder,
    record::{RangeEnd, VersionRange},
};

use crate::limits::MAX_CONSTRAINT_PARTS;

/// Why a constraint gives no ranges; the same words for all of a kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConstraintError {
    /// A version that the order cannot read.
    #[error("unreadable: no {0} version in a constraint")]
    Version(&'static str),
    /// It is written in a way that is not known.
    #[error("unreadable: constraint")]
    Syntax,
    /// It begins after a version that has no writable next one.
    #[error("left out: a range that begins after a version")]
    After,
    /// More than any has.
    #[error("left out: more than {MAX_CONSTRAINT_PARTS} ranges")]
    Many,
}

/// A set of versions: intervals, of which any holds what is in the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set(Vec<Interval>);

/// Versions between two bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Interval {
    low: Bound,
    high: Bound,
}

/// Where an interval begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bound {
    None,
    With(String),
    Without(String),
}

const ALL: Interval = Interval {
    low: Bound::None,
    high: Bound::None,
};

impl Set {
    /// Every version.
    pub(crate) fn all() -> Self {
        Self(vec![ALL])
    }

    /// No version.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads a constraint; nothing and `*` mean every version.
    pub(crate) fn parse(text: &str, order: &dyn VersionOrder) -> Result<Self, ConstraintError> {
        let mut set = Self::none();
        for alternative in text.split("||") {
            set.0.extend(alternative_of(alternative.trim(), order)?.0);
            if set.0.len() > MAX_CONSTRAINT_PARTS {
                return Err(ConstraintError::Many);
            }
        }
        Ok(set)
    }

    /// Adds what another set has.
    pub(crate) fn join(&mut self, other: Self) -> Result<(), ConstraintError> {
        self.0.extend(other.0);
        if self.0.len() > MAX_CONSTRAINT_PARTS {
            return Err(ConstraintError::Many);
        }
        Ok(())
    }

    /// What is in both.
    fn meet(&self, other: &Self, order: &dyn VersionOrder) -> Result<Self, ConstraintError> {
        let mut both = Vec::new();
        for a in &self.0 {
            for b in &other.0 {
                let interval = Interval {
                    low: later(&a.low, &b.low, order)?.clone(),
                    high: earlier(&a.high, &b.high, order)?.clone(),
                };
                if !interval.is_empty(order)? {
                    both.push(interval);
                }
                if both.len() > MAX_CONSTRAINT_PARTS {
                    return Err(ConstraintError::Many);
                }
            }
        }
        Ok(Self(both))
    }

    /// Takes out what another set has.
    pub(crate) fn without(
        self,
        other: &Self,
        order: &dyn VersionOrder,
    ) -> Result<Self, ConstraintError> {
        let mut rest = self;
        for interval in &other.0 {
            rest = rest.meet(&interval.outside(), order)?;
        }
        Ok(rest)
    }

    /// The ranges, sorted and joined where they overlap. `is_fix` says of a version before which a
    /// range ends whether it is known to be the fix.
    pub(crate) fn to_ranges(
        &self,
        order: &dyn VersionOrder,
        is_fix: impl Fn(&str) -> bool,
    ) -> Result<Vec<VersionRange<String>>, ConstraintError> {
        let mut failure = None;
        let mut intervals = self.0.clone();
        intervals.sort_by(|a, b| {
            compare_low(&a.low, &b.low, order).unwrap_or_else(|error| {
                failure = Some(error);
                Ordering::Equal
            })
        });
        if let Some(error) = failure {
            return Err(error);
        }
        let mut joined: Vec<Interval> = Vec::new();
        for interval in intervals {
            if let Some(last) = joined.last_mut() {
                let between = Interval {
                    low: interval.low.clone(),
                    high: last.high.clone(),
                };
                if !between.is_empty(order)? {
                    if earlier(&last.high, &interval.high, order)? == &last.high {
                        last.high = interval.high;
                    }
                    continue;
                }
            }
            joined.push(interval);
        }
        let ranges = joined.into_iter().map(|interval| {
            Ok(VersionRange {
                introduced: match interval.low {
                    Bound::None => None,
                    Bound::With(version) => Some(version),
                    Bound::Without(version) => {
                        Some(successor(&version, order).ok_or(ConstraintError::After)?)
                    }
                },
                end: match interval.high {
                    Bound::None => RangeEnd::Never,
                    Bound::With(version) => RangeEnd::LastAffected(version),
                    Bound::Without(version) if is_fix(&version) => RangeEnd::Fixed(version),
                    Bound::Without(version) => RangeEnd::Before(version),
                },
            })
        });
        ranges.collect()
    }

    /// The versions with which its intervals begin, and those that are alone in one: the fixes, of a
    /// set of patched versions.
    pub(crate) fn beginnings(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|interval| match &interval.low {
            Bound::With(version) => Some(version.as_str()),
            _ => None,
        })
    }
}

impl Interval {
    fn only(version: &str) -> Self {
        Self {
            low: Bound::With(version.to_owned()),
            high: Bound::With(version.to_owned()),
        }
    }

    fn is_empty(&self, order: &dyn VersionOrder) -> Result<bool, ConstraintError> {
        let (Some(low), Some(high)) = (self.low.version(), self.high.version()) else {
            return Ok(false);
        };
        let is_closed = matches!((&self.low, &self.high), (Bound::With(_), Bound::With(_)));
        Ok(match compare(low, high, order)? {
            Ordering::Less => false,
            Ordering::Equal => !is_closed,
            Ordering::Greater => true,
        })
    }

    /// What is before it and what is after it.
    fn outside(&self) -> Set {
        let mut outside = Vec::new();
        if let Some(high) = self.low.turned() {
            outside.push(Self {
                low: Bound::None,
                high,
            });
        }
        if let Some(low) = self.high.turned() {
            outside.push(Self {
                low,
                high: Bound::None,
            });
        }
        Set(outside)
    }
}

impl Bound {
    fn version(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::With(version) | Self::Without(version) => Some(version),
        }
    }

    /// The bound of what lies on the other side.
    fn turned(&self) -> Option<Self> {
        match self {
            Self::None => None,
            Self::With(version) => Some(Self::Without(version.clone())),
            Self::Without(version) => Some(Self::With(version.clone())),
        }
    }
}

fn compare(a: &str, b: &str, order: &dyn VersionOrder) -> Result<Ordering, ConstraintError> {
    order
        .compare(a, b)
        .map_err(|_| ConstraintError::Version(order.id()))
}

fn compare_low(
    a: &Bound,
    b: &Bound,
    order: &dyn VersionOrder,
) -> Result<Ordering, ConstraintError> {
    Ok(match (a.version(), b.version()) {
        (Some(left), Some(right)) => {
            let is_without = |bound| matches!(bound, &Bound::Without(_));
            compare(left, right, order)?.then_with(|| is_without(a).cmp(&is_without(b)))
        }
        (left, right) => left.is_some().cmp(&right.is_some()),
    })
}

fn later<'a>(
    a: &'a Bound,
    b: &'a Bound,
    order: &dyn VersionOrder,
) -> Result<&'a Bound, ConstraintError> {
    Ok(if compare_low(a, b, order)?.is_lt() {
        b
    } else {
        a
    })
}

fn earlier<'a>(
    a: &'a Bound,
    b: &'a Bound,
    order: &dyn VersionOrder,
) -> Result<&'a Bound, ConstraintError> {
    Ok(match (a.version(), b.version()) {
        (None, _) => b,
        (_, None) => a,
        (Some(left), Some(right)) => match compare(left, right, order)? {
            Ordering::Less => a,
            Ordering::Greater => b,
            Ordering::Equal if matches!(b, Bound::Without(_)) => b,
            Ordering::Equal => a,
        },
    })
}

fn alternative_of(text: &str, order: &dyn VersionOrder) -> Result<Set, ConstraintError> {
    if text.is_empty() || text == "*" {
        return Ok(Set::all());
    }
    if text.starts_with(['[', '(']) {
        return intervals(text, order);
    }
    if let Some((low, high)) = text.split_once(" - ") {
        let low = bound(low.trim(), order)?;
        let high = bound(high.trim(), order)?;
        return Ok(Set(vec![Interval {
            low: Bound::With(low),
            high: Bound::With(high),
        }]));
    }
    let mut set = Set::all();
    for (count, (operator, version)) in comparisons(text)?.into_iter().enumerate() {
        if count >= MAX_CONSTRAINT_PARTS {
            return Err(ConstraintError::Many);
        }
        set = set.meet(&comparison(operator, version, order)?, order)?;
    }
    Ok(set)
}

/// Splits `>=1.0, <2.0` and `>= 1.0 < 2.0` into operators and versions.
fn comparisons(text: &str) -> Result<Vec<(&str, &str)>, ConstraintError> {
    const IS_OPERATOR: [char; 6] = ['<', '>', '=', '!', '~', '^'];
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let behind = rest.trim_start_matches(IS_OPERATOR);
        let operator = rest.get(..rest.len() - behind.len()).unwrap_or_default();
        let behind = behind.trim_start();
        let is_end = |c: char| c == ',' || c.is_whitespace() || matches!(c, '<' | '>' | '=' | '!');
        let length = behind.find(is_end).unwrap_or(behind.len());
        let (version, next) = behind
            .split_at_checked(length)
            .ok_or(ConstraintError::Syntax)?;
        if version.is_empty() {
            return Err(ConstraintError::Syntax);
        }
        found.push((operator, version));
        rest = next.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
    }
    Ok(found)
}

fn comparison(
    operator: &str,
    version: &str,
    order: &dyn VersionOrder,
) -> Result<Set, ConstraintError> {
    if version == "*" {
        return Ok(Set::all());
    }
    let from = |version: String| Interval {
        low: Bound::With(version),
        high: Bound::None,
    };
    let wildcard = [".*", ".x", ".X"]
        .iter()
        .find_map(|end| version.strip_suffix(end));
    if let Some(stem) = wildcard.filter(|_| matches!(operator, "" | "=" | "==" | "~" | "^")) {
        // `1.*.*` is `1.*`.
        let stem = stem.trim_end_matches([',', '.', '*', 'x', 'X']);
        return between(
            stem,
            &raised(stem, 0).ok_or(ConstraintError::Syntax)?,
            order,
        );
    }
    let version = bound(version, order)?;
    // Nothing is below nought, which several orders cannot even read as a version of theirs.
    let interval = match operator {
        "" | "=" | "==" | "===" => Interval::only(&version),
        "!=" => return Ok(Interval::only(&version).outside()),
        ">=" | "=>" if version == "0" => ALL,
        ">=" | "=>" => from(version),
        ">" => Interval {
            low: Bound::Without(version),
            high: Bound::None,
        },
        "<" => Interval {
            low: Bound::None,
            high: Bound::Without(version),
        },
        "<=" | "=<" => Interval {
            low: Bound::None,
            high: Bound::With(version),
        },
        // Ruby, Hex, Python's `~=`: the last part is free, and all after it.
        "~>" | "~=" => {
            let next = raised(&version, 1).ok_or(ConstraintError::Syntax)?;
            return between(&version, &next, order);
        }
        // npm, Cargo: the first two parts stay. In Composer's `~` the last part is free.
        "~" => {
            let parts = release(&version).split('.').count();
            let is_composer = order.id() == "packagist";
            let dropped = if is_composer {
                1
            } else {
                parts.saturating_sub(2)
            };
            let next = raised(&version, dropped);
            return between(&version, &next.ok_or(ConstraintError::Syntax)?, order);
        }
        // The first part that is not nought stays.
        "^" => {
            let parts: Vec<&str> = release(&version).split('.').collect();
            let leading = parts
                .iter()
                .take_while(|part| part.bytes().all(|b| b == b'0'))
                .count();
            let kept = leading.min(parts.len().saturating_sub(1));
            let next = raised(&version, parts.len() - 1 - kept);
            return between(&version, &next.ok_or(ConstraintError::Syntax)?, order);
        }
        _ => return Err(ConstraintError::Syntax),
    };
    Ok(Set(vec![interval]))
}

fn between(low: &str, high: &str, order: &dyn VersionOrder) -> Result<Set, ConstraintError> {
    Ok(Set(vec![Interval {
        low: Bound::With(bound(low, order)?),
        high: Bound::Without(bound(high, order)?),
    }]))
}

/// The numbers of a version, without what is behind them.
fn release(version: &str) -> &str {
    let end = version
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(version.len());
    version.get(..end).unwrap_or_default().trim_matches('.')
}

/// A version one higher in the last of its numbers but `dropped`: `1.2.3` is `1.3` if one is dropped.
fn raised(version: &str, dropped: usize) -> Option<String> {
    let parts: Vec<&str> = release(version).split('.').collect();
    let kept = parts.get(..parts.len().checked_sub(dropped)?)?;
    let (last, before) = kept.split_last()?;
    let next = last.parse::<u64>().ok()?.checked_add(1)?;
    let mut text: String = before.iter().map(|part| format!("{part}.")).collect();
    text.push_str(&next.to_string());
    Some(text)
}

/// Maven's and NuGet's intervals.
fn intervals(text: &str, order: &dyn VersionOrder) -> Result<Set, ConstraintError> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if found.len() >= MAX_CONSTRAINT_PARTS {
            return Err(ConstraintError::Many);
        }
        let with_low = match rest.chars().next() {
            Some('[') => true,
            Some('(') => false,
            _ => return Err(ConstraintError::Syntax),
        };
        let end = rest.find([']', ')']).ok_or(ConstraintError::Syntax)?;
        let inside = rest.get(1..end).ok_or(ConstraintError::Syntax)?;
        let with_high = rest.get(end..).is_some_and(|rest| rest.starts_with(']'));
        let side = |text: &str, is_with: bool| -> Result<Bound, ConstraintError> {
            let text = text.trim();
            Ok(match (text, is_with) {
                ("", _) => Bound::None,
                (_, true) => Bound::With(bound(text, order)?),
                (_, false) => Bound::Without(bound(text, order)?),
            })
        };
        let interval = match inside.split_once(',') {
            Some((low, high)) => Interval {
                low: side(low, with_low)?,
                high: side(high, with_high)?,
            },
            None => Interval::only(&bound(inside.trim(), order)?),
        };
        found.push(interval);
        let behind = rest.get(end + 1..).unwrap_or_default();
        rest = behind.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
    }
    Ok(Set(found))
}

/// A version that the order reads.
fn bound(version: &str, order: &dyn VersionOrder) -> Result<String, ConstraintError> {
    if version == "0" || order.accepts(version) {
        Ok(version.to_owned())
    } else {
        Err(ConstraintError::Version(order.id()))
    }
}

/// The least version above another that can be written, or one so close that none is published
/// between them.
fn successor(version: &str, order: &dyn VersionOrder) -> Option<String> {
    let candidates: Vec<String> = match order.id() {
        "semver" | "pub" | "go" => {
            let plain = version.split('+').next().unwrap_or(version);
            if plain.contains('-') {
                vec![format!("{plain}.0")]
            } else {
                let parts = release(plain.trim_start_matches(['v', 'V', '='])).to_owned();
                let missing = 3_usize.saturating_sub(parts.split('.').count());
                let whole = parts + &".0".repeat(missing);
                raised(&whole, 0)
                    .map(|next| format!("{next}-0"))
                    .into_iter()
                    .collect()
            }
        }
        // Builds on the same version (`1.0+local`) are not above it for a constraint.
        "pep440" => vec![format!("{version}.post0.dev0")],
        "rubygems" | "maven" | "packagist" => vec![format!("{version}.0.0.0.1")],
        "nuget" => {
            let parts = release(version);
            let missing = 4_usize.saturating_sub(parts.split('.').count());
            let whole = format!("{parts}{}", ".0".repeat(missing));
            raised(&whole, 0)
                .map(|next| format!("{next}-0"))
                .into_iter()
                .collect()
        }
        // Debian's and RPM's versions may go on with anything; `~` is below all of it.
        "dpkg" | "rpm" => vec![format!("{version}+0~")],
        _ => Vec::new(),
    };
    candidates
        .into_iter()
        .find(|next| order.compare(next, version) == Ok(Ordering::Greater))
}

#[cfg(test)]
mod tests {
    use lamina_advisories::orders::order;
    use proptest::prelude::*;

    use super::*;

    fn ranges(id: &str, vulnerable: &str, patched: &str) -> Result<String, ConstraintError> {
        let order = order(id).unwrap();
        let mut set = Set::parse(vulnerable, order)?;
        let mut fixes = Set::none();
        if !patched.is_empty() {
            fixes = Set::parse(patched, order)?;
            set = set.without(&fixes, order)?;
        }
        let is_fix = |version: &str| fixes.beginnings().any(|fix| fix == version);
        let texts: Vec<String> = set
            .to_ranges(order, is_fix)?
            .iter()
            .map(|range| {
                let is_fixed = matches!(range.end, RangeEnd::Fixed(_));
                format!("{range}{}", if is_fixed { " fixed" } else { "" })
            })
            .collect();
        Ok(texts.join(" or "))
    }

    #[test]
    fn constraints_become_ranges() {
        let check = |id: &str, vulnerable: &str, patched: &str, expect: &str| {
            let got = ranges(id, vulnerable, patched).unwrap_or_else(|error| error.to_string());
            assert_eq!(got, expect, "{vulnerable} without {patched}");
        };
        check("semver", ">=0, <0.12.4", "0.12.4", ">= 0, < 0.12.4 fixed");
        check("semver", "< 1.2", "", ">= 0, < 1.2");
        check(
            "semver",
            ">=1.0,<2.0||>=3.0,<3.1",
            "",
            ">= 1.0, < 2.0 or >= 3.0, < 3.1",
        );
        check("semver", ">= 1.0 < 2.0", "", ">= 1.0, < 2.0");
        check("semver", "", "", ">= 0");
        check("semver", "*", "", ">= 0");
        check("semver", "=1.2.3", "", ">= 1.2.3, <= 1.2.3");
        check("semver", "> 1.2", "", ">= 1.2.1-0");
        check("semver", "> 1.2.0-rc.1", "", ">= 1.2.0-rc.1.0");
        check("pep440", "> 1.2, <= 2.0", "", ">= 1.2.post0.dev0, <= 2.0");
        check("rubygems", "> 1.2", "", ">= 1.2.0.0.0.1");
        check("nuget", "> 1.2, < 2", "", ">= 1.2.0.1-0, < 2");
        check("dpkg", "> 1.2-1", "", ">= 1.2-1+0~");
        check(
            "apk",
            "> 1.2",
            "",
            "left out: a range that begins after a version",
        );
        check("semver", "!= 1.2.3", "", ">= 0, < 1.2.3 or >= 1.2.4-0");
        // RustSec: everything but what is patched.
        check(
            "semver",
            "",
            ">= 3.1.0 || >= 2.1.3, < 3.0.0",
            ">= 0, < 2.1.3 fixed or >= 3.0.0, < 3.1.0 fixed",
        );
        // The fix is the last version that is said to be affected.
        check("semver", "<= 1.6.14", "1.6.14", ">= 0, < 1.6.14 fixed");
        check("semver", ">= 2.0", "1.0", ">= 2.0");
        check("semver", "<1.0 || <2.0", "", ">= 0, < 2.0");
        check(
            "semver",
            "<1.0 || >=1.0, <2.0",
            "",
            ">= 0, < 1.0 or >= 1.0, < 2.0",
        );
        check("semver", "<1.0, >2.0", "", "");
        check("semver", "^1.2.3", "", ">= 1.2.3, < 2");
        check("semver", "^0.2.3", "", ">= 0.2.3, < 0.3");
        check("semver", "^0.0.3", "", ">= 0.0.3, < 0.0.4");
        check("semver", "~1.2.3", "", ">= 1.2.3, < 1.3");
        check("semver", "~1.2", "", ">= 1.2, < 1.3");
        check("rubygems", "~> 1.2.3", "", ">= 1.2.3, < 1.3");
        check("rubygems", "~> 1.2", "", ">= 1.2, < 2");
        check("semver", "1.2.x", "", ">= 1.2, < 1.3");
        check("semver", "1.*", "", ">= 1, < 2");
        check("semver", "1.0 - 2.0", "", ">= 1.0, <= 2.0");
        check("nuget", "[2.9.0,2.9.10.7)", "", ">= 2.9.0, < 2.9.10.7");
        check(
            "nuget",
            "(,1.0],[2.0]",
            "",
            ">= 0, <= 1.0 or >= 2.0, <= 2.0",
        );
        check(
            "nuget",
            "[1.0,)",
            "2.0",
            ">= 1.0, < 2.0 fixed or >= 2.0.0.1-0",
        );
        check(
            "semver",
            "< what",
            "",
            "unreadable: no semver version in a constraint",
        );
        check("semver", "<", "", "unreadable: constraint");
        check("semver", "<> 1", "", "unreadable: constraint");
        check("nuget", "[1.0", "", "unreadable: constraint");
        let many = vec!["<1"; MAX_CONSTRAINT_PARTS + 1].join("||");
        check("semver", &many, "", "left out: more than 1000 ranges");
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[0-9a-z.,<>=!~^|*\\[\\]() é-]{0,40}") {
            for id in ["semver", "apk", "dpkg", "rpm", "pep440", "nuget", "rubygems"] {
                let _ = ranges(id, &text, "");
                let _ = ranges(id, "", &text);
            }
        }

        #[test]
        fn what_is_patched_is_not_in_the_ranges(
            low in 0..9_u8, high in 0..9_u8, fixed in 0..9_u8, probe in 0..9_u8,
        ) {
            let order = order("semver").unwrap();
            let vulnerable = Set::parse(&format!(">= {low}.0, <= {high}.0"), order).unwrap();
            let patched = Set::parse(&format!("{fixed}.0"), order).unwrap();
            let rest = vulnerable.without(&patched, order).unwrap();
            let ranges = rest.to_ranges(order, |_| false).unwrap();
            let version = format!("{probe}.0");
            let holds = ranges.iter().any(|range| range.holds(order, &version).unwrap());
            prop_assert_eq!(holds, low <= probe && probe <= high && probe != fixed);
        }
    }
}
