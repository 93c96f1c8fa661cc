//! The fix plan: which upgrades remove the findings of an image, the one that removes most first; the
//! lines of a Dockerfile that make them; and the report as it would be with them.
//!
//! Binary packages of one source package are upgraded together, as a distribution publishes them. A
//! language package is upgraded where it lies: two copies are two upgrades. The target is the lowest
//! version in which everything is fixed that has a fix, in the ecosystem's version order.

use std::collections::BTreeMap;

use lamina_advisories::orders::compare_or_text;
use lamina_inventory::{facts::PackageKind, severity::Severity};
use lamina_policy::Status;

use crate::model::{Finding, Package, Report};

/// The upgrades that remove findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The one that removes most first.
    pub upgrades: Vec<Upgrade>,
    /// Findings that no version fixes: indexes into [`Report::findings`].
    pub unfixed: Vec<usize>,
}

/// One upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Which kind of package.
    pub kind: PackageKind,
    /// The package; its source package, where several of one source are upgraded together.
    pub name: String,
    /// The packages that are replaced: indexes into [`Report::packages`].
    pub packages: Vec<usize>,
    /// The version installed: of the first of them.
    pub from: String,
    /// The lowest version in which all is fixed that has a fix.
    pub to: String,
    /// The layers that brought them, lowest first.
    pub layers: Vec<usize>,
    /// Whether all of them are the base image's; `None` if nothing tells.
    pub is_of_base: Option<bool>,
    /// The findings that it removes, worst first: indexes into [`Report::findings`].
    pub findings: Vec<usize>,
    /// The worst of them.
    pub worst: Severity,
}

/// How the packages of an upgrade are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// A package manager does it within the image: a line of the Dockerfile.
    Command,
    /// Something else is to be changed first: a lock file, a build, a base image.
    ByHand,
}

impl Upgrade {
    /// How its packages are replaced.
    pub fn means(&self) -> Means {
        match Manager::of(self.kind) {
            Some(_) => Means::Command,
            None => Means::ByHand,
        }
    }
}

/// Plans the upgrades of a report.
pub fn plan(report: &Report) -> Plan {
    let base = report.base.as_ref().map(|base| base.layers);
    let mut plan = Plan::default();
    let mut upgrades: BTreeMap<(PackageKind, &str, &str), Upgrade> = BTreeMap::new();
    for (index, finding) in report.findings.iter().enumerate() {
        let Some(package) = report.packages.get(finding.package) else {
            continue;
        };
        let Some(fixed) = fix_of(finding) else {
            plan.unfixed.push(index);
            continue;
        };
        let (name, place) = match &package.source {
            Some((source, _)) if package.kind.is_os() => (source.as_str(), ""),
            _ if package.kind.is_os() => (package.name.as_str(), ""),
            _ => (package.name.as_str(), package.file.as_str()),
        };
        let upgrade = upgrades
            .entry((package.kind, name, place))
            .or_insert_with(|| Upgrade {
                kind: package.kind,
                name: name.to_owned(),
                packages: Vec::new(),
                from: package.version.clone(),
                to: fixed.to_owned(),
                layers: Vec::new(),
                is_of_base: None,
                findings: Vec::new(),
                worst: Severity::Unknown,
            });
        if compare_or_text(&finding.evidence.order, fixed, &upgrade.to).is_gt() {
            fixed.clone_into(&mut upgrade.to);
        }
        upgrade.packages.push(finding.package);
        upgrade.layers.push(package.layer);
        upgrade.findings.push(index);
        upgrade.worst = upgrade.worst.max(finding.severity);
    }
    plan.upgrades = upgrades.into_values().collect();
    for upgrade in &mut plan.upgrades {
        upgrade.packages.sort_unstable();
        upgrade.packages.dedup();
        upgrade.layers.sort_unstable();
        upgrade.layers.dedup();
        upgrade.is_of_base = base.map(|base| upgrade.layers.iter().all(|layer| *layer < base));
        upgrade.findings.sort_by_key(|index| {
            let severity = report.findings.get(*index).map(|finding| finding.severity);
            (std::cmp::Reverse(severity), *index)
        });
    }
    plan.upgrades.sort_by(|a, b| {
        b.findings
            .len()
            .cmp(&a.findings.len())
            .then(b.worst.cmp(&a.worst))
            .then_with(|| a.name.cmp(&b.name))
    });
    plan
}

