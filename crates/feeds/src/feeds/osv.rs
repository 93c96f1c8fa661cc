//! OSV (schema 1.7, <https://ossf.github.io/osv-schema/>): the zips that osv.dev publishes, one per
//! ecosystem, and single records.
//!
//! - Withdrawn records are left out.
//! - `aliases` and `upstream` are the same vulnerability; of `related`, only the CVEs of notices that
//!   name them nowhere else (DSA, USN, ALSA …): each CVE of such a notice is an advisory of its own.
//! - Events become ranges once, here, in the ecosystem's own order; `GIT` ranges are skipped.
//! - Versions that are named one by one are kept only where no range holds them: Debian and Ubuntu
//!   name hundreds beside a range that says the same.
//! - A fix of Ubuntu's that only Ubuntu Pro has is none for the plain release: versions below it are
//!   affected there without a known fix, also where the record does not speak of the plain release at
//!   all. Livepatches (LSN) are left out: their versions are not those of packages.
//! - RustSec's records of crates that are no longer looked after (`unmaintained`) or worth knowing about
//!   (`notice`) are no vulnerabilities and left out, unless they have a CVE; those of unsound code are
//!   kept.
//! - Go's `imports` (which packages and symbols of a module are affected) and `custom_ranges` are not
//!   used: an inventory knows modules only.
//! - When a fix was published no source of OSV says.
//! - GitHub's `last_known_affected_version_range` bounds a range that nothing else does.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
};

use lamina_advisories::{
    ecosystem::Ecosystem,
    matcher::is_bundle_id,
    orders::VersionOrder,
    rating::{NVD, Rating},
    record::{Advisory, Affected, Day, Qualifier, RangeEnd, Statement, VersionRange},
    shard::prose::Prose,
};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::Value;

use super::{Feed, FeedError, Input};
use crate::{
    builder::{Builder, Entry, Record, title},
    limits::{MAX_RECORD_BYTES, MAX_RECORDS_PER_ZIP, MAX_ZIP_BYTES},
    location::Location,
};

pub(super) struct Osv;

impl Feed for Osv {
    fn id(&self) -> &'static str {
        super::OSV
    }

    fn name(&self) -> &'static str {
        "OSV"
    }

    fn url(&self) -> &'static str {
        "https://storage.googleapis.com/osv-vulnerabilities"
    }

    fn licence(&self) -> &'static str {
        "per source: https://google.github.io/osv.dev/data/#current-data-sources"
    }

    fn locations(&self, _today: Day) -> Vec<Location> {
        let url = format!("{}/ecosystems.txt", self.url());
        vec![Location::new(url, "ecosystems.txt").listing()]
    }

    /// A zip for each ecosystem that has a version order; of the others nothing could be used.
    fn listed(
        &self,
        _listing: &Location,
        content: Option<&[u8]>,
    ) -> Result<Vec<Location>, FeedError> {
        let content = content.ok_or(FeedError::Listing("there is no ecosystems.txt"))?;
        let text =
            std::str::from_utf8(content).map_err(|_| FeedError::Listing("it is not UTF-8"))?;
        let names = text.lines().map(str::trim);
        let known: BTreeSet<&str> = names
            .filter(|name| !name.contains(['/', '\\', ':']))
            .filter(|name| Ecosystem::of_osv(name).is_some_and(|(eco, _)| eco.order.is_some()))
            .collect();
        if known.is_empty() {
            return Err(FeedError::Listing("it names no ecosystem"));
        }
        let zip = |name: &str| {
            let address = name.replace(' ', "%20");
            let url = format!("{}/{address}/all.zip", self.url());
            Location::new(url, format!("{name}/all.zip"))
        };
        Ok(known.into_iter().map(zip).collect())
    }

    fn claims(&self, path: &str) -> bool {
        path.ends_with(".zip") || path.ends_with(".json")
    }

    fn read(&self, input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        if input.path.ends_with(".zip") {
            self.read_zip(input, out)
        } else {
            self.read_file(input, out)
        }
    }
}

