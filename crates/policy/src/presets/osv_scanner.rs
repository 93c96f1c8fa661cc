//! osv-scanner: a command that fails where any vulnerability is left.
//!
//! The rules are those of google/osv-scanner `internal/config/{config,manager}.go`,
//! `pkg/osvscanner/{osvscanner,filter,vulnerability_result}.go`, `internal/imodels/imodels.go` and
//! `cmd/osv-scanner/internal/cmd/run.go` (version 2, read in 2026).
//!
//! It ends with 0 or 1, with 128 where there are no packages, and with 127 where it could not do its work
//! (newer versions also with 129 and 130, for what asking its database or reading its file came to).
//!
//! How it sees a finding:
//! - **id**: records that are aliases of each other are one group; a rule for any id of the group is a
//!   rule for all, compared letter by letter.
//! - **severity** does not matter, except that what Debian calls unimportant (ours: negligible) fails
//!   no image unless `--all-vulns` is given.
//! - **whether it is fixed** does not matter.
//! - **package**: of Debian and Alpine the source package's name; of Maven `group:artifact`; of PyPI
//!   the normalised name; Go itself is `stdlib`. A package called `linux` is passed over in images.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
    rc::Rc,
};

use jiff::Timestamp;
use lamina_advisories::ecosystem::Ecosystem;
use lamina_inventory::{purl::normalise_python, severity::Severity};
use serde::{Deserialize, Serialize};

use super::{
    Decision, Export, ExportFile, ImportError, Moment, Preset, Translated,
    shared::{
        ById, MAX_CONDITIONS, MAX_RULES, NameRegex, Purl, as_written, check_count, end_of,
        glob_to_regex, ids, image_word, is_only_ours, is_os, is_pattern, left_out, plural,
        policy_loss, purl_type, quoted, regex_to_glob, shell,
    },
};
use crate::{Choice, Exception, Gap, Package, Pattern, Policy, Subject, Threshold};

mod file;

pub use file::read;

pub(super) const ID: &str = "osv-scanner";

/// The preset.
pub(super) struct OsvScanner;

/// What an `osv-scanner.toml` and the command line say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Settings {
    /// `[[IgnoredVulns]]`.
    pub ignored_vulns: Vec<IgnoredVuln>,
    /// `[[PackageOverrides]]`.
    pub package_overrides: Vec<PackageOverride>,
    /// `GoVersionOverride`: of no effect on images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go_version_override: Option<String>,
    /// `ScanGoModVersion`: likewise.
    pub scan_go_mod_version: bool,
    /// Whether what is unimportant fails too (`--all-vulns`).
    pub all_vulns: bool,
    /// The licences that packages may have (`--licenses`); all if empty.
    pub licenses: Vec<String>,
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), ImportError> {
        check_count("entries", self.ignored_vulns.len(), MAX_RULES)?;
        check_count("entries", self.package_overrides.len(), MAX_CONDITIONS)?;
        check_count("licences", self.licenses.len(), MAX_LICENCES)?;
        for one in &self.package_overrides {
            check_count("licences", one.license_override.len(), MAX_LICENCES)?;
        }
        Ok(())
    }
}

/// Licences that are listed, or that one package has.
const MAX_LICENCES: usize = 1_000;

/// A vulnerability that is ignored. Of several for the same id, only the first is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct IgnoredVuln {
    /// The id, compared letter by letter.
    pub id: String,
    /// When it stops counting; never if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_until: Option<Moment>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What is different about some packages: those that meet every condition that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct PackageOverride {
    /// The name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether the name is a regular expression.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub name_is_regex: bool,
    /// The version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The ecosystem, with its release (`Debian:12`) or without.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ecosystem: String,
    /// The dependency group; packages of images are in none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Whether the package is passed over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore: bool,
    /// Whether its vulnerabilities are (`vulnerability.ignore`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub vulnerability_ignore: bool,
    /// Whether its licence is (`license.ignore`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub license_ignore: bool,
    /// The licences that it has instead (`license.override`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub license_override: Vec<String>,
    /// When this stops counting; never if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_until: Option<Moment>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What `osv-scanner scan image` does with an image.
