//! Another scanner's report beside ours: what both found, what only one found, and why.
//!
//! Findings are the same if they share an id (aliases are ids too) and a name of the package: its own or
//! its source package's. A row is therefore a vulnerability in the packages that are built from one source;
//! each side may have several findings in it.
//!
//! A [`Reason`] is read off the two reports. Where they show none, the cause says so
//! ([`Cause::TheirDatabase`], [`Cause::OurDatabase`]): it is what is left, not what is known
//! ([`Cause::is_known`]).

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use lamina_advisories::orders;
use lamina_inventory::{
    facts::{Basis, PackageKind},
    purl::normalise_python,
    severity::Severity,
};
use lamina_policy::Target;
use serde::{Deserialize, Serialize};

use crate::{
    formats::Judged,
    limits::MAX_BESIDE_ROWS,
    model::{Finding, Imported, Package, Report, Status},
    standing::why_in_words,
    text,
};

/// Who has a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Both.
    Agreed,
    /// The other scanner alone.
    Theirs,
    /// We alone.
    Ours,
}

impl Side {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Agreed, Self::Theirs, Self::Ours];

    /// The lower-case word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Theirs => "theirs",
            Self::Ours => "ours",
        }
    }

    /// In a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Agreed => "Both",
            Self::Theirs => "Only theirs",
            Self::Ours => "Only ours",
        }
    }
}

/// Why two reports differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// The same vulnerability has another id there.
    Alias,
    /// The same package has another name there: the source package's, or the binary's.
    PackageName,
    /// Another version of the package was read.
    OtherVersion,
    /// Both have it, with another severity.
    Severity,
    /// Both have it, with another fixed version.
    FixedVersion,
    /// Our policy leaves it out: an exception, a VEX statement, a status.
    NotCounted,
    /// Their report lists it among what it leaves out.
    LeftOutThere,
    /// The package is not in our inventory.
    NotInOurs,
    /// A later layer removed the package.
    Removed,
    /// The package is not in their inventory, or they list only packages in which they found something.
    NotInTheirs,
    /// They name no package of this kind at all.
    KindNotCovered,
    /// No advisory database was asked by us.
    NotMatched,
    /// Our database has nothing on this kind of package.
    NoAdvisories,
    /// It was published after our database was built.
    NewerThanOurs,
    /// It was published after their database was built, or after their scan.
    NewerThanTheirs,
    /// By the order of versions, the installed one is not below the one that fixes it.
    VersionOrder,
    /// All of theirs can be fixed, and this one cannot.
    FixableOnly,
    /// None of theirs is as mild as this one.
    SeverityFloor,
    /// None of theirs has this one's state.
    StatusFilter,
    /// A package of the distribution owns the package's files.
    Owned,
    /// The package was read from a lock file.
    LockFile,
    /// Nothing in the reports explains it: their database may say so, and ours not.
    TheirDatabase,
    /// Nothing in the reports explains it: our database may say so, and theirs not.
    OurDatabase,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Alias,
        Self::PackageName,
        Self::OtherVersion,
        Self::Severity,
        Self::FixedVersion,
        Self::NotCounted,
        Self::LeftOutThere,
        Self::NotInOurs,
        Self::Removed,
        Self::NotInTheirs,
        Self::KindNotCovered,
        Self::NotMatched,
        Self::NoAdvisories,
        Self::NewerThanOurs,
        Self::NewerThanTheirs,
        Self::VersionOrder,
        Self::FixableOnly,
        Self::SeverityFloor,
        Self::StatusFilter,
        Self::Owned,
        Self::LockFile,
        Self::TheirDatabase,
        Self::OurDatabase,
    ];

    /// In a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::Alias => "The same vulnerability under another id",
            Self::PackageName => "The same package under another name",
            Self::OtherVersion => "Another version of the package was read",
            Self::Severity => "Another severity",
            Self::FixedVersion => "Another fixed version",
            Self::NotCounted => "Our policy leaves it out",
            Self::LeftOutThere => "Their report leaves it out",
            Self::NotInOurs => "The package is not in our inventory",
            Self::Removed => "A later layer removed the package",
            Self::NotInTheirs => "The package is not in their report",
            Self::KindNotCovered => "They name no package of this kind",
            Self::NotMatched => "We asked no advisory database",
            Self::NoAdvisories => "Our database has nothing on this kind of package",
            Self::NewerThanOurs => "Published after our database was built",
            Self::NewerThanTheirs => "Published after their scan or database",
            Self::VersionOrder => "The installed version is not below the fixed one",
            Self::FixableOnly => "All of theirs can be fixed, and this one cannot",
            Self::SeverityFloor => "None of theirs is this mild",
            Self::StatusFilter => "None of theirs has this state",
            Self::Owned => "A package of the distribution owns its files",
            Self::LockFile => "Read from a lock file, not from what is installed",
            Self::TheirDatabase => "Their database, as far as the two reports tell",
            Self::OurDatabase => "Our database, as far as the two reports tell",
        }
    }

    /// Whether the reports show it. If not, it is what is left when they show nothing else.
    pub fn is_known(self) -> bool {
        !matches!(self, Self::TheirDatabase | Self::OurDatabase)
    }
}

/// A cause, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Which.
    pub cause: Cause,
    /// What in the reports shows it, in a few words; empty where the cause says it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Reason {
    fn new(cause: Cause, detail: impl AsRef<str>) -> Self {
        Self {
            cause,
            detail: text::short(detail.as_ref(), 300),
        }
    }
}