impl Osv {
    fn read_zip(&self, input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let mut zip = zip::ZipArchive::new(input.content)?;
        if zip.len() > MAX_RECORDS_PER_ZIP {
            return Err(FeedError::Limit {
                what: "records",
                limit: MAX_RECORDS_PER_ZIP as u64,
            });
        }
        let mut total = 0_u64;
        let mut bytes = Vec::new();
        for position in 0..zip.len() {
            let mut member = match zip.by_index(position) {
                Ok(member) => member,
                Err(error) => {
                    let what = format!("member {position}: {error}");
                    out.skip(self.id(), "unreadable: zip member", input.path, &what);
                    continue;
                }
            };
            let name = member
                .name()
                .map_or_else(|_| format!("member {position}"), Into::into);
            if !member.is_file() || !name.ends_with(".json") {
                continue;
            }
            out.count(self);
            // What the zip says of sizes is not believed: the limit counts what comes out.
            bytes.clear();
            let outcome = (&mut member)
                .take(MAX_RECORD_BYTES + 1)
                .read_to_end(&mut bytes);
            let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            total = total.saturating_add(read);
            if total > MAX_ZIP_BYTES {
                return Err(FeedError::Limit {
                    what: "bytes",
                    limit: MAX_ZIP_BYTES,
                });
            }
            if let Err(error) = outcome {
                let what = format!("{name}: {error}");
                out.skip(self.id(), "unreadable: zip member", input.path, &what);
            } else if read > MAX_RECORD_BYTES {
                out.skip(
                    self.id(),
                    "unreadable: larger than 16 MiB",
                    input.path,
                    &name,
                );
            } else {
                match serde_json::from_slice(&bytes) {
                    Ok(record) => self.convert(record, input.path, out),
                    Err(error) => {
                        let what = format!("{name}: {error}");
                        out.skip(
                            self.id(),
                            "unreadable: not an OSV record",
                            input.path,
                            &what,
                        );
                    }
                }
            }
        }
        Ok(())
    }

    fn read_file(&self, input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let mut bytes = Vec::new();
        input
            .content
            .take(MAX_RECORD_BYTES + 1)
            .read_to_end(&mut bytes)?;
        #[derive(Deserialize)]
        struct Sign {
            #[serde(rename = "id")]
            _id: String,
            affected: Option<IgnoredAny>,
            modified: Option<IgnoredAny>,
        }
        // Folders hold other JSON too; only what looks like a record is counted as one.
        let sign: Result<Sign, _> = serde_json::from_slice(&bytes);
        let is_record = sign.is_ok_and(|sign| sign.affected.is_some() || sign.modified.is_some());
        if !is_record {
            return Err(FeedError::Foreign("JSON, but no OSV record"));
        }
        out.count(self);
        match serde_json::from_slice(&bytes) {
            Ok(record) => self.convert(record, input.path, out),
            Err(error) => out.skip(
                self.id(),
                "unreadable: not an OSV record",
                input.path,
                &error.to_string(),
            ),
        }
        Ok(())
    }

