//! Which advisories apply to which packages.
//!
//! - Packages of Debian, Ubuntu and Alpine are looked up by source package and source version, in the
//!   shard of their release; RPMs by their own name, and by that of their source where an entry says so;
//!   packages of languages by their normalised name.
//! - RPMs of a module are matched with what is said of that module's stream, those of Red Hat with the
//!   product streams that their release has ([`crate::ecosystem::uses_product`]). The epoch of a source RPM is its
//!   binary's; one that a feed leaves out is not compared.
//! - A version is compared in the shard's order. One that the order cannot read is matched against
//!   the versions that an advisory names one by one, and reported.
//! - Of one package, records of the same vulnerability (the same CVE under GHSA, PYSEC, …) are one
//!   match; the CVE is its id, all others are aliases, the best record is its evidence. A fix beats
//!   none, then the first of [`Status`] counts. Of a distribution's package the highest fixed version of all
//!   records fixes it, since each of them names what it fixes.
//! - What only Ubuntu Pro fixes is affected, without a fix, on an image that has no package of Pro.
//! - Severity: a word of the source itself, then its CVSS, then NVD's ([`crate::rating::Rating::rank`]).
//! - A language package whose files an OS package of Debian or Ubuntu owns is that distribution's to
//!   judge: it backports fixes without changing the version that Python sees, and its tracker lists
//!   what is unfixed. As in Grype, this holds where the two versions agree. Such matches are not
//!   dropped: they are in [`Matches::overridden`]. Others list only what is fixed, so that there such
//!   matches count, and say who owns the package ([`Match::owner`]), unless the distribution says of this
//!   vulnerability that its package was never affected, or is fixed in the version that is installed.
//! - Scores are used if they were made for the very shard that matches.

use std::{
    borrow::Cow,
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use lamina_inventory::{facts::PackageKind, severity::Severity};

pub use crate::ecosystem::DistributionView;
use crate::{
    ecosystem::{Ecosystem, Role, Traits, keys_for, uses_product},
    index::{Index, ShardEntry, ShardKind},
    limits::{MAX_MATCHES_PER_PACKAGE, MAX_WARNINGS},
    orders::{self, VersionOrder},
    rating::Rating,
    record::{Day, Epss, Exploited, Qualifier, RangeEnd, Statement, VersionRange},
    shard::{AdvisoryRef, AffectedRef, Shard, ShardError},
};

/// A package, lent by the inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackageView<'a> {
    /// Which kind.
    pub kind: PackageKind,
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Name and version of its source package, if it has one.
    pub source: Option<(&'a str, &'a str)>,
    /// The OS package that owns its files: an index into the list that is matched.
    pub owned_by: Option<usize>,
    /// It may not be there, or is in the list already: it is not matched.
    pub is_hearsay: bool,
    /// Its architecture, in the package manager's words.
    pub architecture: Option<&'a str>,
    /// The module that it was built from, as RPM's `%{MODULARITYLABEL}` has it:
    /// `nginx:1.20:8060020:9edba152`.
    pub module: Option<&'a str>,
}

impl<'a> PackageView<'a> {
    /// A package of which nothing more is known. The other fields are public.
    pub fn new(kind: PackageKind, name: &'a str, version: &'a str) -> Self {
        Self {
            kind,
            name,
            version,
            source: None,
            owned_by: None,
            is_hearsay: false,
            architecture: None,
            module: None,
        }
    }
}

/// The shards that a list of packages needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The shards, by key.
    pub shards: Vec<ShardEntry>,
    /// What the database says nothing about.
    pub missing: Vec<Missing>,
}

/// Packages that the database says nothing about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The shard that it does not have (`debian:12`), or what there are no advisories for in this
    /// format (`deb packages of linuxmint`).
    pub what: String,
    /// How many packages are not matched for that.
    pub packages: usize,
}

/// What matching found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matches {
    /// What applies, by package, worst first.
    pub matches: Vec<Match>,
    /// What would apply to language packages that are the distribution's to judge: not findings, but
    /// worth a look.
    pub overridden: Vec<Match>,
    /// What could not be read or compared.
    pub warnings: Vec<MatchWarning>,
    /// How many more warnings there were.
    pub warnings_left_out: usize,
}

/// A vulnerability of a package.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The package: an index into the list that was matched.
    pub package: usize,
    /// The id under which it is shown: a CVE where there is one.
    pub id: String,
    /// Its other ids, sorted, with those of the records.
    pub aliases: Vec<String>,
    /// Severity, from the best source.
    pub severity: Severity,
    /// Who says so, e.g. `debian`, `ghsa, CVSS 3.1`.
    pub severity_source: Option<String>,
    /// CVSS vector, of the highest version there is.
    pub cvss: Option<String>,
    /// Its base score.
    pub score: Option<f64>,
    /// Whether a version that fixes it is known, or will be.
    pub status: Status,
    /// Versions above the installed one that fix it, lowest first. Of a distribution's package, the one
    /// that fixes it by all its records.
    pub fixed_in: Vec<String>,
    /// When the first of them became available.
    pub fix_published: Option<Day>,
    /// What kinds of weakness it is: the numbers of [CWE](https://cwe.mitre.org), sorted.
    pub cwes: Vec<u32>,
    /// How likely it is exploited, if the scores were there.
    pub epss: Option<Epss>,
    /// What CISA says of its being exploited, if it does and the scores were there.
    pub exploited: Option<Exploited>,
    /// One line on what it is.
    pub title: Option<String>,
    /// When it was first published, by any of its records.
    pub published: Option<Day>,
    /// When one of its records was last changed.
    pub modified: Option<Day>,
    /// Why the best of its records applies.
    pub evidence: Evidence,
    /// Why its other records apply.
    pub also: Vec<Evidence>,
    /// The OS package that owns this one, if one does: an index likewise.
    pub owner: Option<usize>,
}