/// One vulnerability in the packages of one source, on either side or both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Who has it.
    pub side: Side,
    /// The id to show: ours if we have one.
    pub id: String,
    /// The package's name and version to show: ours if we have one.
    pub package: String,
    /// The worst severity of our findings; `None` if we have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub our_severity: Option<Severity>,
    /// The worst of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub their_severity: Option<Severity>,
    /// Our findings: indices into our report's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ours: Vec<usize>,
    /// Theirs, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub theirs: Vec<usize>,
    /// Why they differ, what is surest first. Empty for what both say alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

impl Row {
    /// The worse of both severities.
    pub fn severity(&self) -> Severity {
        self.our_severity
            .max(self.their_severity)
            .unwrap_or_default()
    }
}

/// Two reports side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// The other tool, with its version.
    pub tool: String,
    /// What both found, what only they found, what only we found; worst first within each.
    pub rows: Vec<Row>,
    /// What must be known before comparing, in sentences: other images, times, what they do not say.
    pub remarks: Vec<String>,
}

impl Beside {
    /// The rows of a side.
    pub fn of(&self, side: Side) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.side == side)
    }

    /// How many rows a side has.
    pub fn count(&self, side: Side) -> usize {
        self.of(side).count()
    }

    /// How many rows of a side have a cause first, most first.
    pub fn causes(&self, side: Side) -> Vec<(Cause, usize)> {
        let mut counts: BTreeMap<Cause, usize> = BTreeMap::new();
        for reason in self.of(side).filter_map(|row| row.reasons.first()) {
            let count = counts.entry(reason.cause).or_default();
            *count = count.saturating_add(1);
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(cause, count)| (std::cmp::Reverse(*count), *cause));
        counts
    }
}

/// Why findings of ours do not count, by their index: what [`compare`] wants.
pub fn not_counted(judged: &Judged<'_>) -> BTreeMap<usize, String> {
    let left_out = judged.verdict.left_out.iter();
    left_out
        .filter_map(|left_out| match left_out.what {
            Target::Finding(index) => Some((index, why_in_words(left_out.why, judged))),
            Target::Issue(_) => None,
        })
        .collect()
}

/// Compares another scanner's report with ours. `not_counted` says of findings of ours why a policy leaves
/// them out.
pub fn compare(ours: &Report, theirs: &Report, not_counted: &BTreeMap<usize, String>) -> Beside {
    let pair = Pair {
        our: Index::of(ours),
        their: Index::of(theirs),
        not_counted,
    };
    let mut rows: Vec<Row> = groups(&pair.our, &pair.their)
        .into_iter()
        .map(|group| pair.row(group))
        .collect();
    rows.sort_by(|a, b| {
        (a.side, std::cmp::Reverse(a.severity()))
            .cmp(&(b.side, std::cmp::Reverse(b.severity())))
            .then_with(|| a.id.cmp(&b.id))
            .then_with(|| a.package.cmp(&b.package))
    });
    let mut remarks = remarks(ours, theirs);
    if rows.len() > MAX_BESIDE_ROWS {
        remarks.push(format!(
            "There are {} rows: those after the first {MAX_BESIDE_ROWS} are left out",
            rows.len()
        ));
        rows.truncate(MAX_BESIDE_ROWS);
    }
    Beside {
        tool: tool(theirs),
        rows,
        remarks,
    }
}

fn tool(theirs: &Report) -> String {
    let title = theirs.imported.as_ref().map(Imported::title);
    text::short(&title.unwrap_or_else(|| theirs.scanner.clone()), 100)
}

fn remarks(ours: &Report, theirs: &Report) -> Vec<String> {
    let digests = |report: &Report| {
        let image = &report.image;
        [&image.digest, &image.index_digest, &image.config_digest]
            .into_iter()
            .flatten()
            .cloned()
            .collect::<BTreeSet<String>>()
    };
    let (our, their) = (digests(ours), digests(theirs));
    let mut remarks = Vec::new();
    let image = &theirs.image;
    if our.is_empty() || their.is_empty() {
        remarks.push(
            "The reports do not both name a digest: they may be about different images".to_owned(),
        );
    } else if our.is_disjoint(&their) {
        let name = text::short(&image.name, 100);
        remarks.push(format!(
            "The reports share no digest: theirs is about {}, which may be another image",
            image
                .digest
                .as_deref()
                .map_or(name, |digest| text::short(digest, 100))
        ));
    }
    if !image.platform.is_empty() && !ours.image.platform.is_empty() {
        let base = |platform: &str| platform.split('/').take(2).collect::<Vec<_>>().join("/");
        if base(&image.platform) != base(&ours.image.platform) {
            remarks.push(format!(
                "Theirs is about {}, ours about {}",
                text::short(&image.platform, 60),
                text::short(&ours.image.platform, 60)
            ));
        }
    }
    let imported = theirs
        .imported
        .iter()
        .flat_map(|imported| &imported.remarks);
    remarks.extend(imported.take(20).map(|remark| text::short(remark, 300)));
    remarks
}

/// Findings from which on what all of them have in common is taken for a filter.
const ENOUGH: usize = 10;

/// What is known of a report by name.
struct Index<'a> {
    report: &'a Report,
    /// The names of each package, in one form.
    names: Vec<Vec<String>>,
    /// The packages of each name.
    by_name: HashMap<String, Vec<usize>>,
    /// Whether it has a finding that no version fixes.
    has_unfixed: bool,
    /// The mildest severity that is known.
    mildest: Option<Severity>,
    /// The states of its findings.
    statuses: BTreeSet<Status>,
    /// The kinds of its packages.
    kinds: BTreeSet<PackageKind>,
    /// Ids and names of what it leaves out, and why.
    left_out: HashMap<(String, String), &'a str>,
}

