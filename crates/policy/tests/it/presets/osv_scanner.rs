//! osv-scanner's configuration and exit codes (rules: docs/presets.md).

use lamina_policy::{
    Choice, Gap, Policy, Threshold,
    presets::{
        Decision,
        osv_scanner::{self, Settings},
    },
};

use super::{Rows, check_parts, finding, now, subject, truth};

fn read(text: &str) -> Settings {
    match osv_scanner::read(text) {
        Ok(read) => read.value,
        Err(error) => panic!("{text}: {error}"),
    }
}

fn judge(settings: &Settings, findings: &[&str]) -> Decision {
    let subject = subject(findings);
    let decision = osv_scanner::judge(settings, &subject, now());
    check_parts(&decision, findings.len());
    assert_eq!(decision.allows, decision.code == 0);
    decision
}

#[test]
fn every_vulnerability_fails_but_what_debian_calls_unimportant() {
    let mut rows = Rows::of("osv-scanner: severities");
    truth(
        "                       unknown negligible low medium high critical
         debian:12           |   x  .  x  x  x  x
         debian:12 all       |   x  x  x  x  x  x
         ubuntu:22.04        |   x  x  x  x  x  x
         alpine:3.19         |   x  x  x  x  x  x
         npm                 |   x  x  x  x  x  x",
        |namespace, severity, expect| {
            for status in ["fixed", "affected", "will-not-fix"] {
                rows.row();
                let (namespace, all) = namespace.split_once(' ').unwrap_or((namespace, ""));
                let settings = Settings {
                    all_vulns: !all.is_empty(),
                    ..Settings::default()
                };
                let words = format!("CVE-1 {severity} {status} ns={namespace}");
                let decision = judge(&settings, &[&words]);
                assert_eq!(decision.code, u16::from(expect == 'x'), "{words}");
            }
        },
    );
}

#[test]
fn an_id_ignores_its_whole_group_until_its_time() {
    let mut rows = Rows::of("osv-scanner: IgnoredVulns");
    // Entries `id` or `id@time`, in their order.
    let mut check = |entries: &str, words: &str, is_ignored: bool| {
        rows.row();
        let text: Vec<String> = entries
            .split_whitespace()
            .map(|entry| match entry.split_once('@') {
                Some((id, until)) => {
                    format!("[[IgnoredVulns]]\nid = \"{id}\"\nignoreUntil = {until}\n")
                }
                None => format!("[[IgnoredVulns]]\nid = \"{entry}\"\n"),
            })
            .collect();
        let decision = judge(&read(&text.concat()), &[words]);
        assert_eq!(decision.code == 0, is_ignored, "{entries} on {words}");
    };
    check("CVE-1", "CVE-1", true);
    check("cve-1", "CVE-1", false);
    check("CVE-11", "CVE-1", false);
    check("CVE-*", "CVE-1", false);
    check("CVE-2", "CVE-1", false);
    check("", "CVE-1", false);
    check("CVE-2 CVE-1", "CVE-1", true);
    let aliased = "CVE-1 alias=GHSA-a,PYSEC-1";
    check("CVE-1", aliased, true);
    check("GHSA-a", aliased, true);
    check("PYSEC-1", aliased, true);
    check("ghsa-a", aliased, false);
    check("GHSA-b", aliased, false);
    // Its time: at the moment itself it is over.
    check("CVE-1@2027-01-01", "CVE-1", true);
    check("CVE-1@2026-11-24", "CVE-1", true);
    check("CVE-1@2026-11-23", "CVE-1", false);
    check("CVE-1@2020-01-01", "CVE-1", false);
    check("CVE-1@2026-11-23T12:00:01Z", "CVE-1", true);
    check("CVE-1@2026-11-23T12:00:00Z", "CVE-1", false);
    check("CVE-1@2026-11-23T11:59:59Z", "CVE-1", false);
    check("CVE-1@2026-11-23T12:00:01", "CVE-1", true);
    check("CVE-1@2026-11-23T13:00:00+02:00", "CVE-1", false);
    check("CVE-1@2026-11-23T11:30:00-01:00", "CVE-1", true);
    check("CVE-1@\"2027-01-01T00:00:00Z\"", "CVE-1", true);
    check("CVE-1@\"2020-01-01T00:00:00Z\"", "CVE-1", false);
    // Only the first of one id is read; another id of the group still counts.
    check("CVE-1@2020-01-01 CVE-1", "CVE-1", false);
    check("CVE-1 CVE-1@2020-01-01", "CVE-1", true);
    check("CVE-1@2020-01-01 GHSA-a", aliased, true);
    check("GHSA-a@2020-01-01 CVE-1", aliased, true);
    check("GHSA-a@2020-01-01 CVE-1@2020-01-01", aliased, false);
    check("PYSEC-1@2027-01-01 CVE-1@2020-01-01", aliased, true);
}