/// Whether a version that fixes it is known, or what its vendor says otherwise. In this order: of several
/// records, the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Affected; a fixed version exists.
    Fixed,
    /// Affected, and the vendor will not fix it.
    WillNotFix,
    /// Affected, and the release or product is no longer looked after.
    EndOfLife,
    /// Affected, and the vendor will fix it later.
    FixDeferred,
    /// Affected; no fixed version is known.
    Affected,
    /// The vendor has not found out yet whether it is.
    UnderInvestigation,
    /// Affected by what others than the vendor say.
    Possible,
}

impl Status {
    /// What a statement without a fix means.
    fn of(statement: Statement) -> Self {
        match statement {
            Statement::Affected | Statement::NotAffected => Self::Affected,
            Statement::WillNotFix => Self::WillNotFix,
            Statement::FixDeferred => Self::FixDeferred,
            Statement::UnderInvestigation => Self::UnderInvestigation,
            Statement::EndOfLife => Self::EndOfLife,
            Statement::Possible => Self::Possible,
        }
    }
}

/// Why a record applies to a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Id of the record.
    pub record: String,
    /// Key of the shard it is in.
    pub shard: String,
    /// Where it comes from, e.g. `OSV`.
    pub source: String,
    /// The name that was looked up.
    pub matched_name: String,
    /// The version that was compared.
    pub matched_version: String,
    /// The order that compared, e.g. `dpkg`.
    pub order: String,
    /// The range that holds the version, e.g. `>= 0, < 3.0.11-1~deb12u2`.
    pub range: String,
}

/// Something that matching could not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatchWarning {
    /// A version that the order cannot read.
    #[error("{name} {version}: this is no {order} version; only exact matches were looked for")]
    PackageVersion {
        /// The package: an index into the list that was matched.
        package: usize,
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// The order's id.
        order: &'static str,
    },
    /// A range whose bounds the order cannot read.
    #[error("{record} on {name}: {version:?} is no {order} version; this range was left out")]
    RangeVersion {
        /// The record.
        record: String,
        /// The package's name.
        name: String,
        /// The bound.
        version: String,
        /// The order's id.
        order: &'static str,
    },
    /// A part of a shard that cannot be read.
    #[error("shard {shard}, package {name}: {problem}")]
    Shard {
        /// The shard's key.
        shard: String,
        /// The package's name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A shard whose version order this program does not have.
    #[error("shard {shard} wants the version order {order:?}, which this program does not have")]
    Order {
        /// The shard's key.
        shard: String,
        /// The order's id.
        order: String,
    },
    /// Scores that were made for other advisories than those that are there.
    #[error("EPSS and KEV for {shard} belong to another edition of it; they were left out")]
    Scores {
        /// The shard's key.
        shard: String,
    },
    /// More matches than are believable.
    #[error("{name} has more than {MAX_MATCHES_PER_PACKAGE} matches; the rest is left out")]
    TooManyMatches {
        /// The package's name.
        name: String,
    },
}

/// Names the shards of `index` that a list of packages needs, and what it has nothing about.
///
/// Beside each match shard, the scores that belong to it are named, if there are any.
pub fn shards_for<'a>(
    index: &Index,
    distribution: Option<DistributionView<'_>>,
    packages: impl IntoIterator<Item = PackageView<'a>>,
) -> Needs {
    let mut kinds: BTreeMap<PackageKind, usize> = BTreeMap::new();
    let mut traits = Traits::default();
    for package in packages.into_iter().filter(|package| !package.is_hearsay) {
        *kinds.entry(package.kind).or_default() += 1;
        add_traits(&mut traits, &package);
    }
    let mut shards: BTreeMap<(String, ShardKind), ShardEntry> = BTreeMap::new();
    let mut missing = Vec::new();
    for (kind, packages) in kinds {
        let keys = match keys_for(kind, distribution, traits) {
            Ok(keys) => keys,
            Err(what) => {
                missing.push(Missing { what, packages });
                continue;
            }
        };
        for used in keys {
            let Some(entry) = index.match_shard(&used.key) else {
                if used.role == Role::Main {
                    let what = used.key;
                    missing.push(Missing { what, packages });
                }
                continue;
            };
            for entry in std::iter::once(entry).chain(index.scores_shard(&used.key)) {
                shards.insert((entry.key.clone(), entry.kind), entry.clone());
            }
        }
    }
    Needs {
        shards: shards.into_values().collect(),
        missing,
    }
}

