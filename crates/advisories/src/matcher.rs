//! Which advisories apply to which packages.
//!
//! - Packages of Debian, Ubuntu and Alpine are looked up by source package and source version, in the
//!   shard of their release; Python packages by their normalised name.
//! - A version is compared in the shard's order. One that the order cannot read is matched against
//!   the versions that an advisory names one by one, and reported.
//! - Of one package, records of the same vulnerability (the same CVE under GHSA, PYSEC, …) are one
//!   match; the CVE is its id, all others are aliases, the best record is its evidence.
//! - Severity: a word of the source itself, then its CVSS, then NVD's ([`crate::rating::Rating::rank`]).
//! - A language package whose files an OS package of Debian or Ubuntu owns is that distribution's to
//!   judge: it backports fixes without changing the version that Python sees, and its tracker lists
//!   what is unfixed. As in Grype, this holds where the two versions agree. Such matches are not
//!   dropped: they are in [`Matches::overridden`]. Alpine's secdb lists only what is fixed, so that
//!   there such matches count, and say who owns the package ([`Match::owner`]).

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use lamina_inventory::{facts::PackageKind, severity::Severity};

pub use crate::ecosystem::DistributionView;
use crate::{
    ecosystem::{Ecosystem, key_for},
    index::{Index, ShardEntry, ShardKind},
    limits::{MAX_MATCHES_PER_PACKAGE, MAX_WARNINGS},
    orders::{self, VersionOrder},
    rating::Rating,
    record::{Day, RangeEnd, Statement},
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
    /// Whether a version that fixes it is known.
    pub status: Status,
    /// Versions above the installed one that fix it, lowest first.
    pub fixed_in: Vec<String>,
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

/// Whether a version that fixes it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Affected; a fixed version exists.
    Fixed,
    /// Affected; no fixed version is known.
    Affected,
}

/// Why a record applies to a package.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// More matches than are believable.
    #[error("{name} has more than {MAX_MATCHES_PER_PACKAGE} matches; the rest is left out")]
    TooManyMatches {
        /// The package's name.
        name: String,
    },
}

/// Names the shards of `index` that a list of packages needs, and what it has nothing about.
pub fn shards_for<'a>(
    index: &Index,
    distribution: Option<DistributionView<'_>>,
    packages: impl IntoIterator<Item = PackageView<'a>>,
) -> Needs {
    let mut kinds: BTreeMap<PackageKind, usize> = BTreeMap::new();
    for package in packages.into_iter().filter(|package| !package.is_hearsay) {
        *kinds.entry(package.kind).or_default() += 1;
    }
    let mut shards: BTreeMap<String, ShardEntry> = BTreeMap::new();
    let mut missing = Vec::new();
    for (kind, packages) in kinds {
        let found =
            key_for(kind, distribution).and_then(|key| index.match_shard(&key).cloned().ok_or(key));
        match found {
            Ok(entry) => {
                shards.insert(entry.key.clone(), entry);
            }
            Err(what) => missing.push(Missing { what, packages }),
        }
    }
    Needs {
        shards: shards.into_values().collect(),
        missing,
    }
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
    let mut keys: HashMap<PackageKind, Option<String>> = HashMap::new();
    let mut known: HashMap<(&str, &str, &str), Rc<[Match]>> = HashMap::new();
    let mut result = Matches::default();
    for (index, package) in packages.iter().enumerate() {
        if package.is_hearsay {
            continue;
        }
        let key = keys
            .entry(package.kind)
            .or_insert_with(|| key_for(package.kind, distribution).ok());
        let Some(target) = key.as_deref().and_then(|key| by_key.get(key)) else {
            continue;
        };
        let (name, version) = subject(package);
        // Binaries of one source share its matches.
        let found = known
            .entry((target.key, name, version))
            .or_insert_with(|| target.find(index, name, version, &mut warnings).into());
        let is_overridden = is_distributions_to_judge(distribution, packages, package, &by_key);
        let list = if is_overridden {
            &mut result.overridden
        } else {
            &mut result.matches
        };
        list.extend(found.iter().map(|found| Match {
            package: index,
            owner: package.owned_by,
            ..found.clone()
        }));
    }
    result.warnings = warnings.list;
    result.warnings_left_out = warnings.left_out;
    result
}

/// What is looked up: the source package of OS packages.
fn subject<'a>(package: &PackageView<'a>) -> (&'a str, &'a str) {
    match (package.kind, package.source) {
        (PackageKind::Apk | PackageKind::Deb, Some(source)) => source,
        _ => (package.name, package.version),
    }
}

/// Whether the distribution's advisories replace those of the language: see the module's text.
fn is_distributions_to_judge(
    distribution: Option<DistributionView<'_>>,
    packages: &[PackageView<'_>],
    package: &PackageView<'_>,
    by_key: &BTreeMap<&str, Target<'_>>,
) -> bool {
    let Some(owner) = package.owned_by.and_then(|owner| packages.get(owner)) else {
        return false;
    };
    if package.kind == owner.kind || owner.kind != PackageKind::Deb {
        return false;
    }
    let has_advisories =
        key_for(owner.kind, distribution).is_ok_and(|key| by_key.contains_key(key.as_str()));
    let upstream = owner
        .version
        .split_once(':')
        .map_or(owner.version, |(_, rest)| rest);
    has_advisories && upstream.starts_with(package.version)
}

/// A shard that can be asked.
struct Target<'a> {
    key: &'a str,
    shard: &'a Shard,
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
            order,
            ecosystem: Ecosystem::of_key(&meta.key),
        };
        by_key.insert(meta.key.as_str(), target);
    }
    by_key
}