pub fn judge(settings: &Settings, subject: &Subject<'_>, now: Timestamp) -> Decision {
    let mut decision = Decision {
        tool: ID,
        allows: true,
        ..Decision::default()
    };
    let every = |why: &str| -> Vec<(usize, String)> {
        (0..subject.findings.len())
            .map(|index| (index, why.to_owned()))
            .collect()
    };
    if subject.packages.is_empty() {
        decision.allows = false;
        decision.code = 128;
        decision.message = "No package sources found, --help for usage information.".to_owned();
        decision.left_out = every("the image has no packages");
        return decision;
    }
    if subject.gaps.contains(&Gap::NoDatabase) {
        decision.allows = false;
        decision.code = 127;
        decision.message = "error when retrieving vulns".to_owned();
        decision.left_out = every("no database was asked");
        return decision;
    }
    let overrides = Overrides::new(settings, now);
    let ignored = Ignored::new(settings, now);
    let mut tally = Tally::default();
    let mut names = Names::default();
    for (index, finding) in subject.findings.iter().enumerate() {
        let view = View::new(&finding.at, finding.namespace, &mut names);
        let is_unimportant = finding.severity == Severity::Negligible
            && finding.namespace.starts_with("debian:")
            && !settings.all_vulns;
        let why = if let Some(entry) = overrides.find(&view, |one| one.ignore) {
            let reason = reason(&entry.reason);
            format!(
                "Package {} has been filtered out because: {reason}",
                view.text()
            )
        } else if view.name == "linux" {
            "not relevant in containers: they use their host's kernel".to_owned()
        } else if overrides
            .find(&view, |one| one.vulnerability_ignore)
            .is_some()
        {
            "the vulnerabilities of its package are ignored".to_owned()
        } else if let Some((entry, aliases)) = ignored.find(finding) {
            say_ignored(entry, aliases)
        } else if is_unimportant {
            "Debian calls it unimportant".to_owned()
        } else {
            tally.add(finding, view);
            decision.counted.push(index);
            continue;
        };
        decision.left_out.push((index, why));
    }
    if !settings.licenses.is_empty() {
        judge_licenses(settings, &overrides, subject, &mut decision);
    }
    decision.message = match decision.counted.len() {
        0 if decision.counted_packages.is_empty() => "No issues found".to_owned(),
        0 => format!(
            "{} found",
            plural(
                decision.counted_packages.len(),
                "license violation",
                "license violations"
            )
        ),
        _ => tally.say(),
    };
    decision.allows = decision.counted.is_empty() && decision.counted_packages.is_empty();
    decision.code = if decision.allows { 0 } else { 1 };
    note(settings, &mut decision);
    decision
}

fn note(settings: &Settings, decision: &mut Decision) {
    if settings.go_version_override.is_some() || settings.scan_go_mod_version {
        decision
            .notes
            .push("GoVersionOverride and ScanGoModVersion have no effect on images".to_owned());
    }
    if !settings.licenses.is_empty() {
        decision.notes.push(
            "osv-scanner asks deps.dev for licences; these are what the packages state".to_owned(),
        );
    }
}

fn reason(text: &str) -> &str {
    if text.is_empty() {
        "(no reason given)"
    } else {
        text
    }
}

fn say_ignored(entry: &IgnoredVuln, aliases: usize) -> String {
    let reason = reason(&entry.reason);
    match aliases {
        0 => format!("{} has been filtered out because: {reason}", entry.id),
        1 => format!(
            "{} and 1 alias have been filtered out because: {reason}",
            entry.id
        ),
        several => format!(
            "{} and {several} aliases have been filtered out because: {reason}",
            entry.id
        ),
    }
}

