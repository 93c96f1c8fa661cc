//! Version orders: the shared vectors, and the laws of an order.

use std::{cmp::Ordering, str::FromStr as _};

use lamina_advisories::orders::{ORDERS, order};
use proptest::prelude::*;

/// Vectors that we hold wrong: which, how many of them, and why.
struct Wrong {
    reason: &'static str,
    cases: usize,
    lines: fn(&str, &str) -> bool,
}

const NONE_WRONG: &[Wrong] = &[];

/// apk 2 went on behind the first character that breaks the grammar, osv-scalibr still does;
/// apk-tools 3 (`version.c`: `TOKEN_INVALID`) stops there, and so do its own vectors, which pass.
/// No package of Alpine has such a version: abuild refuses it.
const APK_2: &[Wrong] = &[Wrong {
    reason: "not valid in apk-tools 3",
    cases: 4,
    lines: |a, b| {
        let is_invalid = |version| {
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
        };
        is_invalid(a) || is_invalid(b)
    },
}];

/// `packaging` dropped its order of versions from before PEP 440 in 22.0; here they are an error that
/// is reported, and only an exact match in an advisory's list applies to them.
const fn before_pep440(cases: usize) -> Wrong {
    Wrong {
        reason: "from before PEP 440",
        cases,
        lines: |a, b| {
            [a, b]
                .iter()
                .any(|v| pep440_rs::Version::from_str(v).is_err())
        },
    }
}

/// Up to Maven 3.8 a word after a dot was below one after a hyphen; since 3.9 both are the same, and so says
/// the specification (`.qualifier` = `-qualifier`). The vectors were made with an older Maven.
const fn maven_dot(cases: usize) -> Wrong {
    Wrong {
        reason: "a word after a dot in Maven before 3.9",
        cases,
        lines: |a, b| {
            let has_word_after_dot = |version: &str| {
                version
                    .split('.')
                    .skip(1)
                    .any(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()))
            };
            has_word_after_dot(a) || has_word_after_dot(b)
        },
    }
}

/// osv-scalibr compares as PHP's `version_compare` alone; Composer fills versions up to four numbers before,
/// gives branches no order, and knows no `#`.
const NOT_COMPOSER_GENERATED: &[Wrong] = &[
    Wrong {
        reason: "stable is a word that says nothing in Composer",
        cases: 1,
        lines: |a, _| a.ends_with("-stable"),
    },
    Wrong {
        reason: "Composer has no regard to case",
        cases: 3,
        lines: |a, b| a.contains("-ALPHA") || b.contains("-ALPHA"),
    },
    Wrong {
        reason: "1.0 is 1.0.0 in Composer",
        cases: 6,
        lines: |a, b| {
            let dots = |version: &str| version.split('-').next().map(|v| v.matches('.').count());
            dots(a) != dots(b)
        },
    },
];
const NOT_COMPOSER: &[Wrong] = &[
    Wrong {
        reason: "1.0 is 1.0.0 in Composer",
        cases: 1,
        lines: |a, b| a == "1.0.0" && b == "1.0",
    },
    Wrong {
        reason: "a branch",
        cases: 2,
        lines: |a, b| a == "dev-foo" || b == "dev-foo",
    },
    Wrong {
        reason: "no version of Composer",
        cases: 4,
        lines: |a, _| a.contains('#'),
    },
];

/// pacman has a version without a pkgrel equal to the same version with any, which is no order.
const NO_PKGREL: &[Wrong] = &[Wrong {
    reason: "one of them has no pkgrel",
    cases: 4,
    lines: |a, b| a.contains('-') != b.contains('-'),
}];