fn add_traits(traits: &mut Traits, package: &PackageView<'_>) {
    let is_deb = package.kind == PackageKind::Deb;
    traits.has_esm |=
        is_deb && (package.version.contains("+esm") || package.version.contains("~esm"));
    traits.has_root |= package.name.contains("rootio") || package.name.starts_with("io.root.");
}

/// Finds the advisories that apply to each package.
///
/// Packages whose shard is not among `shards` are passed over: [`shards_for`] has named them.
pub fn match_packages(
    distribution: Option<DistributionView<'_>>,
    packages: &[PackageView<'_>],
    shards: &[&Shard],
) -> Matches {
    let mut warnings = Warnings::default();
    let by_key = usable(shards, &mut warnings);
    let mut traits = Traits::default();
    for package in packages.iter().filter(|package| !package.is_hearsay) {
        add_traits(&mut traits, package);
    }
    let cx = Cx {
        distribution,
        packages,
        by_key: &by_key,
        traits,
    };
    let mut targets_of: HashMap<PackageKind, Vec<(&Target<'_>, Role)>> = HashMap::new();
    let mut uses: HashMap<(PackageKind, Subject<'_>), u32> = HashMap::new();
    for package in packages.iter().filter(|package| !package.is_hearsay) {
        *uses
            .entry((package.kind, Subject::of(package)))
            .or_default() += 1;
    }
    let mut known: HashMap<(PackageKind, Subject<'_>), Rc<[Match]>> = HashMap::new();
    let mut judged: HashMap<usize, Rc<BTreeSet<String>>> = HashMap::new();
    let mut result = Matches::default();
    for (index, package) in packages.iter().enumerate() {
        if package.is_hearsay {
            continue;
        }
        let targets = targets_of
            .entry(package.kind)
            .or_insert_with(|| cx.targets(package.kind));
        if targets.is_empty() {
            continue;
        }
        let subject = Subject::of(package);
        // Binaries of one source share its matches; what is asked for once is not kept.
        let key = (package.kind, subject);
        let is_shared = uses.get(&key).is_some_and(|uses| *uses > 1);
        let found: Found = match known.get(&key) {
            Some(found) => Found::Shared(Rc::clone(found)),
            None => {
                let found = cx.find(index, &subject, targets, &mut warnings);
                if is_shared {
                    let found: Rc<[Match]> = found.into();
                    known.insert(key, Rc::clone(&found));
                    Found::Shared(found)
                } else {
                    Found::Own(found)
                }
            }
        };
        if found.is_empty() {
            continue;
        }
        let owner = cx.owner_that_judges(package);
        let is_all_overridden =
            owner.is_some_and(|(_, owner)| cx.is_distributions_to_judge(package, owner));
        let not_affected = owner.filter(|_| !is_all_overridden).map(|(at, owner)| {
            let judged = judged
                .entry(at)
                .or_insert_with(|| Rc::new(cx.not_affected(owner)));
            Rc::clone(judged)
        });
        found.for_each(|found| {
            let is_overridden = is_all_overridden
                || not_affected.as_ref().is_some_and(|ids| {
                    let mut own = std::iter::once(&found.id).chain(&found.aliases);
                    own.any(|id| ids.contains(id))
                });
            let list = if is_overridden {
                &mut result.overridden
            } else {
                &mut result.matches
            };
            list.push(Match {
                package: index,
                owner: package.owned_by,
                ..found
            });
        });
    }
    result.warnings = warnings.list;
    result.warnings_left_out = warnings.left_out;
    result
}

/// The matches of a package, which it may share with others.
enum Found {
    Own(Vec<Match>),
    Shared(Rc<[Match]>),
}

impl Found {
    fn is_empty(&self) -> bool {
        match self {
            Self::Own(matches) => matches.is_empty(),
            Self::Shared(matches) => matches.is_empty(),
        }
    }

    fn for_each(self, take: impl FnMut(Match)) {
        match self {
            Self::Own(matches) => matches.into_iter().for_each(take),
            Self::Shared(matches) => matches.iter().cloned().for_each(take),
        }
    }
}

/// What is looked up of a package: equal for all packages that have the same matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Subject<'a> {
    /// Name and version of the package, where advisories are about it.
    own: Option<(&'a str, &'a str)>,
    /// Name and version of its source package, where advisories are about that.
    source: Option<(&'a str, &'a str)>,
    /// The epoch of the package, if the source's version has none of its own.
    source_epoch: Option<&'a str>,
    /// The module it was built from, as `nodejs:18`.
    module: Option<&'a str>,
    architecture: Option<&'a str>,
}

impl<'a> Subject<'a> {
    fn of(package: &PackageView<'a>) -> Self {
        let own = (package.name, package.version);
        let source = package.source.unwrap_or(own);
        let nothing = Self {
            own: None,
            source: None,
            source_epoch: None,
            module: None,
            architecture: None,
        };
        match package.kind {
            PackageKind::Apk | PackageKind::Deb => Self {
                source: Some(source),
                ..nothing
            },
            // The name of a source RPM's file, which is all that is known of it, has no epoch.
            PackageKind::Rpm => Self {
                own: Some(own),
                source: Some(source),
                source_epoch: match source.1.contains(':') {
                    true => None,
                    false => own.1.split_once(':').map(|(epoch, _)| epoch),
                },
                module: package.module.and_then(name_and_stream),
                architecture: package.architecture,
            },
            _ => Self {
                own: Some(own),
                ..nothing
            },
        }
    }
}

/// The first two parts of a modularity label: `nginx:1.20` of `nginx:1.20:8060020:9edba152`.
fn name_and_stream(label: &str) -> Option<&str> {
    let (name, rest) = label.split_once(':')?;
    let stream = rest.split(':').next().unwrap_or_default();
    // The colon between them.
    label.get(..name.len() + 1 + stream.len())
}

/// One run over all packages.
struct Cx<'a, 'p> {
    distribution: Option<DistributionView<'a>>,
    packages: &'a [PackageView<'p>],
    by_key: &'a BTreeMap<&'a str, Target<'a>>,
    traits: Traits,
}

impl<'a, 'p> Cx<'a, 'p> {
    /// The shards that speak of packages of this kind, the main one first.
    fn targets(&self, kind: PackageKind) -> Vec<(&'a Target<'a>, Role)> {
        let keys = keys_for(kind, self.distribution, self.traits).unwrap_or_default();
        keys.iter()
            .filter_map(|used| Some((self.by_key.get(used.key.as_str())?, used.role)))
            .collect()
    }

    /// The matches of a subject, worst first. `package` is only for warnings.
    fn find(
        &self,
        package: usize,
        subject: &Subject<'_>,
        targets: &[(&'a Target<'a>, Role)],
        warnings: &mut Warnings,
    ) -> Vec<Match> {
        let mut hits = Vec::new();
        for (target, role) in targets {
            let mut more = target.hits(self, package, subject, warnings);
            if *role != Role::Main && !more.is_empty() {
                // The main shard has said of these what there is to say.
                let answered = targets
                    .iter()
                    .filter(|(_, role)| *role == Role::Main)
                    .flat_map(|(target, _)| target.ids(self, subject, Wanted::NotHeld))
                    .collect::<BTreeSet<_>>();
                more.retain(|hit| !answered.contains(hit.advisory.id));
            }
            if *role == Role::MoreWithoutFixes {
                more.iter_mut().for_each(|hit| hit.fixed_in.clear());
            }
            hits.append(&mut more);
        }
        if hits.is_empty() {
            return Vec::new();
        }
        let mut matches: Vec<Match> = group(hits).into_iter().map(merge).collect();
        matches.sort_by(|a, b| {
            Reverse(a.severity)
                .cmp(&Reverse(b.severity))
                .then_with(|| a.id.cmp(&b.id))
        });
        matches
    }

    /// The package of the distribution that owns the files of this one, which is of a language.
    fn owner_that_judges(&self, package: &PackageView<'_>) -> Option<(usize, &'a PackageView<'p>)> {
        let at = package.owned_by?;
        let owner = self.packages.get(at)?;
        (owner.kind.is_os() && !package.kind.is_os()).then_some((at, owner))
    }

    /// Whether the distribution's advisories replace those of the language: see the module's text.
    fn is_distributions_to_judge(
        &self,
        package: &PackageView<'_>,
        owner: &PackageView<'_>,
    ) -> bool {
        let upstream = owner
            .version
            .split_once(':')
            .map_or(owner.version, |(_, rest)| rest);
        owner.kind == PackageKind::Deb
            && upstream.starts_with(package.version)
            && !self.targets(owner.kind).is_empty()
    }

    /// The vulnerabilities of which the distribution says that this version of its package does not have
    /// them: it was never affected, or is fixed.
    fn not_affected(&self, owner: &PackageView<'_>) -> BTreeSet<String> {
        let subject = Subject::of(owner);
        self.targets(owner.kind)
            .iter()
            .filter(|(_, role)| *role == Role::Main)
            .flat_map(|(target, _)| target.ids(self, &subject, Wanted::NotAffected))
            .map(str::to_owned)
            .collect()
    }
}

/// Which vulnerabilities [`Target::ids`] names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Those of which an entry speaks, but not of this version.
    NotHeld,
    /// Those that this version does not have, by what an entry says of a fix, or in so many words.
    NotAffected,
}

/// A shard that can be asked.
struct Target<'a> {
    key: &'a str,
    shard: &'a Shard,
    scores: Option<&'a Shard>,
    order: &'static dyn VersionOrder,
    ecosystem: Option<&'static Ecosystem>,
}