/// A package as osv-scanner names it.
struct View<'a> {
    name: Cow<'a, str>,
    version: &'a str,
    /// With its release, as far as that is known.
    ecosystem: Rc<str>,
    base: &'static str,
}

/// Names of ecosystems by shard and purl type: there are few.
#[derive(Default)]
struct Names<'a>(HashMap<(&'a str, &'a str), (Rc<str>, &'static str)>);

impl<'a> View<'a> {
    fn new(package: &Package<'a>, key: &'a str, names: &mut Names<'a>) -> Self {
        let kind = purl_type(package.purl);
        let name = match (kind, package.source) {
            ("deb" | "apk", Some(source)) => source.into(),
            ("pypi", _) => normalise_python(package.name).into(),
            ("golang", _) if package.name == "go" => "stdlib".into(),
            _ => package.name.into(),
        };
        let entry = names.0.entry((key, kind)).or_insert_with(|| {
            let (full, base) = ecosystem(key, kind);
            (full.into(), base)
        });
        let (ecosystem, base) = (Rc::clone(&entry.0), entry.1);
        Self {
            name,
            version: package.version,
            ecosystem,
            base,
        }
    }

    fn text(&self) -> String {
        format!("{}/{}/{}", self.ecosystem, self.name, self.version)
    }
}

/// OSV's name of the ecosystem of a shard, with its release and without; by the package's type where
/// there is no shard.
fn ecosystem(key: &str, purl_type: &str) -> (String, &'static str) {
    let key = match (key, purl_type) {
        ("", "golang") => "go",
        ("", "cargo") => "crates.io",
        ("", "gem") => "rubygems",
        ("", "composer") => "packagist",
        ("", kind) => kind,
        (key, _) => key,
    };
    let Some(ecosystem) = Ecosystem::of_key(key) else {
        return (String::new(), "");
    };
    let base = ecosystem.osv;
    let full = match (base, key.split_once(':')) {
        (_, None) => base.to_owned(),
        ("Alpine", Some((_, release))) if release != "edge" => format!("{base}:v{release}"),
        ("Ubuntu", Some((pro, release))) => {
            let is_lts = release
                .split_once('.')
                .and_then(|(year, month)| Some((year.parse::<u32>().ok()?, month)))
                .is_some_and(|(year, month)| year % 2 == 0 && month == "04");
            let pro = if pro.ends_with("-pro") { "Pro:" } else { "" };
            let lts = if is_lts { ":LTS" } else { "" };
            format!("{base}:{pro}{release}{lts}")
        }
        (_, Some((_, release))) => format!("{base}:{release}"),
    };
    (full, base)
}

/// The overrides, with their expressions.
struct Overrides<'a> {
    now: Timestamp,
    list: Vec<(&'a PackageOverride, Option<NameRegex>)>,
}

impl<'a> Overrides<'a> {
    fn new(settings: &'a Settings, now: Timestamp) -> Self {
        let list = settings
            .package_overrides
            .iter()
            .filter_map(|one| match one.name_is_regex && !one.name.is_empty() {
                // What is no expression is refused by `read`; set by hand, it matches nothing.
                true => NameRegex::new(&one.name)
                    .ok()
                    .map(|regex| (one, Some(regex))),
                false => Some((one, None)),
            })
            .collect();
        Self { now, list }
    }

    /// The first override of a kind that matches; `None` if that one is no longer in effect.
    fn find(
        &self,
        view: &View<'_>,
        is_kind: impl Fn(&PackageOverride) -> bool,
    ) -> Option<&'a PackageOverride> {
        let is = |wanted: &str, text: &str| wanted.is_empty() || wanted == text;
        let first = self.list.iter().find(|(one, regex)| {
            is_kind(one)
                && one.group.is_empty()
                && is(&one.version, view.version)
                && (is(&one.ecosystem, &view.ecosystem) || one.ecosystem == view.base)
                && match regex {
                    Some(regex) => regex.matches(&view.name),
                    None => is(&one.name, &view.name),
                }
        });
        first
            .map(|(one, _)| *one)
            .filter(|one| one.effective_until.is_none_or(|until| until.0 > self.now))
    }
}