#[test]
fn what_is_filtered_is_told_in_its_words() {
    let mut rows = Rows::of("osv-scanner: words");
    let mut check = |file: &str, words: &str, expect: &str| {
        rows.row();
        let decision = judge(&read(file), &[words]);
        assert_eq!(decision.left_out[0].1, expect);
        assert_eq!(decision.message, "No issues found");
    };
    let id = "[[IgnoredVulns]]\nid = \"CVE-1\"\n";
    let known = format!("{id}reason = \"known\"\n");
    check(
        id,
        "CVE-1",
        "CVE-1 has been filtered out because: (no reason given)",
    );
    check(
        &known,
        "CVE-1",
        "CVE-1 has been filtered out because: known",
    );
    check(
        &known,
        "CVE-1 alias=GHSA-a",
        "CVE-1 and 1 alias have been filtered out because: known",
    );
    check(
        &known,
        "CVE-1 alias=GHSA-a,GHSA-b",
        "CVE-1 and 2 aliases have been filtered out because: known",
    );
    check(
        &known,
        "GHSA-a alias=CVE-1",
        "CVE-1 and 1 alias have been filtered out because: known",
    );
    let package = "[[PackageOverrides]]\nname = \"openssl\"\nignore = true\n";
    check(
        package,
        "CVE-1",
        "Package Debian:12/openssl/3.0.11 has been filtered out because: (no reason given)",
    );
    check(
        &format!("{package}reason = \"ours\"\n"),
        "CVE-1 pkg=libssl3@3.0.11 source=openssl",
        "Package Debian:12/openssl/3.0.11 has been filtered out because: ours",
    );
    let mut check = |findings: &[&str], expect: &str| {
        rows.row();
        assert_eq!(judge(&Settings::default(), findings).message, expect);
    };
    check(
        &["CVE-1 high fixed"],
        "Total 1 package affected by 1 known vulnerability (0 Critical, 1 High, 0 Medium, 0 Low, 0 Unknown) from 1 ecosystem.\n1 vulnerability can be fixed.",
    );
    check(
        &[
            "CVE-1 critical affected",
            "CVE-2 medium fixed",
            "CVE-3 low fixed ns=npm type=npm pkg=x@1",
            "CVE-4 unknown affected",
        ],
        "Total 2 packages affected by 4 known vulnerabilities (1 Critical, 0 High, 1 Medium, 1 Low, 1 Unknown) from 2 ecosystems.\n2 vulnerabilities can be fixed.",
    );
    check(
        &[
            "CVE-1 high pkg=libssl3@1 source=openssl",
            "CVE-2 high pkg=libssl-dev@1 source=openssl",
        ],
        "Total 1 package affected by 2 known vulnerabilities (0 Critical, 2 High, 0 Medium, 0 Low, 0 Unknown) from 1 ecosystem.\n2 vulnerabilities can be fixed.",
    );
}

const NPM: &str = "CVE-1 type=npm pkg=left-pad@1.0.0 ns=npm";
const SSL: &str = "CVE-1 pkg=libssl3@3.0.11 source=openssl";