impl<'a> Index<'a> {
    fn of(report: &'a Report) -> Self {
        let names: Vec<Vec<String>> = report.packages.iter().map(names).collect();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, names) in names.iter().enumerate() {
            for name in names {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        let findings = &report.findings;
        let suppressed = report.imported.iter().flat_map(|it| &it.suppressed);
        let left_out = suppressed.flat_map(|suppressed| {
            let name = name_key(&suppressed.package);
            let ids = suppressed.ids.iter();
            ids.map(move |id| ((id_key(id), name.clone()), suppressed.why.as_str()))
        });
        Self {
            report,
            has_unfixed: findings.iter().any(|finding| finding.fixed_in.is_empty()),
            mildest: findings
                .iter()
                .map(|finding| finding.severity)
                .filter(|severity| *severity != Severity::Unknown)
                .min(),
            statuses: findings.iter().map(|finding| finding.status).collect(),
            kinds: report.packages.iter().map(|package| package.kind).collect(),
            left_out: left_out.collect(),
            names,
            by_name,
        }
    }

    fn package(&self, finding: &Finding) -> Option<&'a Package> {
        self.report.packages.get(finding.package)
    }

    fn names_of(&self, finding: &Finding) -> &[String] {
        self.names.get(finding.package).map_or(&[], Vec::as_slice)
    }

    /// Packages that have one of these names: the first ones, should there be very many.
    fn named(&self, names: &[String]) -> Vec<&'a Package> {
        let mut found: BTreeSet<usize> = BTreeSet::new();
        for name in names {
            found.extend(self.by_name.get(name).into_iter().flatten().take(50));
        }
        let packages = &self.report.packages;
        found
            .into_iter()
            .filter_map(|index| packages.get(index))
            .collect()
    }
}

/// A name as both sides are compared by: tools differ in case, and in how they write `_`.
fn name_key(name: &str) -> String {
    let name = name.trim();
    match name {
        // Grype and Inspector say `go/stdlib`, GCP `go`.
        "go/stdlib" | "go" => "stdlib".to_owned(),
        name => normalise_python(name),
    }
}

/// All names of a package: its own, its source's, and a Java artifact without its group.
fn names(package: &Package) -> Vec<String> {
    let mut names = vec![name_key(&package.name)];
    if let Some((source, _)) = &package.source {
        names.push(name_key(source));
    }
    if matches!(package.kind, PackageKind::Maven)
        && let Some((_, artifact)) = package.name.split_once(':')
    {
        names.push(name_key(artifact));
    }
    names.retain(|name| !name.is_empty());
    names.dedup();
    names
}

fn id_key(id: &str) -> String {
    id.trim().to_ascii_uppercase()
}

/// All ids of a finding. Feeds prefix theirs (`DEBIAN-CVE-2024-1`): that is an id of their own.
fn ids(finding: &Finding) -> BTreeSet<String> {
    let all = std::iter::once(&finding.id)
        .chain(&finding.aliases)
        .chain(std::iter::once(&finding.evidence.record));
    all.map(|id| id_key(id))
        .filter(|id| !id.is_empty())
        .collect()
}

/// A version without its epoch, which tools leave out or write as 0.
fn version_key(version: &str) -> &str {
    let version = version.trim();
    match version.split_once(':') {
        Some((epoch, rest)) if !epoch.is_empty() && epoch.bytes().all(|it| it.is_ascii_digit()) => {
            rest
        }
        _ => version.strip_prefix('v').unwrap_or(version),
    }
}

/// Findings that are the same: indices of ours, of theirs.
type Group = (Vec<usize>, Vec<usize>);

/// Joins findings that share an id, a name and a version; then those that are left and share an id and a
/// name. The work grows with the number of ids and names, not with the number of pairs.
fn groups(our: &Index<'_>, their: &Index<'_>) -> Vec<Group> {
    let count = our.report.findings.len();
    let findings = || our.report.findings.iter().chain(&their.report.findings);
    let mut sets = Sets::new(count.saturating_add(their.report.findings.len()));
    let index_of = |number: usize| if number < count { our } else { their };
    let mut seen: HashMap<(String, String, String), usize> = HashMap::new();
    for (number, finding) in findings().enumerate() {
        let index = index_of(number);
        let version = index
            .package(finding)
            .map_or("", |package| &package.version);
        let version = version_key(version);
        for id in ids(finding) {
            for name in index.names_of(finding) {
                let key = (id.clone(), name.clone(), version.to_owned());
                match seen.get(&key) {
                    Some(other) => sets.join(*other, number),
                    None => {
                        seen.insert(key, number);
                    }
                }
            }
        }
    }
    // Those of one side only, by another version.
    let mut sides: HashMap<usize, (bool, bool)> = HashMap::new();
    for number in 0..findings().count() {
        let side = sides.entry(sets.find(number)).or_default();
        if number < count {
            side.0 = true;
        } else {
            side.1 = true;
        }
    }
    let mut alone: HashMap<(String, String), (Option<usize>, Option<usize>)> = HashMap::new();
    let mut joins = Vec::new();
    for (number, finding) in findings().enumerate() {
        if sides.get(&sets.find(number)) == Some(&(true, true)) {
            continue;
        }
        let index = index_of(number);
        for id in ids(finding) {
            for name in index.names_of(finding) {
                let pair = alone.entry((id.clone(), name.clone())).or_default();
                let (own, other) = if number < count {
                    (&mut pair.0, pair.1)
                } else {
                    (&mut pair.1, pair.0)
                };
                own.get_or_insert(number);
                if let Some(other) = other {
                    joins.push((other, number));
                }
            }
        }
    }
    for (one, other) in joins {
        sets.join(one, other);
    }
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for number in 0..findings().count() {
        let group = groups.entry(sets.find(number)).or_default();
        if number < count {
            group.0.push(number);
        } else {
            group.1.push(number.saturating_sub(count));
        }
    }
    groups.into_values().collect()
}