    fn convert(&self, osv: OsvRecord, path: &str, out: &mut Builder) {
        let is_withdrawn = osv
            .withdrawn
            .as_deref()
            .is_some_and(|withdrawn| withdrawn <= out.built_at());
        if is_withdrawn {
            out.skip(self.id(), "withdrawn", path, &osv.id);
            return;
        }
        if osv.id.starts_with("LSN-") {
            out.skip(self.id(), "left out: a livepatch", path, &osv.id);
            return;
        }
        let identities = identities(&osv);
        if identities.is_empty() {
            out.skip(self.id(), "left out: a notice about no CVE", path, &osv.id);
            return;
        }
        let mut ratings = ratings(&osv.id, &osv.severity, &osv.database_specific);
        if let Some((word, _)) = osv
            .summary
            .split_once(':')
            .filter(|_| is_rpm_notice(&osv.id))
        {
            // `Important: kernel security update`
            let source = osv.id.split('-').next().unwrap_or_default();
            ratings.extend(Rating::from_word(&source.to_ascii_lowercase(), word));
        }
        let cwes = cwes(&osv.database_specific);
        let mut entries = Vec::new();
        let mut reasons: BTreeSet<String> = BTreeSet::new();
        for affected in &osv.affected {
            let converted = match convert_affected(affected) {
                Ok(converted) => converted,
                Err(reason) => {
                    reasons.insert(reason);
                    continue;
                }
            };
            let Converted {
                key,
                order,
                package,
                affected: versions,
                problems,
            } = converted;
            reasons.extend(problems);
            if let Some(kind) = informational(affected)
                && !identities.iter().any(|(id, _)| id.starts_with("CVE-"))
            {
                reasons.insert(format!("left out: no vulnerability but {kind:?}"));
                continue;
            }
            let mut own_ratings = ratings.clone();
            own_ratings.extend(distribution_rating(affected));
            own_ratings.extend(self::ratings(&osv.id, &affected.severity, &Value::Null));
            own_ratings.sort();
            own_ratings.dedup();
            for (id, aliases) in &identities {
                entries.push(Entry {
                    key: key.clone(),
                    order,
                    package: package.clone(),
                    advisory: Advisory {
                        id: id.clone(),
                        record: osv.id.clone(),
                        aliases: aliases.clone(),
                        source: 0,
                        published: osv.published.as_deref().and_then(Day::parse),
                        modified: osv.modified.as_deref().and_then(Day::parse),
                        title: title(&osv.summary),
                        ratings: own_ratings.clone(),
                        cwes: cwes.clone(),
                    },
                    affected: versions.clone(),
                });
            }
        }
        entries.extend(only_in_pro(&entries));
        if osv.affected.is_empty() {
            reasons.insert("left out: names no package".to_owned());
        }
        for reason in reasons {
            out.skip(self.id(), reason, path, &osv.id);
        }
        if entries.is_empty() {
            return;
        }
        let record = Record {
            id: osv.id,
            modified: osv.modified,
            entries,
            prose: Prose {
                summary: osv.summary,
                details: osv.details,
                references: osv
                    .references
                    .into_iter()
                    .map(|reference| reference.url)
                    .collect(),
            },
        };
        out.add(self, record);
    }
}

/// The ids under which a record is shown, each with its aliases: one, or one for each CVE of a notice.
/// Notices of RPM distributions about no CVE are about bugs and enhancements: none.
fn identities(osv: &OsvRecord) -> Vec<(String, Vec<String>)> {
    let is_cve = |id: &&String| id.starts_with("CVE-");
    // Canonical's and OSV's own records of a CVE: `UBUNTU-CVE-2024-1`.
    let embedded = ["UBUNTU-", "DEBIAN-", "ALPINE-"]
        .iter()
        .find_map(|prefix| osv.id.strip_prefix(prefix))
        .filter(|id| id.starts_with("CVE-"))
        .map(str::to_owned);
    let mut same: BTreeSet<String> = osv.aliases.iter().chain(&osv.upstream).cloned().collect();
    same.extend(embedded.clone());
    let is_notice = is_bundle_id(&osv.id)
        || (same.iter().filter(is_cve).count() == 0 && is_rpm_notice(&osv.id));
    if is_notice {
        let cves: BTreeSet<String> = same
            .iter()
            .chain(&osv.related)
            .filter(is_cve)
            .cloned()
            .collect();
        if !cves.is_empty() {
            return cves.into_iter().map(|cve| (cve, Vec::new())).collect();
        }
        if is_rpm_notice(&osv.id) {
            return Vec::new();
        }
    }
    let id = if osv.id.starts_with("CVE-") {
        osv.id.clone()
    } else {
        embedded
            .or_else(|| same.iter().find(is_cve).cloned())
            .unwrap_or_else(|| osv.id.clone())
    };
    same.remove(&id);
    same.remove(&osv.id);
    vec![(id, same.into_iter().collect())]
}

fn is_rpm_notice(id: &str) -> bool {
    const PREFIXES: [&str; 12] = [
        "ALSA-",
        "ALBA-",
        "ALEA-",
        "RHSA-",
        "RHBA-",
        "RHEA-",
        "RLSA-",
        "RXSA-",
        "SUSE-",
        "openSUSE-",
        "MGASA-",
        "OESA-",
    ];
    PREFIXES.iter().any(|prefix| id.starts_with(prefix))
}