/// The ignored vulnerabilities by id, of each id the first.
struct Ignored<'a> {
    now: Timestamp,
    list: &'a [IgnoredVuln],
    by_id: ById<'a>,
}

impl<'a> Ignored<'a> {
    fn new(settings: &'a Settings, now: Timestamp) -> Self {
        let list = settings.ignored_vulns.as_slice();
        Self {
            now,
            list,
            by_id: ById::new(list.iter().map(|entry| Some(entry.id.as_str()))),
        }
    }

    /// The entry that ignores a group, in alphabetical order of the group's ids, and how many others
    /// the group has.
    fn find(&self, finding: &crate::Finding<'_>) -> Option<(&'a IgnoredVuln, usize)> {
        if self.list.is_empty() {
            return None;
        }
        let group: BTreeSet<&str> = ids(finding).collect();
        let entry = group.iter().find_map(|id| {
            let number = self.by_id.first(std::iter::once(*id), |_| true)?;
            let entry = self.list.get(number)?;
            let is_ignored = entry.ignore_until.is_none_or(|until| until.0 > self.now);
            is_ignored.then_some(entry)
        })?;
        Some((entry, group.len().saturating_sub(1)))
    }
}

/// What is counted for the last line.
#[derive(Default)]
struct Tally<'a> {
    packages: HashSet<(Rc<str>, Cow<'a, str>, &'a str)>,
    ecosystems: BTreeSet<Rc<str>>,
    severities: [usize; 5],
    fixable: usize,
}

impl<'a> Tally<'a> {
    fn add(&mut self, finding: &crate::Finding<'_>, view: View<'a>) {
        let number = match finding.severity {
            Severity::Critical => 0,
            Severity::High => 1,
            Severity::Medium => 2,
            Severity::Low => 3,
            Severity::Negligible | Severity::Unknown => 4,
        };
        if let Some(count) = self.severities.get_mut(number) {
            *count += 1;
        }
        self.fixable += usize::from(finding.is_fixable());
        self.ecosystems.insert(Rc::clone(&view.ecosystem));
        self.packages
            .insert((view.ecosystem, view.name, view.version));
    }

    fn say(&self) -> String {
        let [critical, high, medium, low, unknown] = self.severities;
        let count: usize = self.severities.iter().sum();
        format!(
            "Total {} affected by {} ({critical} Critical, {high} High, {medium} Medium, {low} Low, \
             {unknown} Unknown) from {}.\n{} can be fixed.",
            plural(self.packages.len(), "package", "packages"),
            plural(count, "known vulnerability", "known vulnerabilities"),
            plural(self.ecosystems.len(), "ecosystem", "ecosystems"),
            plural(self.fixable, "vulnerability", "vulnerabilities"),
        )
    }
}