#[test]
fn overrides_are_of_packages_that_meet_every_condition() {
    let mut rows = Rows::of("osv-scanner: PackageOverrides");
    let mut check = |conditions: &str, words: &str, matches: bool| {
        for (action, works) in [
            ("ignore = true", true),
            ("vulnerability.ignore = true", true),
            ("license.ignore = true", false),
        ] {
            rows.row();
            let conditions = conditions.replace("; ", "\n");
            let text = format!("[[PackageOverrides]]\n{conditions}\n{action}\n");
            let decision = judge(&read(&text), &[words]);
            assert_eq!(decision.code == 0, matches && works, "{text} on {words}");
        }
    };
    check("name = \"left-pad\"", NPM, true);
    check("name = \"Left-Pad\"", NPM, false);
    check("name = \"left\"", NPM, false);
    check("", NPM, true);
    check("version = \"1.0.0\"", NPM, true);
    check("version = \"1.0\"", NPM, false);
    check("name = \"left-pad\"; version = \"1.0.0\"", NPM, true);
    check("name = \"left-pad\"; version = \"2.0.0\"", NPM, false);
    check("ecosystem = \"npm\"", NPM, true);
    check("ecosystem = \"NPM\"", NPM, false);
    check("ecosystem = \"PyPI\"", NPM, false);
    check("ecosystem = \"Debian\"", SSL, true);
    check("ecosystem = \"Debian:12\"", SSL, true);
    check("ecosystem = \"Debian:11\"", SSL, false);
    check("ecosystem = \"debian:12\"", SSL, false);
    check("group = \"dev\"", NPM, false);
    check("name = \"left-pad\"; group = \"dev\"", NPM, false);
    // Of Debian and Alpine the source's name is the name.
    check("name = \"openssl\"", SSL, true);
    check("name = \"libssl3\"", SSL, false);
    check(
        "name = \"openssl\"",
        "CVE-1 type=apk pkg=libssl3@3 source=openssl ns=alpine:3.19",
        true,
    );
    check(
        "name = \"openssl\"",
        "CVE-1 type=rpm pkg=openssl-libs@3 source=openssl ns=red-hat:9",
        false,
    );
    check(
        "name = \"openssl-libs\"",
        "CVE-1 type=rpm pkg=openssl-libs@3 source=openssl ns=red-hat:9",
        true,
    );
    // Of PyPI the normalised one.
    check(
        "name = \"ruamel-yaml\"",
        "CVE-1 type=pypi pkg=Ruamel.YAML@1 ns=pypi",
        true,
    );
    check(
        "name = \"Ruamel.YAML\"",
        "CVE-1 type=pypi pkg=Ruamel.YAML@1 ns=pypi",
        false,
    );
    check(
        "name = \"org.x:y\"",
        "CVE-1 type=maven pkg=org.x:y@1 ns=maven",
        true,
    );
    check(
        "name = \"stdlib\"",
        "CVE-1 type=golang pkg=go@1.21 ns=go",
        true,
    );
    // Expressions are anchored.
    check("name = \"left.*\"; nameIsRegex = true", NPM, true);
    check("name = \"left\"; nameIsRegex = true", NPM, false);
    check("name = \".*pad\"; nameIsRegex = true", NPM, true);
    check("name = \"(left|right)-pad\"; nameIsRegex = true", NPM, true);
    check("name = \"left.*\"; nameIsRegex = false", NPM, false);
    check("name = \"\"; nameIsRegex = true", NPM, true);
    // Its time.
    check(
        "name = \"left-pad\"; effectiveUntil = 2027-01-01",
        NPM,
        true,
    );
    check(
        "name = \"left-pad\"; effectiveUntil = 2026-11-23",
        NPM,
        false,
    );
    check(
        "name = \"left-pad\"; effectiveUntil = 2026-11-23T12:00:00Z",
        NPM,
        false,
    );
    check(
        "name = \"left-pad\"; effectiveUntil = 2026-11-23T12:00:00.001Z",
        NPM,
        true,
    );
    check(
        "name = \"left-pad\"; effectiveUntil = 2020-01-01",
        NPM,
        false,
    );
}