/// Disjoint sets of numbers.
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn find(&mut self, number: usize) -> usize {
        let mut at = number;
        while let Some(&parent) = self.0.get(at) {
            if parent == at {
                break;
            }
            // Halves the path.
            let next = self.0.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(at) {
                *slot = next;
            }
            at = next;
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        // The lower number leads, so that the order of findings does not decide.
        let (low, high) = (one.min(other), one.max(other));
        if let Some(slot) = self.0.get_mut(high) {
            *slot = low;
        }
    }
}

/// Both reports.
struct Pair<'a> {
    our: Index<'a>,
    their: Index<'a>,
    not_counted: &'a BTreeMap<usize, String>,
}

impl Pair<'_> {
    fn row(&self, (ours, theirs): Group) -> Row {
        let of = |report: &'_ Report, list: &[usize]| {
            let all = list
                .iter()
                .filter_map(|index| report.findings.get(*index).cloned());
            // The first hundred say enough.
            all.take(100).collect::<Vec<Finding>>()
        };
        let our = of(self.our.report, &ours);
        let their = of(self.their.report, &theirs);
        let (side, reasons) = match (our.first(), their.first()) {
            (Some(_), Some(_)) => (Side::Agreed, self.notes(&ours, &our, &their)),
            (None, _) => (Side::Theirs, self.only_theirs(&their)),
            (_, None) => (Side::Ours, self.only_ours(&ours, &our)),
        };
        let shown = our.first().map(|it| (it, &self.our));
        let shown = shown.or(their.first().map(|it| (it, &self.their)));
        let (id, package) = match shown {
            Some((finding, index)) => (text::id(finding), text::package(index.package(finding))),
            None => (String::new(), String::new()),
        };
        let worst = |list: &[Finding]| list.iter().map(|finding| finding.severity).max();
        Row {
            side,
            id,
            package,
            our_severity: worst(&our),
            their_severity: worst(&their),
            ours,
            theirs,
            reasons,
        }
    }

    /// What differs in what both have.
    fn notes(&self, numbers: &[usize], our: &[Finding], their: &[Finding]) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let collect = |list: &[Finding], part: &dyn Fn(&Finding) -> Option<String>| {
            list.iter().filter_map(part).collect::<BTreeSet<String>>()
        };
        let differ =
            |cause, ours: BTreeSet<String>, theirs: BTreeSet<String>, reasons: &mut Vec<Reason>| {
                if !ours.is_empty() && !theirs.is_empty() && ours.is_disjoint(&theirs) {
                    reasons.push(Reason::new(cause, there_and_here(&theirs, &ours)));
                }
            };
        let id = |finding: &Finding| Some(id_key(&finding.id));
        differ(
            Cause::Alias,
            collect(our, &id),
            collect(their, &id),
            &mut reasons,
        );
        let name =
            |index: &Index<'_>, finding: &Finding| Some(name_key(&index.package(finding)?.name));
        differ(
            Cause::PackageName,
            collect(our, &|finding| name(&self.our, finding)),
            collect(their, &|finding| name(&self.their, finding)),
            &mut reasons,
        );
        let version = |index: &Index<'_>, finding: &Finding| {
            let version = version_key(&index.package(finding)?.version);
            (!version.is_empty()).then(|| version.to_owned())
        };
        differ(
            Cause::OtherVersion,
            collect(our, &|finding| version(&self.our, finding)),
            collect(their, &|finding| version(&self.their, finding)),
            &mut reasons,
        );
        let worst = |list: &[Finding]| list.iter().map(|finding| finding.severity).max();
        if let (Some(ours), Some(theirs)) = (worst(our), worst(their))
            && ours != theirs
        {
            let detail = format!("{} there, {} here", theirs.word(), ours.word());
            reasons.push(Reason::new(Cause::Severity, detail));
        }
        let fixes = |list: &[Finding]| {
            let all = list.iter().flat_map(|finding| &finding.fixed_in);
            all.map(|version| version_key(version).to_owned())
                .collect::<BTreeSet<_>>()
        };
        let (ours, theirs) = (fixes(our), fixes(their));
        match (ours.is_empty(), theirs.is_empty()) {
            (true, true) => {}
            (false, false) if !ours.is_disjoint(&theirs) => {}
            _ => reasons.push(Reason::new(
                Cause::FixedVersion,
                there_and_here(&theirs, &ours),
            )),
        }
        let why = numbers
            .iter()
            .find_map(|number| self.not_counted.get(number));
        if let Some(why) = why {
            reasons.push(Reason::new(Cause::NotCounted, why));
        }
        reasons
    }

    /// Why we have not got it.
    fn only_theirs(&self, their: &[Finding]) -> Vec<Reason> {
        let Some(first) = their.first() else {
            return Vec::new();
        };
        let mut reasons = Vec::new();
        let names = self.their.names_of(first);
        let packages = self.our.named(names);
        let present: Vec<&&Package> = packages
            .iter()
            .filter(|it| it.removed_in.is_none())
            .collect();
        let their_package = self.their.package(first);
        let their_version = their_package.map_or("", |package| version_key(&package.version));
        if present.is_empty() {
            if let Some(removed) = packages.first() {
                let layer = removed
                    .removed_in
                    .and_then(|layer| text::layer(self.our.report, layer));
                reasons.push(Reason::new(Cause::Removed, layer.unwrap_or_default()));
            } else {
                reasons.push(Reason::new(Cause::NotInOurs, text::package(their_package)));
            }
            return reasons;
        }
        let is_same = |package: &Package| {
            their_version.is_empty() || version_key(&package.version) == their_version
        };
        let same = || present.iter().filter(|package| is_same(package));
        let installed = same().find(|package| package.basis != Basis::Declared);
        let same = installed.or_else(|| same().next());
        let Some(package) = same else {
            let here: BTreeSet<String> = present
                .iter()
                .map(|it| version_key(&it.version).to_owned())
                .collect();
            let there = BTreeSet::from([their_version.to_owned()]);
            reasons.push(Reason::new(
                Cause::OtherVersion,
                there_and_here(&there, &here),
            ));
            return reasons;
        };
        match &self.our.report.database {
            None => {
                reasons.push(Reason::new(Cause::NotMatched, ""));
                return reasons;
            }
            Some(database) => {
                let word = package.kind.word();
                let mut missing = database.missing.iter().chain(&database.unread);
                let is_missing = missing.any(|name| covers(name, package.kind, self.our.report));
                if is_missing {
                    reasons.push(Reason::new(Cause::NoAdvisories, word));
                }
                let newest = database
                    .shards
                    .iter()
                    .filter_map(|shard| shard.source_date.as_deref());
                let newest = newest.max().unwrap_or(&database.built_at);
                let published = their.iter().filter_map(|it| it.published.as_deref()).min();
                if let Some(published) = published
                    && is_after(published, newest)
                {
                    let detail = format!(
                        "published {published}, our newest advisory is of {}",
                        day(newest)
                    );
                    reasons.push(Reason::new(Cause::NewerThanOurs, detail));
                }
            }
        }
        if let Some(owner) = package
            .owned_by
            .and_then(|owner| self.our.report.packages.get(owner))
        {
            reasons.push(Reason::new(Cause::Owned, text::package(Some(owner))));
        }
        if let Some(detail) = not_below(package, their) {
            reasons.push(Reason::new(Cause::VersionOrder, detail));
        }
        // A scan of ours matches only what is installed.
        if package.basis == Basis::Declared {
            reasons.push(Reason::new(Cause::LockFile, &package.file));
        }
        if reasons.is_empty() {
            let source = [&first.evidence.source, &first.evidence.shard];
            let source = source.into_iter().find(|text| !text.is_empty());
            reasons.push(Reason::new(
                Cause::TheirDatabase,
                source.map_or("", String::as_str),
            ));
        }
        reasons
    }

    /// Why they have not got it.
    fn only_ours(&self, numbers: &[usize], our: &[Finding]) -> Vec<Reason> {
        let Some(first) = our.first() else {
            return Vec::new();
        };
        let mut reasons = Vec::new();
        let names = self.our.names_of(first);
        let left_out = ids(first).into_iter().find_map(|id| {
            let mut names = names.iter();
            names.find_map(|name| self.their.left_out.get(&(id.clone(), name.clone())))
        });
        if let Some(why) = left_out {
            reasons.push(Reason::new(Cause::LeftOutThere, why));
        }
        let package = self.our.package(first);
        let packages = self.their.named(names);
        let lists_packages = self
            .their
            .report
            .imported
            .as_ref()
            .is_none_or(|imported| imported.lists_packages);
        let kind = package.map(|package| package.kind);
        if packages.is_empty() && lists_packages {
            match kind.filter(|kind| self.leaves_out(*kind)) {
                Some(kind) => reasons.push(Reason::new(Cause::KindNotCovered, kind.word())),
                None => reasons.push(Reason::new(Cause::NotInTheirs, text::package(package))),
            }
        } else if let Some(package) = package
            && !packages.is_empty()
        {
            let version = version_key(&package.version);
            let there: BTreeSet<String> = packages
                .iter()
                .map(|it| version_key(&it.version).to_owned())
                .filter(|it| !it.is_empty())
                .collect();
            if !there.is_empty() && !there.contains(version) {
                let here = BTreeSet::from([version.to_owned()]);
                reasons.push(Reason::new(
                    Cause::OtherVersion,
                    there_and_here(&there, &here),
                ));
            }
        }
        let findings = self.their.report.findings.len();
        let is_pattern = findings >= ENOUGH;
        if our.iter().all(|it| it.fixed_in.is_empty()) && is_pattern && !self.their.has_unfixed {
            let detail = format!("all {findings} of theirs have a fixed version");
            reasons.push(Reason::new(Cause::FixableOnly, detail));
        }
        let worst = our.iter().map(|it| it.severity).max().unwrap_or_default();
        if let Some(mildest) = self
            .their
            .mildest
            .filter(|mildest| is_pattern && worst < *mildest && worst != Severity::Unknown)
        {
            let detail = format!("the mildest of theirs is {}", mildest.word());
            reasons.push(Reason::new(Cause::SeverityFloor, detail));
        }
        let is_state = !matches!(first.status, Status::Fixed | Status::Affected);
        let says_states = self
            .their
            .statuses
            .iter()
            .any(|it| !matches!(it, Status::Fixed | Status::Affected));
        if is_pattern && is_state && says_states && !self.their.statuses.contains(&first.status) {
            reasons.push(Reason::new(Cause::StatusFilter, first.status.words()));
        }
        let theirs = self.their.report;
        let built = theirs
            .database
            .as_ref()
            .map_or("", |database| &database.built_at);
        let date = if built.is_empty() {
            theirs.scanned_at.as_str()
        } else {
            built
        };
        let published = our.iter().filter_map(|it| it.published.as_deref()).min();
        if let Some(published) = published
            && is_after(published, date)
        {
            let detail = format!("published {published}, theirs is of {}", day(date));
            reasons.push(Reason::new(Cause::NewerThanTheirs, detail));
        }
        let owner = package.and_then(|package| package.owned_by);
        if let Some(owner) = owner.and_then(|owner| self.our.report.packages.get(owner)) {
            reasons.push(Reason::new(Cause::Owned, text::package(Some(owner))));
        }
        if let Some(package) = package.filter(|package| package.basis == Basis::Declared) {
            reasons.push(Reason::new(Cause::LockFile, &package.file));
        }
        if reasons.is_empty() && packages.is_empty() {
            match kind.filter(|kind| self.leaves_out(*kind)) {
                Some(kind) => reasons.push(Reason::new(Cause::KindNotCovered, kind.word())),
                None => {
                    let evidence = &first.evidence;
                    reasons.push(Reason::new(Cause::OurDatabase, &evidence.shard));
                }
            }
        } else if reasons.is_empty() {
            reasons.push(Reason::new(Cause::OurDatabase, &first.evidence.shard));
        }
        if let Some(why) = numbers
            .iter()
            .find_map(|number| self.not_counted.get(number))
        {
            reasons.push(Reason::new(Cause::NotCounted, why));
        }
        reasons
    }

    /// Whether they have packages whose kind is known, and none of this kind.
    fn leaves_out(&self, kind: PackageKind) -> bool {
        let kinds = &self.their.kinds;
        !kinds.is_empty() && !kinds.contains(&PackageKind::Generic) && !kinds.contains(&kind)
    }
}