/// Licences that are not on the list (`spdx.Satisfies`): of an expression, one side of each `OR` must
/// be, and both of each `AND`. A package that states none has the licence `UNKNOWN`.
fn judge_licenses(
    settings: &Settings,
    overrides: &Overrides<'_>,
    subject: &Subject<'_>,
    decision: &mut Decision,
) {
    let allowed: Vec<spdx::LicenseReq> = settings
        .licenses
        .iter()
        .filter_map(|one| spdx::Licensee::parse_mode(one, spdx::ParseMode::LAX).ok())
        .map(spdx::Licensee::into_req)
        .collect();
    let is_listed = |one: &str| {
        let mut licenses = settings.licenses.iter();
        licenses.any(|listed| listed.eq_ignore_ascii_case(one))
    };
    let is_satisfied = |one: &str| {
        is_listed(one)
            || spdx::Expression::parse_mode(one, spdx::ParseMode::LAX).is_ok_and(|expression| {
                expression.evaluate(|wanted| allowed.iter().any(|listed| listed == wanted))
            })
    };
    let mut names = Names::default();
    for (index, package) in subject.packages.iter().enumerate() {
        let view = View::new(package, "", &mut names);
        let is_kind =
            |one: &PackageOverride| one.license_ignore || !one.license_override.is_empty();
        if package.is_removed || overrides.find(&view, |one| one.ignore).is_some() {
            continue;
        }
        let is_fine = match overrides.find(&view, is_kind) {
            Some(one) if one.license_ignore => true,
            Some(one) => one
                .license_override
                .iter()
                .all(|licence| is_satisfied(licence)),
            None => is_satisfied(package.licence.unwrap_or("UNKNOWN")),
        };
        if !is_fine {
            decision.counted_packages.push(index);
        }
    }
}

/// The policy that comes nearest.
pub fn to_policy(settings: &Settings) -> Translated<Policy> {
    let mut lost = vec![
        "osv-scanner passes over what Debian calls unimportant, and packages of the kernel"
            .to_owned(),
    ];
    let mut policy = Policy {
        name: Some("osv-scanner".to_owned()),
        fail_on: Threshold::Negligible,
        unknown_severity: Choice::Fail,
        ..Policy::default()
    };
    let mut seen = BTreeSet::new();
    for entry in &settings.ignored_vulns {
        if !seen.insert(entry.id.as_str()) {
            lost.push(format!("{}: of several entries the first counts", entry.id));
            continue;
        }
        if entry.id.trim().is_empty() {
            lost.push("an entry without an id is left out".to_owned());
            continue;
        }
        policy.exceptions.push(Exception {
            expires: entry.ignore_until.and_then(Moment::to_expiry),
            reason: Some(entry.reason.clone()).filter(|reason| !reason.is_empty()),
            ..Exception::of_id(entry.id.as_str())
        });
    }
    for one in &settings.package_overrides {
        policy.exceptions.extend(exception(one, &mut lost));
    }
    if settings
        .licenses
        .iter()
        .any(|licence| !licence.trim().is_empty())
    {
        policy.licences.allow = settings
            .licenses
            .iter()
            .filter_map(|licence| licence.parse().ok())
            .collect();
        policy.licences.unknown = Choice::Fail;
    }
    Translated {
        value: policy,
        lost,
    }
}

/// The exception that an override is, unless a policy would let more through.
fn exception(one: &PackageOverride, lost: &mut Vec<String>) -> Option<Exception> {
    let label = if one.name.is_empty() {
        &one.ecosystem
    } else {
        &one.name
    };
    let mut refuse = |what: &str| {
        lost.push(format!("the override of {label:?} is left out: {what}"));
        None
    };
    if !one.ignore && !one.vulnerability_ignore {
        return refuse("a policy has no licences of single packages");
    }
    if !one.group.is_empty() {
        return refuse("packages of images are in no dependency group");
    }
    let mut exception = Exception {
        expires: one.effective_until.and_then(Moment::to_expiry),
        reason: Some(one.reason.clone()).filter(|reason| !reason.is_empty()),
        ..Exception::default()
    };
    let pattern = |text: &str| -> Option<Pattern> { text.parse().ok() };
    let name = match one.name_is_regex {
        true => regex_to_glob(&one.name),
        false => Some(one.name.clone()),
    };
    let Some(name) = name else {
        return refuse("a policy has no expressions of this kind");
    };
    let base = one.ecosystem.split(':').next().unwrap_or_default();
    let kind = purl_type_of(base);
    if one.ecosystem.is_empty() && one.version.is_empty() {
        exception.package = pattern(&name);
    } else {
        let is_whole = !one.ecosystem.contains(':') && !is_pattern(&name) && !name.is_empty();
        let Some(kind) = kind.filter(|_| is_whole) else {
            return refuse(
                "a policy has no ecosystems with releases, and no versions but in purls",
            );
        };
        let path = match kind {
            "maven" => name.replacen(':', "/", 1),
            _ => name.replace('@', "%40"),
        };
        let version = match one.version.as_str() {
            "" => String::new(),
            version => format!("@{version}"),
        };
        exception.purl = pattern(&format!("pkg:{kind}/{path}{version}"));
    }
    if exception.says_nothing() {
        return refuse("it is about every package");
    }
    Some(exception)
}