fn usable<'a>(shards: &[&'a Shard], warnings: &mut Warnings) -> BTreeMap<&'a str, Target<'a>> {
    let mut by_key = BTreeMap::new();
    for shard in shards {
        let meta = shard.meta();
        if meta.kind != ShardKind::Match {
            continue;
        }
        let Some(order) = orders::order(&meta.order) else {
            warnings.add(MatchWarning::Order {
                shard: meta.key.clone(),
                order: meta.order.clone(),
            });
            continue;
        };
        let target = Target {
            key: &meta.key,
            shard,
            scores: None,
            order,
            ecosystem: Ecosystem::of_key(&meta.key),
        };
        by_key.insert(meta.key.as_str(), target);
    }
    for shard in shards {
        let meta = shard.meta();
        if meta.kind != ShardKind::Scores {
            continue;
        }
        let Some(target) = by_key.get_mut(meta.key.as_str()) else {
            continue;
        };
        if meta.of.is_some() && meta.of.as_ref() == target.shard.digest() {
            target.scores = Some(shard);
        } else {
            warnings.add(MatchWarning::Scores {
                shard: meta.key.clone(),
            });
        }
    }
    by_key
}

/// A record that applies.
struct Hit<'a> {
    target: &'a Target<'a>,
    number: u32,
    advisory: AdvisoryRef<'a>,
    statement: Statement,
    /// What was looked up.
    name: String,
    version: String,
    range: String,
    /// Lowest first.
    fixed_in: Vec<&'a str>,
    fix_published: Option<Day>,
}