#[test]
fn the_first_override_of_a_kind_decides() {
    let mut rows = Rows::of("osv-scanner: order of overrides");
    let mut check = |overrides: &[&str], is_ignored: bool| {
        rows.row();
        let text: Vec<String> = overrides
            .iter()
            .map(|one| format!("[[PackageOverrides]]\n{}\n", one.replace("; ", "\n")))
            .collect();
        let decision = judge(&read(&text.concat()), &[NPM]);
        assert_eq!(decision.code == 0, is_ignored, "{overrides:?}");
    };
    let name = "name = \"left-pad\"";
    let over = "effectiveUntil = 2020-01-01";
    check(
        &[
            &format!("{name}; ignore = true"),
            &format!("{name}; ignore = true; {over}"),
        ],
        true,
    );
    check(
        &[
            &format!("{name}; ignore = true; {over}"),
            &format!("{name}; ignore = true"),
        ],
        false,
    );
    check(
        &[
            &format!("{name}; ignore = true; {over}"),
            &format!("{name}; vulnerability.ignore = true"),
        ],
        true,
    );
    check(
        &[
            &format!("{name}; license.ignore = true"),
            &format!("{name}; ignore = true"),
        ],
        true,
    );
    check(
        &[
            "name = \"other\"; ignore = true",
            "ecosystem = \"npm\"; ignore = true",
        ],
        true,
    );
    check(
        &[
            &format!("{name}; ignore = false"),
            &format!("{name}; ignore = true"),
        ],
        true,
    );
    check(&[name], false);
}

#[test]
fn ecosystems_have_osvs_names() {
    let mut rows = Rows::of("osv-scanner: ecosystems");
    let mut check = |words: &str, expect: &str| {
        rows.row();
        let text = format!("[[PackageOverrides]]\necosystem = \"{expect}\"\nignore = true\n");
        let words = format!("CVE-1 pkg=x@1 {words}");
        assert_eq!(judge(&read(&text), &[&words]).code, 0, "{words} {expect}");
    };
    check("ns=debian:12", "Debian:12");
    check("ns=alpine:3.19 type=apk", "Alpine:v3.19");
    check("ns=alpine:3.19 type=apk", "Alpine");
    check("ns=alpine:edge type=apk", "Alpine:edge");
    check("ns=ubuntu:22.04", "Ubuntu:22.04:LTS");
    check("ns=ubuntu:22.04", "Ubuntu");
    check("ns=ubuntu:24.10", "Ubuntu:24.10");
    check("ns=ubuntu:23.04", "Ubuntu:23.04");
    check("ns=ubuntu-pro:18.04", "Ubuntu:Pro:18.04:LTS");
    check("ns=almalinux:9 type=rpm", "AlmaLinux:9");
    check("ns=rocky:9 type=rpm", "Rocky Linux:9");
    check("ns=red-hat:9 type=rpm", "Red Hat");
    check("ns=wolfi type=apk", "Wolfi");
    check("ns=npm type=npm", "npm");
    check("ns=pypi type=pypi", "PyPI");
    check("ns=go type=golang", "Go");
    check("ns=crates.io type=cargo", "crates.io");
    check("ns=maven type=maven", "Maven");
    check("ns=nuget type=nuget", "NuGet");
    check("ns=rubygems type=gem", "RubyGems");
    check("ns=packagist type=composer", "Packagist");
    check("ns=pub type=pub", "Pub");
    check("ns=hex type=hex", "Hex");
    check("ns=cran type=cran", "CRAN");
}

#[test]
fn exit_codes_are_0_1_127_and_128() {
    let mut rows = Rows::of("osv-scanner: exit codes");
    let mut check =
        |findings: &[&str], gap: Option<Gap>, has_packages: bool, code: u16, message: &str| {
            rows.row();
            let mut subject = subject(findings);
            subject.gaps = gap.into_iter().collect();
            if !has_packages {
                subject.packages.clear();
            }
            let decision = osv_scanner::judge(&Settings::default(), &subject, now());
            assert_eq!(decision.code, code);
            assert!(
                decision.message.starts_with(message),
                "{}",
                decision.message
            );
            assert_eq!(decision.allows, code == 0);
        };
    check(&[], None, true, 0, "No issues found");
    check(&["CVE-1"], None, true, 1, "Total 1 package");
    check(&["CVE-1 negligible"], None, true, 0, "No issues found");
    check(
        &["CVE-1 negligible", "CVE-2 low"],
        None,
        true,
        1,
        "Total 1 package",
    );
    check(&["CVE-1 pkg=linux@6"], None, true, 0, "No issues found");
    check(
        &["CVE-1 pkg=linux-libc-dev@6 source=linux"],
        None,
        true,
        0,
        "No issues found",
    );
    check(&["CVE-1 pkg=linux-image@6"], None, true, 1, "Total");
    check(
        &[],
        None,
        false,
        128,
        "No package sources found, --help for usage information.",
    );
    check(
        &[],
        Some(Gap::NoDatabase),
        true,
        127,
        "error when retrieving vulns",
    );
    check(
        &[],
        Some(Gap::NoDatabase),
        false,
        128,
        "No package sources found",
    );
    check(&[], Some(Gap::Layers(vec![1])), true, 0, "No issues found");
}