/// The version that fixes a finding, if one does.
fn fix_of(finding: &Finding) -> Option<&str> {
    let fixed = finding.fixed_in.first()?;
    (finding.status == Status::Fixed).then_some(fixed.as_str())
}

/// The report as it would be if these upgrades were made: without their findings, their packages at
/// the new versions. Whether a new version has findings of its own nobody knows before it is scanned.
pub fn with_upgrades<'a>(
    report: &Report,
    upgrades: impl IntoIterator<Item = &'a Upgrade>,
) -> Report {
    let mut changed = report.clone();
    let mut is_gone = vec![false; report.findings.len()];
    for upgrade in upgrades {
        for index in &upgrade.findings {
            if let Some(gone) = is_gone.get_mut(*index) {
                *gone = true;
            }
        }
        for index in &upgrade.packages {
            if let Some(package) = changed.packages.get_mut(*index) {
                package.version.clone_from(&upgrade.to);
            }
        }
    }
    let mut is_gone = is_gone.into_iter();
    changed
        .findings
        .retain(|_| !is_gone.next().unwrap_or_default());
    changed
}

/// Lines for the end of a Dockerfile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snippet {
    /// The lines, with a line feed after each.
    pub dockerfile: String,
    /// How many commands there are.
    pub commands: usize,
    /// How many findings these remove.
    pub removed: usize,
    /// How many upgrades stand there as comments alone, because something else is to be changed.
    pub by_hand: usize,
}

/// What upgrades packages within an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Manager {
    Apt,
    Apk,
    Dnf,
    Zypper,
    Pacman,
    Pip,
    Gem,
}

impl Manager {
    /// That of a kind. npm, Maven, Go and others keep versions in lock files and binaries of the
    /// application: to change them in the image would last until the next build.
    fn of(kind: PackageKind) -> Option<Self> {
        match kind {
            PackageKind::Deb => Some(Self::Apt),
            PackageKind::Apk => Some(Self::Apk),
            PackageKind::Rpm => Some(Self::Dnf),
            PackageKind::Alpm => Some(Self::Pacman),
            PackageKind::Pypi => Some(Self::Pip),
            PackageKind::Gem => Some(Self::Gem),
            _ => None,
        }
    }

    /// `prefix` is where a Python environment lies; empty for that of the system.
    fn command(self, packages: &[(String, String)], prefix: &str, breaks_system: bool) -> String {
        let list = |of: &dyn Fn(&(String, String)) -> String| {
            packages
                .iter()
                .map(|package| format!("      {}", quoted(&of(package))))
                .collect::<Vec<_>>()
                .join(" \\\n")
        };
        let name = |package: &(String, String)| package.0.clone();
        match self {
            Self::Apt => format!(
                "RUN apt-get update \\\n && apt-get install -y --no-install-recommends --only-upgrade \\\n{} \\\n && rm -rf /var/lib/apt/lists/*\n",
                list(&name)
            ),
            Self::Apk => format!(
                "RUN apk add --no-cache --upgrade \\\n{}\n",
                list(&|(name, to)| format!("{name}>={to}"))
            ),
            Self::Dnf => format!(
                "RUN dnf upgrade -y \\\n{} \\\n && dnf clean all\n",
                list(&name)
            ),
            Self::Zypper => format!(
                "RUN zypper --non-interactive update \\\n{} \\\n && zypper clean --all\n",
                list(&name)
            ),
            Self::Pacman => "RUN pacman -Syu --noconfirm && pacman -Scc --noconfirm\n".to_owned(),
            // The very version that fixes all: `>=` would also take the next major ones.
            Self::Pip => {
                let pip = match prefix {
                    "" => "pip".to_owned(),
                    prefix => quoted(&format!("/{prefix}/bin/pip")),
                };
                let flag = match breaks_system && prefix.is_empty() {
                    true => " --break-system-packages",
                    false => "",
                };
                format!(
                    "RUN {pip} install --no-cache-dir{flag} \\\n{}\n",
                    list(&|(name, to)| format!("{name}=={to}"))
                )
            }
            Self::Gem => packages
                .iter()
                .map(|(name, to)| {
                    format!(
                        "RUN gem install {} --version {}\n",
                        quoted(name),
                        quoted(to)
                    )
                })
                .collect(),
        }
    }
}