/// Whether an ecosystem that our database lacks is that of a kind of packages.
fn covers(ecosystem: &str, kind: PackageKind, report: &Report) -> bool {
    let base = ecosystem
        .split([':', ' '])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if kind.is_os() {
        let distribution = report
            .distribution
            .as_ref()
            .map(|it| it.id.to_ascii_lowercase());
        return distribution
            .is_some_and(|id| !id.is_empty() && (base == id || base.starts_with(&id)));
    }
    let words: &[&str] = match kind {
        PackageKind::Golang => &["go", "golang"],
        PackageKind::Cargo => &["crates.io", "crates-io", "cargo"],
        PackageKind::Gem => &["rubygems", "gem"],
        PackageKind::Composer => &["packagist", "composer"],
        _ => &[],
    };
    base == kind.word() || words.contains(&base.as_str())
}

/// By the order of the package's kind: that the installed version is not below any that fixes it.
fn not_below(package: &Package, their: &[Finding]) -> Option<String> {
    let order = orders::order(order_of(package.kind)?)?;
    let fixes: BTreeSet<&str> = their
        .iter()
        .flat_map(|it| &it.fixed_in)
        .map(String::as_str)
        .collect();
    let highest = fixes
        .iter()
        .copied()
        .max_by(|a, b| order.compare(a, b).unwrap_or(Ordering::Equal))?;
    let is_below = fixes.iter().any(|fix| {
        !matches!(
            order.compare(&package.version, fix),
            Ok(Ordering::Equal | Ordering::Greater)
        )
    });
    (!is_below).then(|| {
        format!(
            "{} is not below {highest} ({})",
            package.version,
            order.id()
        )
    })
}