#[test]
fn packages_have_licences_that_are_listed() {
    let mut rows = Rows::of("osv-scanner: --licenses");
    let mut check = |allowed: &str, licence: &'static str, file: &str, is_fine: bool| {
        rows.row();
        let mut settings = read(file);
        settings.licenses = allowed.split(',').map(str::to_owned).collect();
        let mut subject = subject(&[]);
        subject.packages = vec![finding("CVE-1 type=npm pkg=x@1").at];
        subject.packages[0].licence = Some(licence).filter(|text| !text.is_empty());
        let decision = osv_scanner::judge(&settings, &subject, now());
        assert_eq!(decision.code == 0, is_fine, "{allowed} {licence} {file}");
        assert_eq!(decision.counted_packages.len(), usize::from(!is_fine));
    };
    check("MIT", "MIT", "", true);
    check("MIT", "Apache-2.0", "", false);
    check("MIT,Apache-2.0", "Apache-2.0", "", true);
    check("MIT", "MIT OR Apache-2.0", "", true);
    check("MIT", "MIT AND Apache-2.0", "", false);
    check("MIT,Apache-2.0", "MIT AND Apache-2.0", "", true);
    check("MIT", "(MIT OR ISC) AND Apache-2.0", "", false);
    check("MIT", "", "", false);
    check("UNKNOWN", "", "", true);
    check("MIT", "nonsense of ours", "", false);
    check("mit", "MIT", "", true);
    let package = |rest: &str| format!("[[PackageOverrides]]\nname = \"x\"\n{rest}\n");
    check(
        "MIT",
        "GPL-3.0-only",
        &package("license.override = [\"MIT\"]"),
        true,
    );
    check(
        "MIT",
        "MIT",
        &package("license.override = [\"GPL-3.0-only\"]"),
        false,
    );
    check(
        "MIT",
        "GPL-3.0-only",
        &package("license.override = [\"MIT\", \"ISC\"]"),
        false,
    );
    check(
        "MIT",
        "GPL-3.0-only",
        &package("license.ignore = true"),
        true,
    );
    check("MIT", "GPL-3.0-only", &package("ignore = true"), true);
    check(
        "MIT",
        "GPL-3.0-only",
        &package("vulnerability.ignore = true"),
        false,
    );
    check(
        "MIT",
        "GPL-3.0-only",
        &package("license.ignore = true\neffectiveUntil = 2020-01-01"),
        false,
    );
}