/// The purl type of an ecosystem of a language.
fn purl_type_of(ecosystem: &str) -> Option<&'static str> {
    Some(match ecosystem {
        "PyPI" => "pypi",
        "npm" => "npm",
        "Maven" => "maven",
        "Go" => "golang",
        "crates.io" => "cargo",
        "NuGet" => "nuget",
        "RubyGems" => "gem",
        "Packagist" => "composer",
        "CRAN" => "cran",
        "Hex" => "hex",
        "Pub" => "pub",
        "Hackage" => "hackage",
        "ConanCenter" => "conan",
        _ => return None,
    })
}

/// The ecosystem of a purl type of a language.
fn ecosystem_of(purl_type: &str) -> Option<&'static str> {
    const NAMES: [&str; 13] = [
        "PyPI",
        "npm",
        "Maven",
        "Go",
        "crates.io",
        "NuGet",
        "RubyGems",
        "Packagist",
        "CRAN",
        "Hex",
        "Pub",
        "Hackage",
        "ConanCenter",
    ];
    NAMES
        .into_iter()
        .find(|name| purl_type_of(name) == Some(purl_type))
}

/// The settings that come nearest to a policy.
pub fn from_policy(policy: &Policy, now: Timestamp) -> Translated<Settings> {
    let mut lost = Vec::new();
    let mut settings = Settings::default();
    match policy.fail_on {
        Threshold::Negligible => {}
        Threshold::Never => {
            lost.push("osv-scanner always fails on findings: add `|| true`".to_owned());
        }
        threshold => lost.push(format!(
            "osv-scanner has no threshold: what is below {threshold} fails too"
        )),
    }
    if policy.unknown_severity != Choice::Fail {
        lost.push("findings of unknown severity fail too".to_owned());
    }
    if policy.fixable_only {
        lost.push("osv-scanner does not ask whether a finding is fixed: all count".to_owned());
    }
    if !policy.ignore_statuses.is_empty() {
        lost.push("osv-scanner knows no statuses: all count".to_owned());
    }
    let is_plain = |pattern: &&Pattern| !is_pattern(pattern.as_str());
    if !policy.licences.allow.is_empty() {
        if policy.licences.allow.iter().all(|one| is_plain(&one)) {
            let allow = policy.licences.allow.iter();
            settings.licenses = allow.map(|one| one.as_str().to_owned()).collect();
            if policy.licences.unknown != Choice::Fail {
                settings.licenses.push("UNKNOWN".to_owned());
            }
        } else {
            lost.push("osv-scanner has no patterns of licences".to_owned());
        }
    }
    if !policy.licences.deny.is_empty() {
        lost.push("osv-scanner has no licences that are denied, only those allowed".to_owned());
    }
    policy_loss(policy, "osv-scanner", &["licences"], &mut lost);
    let mut seen = HashSet::new();
    for exception in &policy.exceptions {
        if is_only_ours(exception, "osv-scanner", &mut lost) {
            continue;
        }
        let until = end_of(exception, policy);
        if until.is_some_and(|until| now >= until.0) {
            let label = exception.label();
            lost.push(format!("the exception for {label} is expired and left out"));
            continue;
        }
        translate(exception, until, &mut seen, &mut settings, &mut lost);
    }
    Translated {
        value: settings,
        lost,
    }
}