/// A name to look up, and how the version is to be compared.
struct Lookup<'s> {
    name: Cow<'s, str>,
    version: Cow<'s, str>,
    /// Whether it is about entries with [`Qualifier::Source`], or those without; `None` for both.
    of_source: Option<bool>,
}

impl<'a> Target<'a> {
    fn lookups<'s>(&self, subject: &Subject<'s>) -> Vec<Lookup<'s>> {
        let both = subject.own.is_some() && subject.source.is_some();
        let normalise = |name: &'s str| match self.ecosystem {
            Some(ecosystem) => ecosystem.normalise(name),
            None => Cow::Borrowed(name),
        };
        let own = subject.own.map(|(name, version)| Lookup {
            name: normalise(name),
            version: Cow::Borrowed(version),
            of_source: both.then_some(false),
        });
        let source = subject.source.map(|(name, version)| {
            let version = match subject.source_epoch {
                Some(epoch) => Cow::Owned(format!("{epoch}:{version}")),
                None => Cow::Borrowed(version),
            };
            Lookup {
                name: normalise(name),
                version,
                of_source: both.then_some(true),
            }
        });
        own.into_iter().chain(source).collect()
    }

    /// The records that apply to a subject.
    fn hits(
        &'a self,
        cx: &Cx<'_, '_>,
        package: usize,
        subject: &Subject<'_>,
        warnings: &mut Warnings,
    ) -> Vec<Hit<'a>> {
        let mut hits = Vec::new();
        let mut not_affected = Vec::new();
        for lookup in self.lookups(subject) {
            let problem = |problem: &ShardError| MatchWarning::Shard {
                shard: self.key.to_owned(),
                name: lookup.name.clone().into_owned(),
                problem: problem.to_string(),
            };
            let entries = match self.shard.package(&lookup.name) {
                Ok(Some(entries)) => entries,
                Ok(None) => continue,
                Err(error) => {
                    warnings.add(problem(&error));
                    continue;
                }
            };
            let is_readable = self.order.accepts(&lookup.version);
            if !is_readable {
                warnings.add(MatchWarning::PackageVersion {
                    package,
                    name: lookup.name.clone().into_owned(),
                    version: lookup.version.clone().into_owned(),
                    order: self.order.id(),
                });
            }
            for entry in entries.affected() {
                let entry = match entry {
                    Ok(entry) => entry,
                    // The entries before it stand.
                    Err(error) => {
                        warnings.add(problem(&error));
                        break;
                    }
                };
                let Some(statement) = entry.statement else {
                    continue;
                };
                if !fits(cx, &entry, &lookup, subject) {
                    continue;
                }
                if statement == Statement::NotAffected {
                    not_affected.push(entry.advisory);
                    continue;
                }
                let version = self.comparable(&entry, &lookup);
                let Some(range) = self.range_of(&entry, &lookup, version, is_readable, warnings)
                else {
                    continue;
                };
                let advisory = match self.shard.advisory(entry.advisory) {
                    Ok(advisory) => advisory,
                    Err(error) => {
                        warnings.add(problem(&error));
                        continue;
                    }
                };
                if hits.len() >= MAX_MATCHES_PER_PACKAGE {
                    warnings.add(MatchWarning::TooManyMatches {
                        name: lookup.name.clone().into_owned(),
                    });
                    break;
                }
                hits.push(Hit {
                    target: self,
                    number: entry.advisory,
                    advisory,
                    statement,
                    name: lookup.name.clone().into_owned(),
                    version: version.to_owned(),
                    range,
                    fixed_in: self.fixes(&entry, version),
                    fix_published: entry.fix_published,
                });
            }
        }
        if !hits.is_empty() && !not_affected.is_empty() {
            let mut ids = BTreeSet::new();
            for number in not_affected {
                match self.shard.advisory(number) {
                    Ok(advisory) => {
                        ids.insert(advisory.id);
                    }
                    Err(error) => warnings.add(MatchWarning::Shard {
                        shard: self.key.to_owned(),
                        name: String::new(),
                        problem: error.to_string(),
                    }),
                }
            }
            hits.retain(|hit| !ids.contains(hit.advisory.id));
        }
        hits
    }

    /// The vulnerabilities that entries about this subject speak of, as `wanted` says. What cannot be read
    /// is passed over: [`Self::hits`] reports it.
    fn ids(&'a self, cx: &Cx<'_, '_>, subject: &Subject<'_>, wanted: Wanted) -> Vec<&'a str> {
        let mut ids = BTreeSet::new();
        let mut held = BTreeSet::new();
        for lookup in self.lookups(subject) {
            let Ok(Some(entries)) = self.shard.package(&lookup.name) else {
                continue;
            };
            if !self.order.accepts(&lookup.version) {
                continue;
            }
            for entry in entries.affected().map_while(Result::ok) {
                let Some(statement) = entry.statement else {
                    continue;
                };
                if !fits(cx, &entry, &lookup, subject) {
                    continue;
                }
                let Ok(advisory) = self.shard.advisory(entry.advisory) else {
                    continue;
                };
                let version = self.comparable(&entry, &lookup);
                let holds = |range: VersionRange<&str>| range.holds(self.order, version);
                let is_named = || entry.versions().any(|listed| listed == version);
                // A bound that cannot be read says nothing.
                let is_held =
                    entry.ranges().any(|range| holds(range).unwrap_or(true)) || is_named();
                if statement == Statement::NotAffected {
                    ids.insert(advisory.id);
                } else if is_held {
                    held.insert(advisory.id);
                } else if wanted == Wanted::NotHeld
                    || entry
                        .ranges()
                        .any(|range| matches!(range.end, RangeEnd::Fixed(_)))
                {
                    ids.insert(advisory.id);
                }
            }
        }
        ids.difference(&held).copied().collect()
    }

    /// The version as this entry's bounds can be compared with: some feeds leave epochs out, in PEP 440 a
    /// bound without a local version is about all local builds of it (`2.3.1+cpu` is in `<= 2.3.1`), and
    /// Bitnami's are about all its builds (`1.28.7-1` is no pre-release of 1.28.7).
    fn comparable<'v>(&self, entry: &AffectedRef<'_>, lookup: &'v Lookup<'_>) -> &'v str {
        let build = match self.ecosystem.map(|ecosystem| ecosystem.key) {
            Some("bitnami") => lookup
                .version
                .split_once('-')
                .filter(|(_, build)| build.bytes().all(|byte| byte.is_ascii_digit()))
                .map(|(version, _)| (version, '-')),
            _ if self.order.id() == "pep440" => lookup
                .version
                .split_once('+')
                .map(|(version, _)| (version, '+')),
            _ => None,
        };
        if let Some((version, mark)) = build
            && !entry.ranges().any(|range| is_in_bounds(mark, &range))
            && !entry.versions().any(|listed| listed.contains(mark))
        {
            return version;
        }
        let leaves_out_epochs = self.ecosystem.is_some_and(Ecosystem::leaves_out_epochs);
        match lookup.version.split_once(':') {
            Some((_, rest))
                if leaves_out_epochs && !entry.ranges().any(|range| is_in_bounds(':', &range)) =>
            {
                rest
            }
            _ => &lookup.version,
        }
    }

    /// The range that holds the version, as text; `None` if none does.
    fn range_of(
        &self,
        entry: &AffectedRef<'a>,
        lookup: &Lookup<'_>,
        version: &str,
        is_readable: bool,
        warnings: &mut Warnings,
    ) -> Option<String> {
        if is_readable {
            for range in entry.ranges() {
                match range.holds(self.order, version) {
                    Ok(true) => return Some(range.to_string()),
                    Ok(false) => {}
                    Err(error) => warnings.add(MatchWarning::RangeVersion {
                        record: self
                            .shard
                            .advisory(entry.advisory)
                            .map(|advisory| advisory.record.to_owned())
                            .unwrap_or_default(),
                        name: lookup.name.clone().into_owned(),
                        version: error.version,
                        order: error.order,
                    }),
                }
            }
        }
        let is_same = |listed: &str| {
            listed == version
                || (is_readable && self.order.compare(listed, version) == Ok(Ordering::Equal))
        };
        entry
            .versions()
            .find(|listed| is_same(listed))
            .map(|listed| format!("= {listed}"))
    }

    /// The versions above the installed one that fix it, none of which another range holds.
    fn fixes(&self, entry: &AffectedRef<'a>, version: &str) -> Vec<&'a str> {
        entry
            .ranges()
            .filter_map(|range| match range.end {
                RangeEnd::Fixed(fixed) => Some(fixed),
                _ => None,
            })
            .filter(|fixed| {
                self.order
                    .compare(fixed, version)
                    .is_ok_and(Ordering::is_gt)
            })
            .filter(|fixed| {
                !entry
                    .ranges()
                    .any(|range| range.holds(self.order, fixed).unwrap_or(false))
            })
            .collect()
    }

    /// Whether one version fixes it, the highest of all records: a distribution's release goes one way, while
    /// upstream may fix several branches.
    fn has_one_fix(&self) -> bool {
        matches!(self.order.id(), "alpm" | "apk" | "dpkg" | "rpm")
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        self.order.compare(a, b).unwrap_or_else(|_| a.cmp(b))
    }

    fn source_name(&self, source: u32) -> String {
        usize::try_from(source)
            .ok()
            .and_then(|source| self.shard.meta().sources.get(source))
            .map(|source| source.name.clone())
            .unwrap_or_default()
    }
}