#[test]
fn files_are_read_as_osv_scanner_reads_them() {
    let mut rows = Rows::of("osv-scanner: import");
    let mut check = |text: &str, expect: &str| {
        rows.row();
        let read = match osv_scanner::read(text) {
            Err(lamina_policy::presets::ImportError::Refused {
                message,
                line,
                column,
            }) => format!(
                "{}:{} {message}",
                line.unwrap_or_default(),
                column.unwrap_or_default()
            ),
            Err(error) => format!("error: {error}"),
            Ok(read) => format!(
                "{} {} {} remarks",
                read.value.ignored_vulns.len(),
                read.value.package_overrides.len(),
                read.lost.len()
            ),
        };
        assert!(read.starts_with(expect), "{text}\n{read}\n{expect}");
    };
    check("", "0 0 0 remarks");
    check("# nothing\n", "0 0 0 remarks");
    check("[[IgnoredVulns]]\nid = \"CVE-1\"\n", "1 0 0 remarks");
    check("[[IgnoredVulns]]\n", "1 0 0 remarks");
    check(
        "IgnoredVulns = [{id = \"CVE-1\"}, {id = \"CVE-2\"}]",
        "2 0 0 remarks",
    );
    check("IgnoredVulns = []\n", "0 0 0 remarks");
    check(
        "[[ignoredvulns]]\nID = \"CVE-1\"\nREASON = \"x\"\n",
        "1 0 0 remarks",
    );
    check(
        "[[IgnoredVulns]]\nid = \"CVE-1\"\n[[IgnoredVulns]]\nid = \"CVE-1\"\n",
        "2 0 1 remarks",
    );
    check(
        "[[IgnoredVulns]]\nid = \"CVE-1\"\nignoreUntil = 2027-01-01\n",
        "1 0 1 remarks",
    );
    check(
        "[[IgnoredVulns]]\nid = \"CVE-1\"\nignoreUntil = 2027-01-01T00:00:00Z\n",
        "1 0 0 remarks",
    );
    check(
        "[[IgnoredVulns]]\nid = \"CVE-1\"\nignoreUntil = 2027-01-01 00:00:00\n",
        "1 0 1 remarks",
    );
    check(
        "[[IgnoredVulns]]\nid = \"CVE-1\"\nignoreUntil = \"2027-01-01T00:00:00Z\"\n",
        "1 0 0 remarks",
    );
    check(
        "[[PackageOverrides]]\nname = \"x\"\nversion = \"1\"\necosystem = \"Go\"\ngroup = \"dev\"\nnameIsRegex = false\nignore = true\nvulnerability.ignore = true\nlicense.override = [\"MIT\"]\nlicense.ignore = false\neffectiveUntil = 2027-01-01T00:00:00Z\nreason = \"r\"\n",
        "0 1 0 remarks",
    );
    check(
        "[[PackageOverrides]]\n[PackageOverrides.license]\noverride = []\n",
        "0 1 0 remarks",
    );
    check(
        "GoVersionOverride = \"1.20.0\"\nScanGoModVersion = true\n",
        "0 0 0 remarks",
    );
    // What it refuses, and where.
    check("x = 1\n", "1:1 unknown keys in config file: x");
    check(
        "[[IgnoredVulns]]\nid = \"a\"\nuntil = 1\n",
        "3:1 unknown keys in config file: IgnoredVulns.until",
    );
    check("b = 1\na = 2\n", "1:1 unknown keys in config file: b, a");
    check(
        "[[PackageOverrides]]\nvulnerability.x = 1\n",
        "2:15 unknown keys in config file: PackageOverrides.vulnerability.x",
    );
    check(
        "[[PackageOverrides]]\nlicence.ignore = true\n",
        "2:1 unknown keys in config file: PackageOverrides.licence",
    );
    check(
        "[[IgnoredVuln]]\nid = \"a\"\n",
        "1:3 unknown keys in config file: IgnoredVuln",
    );
    check("[[IgnoredVulns]]\nid = 5\n", "2:6 a text is wanted here");
    check(
        "[[IgnoredVulns]]\nid = [\"a\"]\n",
        "2:6 a text is wanted here",
    );
    check(
        "[[IgnoredVulns]]\nignoreUntil = \"2027-01-01\"\n",
        "2:15 \"2027-01-01\" is no time",
    );
    check(
        "[[IgnoredVulns]]\nignoreUntil = \"soon\"\n",
        "2:15 \"soon\" is no time",
    );
    check(
        "[[IgnoredVulns]]\nignoreUntil = 5\n",
        "2:15 a date or time is wanted here",
    );
    check(
        "[[IgnoredVulns]]\nignoreUntil = 10:00:00\n",
        "2:15 a date or time is wanted here",
    );
    check(
        "IgnoredVulns = \"CVE-1\"\n",
        "1:16 a list of tables is wanted here",
    );
    check(
        "IgnoredVulns = [\"CVE-1\"]\n",
        "1:17 a table is wanted here",
    );
    check("[IgnoredVulns]\nid = \"a\"\n", "1:");
    check(
        "[[PackageOverrides]]\nignore = \"yes\"\n",
        "2:10 true or false is wanted here",
    );
    check(
        "[[PackageOverrides]]\nvulnerability = true\n",
        "2:17 a table is wanted here",
    );
    check(
        "[[PackageOverrides]]\nlicense.override = \"MIT\"\n",
        "2:20 a list of texts is wanted here",
    );
    check(
        "[[PackageOverrides]]\nname = \"(\"\nnameIsRegex = true\n",
        "2:8 invalid regex \"(\" in package override",
    );
    check(
        "[[PackageOverrides]]\nname = \"a++\"\nnameIsRegex = true\n",
        "2:8 invalid regex",
    );
    check("[[PackageOverrides]]\nname = \"(\"\n", "0 1 0 remarks");
    check("[[IgnoredVulns]\n", "1:");
    check("id = \n", "1:");
    check("a = 1\na = 2\n", "2:1 duplicate key");
    check(&" ".repeat(5 << 20), "error: the file is 5242880 bytes");
    let many = "[[IgnoredVulns]]\n".repeat(10_001);
    check(&many, "error: the file has 10001 entries, more than 10000");
    let many = "[[PackageOverrides]]\n".repeat(501);
    check(&many, "error: the file has 501 entries, more than 500");
    let deep = format!("a = {}", "[".repeat(100_000));
    check(&deep, "1:");
}

