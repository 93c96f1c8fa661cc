//! Version orders: the shared vectors, and the laws of an order.

use std::{cmp::Ordering, str::FromStr as _};

use lamina_advisories::orders::{ORDERS, order};
use proptest::prelude::*;

/// Vectors that we hold wrong: which, and why.
struct Wrong {
    reason: &'static str,
    versions: fn(&str) -> bool,
}

const NONE_WRONG: Option<Wrong> = None;

/// apk 2 went on behind the first character that breaks the grammar, osv-scalibr still does;
/// apk-tools 3 (`version.c`: `TOKEN_INVALID`) stops there, and so do its own vectors, which pass.
/// No package of Alpine has such a version: abuild refuses it.
const APK_2: Option<Wrong> = Some(Wrong {
    reason: "not valid in apk-tools 3",
    versions: |version| {
        [
            "0.r1",
            "0r2",
            "0...1...0.r1",
            "0...1...0r1",
            "0.8.21.r2",
            "6.6.2p1",
            "1-ruff",
            "1-ruff2",
        ]
        .contains(&version)
    },
});

/// `packaging` dropped its order of versions from before PEP 440 in 22.0; here they are an error that
/// is reported, and only an exact match in an advisory's list applies to them.
const BEFORE_PEP440: Option<Wrong> = Some(Wrong {
    reason: "from before PEP 440",
    versions: |version| pep440_rs::Version::from_str(version).is_err(),
});

/// Checks a file of lines `a op b`; each that disagrees must be excused by one of `wrong`.
fn check(order_id: &str, file: &str, wrong: Option<Wrong>) {
    let Some(path) = lamina_testkit::shared(&format!("advisories/version-vectors/cmp/{file}"))
    else {
        return;
    };
    let order = order(order_id).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let mut cases = 0;
    let mut excused = 0;
    let mut failed = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() || line.starts_with('#') || line.starts_with("//") {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let [a, op, b] = words[..] else {
            panic!("{file}: {line:?}")
        };
        let expect = match op {
            "<" => Ordering::Less,
            "=" => Ordering::Equal,
            ">" => Ordering::Greater,
            "!=" => {
                assert_ne!(order.compare(a, b), Ok(Ordering::Equal), "{line}");
                continue;
            }
            _ => panic!("{file}: {line:?}"),
        };
        cases += 1;
        let forth = order.compare(a, b);
        let back = order.compare(b, a).map(Ordering::reverse);
        if forth.as_ref().ok() == Some(&expect) && back.as_ref().ok() == Some(&expect) {
            continue;
        }
        if wrong
            .as_ref()
            .is_some_and(|wrong| (wrong.versions)(a) || (wrong.versions)(b))
        {
            excused += 1;
        } else {
            failed.push(format!("{line}: {forth:?}"));
        }
    }
    let reason = wrong.as_ref().map_or("", |wrong| wrong.reason);
    println!("{file}: {cases} cases, {excused} held wrong {reason}");
    assert!(
        failed.is_empty(),
        "{file}: {} of {cases}:\n{}",
        failed.len(),
        failed[..failed.len().min(40)].join("\n")
    );
    assert_eq!(excused > 0, wrong.is_some(), "{file}: excuses are used");
}

/// Checks a file of versions, each strictly less than the next.
fn check_ascending(order_id: &str, file: &str) {
    let Some(path) = lamina_testkit::shared(&format!("advisories/version-vectors/ordered/{file}"))
    else {
        return;
    };
    let order = order(order_id).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let versions: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    for (i, a) in versions.iter().enumerate() {
        for (j, b) in versions.iter().enumerate() {
            assert_eq!(order.compare(a, b), Ok(i.cmp(&j)), "{a} {b}");
        }
    }
}

#[test]
fn dpkg_vectors() {
    check("dpkg", "deb.dpkg.txt", NONE_WRONG);
    check("dpkg", "deb.osv-scalibr.txt", NONE_WRONG);
    check("dpkg", "deb.osv-scalibr-generated.txt", NONE_WRONG);
}

#[test]
fn apk_vectors() {
    check("apk", "apk.apk-tools.txt", NONE_WRONG);
    check("apk", "apk.vers-spec.txt", NONE_WRONG);
    check("apk", "apk.osv-scalibr.txt", APK_2);
    check("apk", "apk.osv-scalibr-generated.txt", NONE_WRONG);
}