/// A word of a shell command: what could be anything but a word is quoted. Names come out of the image.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._+-:@/".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", one_line(word).replace('\'', r"'\''"))
}

/// Without what would begin another line of a Dockerfile.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// The file that the first package of an upgrade was read from.
fn file_of<'a>(report: &'a Report, upgrade: &Upgrade) -> Option<&'a str> {
    let first = upgrade.packages.first();
    let package = first.and_then(|index| report.packages.get(*index))?;
    Some(package.file.as_str())
}

/// Where the Python environment lies that a package is in: `opt/venv` of
/// `opt/venv/lib/python3.12/site-packages/…`; empty for that of the system.
fn python_prefix(file: &str) -> &str {
    let prefix = file
        .split_once("/lib/python")
        .map_or("", |(prefix, _)| prefix);
    match prefix {
        "usr" | "usr/local" => "",
        prefix => prefix,
    }
}

/// Whether pip refuses to change the system's Python unless it is told to: the build did tell it, or the
/// packages lie where Debian's own Python, marked by PEP 668 since Debian 12 and Ubuntu 23.04, has them.
fn breaks_system(report: &Report, packages: &[&Upgrade]) -> bool {
    let mut steps = report.layers.iter().map(|layer| &layer.created_by);
    if steps.any(|step| step.contains("--break-system-packages")) {
        return true;
    }
    let is_marked = report.distribution.as_ref().is_some_and(|it| {
        let version = it.version.as_deref().unwrap_or("999");
        let major = version.split('.').next().unwrap_or_default();
        let major: u32 = major.parse().unwrap_or(999);
        (it.id == "debian" && major >= 12) || (it.id == "ubuntu" && major >= 23)
    });
    let mut indexes = packages.iter().flat_map(|upgrade| &upgrade.packages);
    is_marked
        && indexes.any(|index| {
            let package = report.packages.get(*index);
            package.is_some_and(|package| package.file.contains("/dist-packages/"))
        })
}

/// Whether commands at the end of the Dockerfile would run as another user than root.
fn own_user(report: &Report) -> Option<&str> {
    let user = report.image.config.user.as_str();
    let name = user.split(':').next().unwrap_or_default();
    (!matches!(name, "" | "root" | "0")).then_some(user)
}