/// What a record says of severity. The source of its CVSS vectors is the record's own, except where
/// OSV took them from NVD.
fn ratings(id: &str, severity: &[OsvSeverity], specific: &Value) -> Vec<Rating> {
    let prefix = id.split('-').next().unwrap_or_default();
    let source = match prefix {
        "ALPINE" | "DEBIAN" | "CVE" => NVD.to_owned(),
        prefix => prefix.to_ascii_lowercase(),
    };
    let mut ratings: Vec<Rating> = severity
        .iter()
        .filter_map(|severity| match severity.kind.as_str() {
            "CVSS_V2" | "CVSS_V3" | "CVSS_V4" => Rating::from_vector(&source, &severity.score),
            "Ubuntu" => Rating::from_word("ubuntu", &severity.score),
            _ => None,
        })
        .collect();
    if let Some(word) = specific.get("severity").and_then(Value::as_str) {
        ratings.extend(Rating::from_word(&source, word));
    }
    ratings
}

struct Converted {
    key: String,
    order: &'static str,
    package: String,
    affected: Affected,
    problems: Vec<String>,
}

fn convert_affected(affected: &OsvAffected) -> Result<Converted, String> {
    let Some(package) = affected
        .package
        .as_ref()
        .filter(|package| !package.name.is_empty())
    else {
        return Err("left out: names no package".to_owned());
    };
    let Some((ecosystem, key)) = Ecosystem::of_osv(&package.ecosystem) else {
        let base = package.ecosystem.split(':').next().unwrap_or_default();
        return Err(format!("left out: unknown ecosystem {base:?}"));
    };
    let Some(order) = ecosystem.version_order_in(&key) else {
        return Err(format!("left out: no version order for {}", ecosystem.osv));
    };
    let mut problems = Vec::new();
    let mut ranges = Vec::new();
    let mut has_git_only = !affected.ranges.is_empty();
    for range in &affected.ranges {
        if range.kind == "GIT" {
            continue;
        }
        has_git_only = false;
        ranges.extend(convert_events(&range.events, order, &mut problems));
    }
    bound_by_last_known(&mut ranges, affected);
    if key.starts_with("ubuntu:") && is_for_pro(affected) {
        ranges.iter_mut().for_each(without_fix);
    }
    ranges.sort();
    ranges.dedup();
    let versions: BTreeSet<&String> = affected
        .versions
        .iter()
        .filter(|version| {
            !ranges
                .iter()
                .any(|range| range.holds(order, version).unwrap_or(false))
        })
        .collect();
    if ranges.is_empty() && versions.is_empty() {
        return Err(problems.pop().unwrap_or_else(|| {
            if has_git_only {
                "left out: only GIT ranges".to_owned()
            } else {
                "left out: names no versions".to_owned()
            }
        }));
    }
    Ok(Converted {
        key,
        order: order.id(),
        package: ecosystem.normalise(&package.name).into_owned(),
        affected: Affected {
            statement: Statement::Affected,
            ranges,
            versions: versions.into_iter().cloned().collect(),
            qualifiers: qualifiers(ecosystem, &package.ecosystem),
            ..Affected::default()
        },
        problems,
    })
}

/// RustSec's word for a record about a crate rather than a vulnerability of it.
fn informational(affected: &OsvAffected) -> Option<&str> {
    let kind = affected.database_specific.get("informational")?.as_str()?;
    matches!(kind, "unmaintained" | "notice").then_some(kind)
}

/// What Debian's and Ubuntu's records say of a package's severity beside the list of severities.
fn distribution_rating(affected: &OsvAffected) -> Option<Rating> {
    let word = |name: &str| affected.ecosystem_specific.get(name)?.as_str();
    if let Some(word) = word("ubuntu_priority") {
        return Rating::from_word("ubuntu", word);
    }
    Rating::from_word("debian", word("urgency")?.trim_end_matches('*'))
}

/// Whether the fix is not for everyone: `Available with Ubuntu Pro: …`.
fn is_for_pro(affected: &OsvAffected) -> bool {
    let availability = affected.ecosystem_specific.get("availability");
    availability
        .and_then(Value::as_str)
        .is_some_and(|text| text.contains("Ubuntu Pro"))
}