#[test]
fn a_policy_becomes_a_file() {
    let mut rows = Rows::of("osv-scanner: from a policy");
    let mut check = |policy: &str, entries: &str, lost: &[&str]| {
        rows.row();
        let policy = format!("{{fail-on: negligible, unknown-severity: fail, {policy}}}");
        let policy = Policy::parse(&policy).unwrap_or_else(|error| panic!("{policy}: {error}"));
        let made = osv_scanner::from_policy(&policy, now());
        let ignored = made.value.ignored_vulns.iter().map(|one| {
            let until = one
                .ignore_until
                .map(|at| at.to_string())
                .unwrap_or_default();
            format!("{}|{until}", one.id)
        });
        let overrides = made.value.package_overrides.iter().map(|one| {
            let regex = if one.name_is_regex { "~" } else { "" };
            format!("{regex}{}|{}|{}", one.name, one.ecosystem, one.version)
        });
        let text: Vec<String> = ignored.chain(overrides).collect();
        assert_eq!(text.join(" "), entries, "{policy:?}");
        assert_eq!(made.lost.len(), lost.len(), "{:?}", made.lost);
        for (made, expect) in made.lost.iter().zip(lost) {
            assert!(made.contains(expect), "{made} {expect}");
        }
    };
    check("", "", &[]);
    check("fixable-only: true", "", &["fixed"]);
    check("ignore-statuses: [possible]", "", &["statuses"]);
    check("grace: {fix: 1d}", "", &["grace"]);
    check("exceptions: [{id: ghsa-AAAA}]", "GHSA-aaaa|", &[]);
    check(
        "exceptions: [{id: CVE-1, expires: 2026-11-30}]",
        "CVE-1|2026-12-01T00:00:00Z",
        &[],
    );
    check(
        "exceptions: [{id: CVE-1, expires: 2026-11-22}]",
        "",
        &["expired"],
    );
    check(
        "exceptions-expire: 2026-11-22, exceptions: [{id: CVE-1}]",
        "",
        &["expired"],
    );
    check(
        "exceptions-expire: 2026-11-30, exceptions: [{id: CVE-1, expires: 2027-01-01}]",
        "CVE-1|2026-12-01T00:00:00Z",
        &[],
    );
    check(
        "exceptions: [{id: CVE-1}, {id: cve-1}]",
        "CVE-1|",
        &["two entries"],
    );
    check(
        "exceptions: [{id: CVE-1, package: x}]",
        "",
        &["confine an id"],
    );
    check("exceptions: [{id: CVE-1, path: x}]", "", &["compare paths"]);
    check("exceptions: [{path: x}]", "", &["compare paths"]);
    check("exceptions: [{layer: 1}]", "", &["to a layer"]);
    check("exceptions: [{id: CVE-1, images: [x]}]", "", &["to images"]);
    check(
        "exceptions: [{package: openssl}]",
        "openssl||",
        &["source package's name"],
    );
    check(
        "exceptions: [{package: 'lib*'}]",
        "~lib[^/]*||",
        &["source package's name"],
    );
    check("exceptions: [{package: '{a,b}'}]", "", &["compare names"]);
    check("exceptions: [{purl: 'pkg:npm/x@1'}]", "x|npm|1", &[]);
    check("exceptions: [{purl: 'pkg:npm/%40s/x'}]", "@s/x|npm|", &[]);
    check(
        "exceptions: [{purl: 'pkg:maven/org.x/y@1'}]",
        "org.x:y|Maven|1",
        &[],
    );
    check(
        "exceptions: [{purl: 'pkg:golang/github.com/x/y'}]",
        "github.com/x/y|Go|",
        &[],
    );
    check(
        "exceptions: [{purl: 'pkg:npm/*'}]",
        "",
        &["compare the purl"],
    );
    check(
        "exceptions: [{purl: 'pkg:deb/debian/x'}]",
        "",
        &["compare the purl"],
    );
    check(
        "exceptions: [{purl: 'pkg:npm/x', package: x}]",
        "",
        &["a name and a purl"],
    );
    for (policy, count) in [
        ("fail-on: high", 2),
        ("fail-on: never", 2),
        ("{fail-on: negligible}", 1),
    ] {
        rows.row();
        let policy = Policy::parse(policy).unwrap();
        assert_eq!(osv_scanner::from_policy(&policy, now()).lost.len(), count);
    }
    rows.row();
    let policy = Policy::parse("licences: {allow: [MIT, Apache-2.0]}").unwrap();
    let settings = osv_scanner::from_policy(&policy, now()).value;
    let export = osv_scanner::export(&settings, "my image");
    assert_eq!(
        export.command,
        "osv-scanner scan image --config osv-scanner.toml --licenses=MIT,Apache-2.0,UNKNOWN 'my image'"
    );
}