/// A record that applies.
struct Hit<'a> {
    advisory: AdvisoryRef<'a>,
    range: String,
    fixed_in: Vec<&'a str>,
}

impl<'a> Target<'a> {
    /// The matches of a package, worst first. `package` is only for warnings.
    fn find(
        &self,
        package: usize,
        name: &str,
        version: &str,
        warnings: &mut Warnings,
    ) -> Vec<Match> {
        let name = match self.ecosystem {
            Some(ecosystem) => ecosystem.normalise(name),
            None => name.into(),
        };
        let hits = match self.hits(package, &name, version, warnings) {
            Ok(hits) => hits,
            Err(error) => {
                warnings.add(MatchWarning::Shard {
                    shard: self.key.to_owned(),
                    name: name.into_owned(),
                    problem: error.to_string(),
                });
                return Vec::new();
            }
        };
        let mut matches: Vec<Match> = group(hits)
            .into_iter()
            .map(|hits| self.merge(hits, &name, version))
            .collect();
        matches.sort_by(|a, b| {
            Reverse(a.severity)
                .cmp(&Reverse(b.severity))
                .then_with(|| a.id.cmp(&b.id))
        });
        matches
    }

    fn hits(
        &self,
        package: usize,
        name: &str,
        version: &str,
        warnings: &mut Warnings,
    ) -> Result<Vec<Hit<'a>>, ShardError> {
        let mut hits = Vec::new();
        let Some(entries) = self.shard.package(name)? else {
            return Ok(hits);
        };
        let is_readable = self.order.accepts(version);
        if !is_readable {
            warnings.add(MatchWarning::PackageVersion {
                package,
                name: name.to_owned(),
                version: version.to_owned(),
                order: self.order.id(),
            });
        }
        let mut not_affected = BTreeSet::new();
        for entry in entries.affected() {
            let entry = match entry {
                Ok(entry) => entry,
                // The entries before it stand.
                Err(error) => {
                    warnings.add(MatchWarning::Shard {
                        shard: self.key.to_owned(),
                        name: name.to_owned(),
                        problem: error.to_string(),
                    });
                    break;
                }
            };
            match entry.statement {
                Some(Statement::NotAffected) => {
                    not_affected.insert(self.shard.advisory(entry.advisory)?.id);
                    continue;
                }
                Some(_) => {}
                None => continue,
            }
            let Some(range) = self.range_of(&entry, name, version, is_readable, warnings) else {
                continue;
            };
            let advisory = match self.shard.advisory(entry.advisory) {
                Ok(advisory) => advisory,
                Err(error) => {
                    warnings.add(MatchWarning::Shard {
                        shard: self.key.to_owned(),
                        name: name.to_owned(),
                        problem: error.to_string(),
                    });
                    continue;
                }
            };
            if hits.len() >= MAX_MATCHES_PER_PACKAGE {
                warnings.add(MatchWarning::TooManyMatches {
                    name: name.to_owned(),
                });
                break;
            }
            hits.push(Hit {
                advisory,
                range,
                fixed_in: self.fixes(&entry, version),
            });
        }
        hits.retain(|hit| !not_affected.contains(hit.advisory.id));
        Ok(hits)
    }

    /// The range that holds the version, as text; `None` if none does.
    fn range_of(
        &self,
        entry: &AffectedRef<'a>,
        name: &str,
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
                        name: name.to_owned(),
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

    /// One match of all the records of one vulnerability.
    fn merge(&self, mut hits: Vec<Hit<'a>>, name: &str, version: &str) -> Match {
        hits.sort_by(|a, b| record_rank(&a.advisory).cmp(&record_rank(&b.advisory)));
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

        let mut fixed_in: Vec<&str> = hits.iter().flat_map(|hit| hit.fixed_in.clone()).collect();
        fixed_in.sort_by(|a, b| self.order.compare(a, b).unwrap_or_else(|_| a.cmp(b)));
        fixed_in.dedup();

        let mut evidence = hits.iter().map(|hit| Evidence {
            record: hit.advisory.record.to_owned(),
            shard: self.key.to_owned(),
            source: self.source_name(hit.advisory.source),
            matched_name: name.to_owned(),
            matched_version: version.to_owned(),
            order: self.order.id().to_owned(),
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
                Status::Affected
            } else {
                Status::Fixed
            },
            fixed_in: fixed_in.into_iter().map(str::to_owned).collect(),
            title: hits
                .iter()
                .find_map(|hit| hit.advisory.title)
                .map(str::to_owned),
            published: hits.iter().filter_map(|hit| hit.advisory.published).min(),
            modified: hits.iter().filter_map(|hit| hit.advisory.modified).max(),
            evidence: evidence.next().unwrap_or_else(|| Evidence {
                record: String::new(),
                shard: self.key.to_owned(),
                source: String::new(),
                matched_name: name.to_owned(),
                matched_version: version.to_owned(),
                order: self.order.id().to_owned(),
                range: String::new(),
            }),
            also: evidence.collect(),
            owner: None,
        }
    }

    fn source_name(&self, source: u32) -> String {
        usize::try_from(source)
            .ok()
            .and_then(|source| self.shard.meta().sources.get(source))
            .map(|source| source.name.clone())
            .unwrap_or_default()
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
