//! Presets judged on tables: each row is a rule of the tool, with the answer written down.

mod export;
mod grype;
mod harbor;
mod osv_scanner;
mod trivy;
mod trivy_oracle;

use jiff::Timestamp;
use lamina_inventory::{facts::IssueKind, severity::Severity};
use lamina_policy::{Finding, Issue, Package, Status, Subject, presets::Decision};

pub(crate) const NOW: &str = "2026-11-23T12:00:00Z";

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// Counts the rows of a table, and says at the end how many there were.
pub(crate) struct Rows(pub(crate) &'static str, pub(crate) usize);

impl Rows {
    pub(crate) fn of(name: &'static str) -> Self {
        Self(name, 0)
    }

    pub(crate) fn row(&mut self) {
        self.1 += 1;
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        println!("rows: {} {}", self.1, self.0);
    }
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// A finding in a few words: `CVE-1 high fixed pkg=openssl@3.0.11 type=deb source=x file=y ns=debian:12
/// alias=GHSA-x,PYSEC-y`. What is left out is openssl of Debian 12, high and fixed.
pub(crate) fn finding(words: &str) -> Finding<'static> {
    let mut finding = Finding {
        id: "CVE-1",
        severity: Severity::High,
        status: Status::Fixed,
        namespace: "debian:12",
        at: Package {
            name: "openssl",
            version: "3.0.11",
            file: "var/lib/dpkg/status",
            purl: "pkg:deb/debian/openssl@3.0.11?arch=amd64&distro=debian-12",
            ..Package::default()
        },
        ..Finding::default()
    };
    let mut kind = "deb";
    let mut purl = None;
    let mut is_other = false;
    for (number, word) in words.split_whitespace().enumerate() {
        let word = leak(word);
        if number == 0 {
            finding.id = word;
            continue;
        }
        let status = Status::ALL
            .into_iter()
            .find(|status| serde_json::to_value(status).unwrap() == word);
        let severity = Severity::WORST_FIRST
            .into_iter()
            .find(|severity| severity.word() == word);
        if let Some(status) = status {
            finding.status = status;
        } else if let Some(severity) = severity {
            finding.severity = severity;
        } else {
            let (key, value) = word.split_once('=').expect("key=value");
            match key {
                "pkg" => {
                    let (name, version) = value.rsplit_once('@').expect("name@version");
                    finding.at.name = name;
                    finding.at.version = version;
                    is_other = true;
                }
                "type" => {
                    kind = value;
                    is_other = true;
                }
                "purl" => purl = Some(value),
                "source" => finding.at.source = Some(value),
                "file" => finding.at.file = value,
                "ns" => finding.namespace = value,
                "licence" => finding.at.licence = Some(value),
                "alias" => {
                    let aliases: Vec<String> = value.split(',').map(str::to_owned).collect();
                    finding.aliases = aliases.leak();
                }
                other => panic!("{other} in {words}"),
            }
        }
    }
    if is_other {
        let distribution = match kind {
            "deb" => "debian/",
            "apk" => "alpine/",
            "rpm" => "redhat/",
            _ => "",
        };
        let name = finding.at.name.replace('@', "%40").replace(':', "/");
        finding.at.purl = leak(&format!(
            "pkg:{kind}/{distribution}{name}@{}",
            finding.at.version
        ));
    }
    if let Some(purl) = purl {
        finding.at.purl = purl;
    }
    finding
}

/// An image with these findings, and their packages.
pub(crate) fn subject(findings: &[&str]) -> Subject<'static> {
    let findings: Vec<Finding<'static>> = findings.iter().map(|words| finding(words)).collect();
    let packages = match findings.is_empty() {
        true => vec![finding("CVE-1").at],
        false => findings.iter().map(|finding| finding.at).collect(),
    };
    let mut subject = Subject {
        packages,
        findings,
        ..Subject::default()
    };
    subject.image.name = "shop/api:1.2";
    subject
}

/// Checks that each of so many findings is either counted or left out.
pub(crate) fn check_parts(decision: &Decision, findings: usize) {
    let mut all: Vec<usize> = decision.left_out.iter().map(|(index, _)| *index).collect();
    all.extend(&decision.counted);
    all.sort_unstable();
    assert_eq!(all, (0..findings).collect::<Vec<usize>>());
}

/// An issue of the image.
pub(crate) fn issue(
    kind: IssueKind,
    rule: &'static str,
    severity: Severity,
    file: Option<&'static str>,
) -> Issue<'static> {
    Issue {
        kind,
        rule,
        title: rule,
        severity,
        layer: None,
        file,
        is_of_base: false,
    }
}

/// A truth table: the first line names the columns, each other line its row and then one letter a
/// column. `|` parts row names that have blanks.
pub(crate) fn truth(table: &str, mut check: impl FnMut(&str, &str, char)) {
    let mut lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    let columns: Vec<&str> = lines.next().expect("columns").split_whitespace().collect();
    for line in lines {
        let (row, letters) = line.split_once('|').expect("row | letters");
        let letters: Vec<&str> = letters.split_whitespace().collect();
        assert_eq!(letters.len(), columns.len(), "{line}");
        for (column, letter) in columns.iter().zip(letters) {
            check(row.trim(), column, letter.chars().next().unwrap());
        }
    }
}
