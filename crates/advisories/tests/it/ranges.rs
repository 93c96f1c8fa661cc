//! The shared range vectors, as far as they are comparisons of versions.
//!
//! A requirement is taken if it is made of plain comparisons (`>= 1.2, < 2 || = 3`); wildcards, carets, tildes and
//! hyphens are a resolver's business, not an advisory's. How many of each file are taken is part of the test.

use std::cmp::Ordering;

use lamina_advisories::orders::{VersionOrder, order};
use serde_json::Value;

fn json(file: &str) -> Option<Vec<Value>> {
    let path = lamina_testkit::shared(&format!("advisories/version-vectors/ranges/{file}"))?;
    Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

/// Checks the cases of a file for which `claim` makes a claim: whether it holds.
fn check(order_id: &str, file: &str, taken: usize, claim: impl Fn(&Cx, &Value) -> Option<bool>) {
    check_but(order_id, file, taken, &[], claim);
}

/// The same, with the cases that are held wrong (by their JSON), and why.
fn check_but(
    order_id: &str,
    file: &str,
    taken: usize,
    wrong: &[(&str, &str)],
    claim: impl Fn(&Cx, &Value) -> Option<bool>,
) {
    let Some(cases) = json(file) else { return };
    let cx = Cx {
        order: order(order_id).unwrap(),
    };
    let claims: Vec<(&Value, bool)> = cases
        .iter()
        .filter_map(|case| Some((case, claim(&cx, case)?)))
        .collect();
    let failed: Vec<&Value> = claims
        .iter()
        .filter(|(_, holds)| !holds)
        .map(|(case, _)| *case)
        .collect();
    println!(
        "{file}: {} of {} cases are comparisons",
        claims.len(),
        cases.len()
    );
    for (_, reason) in wrong {
        println!("  held wrong: 1, {reason}");
    }
    let wrong: Vec<Value> = wrong
        .iter()
        .map(|(case, _)| serde_json::from_str(case).unwrap())
        .collect();
    assert_eq!(failed, wrong.iter().collect::<Vec<_>>(), "{file}");
    assert_eq!(claims.len(), taken, "{file}");
}

struct Cx {
    order: &'static dyn VersionOrder,
}

impl Cx {
    fn holds(&self, a: &str, op: &str, b: &str) -> bool {
        let Ok(ordering) = self.order.compare(a, b) else {
            return false;
        };
        match op {
            "<" => ordering.is_lt(),
            "<=" => ordering.is_le(),
            "=" | "==" | "" => ordering.is_eq(),
            "!" | "!=" => ordering.is_ne(),
            ">=" => ordering.is_ge(),
            ">" => ordering.is_gt(),
            _ => panic!("{op}"),
        }
    }

    fn satisfies(&self, version: &str, requirement: &Requirement) -> bool {
        requirement
            .iter()
            .any(|all| all.iter().all(|(op, bound)| self.holds(version, op, bound)))
    }

    fn is_ascending(&self, versions: &[&str]) -> bool {
        let is_less = |pair: &[&str]| {
            self.order
                .compare(pair[0], pair[1])
                .is_ok_and(Ordering::is_le)
        };
        versions.windows(2).all(is_less)
    }
}

/// Alternatives, each of bounds that must all hold.
type Requirement = Vec<Vec<(String, String)>>;

/// A requirement of plain comparisons with versions that are `plain`.
fn requirement(text: &str, plain: impl Fn(&str) -> bool) -> Option<Requirement> {
    let mut alternatives = Vec::new();
    for alternative in text.split("||") {
        let mut bounds = Vec::new();
        let mut op = String::new();
        let separated = alternative.replace(',', " ");
        for word in separated.split_whitespace() {
            let start = word.find(|c| !"<>=!".contains(c)).unwrap_or(word.len());
            let (sign, version) = word.split_at(start);
            op.push_str(sign);
            if version.is_empty() {
                continue;
            }
            if !plain(version) || !["", "=", "==", "!", "!=", "<", "<=", ">", ">="].contains(&&*op)
            {
                return None;
            }
            bounds.push((std::mem::take(&mut op), version.to_owned()));
        }
        if bounds.is_empty() || !op.is_empty() {
            return None;
        }
        alternatives.push(bounds);
    }
    Some(alternatives)
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap()
}

/// `1.2.3`, with whatever follows.
fn has_three_numbers(version: &str) -> bool {
    let core = version.trim_start_matches('v').split(['-', '+']).next();
    let numbers: Vec<&str> = core.unwrap_or_default().split('.').collect();
    numbers.len() == 3
        && numbers
            .iter()
            .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// npm's rule that a pre-release satisfies a range only within its own tuple is not an advisory's.
fn is_npm_release(version: &str) -> bool {
    has_three_numbers(version) && !version.contains('-')
}

#[test]
fn apk_comparisons() {
    check("apk", "apk.apk-tools.json", 738, |cx, case| {
        // Some lines are a version alone.
        let op = case["op"].as_str()?;
        let (op, expect) = match op.strip_prefix('!') {
            Some(op) => (op, false),
            None => (op, true),
        };
        // `~` is about a prefix, `><` about a checksum.
        if op.contains('~') || op == "><" {
            return None;
        }
        Some(cx.holds(text(case, "a"), op, text(case, "b")) == expect)
    });
}

#[test]
fn dpkg_lists() {
    check("dpkg", "deb.univers.json", 16, |cx, case| {
        let list =
            |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
        let versions = list(&case["input"]["versions"]);
        Some(match &case["expected_output"] {
            Value::Bool(expect) => cx.holds(&versions[0], "=", &versions[1]) == *expect,
            sorted => {
                let sorted = list(sorted);
                cx.holds(&sorted[0], "<", &sorted[1]) || cx.holds(&sorted[0], "=", &sorted[1])
            }
        })
    });
}

#[test]
fn npm_comparisons() {
    let both = |case: &Value| -> (String, String) {
        (
            case[0].as_str().unwrap().to_owned(),
            case[1].as_str().unwrap().to_owned(),
        )
    };
    check(
        "semver",
        "npm.node-semver.comparisons.json",
        31,
        |cx, case| {
            let (a, b) = both(case);
            Some(cx.holds(&a, ">", &b))
        },
    );
    check("semver", "npm.node-semver.equality.json", 37, |cx, case| {
        let (a, b) = both(case);
        Some(cx.holds(&a, "=", &b))
    });
    let satisfied = |expect: bool| {
        move |cx: &Cx, case: &Value| {
            let version = case[1].as_str()?;
            let requirement = requirement(case[0].as_str()?, has_three_numbers)?;
            is_npm_release(version).then(|| cx.satisfies(version, &requirement) == expect)
        }
    };
    check(
        "semver",
        "npm.node-semver.range-include.json",
        31,
        satisfied(true),
    );
    check(
        "semver",
        "npm.node-semver.range-exclude.json",
        18,
        satisfied(false),
    );
    // Outside of a single bound is above or below it.
    let outside = |above: bool, expect: bool| {
        move |cx: &Cx, case: &Value| {
            let requirement = requirement(case[0].as_str()?, has_three_numbers)?;
            let [all] = &requirement[..] else { return None };
            let [(op, bound)] = &all[..] else { return None };
            let version = case[1].as_str().filter(|version| is_npm_release(version))?;
            let outside = match (op.as_str(), above) {
                ("<", true) => ">=",
                ("<=" | "=" | "", true) => ">",
                (">", false) => "<=",
                (">=" | "=" | "", false) => "<",
                _ => return Some(!expect),
            };
            Some(cx.holds(version, outside, bound) == expect)
        }
    };
    check(
        "semver",
        "npm.node-semver.version-gt-range.json",
        10,
        outside(true, true),
    );
    check(
        "semver",
        "npm.node-semver.version-lt-range.json",
        8,
        outside(false, true),
    );
    check(
        "semver",
        "npm.node-semver.version-not-gt-range.json",
        23,
        outside(true, false),
    );
    check(
        "semver",
        "npm.node-semver.version-not-lt-range.json",
        24,
        outside(false, false),
    );
    check(
        "semver",
        "npm.node-semver.valid-versions.json",
        22,
        |cx, case| Some(cx.order.accepts(case[0].as_str()?)),
    );
    // Two comparators have versions in common unless one's end is below the other's beginning.
    check(
        "semver",
        "npm.node-semver.comparator-intersection.json",
        25,
        |cx, case| {
            let one = |text: &str| -> Option<(String, String)> {
                requirement(text, has_three_numbers)?.pop()?.pop()
            };
            let ((op_a, a), (op_b, b)) = (one(case[0].as_str()?)?, one(case[1].as_str()?)?);
            // npm knows that nothing is below the lowest version.
            let is_nothing = |op: &str, version: &str| op == "<" && version.starts_with("0.0.0");
            if is_nothing(&op_a, &a) || is_nothing(&op_b, &b) {
                return None;
            }
            let is_upper = |op: &str| op.starts_with('<') || ["", "="].contains(&op);
            let is_lower = |op: &str| op.starts_with('>') || ["", "="].contains(&op);
            let is_open = |op: &str| ["<", ">"].contains(&op);
            let meets = |upper: (&str, &str), lower: (&str, &str)| {
                if !is_upper(upper.0) || !is_lower(lower.0) {
                    return true;
                }
                let op = if is_open(upper.0) || is_open(lower.0) {
                    ">"
                } else {
                    ">="
                };
                cx.holds(upper.1, op, lower.1)
            };
            let common = meets((&op_a, &a), (&op_b, &b)) && meets((&op_b, &b), (&op_a, &a));
            Some(common == case[2].as_bool()?)
        },
    );
}

/// VERS lists its constraints in ascending order.
fn ascending(cx: &Cx, case: &Value) -> Option<bool> {
    let constraints = case["expected_output"].as_str()?.split_once('/')?.1;
    let versions: Vec<&str> = constraints
        .split('|')
        .map(|constraint| constraint.trim_start_matches(['<', '>', '=', '!']))
        .collect();
    (versions.len() > 1).then(|| cx.is_ascending(&versions))
}

#[test]
fn vers_constraints_ascend() {
    check(
        "semver",
        "npm_range_from_native.vers-spec.json",
        77,
        ascending,
    );
    check(
        "conan",
        "conan_range_from_native.vers-spec.json",
        64,
        ascending,
    );
    check(
        "nuget",
        "nuget_range_from_native.vers-spec.json",
        1,
        ascending,
    );
    check(
        "rubygems",
        "gem_range_from_native.vers-spec.json",
        1,
        ascending,
    );
    let contains = |cx: &Cx, case: &Value| {
        let constraints = text(&case["input"], "vers").split_once('/')?.1;
        if constraints == "*" {
            return Some(cx.order.accepts(text(&case["input"], "version")));
        }
        // One constraint, or an upper bound and versions beside it.
        let bounds: Vec<&str> = constraints.split('|').collect();
        let is_simple = bounds.len() == 1
            || (bounds[0].starts_with('<') && !bounds[1].starts_with(['<', '>', '!']));
        if !is_simple {
            return None;
        }
        let requirement = requirement(&constraints.replace('|', "||"), |_| true)?;
        let version = text(&case["input"], "version");
        Some(cx.satisfies(version, &requirement) == case["expected_output"].as_bool()?)
    };
    check(
        "semver",
        "npm_range_containment.vers-spec.json",
        1,
        contains,
    );
    check(
        "pep440",
        "pypi_range_containment.vers-spec.json",
        3,
        contains,
    );
}

#[test]
fn hex_requirements() {
    check("semver", "hex.elixir.json", 44, |cx, case| {
        let range = text(case, "range");
        let words = range.replace(" and ", " ").replace(" or ", "||");
        let requirement = requirement(&words, has_three_numbers)?;
        Some(cx.satisfies(text(case, "version"), &requirement) == case["match"].as_bool()?)
    });
}

#[test]
fn rubygems_requirements() {
    check("rubygems", "rubygems.rubygems-test.json", 38, |cx, case| {
        let requirement = requirement(text(case, "range"), |version| !version.starts_with('~'))?;
        Some(cx.satisfies(text(case, "version"), &requirement) == case["match"].as_bool()?)
    });
}

#[test]
fn nuget_comparisons() {
    let wrong = (
        r#"{"a":"1.0.0-BETA+AA","b":"1.0.0-beta","test":"VersionComparisonDefaultNotEqual"}"#,
        "build metadata do not count, as the case `1.0.0` = `1.0.0+beta` has it",
    );
    check_but("nuget", "nuget.comparer.json", 43, &[wrong], |cx, case| {
        let test = text(case, "test");
        let op = if test.contains("NotEqual") {
            "!="
        } else if test.contains("Equal") || test.contains("Ignore") {
            "="
        } else {
            "<"
        };
        Some(cx.holds(text(case, "a"), op, text(case, "b")))
    });
    check("nuget", "nuget.versionrange.json", 33, |cx, case| {
        let (a, b) = (text(case, "a"), text(case, "b"));
        let expect = match text(case, "test") {
            "ParseVersionRangeSatisfies" => true,
            "ParseVersionRangeDoesNotSatisfy" => false,
            "VersionRange_MissingVersionComponents_DefaultToZero" if !a.starts_with(['[', '(']) => {
                return Some(cx.holds(a, "=", b));
            }
            _ => return None,
        };
        let inner = a.trim_matches(['[', ']', '(', ')']);
        let (low, high) = inner
            .split_once(',')
            .map_or((inner, None), |(low, high)| (low.trim(), Some(high.trim())));
        let high = match high {
            None if a.starts_with('[') => Some(low),
            high => high,
        };
        let is_above =
            low.is_empty() || cx.holds(b, if a.starts_with('(') { ">" } else { ">=" }, low);
        let is_below = high.is_none_or(|high| {
            high.is_empty() || cx.holds(b, if a.ends_with(')') { "<" } else { "<=" }, high)
        });
        Some((is_above && is_below) == expect)
    });
}

#[test]
fn packagist_requirements() {
    // The versions are told to be unreadable.
    let reason = "a branch";
    check_but(
        "packagist",
        "packagist.composer-comparator.json",
        28,
        &[
            (
                r#"{"a":"1.26.0","b":"dev-foo","expected":true,"test":"greaterThanProvider"}"#,
                reason,
            ),
            (
                r#"{"a":"dev-foo","b":"1.26.0","expected":true,"test":"lessThanProvider"}"#,
                reason,
            ),
        ],
        |cx, case| {
            let op = match text(case, "test").trim_end_matches("Provider") {
                "greaterThan" => ">",
                "greaterThanOrEqualTo" => ">=",
                "lessThan" => "<",
                "lessThanOrEqualTo" => "<=",
                "equalTo" => "=",
                _ => "!=",
            };
            Some(cx.holds(text(case, "a"), op, text(case, "b")) == case["expected"].as_bool()?)
        },
    );
    check(
        "packagist",
        "packagist.composer-semver.json",
        63,
        |cx, case| {
            // A list of versions, not one.
            if text(case, "test") == "satisfiedByProvider" {
                return None;
            }
            let is_plain = |version: &str| {
                let start = version.trim_start_matches('v');
                start.starts_with(|c: char| c.is_ascii_digit())
                    && !version.contains(['x', '*', '@', '~', '^'])
            };
            let mut requirement = requirement(text(case, "range"), is_plain)?;
            // Composer lets `<2` and `>=2` be about 2's pre-releases too.
            for (op, bound) in requirement.iter_mut().flatten() {
                if ["<", ">="].contains(&op.as_str()) && !bound.contains('-') {
                    bound.push_str("-dev");
                }
            }
            Some(cx.satisfies(text(case, "version"), &requirement) == case["match"].as_bool()?)
        },
    );
}

#[test]
fn pep440_specifiers() {
    check(
        "pep440",
        "pep440.packaging-specifiers.json",
        81,
        |cx, case| {
            let spec = text(case, "spec");
            if spec.contains("===") || spec.contains(['~', '*']) {
                return None;
            }
            let requirement = requirement(spec, |_| true)?;
            let is_exclusive = |op: &str| ["<", ">"].contains(&op);
            let mut version = text(case, "version");
            for (op, bound) in requirement.iter().flatten() {
                let has_suffix =
                    |text: &str| text.contains(|c: char| c.is_ascii_alphabetic() || c == '+');
                // `<` and `>` leave out pre- and post-releases of the bound itself.
                if is_exclusive(op) && (has_suffix(version) || has_suffix(bound)) {
                    return None;
                }
                // A bound without a local version is about all of them.
                if !bound.contains('+') {
                    version = version.split('+').next()?;
                }
            }
            Some(cx.satisfies(version, &requirement) == case["match"].as_bool()?)
        },
    );
}