/// Adds the entry that an exception is.
fn translate(
    exception: &Exception,
    until: Option<Moment>,
    seen: &mut HashSet<String>,
    settings: &mut Settings,
    lost: &mut Vec<String>,
) {
    let tool = "osv-scanner";
    let reason = exception.reason.clone().unwrap_or_default();
    let id = exception.id.as_deref().map(as_written).unwrap_or_default();
    if exception.path.is_some() {
        lost.push(left_out(exception, tool, "compare paths"));
        return;
    }
    if !id.is_empty() {
        if exception.package.is_some() || exception.purl.is_some() {
            lost.push(left_out(exception, tool, "confine an id to packages"));
        } else if !seen.insert(id.clone()) {
            lost.push(left_out(exception, tool, "have two entries of one id"));
        } else {
            settings.ignored_vulns.push(IgnoredVuln {
                id,
                ignore_until: until,
                reason,
            });
        }
        return;
    }
    let mut entry = PackageOverride {
        vulnerability_ignore: true,
        effective_until: until,
        reason,
        ..PackageOverride::default()
    };
    match (&exception.package, &exception.purl) {
        (Some(package), None) => {
            let text = package.as_str();
            entry.name_is_regex = is_pattern(text);
            let name = match entry.name_is_regex {
                true => glob_to_regex(text),
                false => Some(text.to_owned()),
            };
            let Some(name) = name else {
                lost.push(left_out(
                    exception,
                    tool,
                    &format!("compare names with {text}"),
                ));
                return;
            };
            entry.name = name;
            lost.push(format!(
                "the override of {text} is of the source package's name in Debian and Alpine, of the \
                 package's own elsewhere"
            ));
        }
        (None, Some(purl)) => {
            let Some(named) = package_of(purl.as_str()) else {
                lost.push(left_out(
                    exception,
                    tool,
                    &format!("compare the purl {purl}"),
                ));
                return;
            };
            (entry.ecosystem, entry.name, entry.version) = named;
        }
        _ => {
            lost.push(left_out(exception, tool, "compare a name and a purl"));
            return;
        }
    }
    settings.package_overrides.push(entry);
}

/// Ecosystem, name and version of a language package's purl without patterns and qualifiers.
fn package_of(purl: &str) -> Option<(String, String, String)> {
    if is_pattern(purl) || is_os(purl_type(purl)) {
        return None;
    }
    let parsed = Purl::parse(purl).ok().filter(|purl| !purl.has_more())?;
    let ecosystem = ecosystem_of(&parsed.ty)?;
    let separator = if ecosystem == "Maven" { ":" } else { "/" };
    let name = match parsed.namespace.as_str() {
        "" => parsed.name,
        namespace => format!("{namespace}{separator}{}", parsed.name),
    };
    Some((ecosystem.to_owned(), name, parsed.version))
}

/// An `osv-scanner.toml`, and the command that goes with it.
pub fn export(settings: &Settings, image: &str) -> Export {
    let mut command = "osv-scanner scan image --config osv-scanner.toml".to_owned();
    if settings.all_vulns {
        command.push_str(" --all-vulns");
    }
    if !settings.licenses.is_empty() {
        let list = settings.licenses.join(",");
        command.push_str(&format!(" {}", shell(&format!("--licenses={list}"))));
    }
    command.push(' ');
    command.push_str(&image_word(image));
    Export {
        files: vec![ExportFile {
            name: "osv-scanner.toml",
            text: file::write(settings),
        }],
        command,
        lost: Vec::new(),
    }
}

impl Preset for OsvScanner {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        "osv-scanner"
    }

    fn about(&self) -> &'static str {
        "The command ends with exit code 1"
    }

    fn files(&self) -> &'static [&'static str] {
        &["osv-scanner.toml"]
    }

    fn settings(&self, policy: &Policy, now: Timestamp) -> Translated<super::Settings> {
        from_policy(policy, now).map(super::Settings::OsvScanner)
    }
}