/// The version order of a kind of packages.
fn order_of(kind: PackageKind) -> Option<&'static str> {
    use PackageKind as Kind;
    Some(match kind {
        Kind::Apk => "apk",
        Kind::Deb => "dpkg",
        Kind::Rpm => "rpm",
        Kind::Alpm => "alpm",
        Kind::Ebuild => "ebuild",
        Kind::Pypi => "pep440",
        Kind::Npm | Kind::Cargo | Kind::Hex | Kind::Swift => "semver",
        Kind::Maven => "maven",
        Kind::Golang => "go",
        Kind::Nuget => "nuget",
        Kind::Gem => "rubygems",
        Kind::Composer => "packagist",
        Kind::Pub => "pub",
        Kind::Cran => "cran",
        Kind::Conan => "conan",
        Kind::Hackage => "hackage",
        _ => return None,
    })
}

/// Whether a day is after another time's day. What is no date is after nothing.
fn is_after(published: &str, time: &str) -> bool {
    let is_day = |text: &str| {
        text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| {
                if matches!(at, 4 | 7) {
                    byte == b'-'
                } else {
                    byte.is_ascii_digit()
                }
            })
    };
    let (published, time) = (day(published), day(time));
    is_day(published) && is_day(time) && published > time
}

fn day(time: &str) -> &str {
    time.get(..10).unwrap_or_default()
}