#[test]
fn a_file_becomes_a_policy() {
    let mut rows = Rows::of("osv-scanner: to a policy");
    let mut check = |file: &str, exceptions: &str| {
        rows.row();
        let policy = osv_scanner::to_policy(&read(&file.replace("; ", "\n"))).value;
        assert_eq!(
            (policy.fail_on, policy.unknown_severity),
            (Threshold::Negligible, Choice::Fail)
        );
        let made: Vec<String> = policy
            .exceptions
            .iter()
            .map(|one| {
                let text = |pattern: &Option<lamina_policy::Pattern>| {
                    pattern.as_ref().map_or(String::new(), ToString::to_string)
                };
                let expires = one
                    .expires
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                format!(
                    "{}|{}|{}|{expires}",
                    one.id.as_deref().unwrap_or_default(),
                    text(&one.package),
                    text(&one.purl)
                )
            })
            .collect();
        assert_eq!(made.join(" "), exceptions, "{file}");
    };
    let package = "[[PackageOverrides]]; ";
    check("", "");
    check("[[IgnoredVulns]]; id = \"CVE-1\"", "CVE-1|||");
    check(
        "[[IgnoredVulns]]; id = \"CVE-1\"; ignoreUntil = 2027-01-01",
        "CVE-1|||2026-12-31",
    );
    check(
        "[[IgnoredVulns]]; id = \"CVE-1\"; [[IgnoredVulns]]; id = \"CVE-1\"",
        "CVE-1|||",
    );
    check("[[IgnoredVulns]]; id = \"\"", "");
    check(&format!("{package}name = \"x\"; ignore = true"), "|x||");
    check(
        &format!("{package}name = \"x\"; vulnerability.ignore = true"),
        "|x||",
    );
    check(&format!("{package}name = \"x\"; license.ignore = true"), "");
    check(
        &format!("{package}name = \"x\"; group = \"dev\"; ignore = true"),
        "",
    );
    check(
        &format!("{package}name = \"x.*\"; nameIsRegex = true; ignore = true"),
        "|x*||",
    );
    check(
        &format!("{package}name = \"x|y\"; nameIsRegex = true; ignore = true"),
        "",
    );
    check(
        &format!("{package}name = \"x\"; ecosystem = \"npm\"; ignore = true"),
        "||pkg:npm/x|",
    );
    check(
        &format!("{package}name = \"@s/x\"; ecosystem = \"npm\"; version = \"1\"; ignore = true"),
        "||pkg:npm/%40s/x@1|",
    );
    check(
        &format!("{package}name = \"g:a\"; ecosystem = \"Maven\"; ignore = true"),
        "||pkg:maven/g/a|",
    );
    check(
        &format!("{package}name = \"x\"; ecosystem = \"Debian:12\"; ignore = true"),
        "",
    );
    check(
        &format!("{package}name = \"x\"; version = \"1\"; ignore = true"),
        "",
    );
    check(&format!("{package}ecosystem = \"npm\"; ignore = true"), "");
    check(&format!("{package}ignore = true"), "");
    check(
        &format!("{package}name = \"x\"; ignore = true; effectiveUntil = 2027-01-01"),
        "|x||2026-12-31",
    );
}