/// The lines that make these upgrades.
pub fn snippet<'a>(report: &Report, upgrades: impl IntoIterator<Item = &'a Upgrade>) -> Snippet {
    let is_suse = report
        .distribution
        .as_ref()
        .is_some_and(|it| it.id.contains("suse") || it.id.starts_with("sle"));
    let mut by_manager: BTreeMap<(Manager, &str), Vec<&Upgrade>> = BTreeMap::new();
    let mut by_hand: Vec<&Upgrade> = Vec::new();
    for upgrade in upgrades {
        match Manager::of(upgrade.kind) {
            Some(manager) => {
                let manager = match manager {
                    Manager::Dnf if is_suse => Manager::Zypper,
                    other => other,
                };
                let prefix = match manager {
                    Manager::Pip => file_of(report, upgrade).map_or("", python_prefix),
                    _ => "",
                };
                by_manager
                    .entry((manager, prefix))
                    .or_default()
                    .push(upgrade);
            }
            None => by_hand.push(upgrade),
        }
    }
    let mut snippet = Snippet {
        by_hand: by_hand.len(),
        ..Snippet::default()
    };
    let text = &mut snippet.dockerfile;
    let user = own_user(report).filter(|_| !by_manager.is_empty());
    if user.is_some() {
        text.push_str("USER root\n");
    }
    for ((manager, prefix), upgrades) in by_manager {
        let removed: usize = upgrades.iter().map(|upgrade| upgrade.findings.len()).sum();
        let mut packages: Vec<(String, String)> = Vec::new();
        text.push_str(&match removed {
            1 => "# Removes 1 finding\n".to_owned(),
            count => format!("# Removes {count} findings\n"),
        });
        if matches!(manager, Manager::Pip | Manager::Gem) {
            text.push_str("# Better: these versions in the file that names them, as requirements.txt or Gemfile\n");
        }
        for upgrade in &upgrades {
            let of_upgrade = upgrade.packages.iter().filter_map(|index| {
                let package: &Package = report.packages.get(*index)?;
                Some((package.name.clone(), upgrade.to.clone()))
            });
            packages.extend(of_upgrade);
        }
        packages.sort();
        packages.dedup();
        let breaks_system = manager == Manager::Pip && breaks_system(report, &upgrades);
        text.push_str(&manager.command(&packages, prefix, breaks_system));
        text.push('\n');
        snippet.commands += match manager {
            Manager::Gem => packages.len(),
            _ => 1,
        };
        snippet.removed += removed;
    }
    if let Some(user) = user {
        text.push_str(&format!("USER {}\n\n", one_line(user)));
    }
    if !by_hand.is_empty() {
        text.push_str("# To be changed where they come from, then built anew:\n");
    }
    for upgrade in by_hand {
        let file = file_of(report, upgrade).unwrap_or_default();
        text.push_str(&format!(
            "#   {} {} -> {} ({}): removes {}\n",
            one_line(&upgrade.name),
            one_line(&upgrade.from),
            one_line(&upgrade.to),
            one_line(file),
            upgrade.findings.len()
        ));
    }
    snippet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Base, Evidence};

    fn package(kind: PackageKind, name: &str, version: &str, source: Option<&str>) -> Package {
        Package {
            source: source.map(|source| (source.to_owned(), version.to_owned())),
            file: format!("where/{name}"),
            ..Package::new(kind, name, version)
        }
    }

    fn finding(id: &str, package: usize, severity: Severity, fixed: &[&str]) -> Finding {
        Finding {
            id: id.to_owned(),
            package,
            severity,
            status: match fixed {
                [] => Status::Affected,
                _ => Status::Fixed,
            },
            fixed_in: fixed.iter().map(|it| (*it).to_owned()).collect(),
            evidence: Evidence {
                order: "dpkg".to_owned(),
                ..Evidence::default()
            },
            ..Finding::default()
        }
    }

    fn sample() -> Report {
        let mut report: Report = serde_json::from_str(
            r#"{"format":1,"scanned_at":"","scanner":"","image":{"name":"","digest":null,"index_digest":null,
            "config_digest":null,"platform":"","platforms":[],"created":null,"config":{"user":"","env":[],
            "entrypoint":[],"cmd":[],"working_dir":"","exposed_ports":[],"volumes":[],"labels":[],
            "stop_signal":null},"history":[]},"layers":[],"distribution":null,"packages":[],"findings":[],
            "database":null,"warnings":[]}"#,
        )
        .unwrap();
        report.packages = vec![
            package(PackageKind::Deb, "libssl3", "3.0.9-1", Some("openssl")),
            package(PackageKind::Deb, "openssl", "3.0.9-1", Some("openssl")),
            Package {
                layer: 2,
                ..package(PackageKind::Pypi, "django", "4.1", None)
            },
            Package {
                layer: 2,
                ..package(PackageKind::Npm, "lodash", "4.17.20", None)
            },
        ];
        report.findings = vec![
            finding("CVE-1", 0, Severity::High, &["3.0.9-2"]),
            finding("CVE-1", 1, Severity::High, &["3.0.9-2"]),
            finding("CVE-2", 0, Severity::Critical, &["3.0.9-10"]),
            finding("CVE-3", 2, Severity::Low, &["4.2"]),
            finding("CVE-4", 3, Severity::Medium, &["4.17.21"]),
            finding("CVE-5", 3, Severity::Medium, &[]),
        ];
        report.base = Some(Base {
            layers: 1,
            ..Base::default()
        });
        report
    }

    #[test]
    fn what_removes_most_comes_first_at_the_highest_version_needed() {
        let plan = plan(&sample());
        let rows: Vec<_> = plan
            .upgrades
            .iter()
            .map(|it| {
                (
                    it.name.as_str(),
                    it.to.as_str(),
                    it.findings.as_slice(),
                    it.is_of_base,
                )
            })
            .collect();
        let expect: Vec<(&str, &str, &[usize], _)> = vec![
            ("openssl", "3.0.9-10", &[2, 0, 1], Some(true)),
            ("lodash", "4.17.21", &[4], Some(false)),
            ("django", "4.2", &[3], Some(false)),
        ];
        assert_eq!(rows, expect);
        assert_eq!(plan.unfixed, [5]);
        assert_eq!(plan.upgrades[0].worst, Severity::Critical);
    }

    #[test]
    fn the_report_without_what_is_upgraded() {
        let report = sample();
        let plan = plan(&report);
        let changed = with_upgrades(&report, &plan.upgrades[..1]);
        let ids: Vec<_> = changed.findings.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["CVE-3", "CVE-4", "CVE-5"]);
        assert_eq!(changed.packages[1].version, "3.0.9-10");
        assert_eq!(with_upgrades(&report, []), report);
    }

    #[test]
    fn commands_for_what_a_package_manager_upgrades_and_comments_for_the_rest() {
        let report = sample();
        let snippet = snippet(&report, &plan(&report).upgrades);
        assert_eq!(
            (snippet.commands, snippet.removed, snippet.by_hand),
            (2, 4, 1)
        );
        insta::assert_snapshot!(snippet.dockerfile, @r"
        # Removes 3 findings
        RUN apt-get update \
         && apt-get install -y --no-install-recommends --only-upgrade \
              libssl3 \
              openssl \
         && rm -rf /var/lib/apt/lists/*

        # Removes 1 finding
        # Better: these versions in the file that names them, as requirements.txt or Gemfile
        RUN pip install --no-cache-dir \
              'django==4.2'

        # To be changed where they come from, then built anew:
        #   lodash 4.17.20 -> 4.17.21 (where/lodash): removes 1
        ");
    }

    #[test]
    fn commands_run_as_root_and_as_the_build_ran_them() {
        let told = |report: &Report| snippet(report, &plan(report).upgrades).dockerfile;
        let mut report = sample();
        report.image.config.user = "app:app".to_owned();
        let text = told(&report);
        assert!(text.starts_with("USER root\n"), "{text}");
        assert!(text.contains("\nUSER app:app\n"), "{text}");
        for root in ["root", "0:0", ""] {
            report.image.config.user = root.to_owned();
            assert!(!told(&report).contains("USER"), "{root}");
        }
        let check = |report: &Report, expect: &str| {
            let text = told(report);
            assert!(text.contains(expect), "{text}");
        };
        check(&report, "RUN pip install --no-cache-dir \\\n");
        report.packages[2].file =
            "usr/local/lib/python3.11/dist-packages/django-4.1.dist-info/METADATA".to_owned();
        let debian = |version: &str| crate::model::Distribution {
            id: "debian".to_owned(),
            version: Some(version.to_owned()),
            ..Default::default()
        };
        report.distribution = Some(debian("11"));
        check(&report, "RUN pip install --no-cache-dir \\\n");
        report.distribution = Some(debian("12"));
        check(
            &report,
            "RUN pip install --no-cache-dir --break-system-packages \\\n",
        );
        report.packages[2].file =
            "opt/venv/lib/python3.11/site-packages/django-4.1.dist-info/METADATA".to_owned();
        check(&report, "RUN /opt/venv/bin/pip install --no-cache-dir \\\n");
    }

    #[test]
    fn names_out_of_an_image_stay_words() {
        assert_eq!(quoted("libstdc++6"), "libstdc++6");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("a>=1"), "'a>=1'");
        assert_eq!(quoted("a'; rm -rf /\nRUN x"), r"'a'\''; rm -rf / RUN x'");
        let mut report = sample();
        report.packages[2].name = "x\nRUN curl evil".to_owned();
        let text = snippet(&report, &plan(&report).upgrades).dockerfile;
        assert!(
            text.lines().all(|line| !line.starts_with("RUN curl")),
            "{text}"
        );
    }
}