/// `1.2 there, 1.3 here`; `none there, 1.3 here`.
fn there_and_here(there: &BTreeSet<String>, here: &BTreeSet<String>) -> String {
    let words = |set: &BTreeSet<String>| match set.len() {
        0 => "none".to_owned(),
        1..=3 => set.iter().cloned().collect::<Vec<_>>().join(", "),
        count => {
            let first: Vec<&str> = set.iter().take(2).map(String::as_str).collect();
            format!("{} and {} more", first.join(", "), count - 2)
        }
    };
    format!("{} there, {} here", words(there), words(here))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        draft::Draft,
        model::{Database, ShardUse, Suppressed},
    };

    /// `kind name version[ from source]`
    fn package(text: &str) -> Package {
        let (text, source) = match text.split_once(" from ") {
            Some((text, source)) => (text, Some(source)),
            None => (text, None),
        };
        let words: Vec<&str> = text.split(' ').collect();
        let kind = PackageKind::ALL.iter().find(|kind| kind.word() == words[0]);
        Package {
            source: source.map(|source| (source.to_owned(), words[2].to_owned())),
            ..Package::new(*kind.unwrap(), words[1], words[2])
        }
    }

    /// `id package severity[ < fixed]`
    fn finding(text: &str) -> Finding {
        let (text, fixed) = match text.split_once(" < ") {
            Some((text, fixed)) => (text, Some(fixed)),
            None => (text, None),
        };
        let words: Vec<&str> = text.split(' ').collect();
        let ids: Vec<&str> = words[0].split('=').collect();
        Finding {
            id: ids[0].to_owned(),
            aliases: ids[1..].iter().map(|id| (*id).to_owned()).collect(),
            package: words[1].parse().unwrap(),
            severity: Severity::parse(words[2]).unwrap(),
            status: if fixed.is_some() {
                Status::Fixed
            } else {
                Status::Affected
            },
            fixed_in: fixed.into_iter().map(str::to_owned).collect(),
            ..Finding::default()
        }
    }

    fn report(packages: &[&str], findings: &[&str]) -> Report {
        Report {
            packages: packages.iter().map(|text| package(text)).collect(),
            findings: findings.iter().map(|text| finding(text)).collect(),
            ..Draft::new("trivy", "Trivy").finish()
        }
    }

    /// `side id cause, cause`
    fn told(beside: &Beside) -> Vec<String> {
        let cause = |reason: &Reason| {
            serde_json::to_value(reason.cause)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        let rows = beside.rows.iter();
        rows.map(|row| {
            let causes: Vec<String> = row.reasons.iter().map(cause).collect();
            format!("{} {} {}", row.side.word(), row.id, causes.join(", "))
                .trim_end()
                .to_owned()
        })
        .collect()
    }

    fn check(ours: &Report, theirs: &Report, expect: &[&str]) -> Beside {
        let beside = compare(ours, theirs, &BTreeMap::new());
        assert_eq!(told(&beside), expect);
        beside
    }

    #[test]
    fn the_same_under_other_names_is_the_same() {
        // Ours names binary packages, theirs the source package.
        let ours = report(
            &[
                "deb libssl3 3.0.1-1 from openssl",
                "deb openssl 3.0.1-1",
                "npm qs 0.4.2",
            ],
            &[
                "CVE-1 0 high < 3.0.2",
                "CVE-1 1 high < 3.0.2",
                "CVE-2=GHSA-x 2 low < 1.0",
            ],
        );
        let theirs = report(
            &["deb openssl 0:3.0.1-1", "npm qs 0.4.2"],
            &["CVE-1 0 high < 3.0.2", "ghsa-X 1 medium"],
        );
        let beside = check(
            &ours,
            &theirs,
            &[
                "agreed CVE-1",
                "agreed CVE-2 alias, severity, fixed-version",
            ],
        );
        assert_eq!(beside.rows[0].ours, [0, 1]);
        assert_eq!(beside.rows[1].reasons[1].detail, "medium there, low here");
        assert_eq!(beside.rows[1].reasons[2].detail, "none there, 1.0 here");
        assert_eq!(beside.count(Side::Agreed), 2);

        let theirs = report(&["generic libssl3 3.0.1-1"], &["CVE-1 0 high < 3.0.2"]);
        check(&ours, &theirs, &["agreed CVE-1", "ours CVE-2 our-database"]);
        let ours = report(
            &["deb libssl3 3.0.1-1 from openssl"],
            &["CVE-1 0 high < 3.0.2"],
        );
        let theirs = report(&["deb openssl 3.0.1-1"], &["CVE-1 0 high < 3.0.2"]);
        check(&ours, &theirs, &["agreed CVE-1 package-name"]);
        let theirs = report(&["deb openssl 2.9"], &["CVE-1 0 high < 3.0.2"]);
        check(
            &ours,
            &theirs,
            &["agreed CVE-1 package-name, other-version"],
        );
    }

    #[test]
    fn why_only_they_have_it_is_read_off_our_report() {
        let theirs = report(&["deb bash 5.0-4"], &["CVE-1 0 high < 5.0-3"]);
        let mut ours = report(&[], &[]);
        check(&ours, &theirs, &["theirs CVE-1 not-in-ours"]);
        ours.packages = vec![package("deb bash 5.0-5")];
        check(&ours, &theirs, &["theirs CVE-1 other-version"]);
        ours.packages = vec![package("deb bash 5.0-4")];
        let beside = check(&ours, &theirs, &["theirs CVE-1 version-order"]);
        assert_eq!(
            beside.rows[0].reasons[0].detail,
            "5.0-4 is not below 5.0-3 (dpkg)"
        );
        ours.packages[0].removed_in = Some(2);
        check(&ours, &theirs, &["theirs CVE-1 removed"]);
        ours.packages[0].removed_in = None;
        ours.database = None;
        check(&ours, &theirs, &["theirs CVE-1 not-matched"]);

        let mut theirs = report(&["deb bash 5.0-4"], &["CVE-1 0 high"]);
        ours.database = Some(Database {
            shards: vec![ShardUse {
                source_date: Some("2024-05-01T00:00:00Z".to_owned()),
                ..ShardUse::default()
            }],
            ..Database::default()
        });
        let beside = check(&ours, &theirs, &["theirs CVE-1 their-database"]);
        assert!(!beside.rows[0].reasons[0].cause.is_known());
        theirs.findings[0].published = Some("2024-05-01".to_owned());
        check(&ours, &theirs, &["theirs CVE-1 their-database"]);
        theirs.findings[0].published = Some("2024-05-02".to_owned());
        check(&ours, &theirs, &["theirs CVE-1 newer-than-ours"]);
        theirs.findings[0].published = None;
        ours.distribution = Some(crate::model::Distribution {
            id: "debian".to_owned(),
            ..crate::model::Distribution::default()
        });
        ours.database.as_mut().unwrap().missing = vec!["debian:10".to_owned()];
        check(&ours, &theirs, &["theirs CVE-1 no-advisories"]);
        ours.database.as_mut().unwrap().missing = vec!["npm".to_owned()];
        check(&ours, &theirs, &["theirs CVE-1 their-database"]);

        let theirs = report(&["pypi urllib3 1.26"], &["CVE-1 0 high"]);
        ours.packages.push(package("pypi urllib3 1.26"));
        ours.packages[1].owned_by = Some(0);
        let beside = check(&ours, &theirs, &["theirs CVE-1 owned"]);
        assert_eq!(beside.rows[0].reasons[0].detail, "bash 5.0-4");
        ours.packages[1].owned_by = None;
        ours.packages[1].basis = Basis::Declared;
        check(&ours, &theirs, &["theirs CVE-1 lock-file"]);
    }

    #[test]
    fn why_only_we_have_it_is_read_off_theirs() {
        let mut ours = report(
            &["deb bash 5.0-4", "deb zlib 1", "npm qs 1"],
            &["CVE-1 0 low", "CVE-2 1 high < 2"],
        );
        let mut theirs = report(&["deb zlib 1"], &["CVE-2 0 high < 2"; ENOUGH]);
        let beside = check(
            &ours,
            &theirs,
            &["agreed CVE-2", "ours CVE-1 fixable-only, severity-floor"],
        );
        let details: Vec<&str> = beside.rows[1]
            .reasons
            .iter()
            .map(|it| it.detail.as_str())
            .collect();
        assert_eq!(
            details,
            [
                "all 10 of theirs have a fixed version",
                "the mildest of theirs is high"
            ]
        );

        // Not so if one of theirs is like it.
        let mut theirs_mild = theirs.clone();
        theirs_mild.findings.push(finding("CVE-9 0 low"));
        check(
            &ours,
            &theirs_mild,
            &[
                "agreed CVE-2",
                "theirs CVE-9 their-database",
                "ours CVE-1 our-database",
            ],
        );

        theirs.imported.as_mut().unwrap().lists_packages = true;
        theirs.findings.push(finding("CVE-9 0 negligible"));
        ours.findings.push(finding("CVE-3 2 high < 2"));
        check(
            &ours,
            &theirs,
            &[
                "agreed CVE-2",
                "theirs CVE-9 their-database",
                "ours CVE-3 kind-not-covered",
                "ours CVE-1 not-in-theirs",
            ],
        );
        theirs.packages.push(package("npm qs 2"));
        theirs.packages.push(package("deb bash 5.0-4"));
        theirs.imported.as_mut().unwrap().suppressed = vec![Suppressed {
            ids: vec!["CVE-1".to_owned()],
            package: "bash".to_owned(),
            why: "accepted".to_owned(),
            ..Suppressed::default()
        }];
        let beside = check(
            &ours,
            &theirs,
            &[
                "agreed CVE-2",
                "theirs CVE-9 their-database",
                "ours CVE-3 other-version",
                "ours CVE-1 left-out-there",
            ],
        );
        assert_eq!(beside.rows[3].reasons[0].detail, "accepted");
        theirs.imported.as_mut().unwrap().suppressed.clear();
        theirs.scanned_at = "2024-05-01T12:00:00Z".to_owned();
        ours.findings[0].published = Some("2024-05-02".to_owned());
        ours.findings[0].status = Status::WillNotFix;
        theirs.findings[ENOUGH].status = Status::UnderInvestigation;
        ours.packages[2].owned_by = Some(0);
        ours.packages[2].basis = Basis::Declared;
        theirs.packages[1] = package("npm qs 1");
        check(
            &ours,
            &theirs,
            &[
                "agreed CVE-2",
                "theirs CVE-9 their-database",
                "ours CVE-3 owned, lock-file",
                "ours CVE-1 status-filter, newer-than-theirs",
            ],
        );
        let excused = BTreeMap::from([(0, "excepted: no".to_owned())]);
        let beside = compare(&ours, &theirs, &excused);
        assert_eq!(
            beside.rows[3].reasons.last().unwrap().cause,
            Cause::NotCounted
        );
    }

    #[test]
    fn reports_about_other_images_are_told() {
        let mut ours = report(&[], &[]);
        let mut theirs = report(&[], &[]);
        let first = |ours: &Report, theirs: &Report| {
            compare(ours, theirs, &BTreeMap::new()).remarks[0].clone()
        };
        assert!(first(&ours, &theirs).contains("do not both name a digest"));
        ours.image.digest = Some("sha256:1".to_owned());
        theirs.image.digest = Some("sha256:2".to_owned());
        assert!(first(&ours, &theirs).contains("about sha256:2"));
        ours.image.index_digest = Some("sha256:2".to_owned());
        ours.image.platform = "linux/arm64/v8".to_owned();
        theirs.image.platform = "linux/amd64".to_owned();
        assert_eq!(
            first(&ours, &theirs),
            "Theirs is about linux/amd64, ours about linux/arm64/v8"
        );
    }

    #[test]
    fn a_hostile_report_is_compared_in_little_time() {
        let many = report(&["deb a 1"], &["CVE-1 0 low"]);
        let theirs = Report {
            findings: vec![many.findings[0].clone(); 50_000],
            packages: vec![many.packages[0].clone(); 50_000],
            ..many.clone()
        };
        let beside = compare(&theirs, &theirs, &BTreeMap::new());
        assert_eq!(beside.rows.len(), 1);
        let odd = Report {
            findings: vec![finding("CVE-1 4000000000 low"), Finding::default()],
            ..many.clone()
        };
        assert_eq!(compare(&many, &odd, &BTreeMap::new()).rows.len(), 3);
    }

    #[test]
    fn causes_have_ids_and_titles_of_their_own() {
        let titles: BTreeSet<&str> = Cause::ALL.iter().map(|cause| cause.title()).collect();
        assert_eq!(titles.len(), Cause::ALL.len());
        assert!(titles.iter().all(|title| !title.ends_with('.')));
    }
}