fn without_fix(range: &mut VersionRange<String>) {
    if let RangeEnd::Fixed(version) = &range.end {
        range.end = RangeEnd::Before(version.clone());
    }
}

/// Entries for the plain release where a record of a CVE speaks only of Ubuntu Pro's: the package is the
/// same one, without the fix. Notices (USN) name only what they fix; they say nothing of others.
fn only_in_pro(entries: &[Entry]) -> Vec<Entry> {
    let plain: BTreeSet<(&str, &str)> = entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.package.as_str()))
        .collect();
    let mut found = Vec::new();
    for entry in entries {
        let Some(release) = entry.key.strip_prefix("ubuntu-pro:") else {
            continue;
        };
        // FIPS, real-time kernels … are other builds: `ubuntu-pro:fips:20.04`.
        let is_plain = release.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let key = format!("ubuntu:{release}");
        let is_said = plain.contains(&(key.as_str(), entry.package.as_str()));
        if !is_plain || is_said || is_bundle_id(&entry.advisory.record) {
            continue;
        }
        let mut entry = Entry {
            key,
            ..entry.clone()
        };
        entry.affected.ranges.iter_mut().for_each(without_fix);
        found.push(entry);
    }
    found
}

/// Red Hat's ecosystems are product streams of a release; some RPM ecosystems name source packages.
fn qualifiers(ecosystem: &Ecosystem, name: &str) -> Vec<Qualifier<String>> {
    let product = Ecosystem::red_hat_product(name);
    let product = product.map(|product| Qualifier::Product(product.to_owned()));
    let source = ecosystem.names_rpm_sources().then_some(Qualifier::Source);
    product.into_iter().chain(source).collect()
}

/// `< 1.2.3` or `<= 1.2.3`, which GitHub gives where no version is fixed.
fn bound_by_last_known(ranges: &mut [VersionRange<String>], affected: &OsvAffected) {
    let Some(text) = affected
        .database_specific
        .get("last_known_affected_version_range")
        .and_then(Value::as_str)
    else {
        return;
    };
    let text = text.trim();
    let end = if let Some(version) = text.strip_prefix("<=") {
        RangeEnd::LastAffected(version.trim().to_owned())
    } else if let Some(version) = text.strip_prefix('<') {
        RangeEnd::Before(version.trim().to_owned())
    } else {
        return;
    };
    for range in ranges {
        if range.end == RangeEnd::Never {
            range.end = end.clone();
        }
    }
}

/// The order of events at the same version: an end closes what began before it, a beginning may be
/// its own last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Fixed,
    Limit,
    Introduced,
    LastAffected,
}

/// Ranges from events: OSV schema, "Evaluation".
///
/// An event whose version the order cannot read is a problem and counts for nothing; where it was an
/// end, a range that would now have none is left out, since nobody said that it is endless.
fn convert_events(
    events: &[BTreeMap<String, String>],
    order: &dyn VersionOrder,
    problems: &mut Vec<String>,
) -> Vec<VersionRange<String>> {
    let mut sorted: Vec<(Kind, Option<&str>)> = Vec::new();
    let mut lost_an_end = false;
    for (name, version) in events.iter().flatten() {
        let kind = match name.as_str() {
            "introduced" => Kind::Introduced,
            "fixed" => Kind::Fixed,
            "last_affected" => Kind::LastAffected,
            "limit" if version == "*" => continue,
            "limit" => Kind::Limit,
            _ => continue,
        };
        let is_beginning = kind == Kind::Introduced && version == "0";
        if !is_beginning && !order.accepts(version) {
            lost_an_end |= kind != Kind::Introduced;
            problems.push(format!("unreadable: no {} version in a range", order.id()));
            continue;
        }
        sorted.push((kind, (!is_beginning).then_some(version)));
    }
    let compare = |a: Option<&str>, b: Option<&str>| match (a, b) {
        (Some(a), Some(b)) => order.compare(a, b).unwrap_or(Ordering::Equal),
        _ => a.is_some().cmp(&b.is_some()),
    };
    sorted.sort_by(|a, b| compare(a.1, b.1).then_with(|| a.0.cmp(&b.0)));

    let mut ranges = Vec::new();
    let mut open: Option<Option<&str>> = None;
    // Where something ended that had not begun: what begins there is empty.
    let mut ended: Option<&str> = None;
    for (kind, version) in sorted {
        let end = match (kind, version) {
            (Kind::Introduced, version) => {
                let is_empty = ended.is_some() && compare(ended, version).is_eq();
                if open.is_none() && !is_empty {
                    open = Some(version);
                }
                continue;
            }
            (Kind::Fixed, Some(version)) => RangeEnd::Fixed(version.to_owned()),
            (Kind::Limit, Some(version)) => RangeEnd::Before(version.to_owned()),
            (Kind::LastAffected, Some(version)) => RangeEnd::LastAffected(version.to_owned()),
            (_, None) => continue,
        };
        match open.take() {
            Some(introduced) => ranges.push(VersionRange {
                introduced: introduced.map(str::to_owned),
                end,
            }),
            None => ended = version,
        }
    }
    if let Some(introduced) = open.filter(|_| !lost_an_end) {
        ranges.push(VersionRange {
            introduced: introduced.map(str::to_owned),
            end: RangeEnd::Never,
        });
    }
    ranges
}