/// Checks a file of lines `a op b`; each that disagrees must be excused by one of `wrong`.
fn check(order_id: &str, file: &str, wrong: &[Wrong]) {
    let Some(path) = lamina_testkit::shared(&format!("advisories/version-vectors/cmp/{file}"))
    else {
        return;
    };
    let order = order(order_id).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let mut cases = 0;
    let mut excused = vec![0; wrong.len()];
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
        match wrong.iter().position(|wrong| (wrong.lines)(a, b)) {
            Some(position) => excused[position] += 1,
            None => failed.push(format!("{line}: {forth:?}")),
        }
    }
    println!("{file}: {cases} cases");
    assert!(
        failed.is_empty(),
        "{file}: {} of {cases}:\n{}",
        failed.len(),
        failed[..failed.len().min(40)].join("\n")
    );
    for (wrong, excused) in wrong.iter().zip(excused) {
        println!("  held wrong: {excused}, {}", wrong.reason);
        assert_eq!(excused, wrong.cases, "{file}: {}", wrong.reason);
    }
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
    println!("{file}: {} cases", versions.len());
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
    check("pep440", "pep440.osv-scalibr.txt", &[before_pep440(11)]);
    check(
        "pep440",
        "pep440.osv-scalibr-generated.txt",
        &[before_pep440(69)],
    );
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
    let order = order("go").unwrap();
    let json = std::fs::read_to_string(path).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let mut count = 0;
    for case in cases {
        let older = case["older"].as_str().unwrap();
        let pseudo = case["version"].as_str().unwrap();
        if !older.is_empty() {
            assert_eq!(order.compare(older, pseudo), Ok(Ordering::Less), "{case}");
            count += 1;
        }
    }
    println!("go.xmod-pseudo.json: {count} cases");
    let Some(path) =
        lamina_testkit::shared("advisories/version-vectors/ordered/go.xmod-semver.json")
    else {
        return;
    };
    // Ascending, equal where the canonical form is; those without one (`v1-pre`) Go refuses, here they
    // are read as if their zeros were there.
    let json = std::fs::read_to_string(path).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let cases: Vec<(&str, &str)> = cases
        .iter()
        .map(|case| {
            (
                case["in"].as_str().unwrap(),
                case["canonical"].as_str().unwrap(),
            )
        })
        .filter(|(_, canonical)| !canonical.is_empty())
        .collect();
    for (i, a) in cases.iter().enumerate() {
        for (j, b) in cases.iter().enumerate() {
            let expect = if a.1 == b.1 {
                Ordering::Equal
            } else {
                i.cmp(&j)
            };
            assert_eq!(order.compare(a.0, b.0), Ok(expect), "{} {}", a.0, b.0);
        }
    }
    println!("go.xmod-semver.json: {} cases", cases.len());
}

#[test]
fn go_versions_of_the_standard_library() {
    let order = order("go").unwrap();
    let check = |a: &str, op: Ordering, b: &str| {
        assert_eq!(order.compare(a, b), Ok(op), "{a} {b}");
        assert_eq!(order.compare(b, a), Ok(op.reverse()), "{b} {a}");
    };
    check("go1.22.1", Ordering::Equal, "1.22.1");
    check("go1.20", Ordering::Equal, "1.20.0");
    check("1.22rc1", Ordering::Equal, "1.22.0-rc.1");
    check("go1.22rc1", Ordering::Less, "1.22.0");
    check("go1.22beta2", Ordering::Less, "go1.22rc1");
    check("1.22.0-0", Ordering::Less, "go1.22rc1");
    check("go1.21.5 X:boringcrypto", Ordering::Equal, "1.21.5");
    check("go1.21.5-vendor", Ordering::Equal, "1.21.5");
    check("v2.0.0+incompatible", Ordering::Equal, "2.0.0");
    check(
        "v0.0.0-20240102030405-0123456789ab",
        Ordering::Less,
        "0.0.0-20250102030405-0123456789ab",
    );
    for version in ["(devel)", "devel +abc", "go", ""] {
        assert!(!order.accepts(version), "{version}");
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
        4 => r"v?[0-9]{1,2}([.-](0|[0-9]{1,2}|x|a|RC1|final|sp|alpha|SNAPSHOT|dev|pl2)){0,4}(-dev|\+1)?",
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

#[test]
fn maven_vectors() {
    check("maven", "maven.apache-maven.txt", NONE_WRONG);
    check("maven", "maven.osv-scalibr.txt", NONE_WRONG);
    check("maven", "maven.osv-scalibr-generated.txt", &[maven_dot(20)]);
    check("maven", "maven.vers-spec.txt", &[maven_dot(6)]);
    check_ascending("maven", "maven.versions_number.txt");
    check_ascending("maven", "maven.versions_qualifier.txt");
}

#[test]
fn packagist_vectors() {
    check("packagist", "packagist.osv-scalibr.txt", NOT_COMPOSER);
    check(
        "packagist",
        "packagist.osv-scalibr-generated.txt",
        NOT_COMPOSER_GENERATED,
    );
}

#[test]
fn cran_vectors() {
    check("cran", "cran.osv-scalibr.txt", NONE_WRONG);
    check("cran", "cran.osv-scalibr-generated.txt", NONE_WRONG);
}

#[test]
fn hackage_vectors() {
    check("hackage", "hackage.osv-scalibr.txt", NONE_WRONG);
}

#[test]
fn alpm_vectors() {
    check("alpm", "alpm.vers-spec.txt", NO_PKGREL);
}

#[test]
fn ebuild_vectors() {
    check("ebuild", "ebuild.vers-spec.txt", NONE_WRONG);
}

#[test]
fn conan_vectors() {
    check("conan", "conan.vers-spec.txt", NONE_WRONG);
}