/// Whether a bound has the mark of an epoch or of a build.
fn is_in_bounds(mark: char, range: &VersionRange<&str>) -> bool {
    let end = match range.end {
        RangeEnd::Never => "",
        RangeEnd::Fixed(end) | RangeEnd::LastAffected(end) | RangeEnd::Before(end) => end,
    };
    range.introduced.unwrap_or_default().contains(mark) || end.contains(mark)
}

/// Whether an entry is about the subject, by its qualifiers.
fn fits(
    cx: &Cx<'_, '_>,
    entry: &AffectedRef<'_>,
    lookup: &Lookup<'_>,
    subject: &Subject<'_>,
) -> bool {
    let mut is_of_source = false;
    // Of each kind: is there one, does one fit.
    let mut module = (false, false);
    let mut architecture = (false, false);
    let mut product = (false, false);
    for qualifier in entry.qualifiers() {
        match qualifier {
            Qualifier::Source => is_of_source = true,
            Qualifier::Module(stream) => {
                module = (true, module.1 || subject.module == Some(stream));
            }
            Qualifier::Architecture(name) => {
                let fits = subject
                    .architecture
                    .is_none_or(|own| own == name || own == "noarch");
                architecture = (true, architecture.1 || fits);
            }
            Qualifier::Product(stream) => {
                product = (true, product.1 || uses_product(cx.distribution, stream));
            }
        }
    }
    let fits_module = || {
        if module.0 {
            return module.1;
        }
        // Feeds that do not name the module have it in the version: `1.module_el8.5.0+119`.
        let is_of_module = subject.module.is_some() || lookup.version.contains(".module");
        lookup.of_source.is_none() || is_of_module == speaks_of_modules(entry)
    };
    lookup.of_source.is_none_or(|wanted| wanted == is_of_source)
        && architecture.0 == architecture.1
        && product.0 == product.1
        && fits_module()
}