/// A record, as far as it is used. Everything but the id may be absent, `null` or unknown.
#[derive(Debug, Default, Deserialize)]
struct OsvRecord {
    id: String,
    #[serde(default)]
    modified: Option<String>,
    #[serde(default)]
    published: Option<String>,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    aliases: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    upstream: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    related: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    summary: String,
    #[serde(default, deserialize_with = "or_default")]
    details: String,
    #[serde(default, deserialize_with = "or_default")]
    severity: Vec<OsvSeverity>,
    #[serde(default, deserialize_with = "or_default")]
    affected: Vec<OsvAffected>,
    #[serde(default, deserialize_with = "or_default")]
    references: Vec<OsvReference>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Debug, Default, Deserialize)]
struct OsvSeverity {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    score: String,
}

#[derive(Debug, Default, Deserialize)]
struct OsvReference {
    #[serde(default)]
    url: String,
}

#[derive(Debug, Default, Deserialize)]
struct OsvAffected {
    #[serde(default)]
    package: Option<OsvPackage>,
    #[serde(default, deserialize_with = "or_default")]
    ranges: Vec<OsvRange>,
    #[serde(default, deserialize_with = "or_default")]
    versions: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    severity: Vec<OsvSeverity>,
    #[serde(default)]
    database_specific: Value,
    #[serde(default)]
    ecosystem_specific: Value,
}

#[derive(Debug, Default, Deserialize)]
struct OsvPackage {
    #[serde(default)]
    ecosystem: String,
    #[serde(default)]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
struct OsvRange {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default, deserialize_with = "or_default")]
    events: Vec<BTreeMap<String, String>>,
}

/// GitHub's `cwe_ids`: `["CWE-79", …]`.
fn cwes(database_specific: &Value) -> Vec<u32> {
    let ids = database_specific.get("cwe_ids").and_then(Value::as_array);
    let ids = ids.into_iter().flatten().filter_map(Value::as_str);
    let numbers: BTreeSet<u32> = ids
        .filter_map(|id| id.strip_prefix("CWE-")?.parse().ok())
        .collect();
    numbers.into_iter().collect()
}