#[test]
fn pep440_vectors() {
    check_ascending("pep440", "pep440.packaging.txt");
    check("pep440", "pep440.osv-scalibr.txt", BEFORE_PEP440);
    check("pep440", "pep440.osv-scalibr-generated.txt", BEFORE_PEP440);
}

#[test]
fn semver_vectors() {
    check("semver", "semver.osv-scalibr.txt", NONE_WRONG);
    check("semver", "hex.elixir.txt", NONE_WRONG);
    check("pub", "pub.osv-scalibr.txt", NONE_WRONG);
}

#[test]
fn rpm_vectors() {
    check("rpm", "rpm.rpmvercmp-at.txt", NONE_WRONG);
    check("rpm", "rpm.osv-scalibr.txt", NONE_WRONG);
}

#[test]
fn rubygems_vectors() {
    check("rubygems", "rubygems.rubygems-test.txt", NONE_WRONG);
    check("rubygems", "rubygems.osv-scalibr.txt", NONE_WRONG);
    check("rubygems", "rubygems.osv-scalibr-generated.txt", NONE_WRONG);
}

#[test]
fn nuget_vectors() {
    check("nuget", "nuget.osv-scalibr.txt", NONE_WRONG);
    check("nuget", "nuget.vers-spec.txt", NONE_WRONG);
}

#[test]
fn go_vectors() {
    let Some(path) =
        lamina_testkit::shared("advisories/version-vectors/ordered/go.xmod-pseudo.json")
    else {
        return;
    };
    let order = order("semver").unwrap();
    let json = std::fs::read_to_string(path).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    for case in cases {
        let older = case["older"].as_str().unwrap();
        let pseudo = case["version"].as_str().unwrap();
        if !older.is_empty() {
            assert_eq!(order.compare(older, pseudo), Ok(Ordering::Less), "{case}");
        }
    }
}

#[test]
fn semver_agrees_with_the_semver_crate() {
    let order = order("semver").unwrap();
    proptest!(ProptestConfig::with_cases(2000), |(
        a in r"[0-9]{1,2}\.[0-9]\.[0-9](-[0-9a-b]{1,2}(\.[0-9a-b]{1,2}){0,2})?",
        b in r"[0-9]{1,2}\.[0-9]\.[0-9](-[0-9a-b]{1,2}(\.[0-9a-b]{1,2}){0,2})?",
    )| {
        if let (Ok(x), Ok(y)) = (semver::Version::parse(&a), semver::Version::parse(&b)) {
            prop_assert_eq!(order.compare(&a, &b), Ok(x.cmp(&y)));
        }
    });
}

/// Text that is near enough to a version to reach all of an order's branches.
fn version() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => r"([0-9]:)?[0-9]{1,2}(\.[0-9]{1,2}){0,2}(a|_alpha|_p1|_rc2|~|~rc|-r1|-1|-rc\.1|rc1|\.post1|\.dev2|\+b1){0,2}",
        2 => "[0-9a-z.:~_+-]{0,8}",
        1 => any::<String>(),
    ]
}

#[test]
fn every_order_is_an_order_and_never_panics() {
    proptest!(ProptestConfig::with_cases(4000), |(a in version(), b in version(), c in version())| {
        for order in ORDERS {
            let id = order.id();
            let Ok(ab) = order.compare(&a, &b) else {
                prop_assert!(!order.accepts(&a) || !order.accepts(&b), "{}", id);
                continue;
            };
            prop_assert_eq!(order.compare(&a, &a), Ok(Ordering::Equal), "{}", id);
            prop_assert_eq!(order.compare(&b, &a), Ok(ab.reverse()), "{}", id);
            if let (Ok(bc), Ok(ac)) = (order.compare(&b, &c), order.compare(&a, &c)) {
                if ab == bc {
                    prop_assert_eq!(ac, ab, "{}", id);
                }
                if ab == Ordering::Equal {
                    prop_assert_eq!(ac, bc, "{}", id);
                }
            }
        }
    });
}

#[test]
fn order_ids_are_unique_and_found() {
    let ids: Vec<_> = ORDERS.iter().map(|order| order.id()).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ids, sorted, "sorted and unique");
    for id in ids {
        assert_eq!(order(id).unwrap().id(), id);
    }
}

#[test]
fn every_order_file_is_listed_under_its_name() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/orders");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(order(name.trim_end_matches(".rs")).is_some(), "{name}");
    }
}