fn speaks_of_modules(entry: &AffectedRef<'_>) -> bool {
    entry.ranges().any(|range| match range.end {
        RangeEnd::Never => false,
        RangeEnd::Fixed(end) | RangeEnd::LastAffected(end) | RangeEnd::Before(end) => {
            end.contains(".module")
        }
    })
}

/// One match of all the records of one vulnerability.
fn merge(mut hits: Vec<Hit<'_>>) -> Match {
    hits.sort_by(|a, b| record_rank(&a.advisory).cmp(&record_rank(&b.advisory)));
    let mut fixed_in: Vec<&str> = Vec::new();
    if let Some(target) = hits.first().map(|hit| hit.target) {
        fixed_in.extend(hits.iter().flat_map(|hit| hit.fixed_in.iter().copied()));
        fixed_in.sort_by(|a, b| target.compare(a, b));
        fixed_in.dedup();
        if target.has_one_fix() && fixed_in.len() > 1 {
            fixed_in.drain(..fixed_in.len() - 1);
            // The record that has it is the evidence.
            if let Some(best) = hits
                .iter()
                .position(|hit| hit.fixed_in.last() == fixed_in.last())
            {
                hits.get_mut(..=best).unwrap_or_default().rotate_right(1);
            }
        }
    }
    let mut ids: BTreeSet<&str> = BTreeSet::new();
    for hit in &hits {
        ids.extend([hit.advisory.id, hit.advisory.record]);
        ids.extend(hit.advisory.aliases());
    }
    let shown = hits.first().map(|hit| hit.advisory.id).unwrap_or_default();
    let id = if is_cve(shown) {
        shown
    } else {
        ids.iter().copied().find(|id| is_cve(id)).unwrap_or(shown)
    };
    ids.remove(id);

    let ratings = || hits.iter().flat_map(|hit| hit.advisory.ratings());
    let rating = ratings().min_by_key(Rating::rank);
    let scored = ratings()
        .filter(|rating| rating.tenths.is_some())
        .min_by_key(Rating::rank);
    let scores = || {
        hits.iter()
            .filter_map(|hit| Some((hit.target.scores?, hit.number)))
    };
    let cwes: BTreeSet<u32> = hits.iter().flat_map(|hit| hit.advisory.cwes()).collect();
    let is_fixing = |hit: &&Hit<'_>| hit.fixed_in.last() == fixed_in.last();

    let mut evidence = hits.iter().map(|hit| Evidence {
        record: hit.advisory.record.to_owned(),
        shard: hit.target.key.to_owned(),
        source: hit.target.source_name(hit.advisory.source),
        matched_name: hit.name.clone(),
        matched_version: hit.version.clone(),
        order: hit.target.order.id().to_owned(),
        range: hit.range.clone(),
    });
    Match {
        package: 0,
        id: id.to_owned(),
        aliases: ids.into_iter().map(str::to_owned).collect(),
        severity: rating.map_or(Severity::Unknown, |rating| rating.severity),
        severity_source: rating.map(|rating| rating.describe()),
        cvss: scored.map(|rating| rating.vector.to_owned()),
        score: scored.and_then(|rating| rating.score()),
        status: if fixed_in.is_empty() {
            let statuses = hits.iter().map(|hit| Status::of(hit.statement));
            statuses.min().unwrap_or(Status::Affected)
        } else {
            Status::Fixed
        },
        fix_published: match fixed_in.is_empty() {
            true => None,
            false => hits
                .iter()
                .filter(is_fixing)
                .filter_map(|hit| hit.fix_published)
                .min(),
        },
        fixed_in: fixed_in
            .iter()
            .map(|version| (*version).to_owned())
            .collect(),
        title: hits
            .iter()
            .find_map(|hit| hit.advisory.title)
            .map(str::to_owned),
        published: hits.iter().filter_map(|hit| hit.advisory.published).min(),
        modified: hits.iter().filter_map(|hit| hit.advisory.modified).max(),
        cwes: cwes.into_iter().collect(),
        epss: scores().find_map(|(scores, number)| scores.epss(number)),
        exploited: scores().find_map(|(scores, number)| scores.exploited(number)),
        evidence: evidence.next().unwrap_or_default(),
        also: evidence.collect(),
        owner: None,
    }
}