/// `null` is what is not there: several feeds write it for empty lists.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use lamina_advisories::orders::order;

    use super::*;

    #[test]
    fn rpm_entries_are_about_products_and_sources_where_their_ecosystem_is() {
        let check = |name: &str, expect: &[Qualifier<String>]| {
            let (ecosystem, _) = Ecosystem::of_osv(name).unwrap();
            assert_eq!(qualifiers(ecosystem, name), expect, "{name}");
        };
        let product = Qualifier::Product("enterprise_linux:9::appstream".to_owned());
        check("Red Hat:enterprise_linux:9::appstream", &[product]);
        check("Rocky Linux:9", &[Qualifier::Source]);
        check("SUSE:Linux Enterprise Server 15 SP6", &[Qualifier::Source]);
        check("AlmaLinux:9", &[]);
        check("Debian:12", &[]);
    }

    #[test]
    fn events_become_ranges() {
        let check = |events: &[(&str, &str)], expect: &[&str]| {
            let events: Vec<BTreeMap<String, String>> = events
                .iter()
                .map(|(name, version)| BTreeMap::from([(name.to_string(), version.to_string())]))
                .collect();
            let ranges = convert_events(&events, order("semver").unwrap(), &mut Vec::new());
            let texts: Vec<String> = ranges.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expect, "{events:?}");
        };
        check(&[("introduced", "0")], &[">= 0"]);
        check(&[("introduced", "0"), ("fixed", "1.0")], &[">= 0, < 1.0"]);
        check(
            &[
                ("introduced", "2.0"),
                ("fixed", "1.0"),
                ("introduced", "0"),
                ("fixed", "2.1"),
            ],
            &[">= 0, < 1.0", ">= 2.0, < 2.1"],
        );
        check(
            &[("introduced", "1.0"), ("last_affected", "1.0")],
            &[">= 1.0, <= 1.0"],
        );
        check(&[("introduced", "1.0"), ("fixed", "1.0")], &[]);
        check(
            &[
                ("introduced", "0"),
                ("fixed", "1.0"),
                ("introduced", "1.0"),
                ("fixed", "1.1"),
            ],
            &[">= 0, < 1.0", ">= 1.0, < 1.1"],
        );
        check(&[("introduced", "0"), ("limit", "*")], &[">= 0"]);
        check(&[("introduced", "0"), ("limit", "2.0")], &[">= 0, < 2.0"]);
        check(&[("fixed", "1.0")], &[]);
        check(
            &[("introduced", "0"), ("introduced", "0.5"), ("fixed", "1.0")],
            &[">= 0, < 1.0"],
        );
        check(
            &[("introduced", "10.0.0"), ("fixed", "9.0.0")],
            &[">= 10.0.0"],
        );
    }

    #[test]
    fn a_record_is_shown_under_its_cve() {
        let check = |json: &str, expect: &[(&str, &[&str])]| {
            let record: OsvRecord = serde_json::from_str(json).unwrap();
            let got = identities(&record);
            let got: Vec<(&str, Vec<&str>)> = got
                .iter()
                .map(|(id, aliases)| (id.as_str(), aliases.iter().map(String::as_str).collect()))
                .collect();
            let expect: Vec<(&str, Vec<&str>)> = expect
                .iter()
                .map(|(id, aliases)| (*id, aliases.to_vec()))
                .collect();
            assert_eq!(got, expect, "{json}");
        };
        check(r#"{"id":"GHSA-1"}"#, &[("GHSA-1", &[])]);
        check(
            r#"{"id":"GHSA-1","aliases":["PYSEC-1","CVE-1"]}"#,
            &[("CVE-1", &["PYSEC-1"])],
        );
        check(
            r#"{"id":"CVE-1","aliases":["CVE-0","GHSA-1"]}"#,
            &[("CVE-1", &["CVE-0", "GHSA-1"])],
        );
        check(
            r#"{"id":"UBUNTU-CVE-1","upstream":["CVE-1"]}"#,
            &[("CVE-1", &[])],
        );
        check(r#"{"id":"ALPINE-CVE-1"}"#, &[("CVE-1", &[])]);
        check(
            r#"{"id":"DSA-1-1","related":["CVE-2","CVE-1"]}"#,
            &[("CVE-1", &[]), ("CVE-2", &[])],
        );
        check(r#"{"id":"DSA-1-1"}"#, &[("DSA-1-1", &[])]);
        check(r#"{"id":"ALBA-1"}"#, &[]);
        check(r#"{"id":"GHSA-1","related":["CVE-1"]}"#, &[("GHSA-1", &[])]);
        check(
            r#"{"id":"USN-1","upstream":["CVE-1"],"related":["UBUNTU-CVE-1"]}"#,
            &[("CVE-1", &[])],
        );
    }
}