/// Records of one vulnerability together, by their ids and aliases.
fn group<'a>(hits: Vec<Hit<'a>>) -> Vec<Vec<Hit<'a>>> {
    // The group of each id; a group that was joined to another points to it.
    let mut group_of: HashMap<&str, usize> = HashMap::with_capacity(hits.len() * 2);
    let mut parents: Vec<usize> = Vec::with_capacity(hits.len());
    for (position, hit) in hits.iter().enumerate() {
        parents.push(position);
        // A notice about several vulnerabilities is several advisories: its id joins nothing.
        let record = Some(hit.advisory.record).filter(|record| !is_bundle_id(record));
        let ids = std::iter::once(hit.advisory.id).chain(record);
        // Red Hat's records have the advisory that fixes them as an alias.
        let aliases = hit.advisory.aliases().filter(|id| !is_bundle_id(id));
        for id in ids.chain(aliases) {
            let other = *group_of.entry(id).or_insert(position);
            let (a, b) = (root(&parents, other), root(&parents, position));
            if let Some(parent) = parents.get_mut(a.max(b)) {
                *parent = a.min(b);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<Hit<'a>>> = BTreeMap::new();
    for (position, hit) in hits.into_iter().enumerate() {
        groups
            .entry(root(&parents, position))
            .or_default()
            .push(hit);
    }
    groups.into_values().collect()
}

fn root(parents: &[usize], mut position: usize) -> usize {
    // Parents are always smaller, so that this ends.
    while let Some(parent) = parents.get(position).filter(|parent| **parent < position) {
        position = *parent;
    }
    position
}

fn is_cve(id: &str) -> bool {
    id.starts_with("CVE-")
}

/// Ids of notices that fix several vulnerabilities at once.
pub fn is_bundle_id(record: &str) -> bool {
    let Some((prefix, _)) = record.split_once('-') else {
        return false;
    };
    matches!(
        prefix,
        "DSA"
            | "DLA"
            | "DTSA"
            | "USN"
            | "LSN"
            | "RHSA"
            | "RHBA"
            | "RHEA"
            | "ALSA"
            | "ALBA"
            | "ALEA"
            | "RLSA"
            | "RXSA"
            | "ELSA"
            | "SUSE"
            | "openSUSE"
            | "MGASA"
            | "OESA"
            | "PHSA"
            | "AVG"
            | "ASA"
            | "BRSA"
            | "ELBA"
            | "ELEA"
            | "FEDORA"
            | "GLSA"
            | "RLBA"
    ) || prefix.starts_with("ALAS")
}

/// The record that is the evidence, and whose title is shown: one of GitHub's reviewed before others.
fn record_rank<'a>(advisory: &AdvisoryRef<'a>) -> (u8, &'a str, &'a str) {
    let rank = match advisory.record.split('-').next().unwrap_or_default() {
        "GHSA" => 0,
        "DSA" | "DLA" | "USN" => 2,
        _ => 1,
    };
    (rank, advisory.record, advisory.id)
}

#[derive(Default)]
struct Warnings {
    list: Vec<MatchWarning>,
    left_out: usize,
}

impl Warnings {
    fn add(&mut self, warning: MatchWarning) {
        if self.list.contains(&warning) {
            return;
        }
        if self.list.len() < MAX_WARNINGS {
            self.list.push(warning);
        } else {
            self.left_out += 1;
        }
    }
}
