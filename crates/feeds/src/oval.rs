//! [OVAL](https://oval.mitre.org/language/version5.11/) 5, as far as distributions use it: definitions
//! whose criteria end in tests of installed packages.
//!
//! Comments are for people; names and versions are read from the objects and states that a test refers
//! to. Only what no state says (which release, which module) is read from comments.
//!
//! A test that a version is below 0 is Debian's way to say that a vulnerability is open, and SUSE's
//! to say that a package is not affected: feeds decide ([`Bound`]).

use std::{
    collections::{BTreeMap, HashMap},
    io::BufRead,
};

use lamina_advisories::record::RangeEnd;

use crate::{
    feeds::FeedError,
    xml::{Element, Step, walk},
};

/// A file.
#[derive(Debug, Default)]
pub(crate) struct Oval {
    /// What it defines, in its order.
    pub(crate) definitions: Vec<Definition>,
    /// When it was made.
    pub(crate) timestamp: Option<String>,
    tests: HashMap<String, Test>,
    objects: HashMap<String, String>,
    states: HashMap<String, State>,
}

/// A definition: a notice, or a vulnerability.
#[derive(Debug, Default)]
pub(crate) struct Definition {
    pub(crate) id: String,
    /// `patch`, `vulnerability`, `inventory` …
    pub(crate) class: String,
    pub(crate) title: String,
    pub(crate) description: String,
    /// Source, id, address.
    pub(crate) references: Vec<(String, String, String)>,
    pub(crate) platforms: Vec<String>,
    pub(crate) severity: Option<String>,
    pub(crate) issued: Option<String>,
    pub(crate) updated: Option<String>,
    /// Microsoft's: `true`, `false`, `Not Applicable`.
    pub(crate) patchable: Option<String>,
    /// Vulnerabilities, each with its CVSS vector.
    pub(crate) cves: Vec<(String, Option<String>)>,
    criteria: Option<Criteria>,
}

#[derive(Debug)]
enum Criteria {
    All(Vec<Criteria>),
    Any(Vec<Criteria>),
    Test { id: String, comment: String },
}

#[derive(Debug, Default)]
struct Test {
    comment: String,
    object: String,
    states: Vec<String>,
}

#[derive(Debug, Default)]
struct State {
    /// Operation and version.
    evr: Option<(String, String)>,
    architecture: Option<String>,
}

/// A package that a definition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) bound: Bound,
    /// Architectures, as the state's pattern has them: `aarch64|x86_64`.
    pub(crate) architectures: Vec<String>,
    /// What else must hold, as comments say it: of each list, one.
    pub(crate) conditions: Vec<Vec<String>>,
}

/// Which versions a test is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Those of this range, from the beginning.
    Until(RangeEnd<String>),
    /// Below 0: none that there is.
    BelowZero,
}

/// Reads a file.
///
/// # Errors
/// If it is no OVAL.
pub(crate) fn parse(reader: impl BufRead) -> Result<Oval, FeedError> {
    let mut oval = Oval::default();
    let mut definition = Definition::default();
    let mut criteria: Vec<(bool, Vec<Criteria>)> = Vec::new();
    let mut test = Test::default();
    let mut state = State::default();
    walk(reader, |step, path| {
        let Some((element, outer)) = path.split_last() else {
            return Ok(());
        };
        if outer.is_empty() && element.name != "oval_definitions" {
            return Err(FeedError::Foreign("XML, but no OVAL"));
        }
        let part = outer.get(1).map_or("", |part| part.name.as_str());
        let parent = outer.last().map_or("", |parent| parent.name.as_str());
        match (part, step) {
            ("definitions", Step::Open) => open(element, &mut definition, &mut criteria),
            ("definitions", Step::Close) if element.name == "definition" => {
                oval.definitions.push(std::mem::take(&mut definition));
            }
            ("definitions", Step::Close) => {
                close(element, parent, &mut definition, &mut criteria);
            }
            ("tests", Step::Open) if parent == "tests" => {
                test.comment = element.get("comment").unwrap_or_default().to_owned();
            }
            ("tests", Step::Open) => {
                if let Some(id) = element.get("object_ref") {
                    id.clone_into(&mut test.object);
                }
                test.states
                    .extend(element.get("state_ref").map(str::to_owned));
            }
            ("tests", Step::Close) if parent == "tests" => {
                let test = std::mem::take(&mut test);
                if let Some(id) = element.get("id") {
                    oval.tests.insert(id.to_owned(), test);
                }
            }
            ("objects", Step::Close) if element.name == "name" && outer.len() == 3 => {
                if let Some(id) = outer.last().and_then(|object| object.get("id")) {
                    let name = element.text.trim().to_owned();
                    oval.objects.insert(id.to_owned(), name);
                }
            }
            ("states", Step::Close) if parent == "states" => {
                let state = std::mem::take(&mut state);
                if let Some(id) = element.get("id") {
                    oval.states.insert(id.to_owned(), state);
                }
            }
            ("states", Step::Close) => {
                let text = element.text.trim().to_owned();
                match element.name.as_str() {
                    "evr" => {
                        let operation = element.get("operation").unwrap_or("equals");
                        state.evr = Some((operation.to_owned(), text));
                    }
                    "arch" => state.architecture = Some(text),
                    _ => {}
                }
            }
            ("generator", Step::Close) if element.name == "timestamp" => {
                oval.timestamp = Some(element.text.trim().to_owned());
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(oval)
}

fn open(element: &Element, definition: &mut Definition, criteria: &mut Vec<(bool, Vec<Criteria>)>) {
    let get = |name| element.get(name).unwrap_or_default().to_owned();
    match element.name.as_str() {
        "definition" => {
            criteria.clear();
            definition.id = get("id");
            definition.class = get("class");
        }
        "criteria" => criteria.push((element.get("operator") != Some("OR"), Vec::new())),
        "criterion" => {
            if let Some((_, children)) = criteria.last_mut() {
                children.push(Criteria::Test {
                    id: get("test_ref"),
                    comment: get("comment"),
                });
            }
        }
        "reference" => {
            let reference = (get("source"), get("ref_id"), get("ref_url"));
            definition.references.push(reference);
        }
        "issued" => definition.issued = element.get("date").map(str::to_owned),
        "updated" => definition.updated = element.get("date").map(str::to_owned),
        _ => {}
    }
}

fn close(
    element: &Element,
    parent: &str,
    definition: &mut Definition,
    criteria: &mut Vec<(bool, Vec<Criteria>)>,
) {
    let text = || element.text.trim().to_owned();
    match (parent, element.name.as_str()) {
        (_, "criteria") => {
            let Some((is_all, children)) = criteria.pop() else {
                return;
            };
            let group = if is_all {
                Criteria::All(children)
            } else {
                Criteria::Any(children)
            };
            match criteria.last_mut() {
                Some((_, siblings)) => siblings.push(group),
                None => definition.criteria = Some(group),
            }
        }
        ("metadata", "title") => definition.title = text(),
        ("metadata", "description") => definition.description = text(),
        ("affected", "platform") => definition.platforms.push(text()),
        ("metadata" | "advisory", "severity") => definition.severity = Some(text()),
        ("metadata", "advisory_date") => definition.issued = Some(text()),
        ("metadata", "patchable") => definition.patchable = Some(text()),
        ("advisory", "cve") => {
            // `7.5/CVSS:3.1/AV:N/…`
            let cvss = element.get("cvss4").or_else(|| element.get("cvss3"));
            let vector = cvss.and_then(|cvss| Some(cvss.get(cvss.find("CVSS:")?..)?.to_owned()));
            definition.cves.push((text(), vector));
        }
        _ => {}
    }
}

impl Oval {
    /// The packages that a definition is about, and how many tests of versions could not be read.
    pub(crate) fn packages(&self, definition: &Definition) -> (Vec<Found>, usize) {
        let mut found = Vec::new();
        let mut unreadable = 0;
        if let Some(criteria) = &definition.criteria {
            self.collect(criteria, &[], &mut found, &mut unreadable);
        }
        (found, unreadable)
    }

    /// How deep criteria are nested was bounded when they were read.
    fn collect(
        &self,
        criteria: &Criteria,
        conditions: &[Vec<String>],
        found: &mut Vec<Found>,
        unreadable: &mut usize,
    ) {
        match criteria {
            Criteria::All(children) => {
                let mut conditions = conditions.to_vec();
                let own = children
                    .iter()
                    .filter(|child| !self.is_about_packages(child));
                conditions.extend(own.map(|child| self.comments(child)));
                for child in children {
                    self.collect(child, &conditions, found, unreadable);
                }
            }
            Criteria::Any(children) => {
                for child in children {
                    self.collect(child, conditions, found, unreadable);
                }
            }
            Criteria::Test { id, .. } => {
                let Some((name, state)) = self.package_test(id) else {
                    return;
                };
                let Some(bound) = state.evr.as_ref().and_then(bound) else {
                    *unreadable += 1;
                    return;
                };
                let pattern = state.architecture.as_deref().unwrap_or_default();
                found.push(Found {
                    name: name.to_owned(),
                    bound,
                    architectures: pattern
                        .trim_matches(|c| matches!(c, '^' | '$' | '(' | ')'))
                        .split('|')
                        .filter(|part| !part.is_empty() && *part != ".*")
                        .map(str::to_owned)
                        .collect(),
                    conditions: conditions.to_vec(),
                });
            }
        }
    }

    /// Name and state, if a test is about the version of a package, and not of the distribution itself.
    fn package_test(&self, id: &str) -> Option<(&str, &State)> {
        let test = self.tests.get(id)?;
        let name = self.objects.get(&test.object)?;
        let mut states = test.states.iter().filter_map(|id| self.states.get(id));
        let state = states.find(|state| state.evr.is_some())?;
        (!name.ends_with("-release")).then_some((name.as_str(), state))
    }

    fn is_about_packages(&self, criteria: &Criteria) -> bool {
        match criteria {
            Criteria::All(children) | Criteria::Any(children) => {
                children.iter().any(|child| self.is_about_packages(child))
            }
            Criteria::Test { id, .. } => self.package_test(id).is_some(),
        }
    }

    fn comments(&self, criteria: &Criteria) -> Vec<String> {
        match criteria {
            Criteria::All(children) | Criteria::Any(children) => children
                .iter()
                .flat_map(|child| self.comments(child))
                .collect(),
            Criteria::Test { id, comment } if comment.is_empty() => {
                let test = self.tests.get(id);
                test.map(|test| test.comment.clone()).into_iter().collect()
            }
            Criteria::Test { comment, .. } => vec![comment.clone()],
        }
    }
}

fn bound((operation, version): &(String, String)) -> Option<Bound> {
    let is_zero = matches!(version.as_str(), "0" | "0:0" | "0:0-0");
    let until = |end| Some(Bound::Until(end));
    match operation.as_str() {
        "less than" if is_zero => Some(Bound::BelowZero),
        "less than" => until(RangeEnd::Fixed(without_zero_epoch(version))),
        "less than or equal" => until(RangeEnd::LastAffected(without_zero_epoch(version))),
        "greater than" | "greater than or equal" if is_zero => until(RangeEnd::Never),
        _ => None,
    }
}

fn without_zero_epoch(version: &str) -> String {
    version.strip_prefix("0:").unwrap_or(version).to_owned()
}

impl Definition {
    /// The ids of the vulnerabilities that it names, sorted, each with its CVSS vector.
    pub(crate) fn vulnerabilities(&self) -> BTreeMap<&str, Option<&str>> {
        let mut all: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for (source, id, _) in &self.references {
            // SUSE writes `Mitre CVE-2021-29154` and `SUSE CVE-2021-29154`.
            let id = id.rsplit(' ').next().unwrap_or(id);
            if source.contains("CVE") && id.starts_with("CVE-") {
                all.entry(id).or_default();
            }
        }
        for (id, vector) in &self.cves {
            if id.starts_with("CVE-") {
                let known = all.entry(id).or_default();
                *known = known.or(vector.as_deref());
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"<oval_definitions xmlns:oval="o" xmlns:linux="l">
      <generator><oval:timestamp>2024-10-10T12:04:24Z</oval:timestamp></generator>
      <definitions><definition class="patch" id="d1"><metadata>
        <title> T </title><affected family="unix"><platform>Linux 9</platform></affected>
        <reference ref_id="Mitre CVE-2024-2" ref_url="u" source="CVE"/><reference ref_id="RHSA-1" source="RHSA"/>
        <description>text</description>
        <advisory><severity>Important</severity><issued date="2024-01-02"/>
          <cve cvss3="7.5/CVSS:3.1/AV:N/AC:L">CVE-2024-1</cve></advisory></metadata>
        <criteria operator="AND">
          <criteria operator="OR"><criterion test_ref="t0" comment="A is installed"/><criterion test_ref="t9" comment="B is installed"/></criteria>
          <criterion test_ref="t1" comment="C"/>
          <criteria operator="OR">
            <criteria operator="AND"><criterion test_ref="t2" comment="x is earlier"/><criterion test_ref="t3" comment="x is signed"/></criteria>
            <criterion test_ref="t4"/><criterion test_ref="t5"/><criterion test_ref="t6"/><criterion test_ref="missing"/>
          </criteria>
        </criteria></definition></definitions>
      <tests>
        <linux:rpminfo_test id="t0" comment="c"><linux:object object_ref="o0"/><linux:state state_ref="s0"/></linux:rpminfo_test>
        <linux:rpminfo_test id="t2"><linux:object object_ref="o1"/><linux:state state_ref="s1"/></linux:rpminfo_test>
        <linux:rpminfo_test id="t3"><linux:object object_ref="o1"/><linux:state state_ref="s2"/></linux:rpminfo_test>
        <linux:rpminfo_test id="t4"><linux:object object_ref="o2"/><linux:state state_ref="s3"/></linux:rpminfo_test>
        <linux:rpminfo_test id="t5"><linux:object object_ref="o2"/><linux:state state_ref="s4"/></linux:rpminfo_test>
        <linux:rpminfo_test id="t6"><linux:object object_ref="o2"/><linux:state state_ref="s5"/></linux:rpminfo_test>
      </tests>
      <objects><linux:rpminfo_object id="o0"><linux:name>a-release</linux:name></linux:rpminfo_object>
        <linux:rpminfo_object id="o1"><linux:name>x</linux:name></linux:rpminfo_object>
        <linux:rpminfo_object id="o2"><linux:name>y</linux:name></linux:rpminfo_object></objects>
      <states>
        <linux:rpminfo_state id="s0"><linux:evr operation="greater than or equal">0:9</linux:evr></linux:rpminfo_state>
        <linux:rpminfo_state id="s1"><linux:arch operation="pattern match">aarch64|x86_64</linux:arch><linux:evr datatype="evr_string" operation="less than">0:1.2-3</linux:evr></linux:rpminfo_state>
        <linux:rpminfo_state id="s2"><linux:signature_keyid>k</linux:signature_keyid></linux:rpminfo_state>
        <linux:rpminfo_state id="s3"><linux:evr operation="greater than">0:0-0</linux:evr></linux:rpminfo_state>
        <linux:rpminfo_state id="s4"><linux:evr operation="less than">0:0-0</linux:evr></linux:rpminfo_state>
        <linux:rpminfo_state id="s5"><linux:evr operation="equals">1</linux:evr></linux:rpminfo_state>
      </states></oval_definitions>"#;

    #[test]
    fn packages_are_those_of_objects_and_states() {
        let oval = parse(FILE.as_bytes()).unwrap();
        let definition = oval.definitions.first().unwrap();
        let (found, unreadable) = oval.packages(definition);
        let texts: Vec<String> = found
            .iter()
            .map(|found| {
                format!(
                    "{} {:?} {:?} {:?}",
                    found.name, found.bound, found.architectures, found.conditions
                )
            })
            .collect();
        assert_eq!(
            texts,
            [
                r#"x Until(Fixed("1.2-3")) ["aarch64", "x86_64"] [["A is installed", "B is installed"], ["C"], ["x is signed"]]"#,
                r#"y Until(Never) [] [["A is installed", "B is installed"], ["C"]]"#,
                r#"y BelowZero [] [["A is installed", "B is installed"], ["C"]]"#,
            ]
        );
        assert_eq!(unreadable, 1);
        assert_eq!(oval.timestamp.as_deref(), Some("2024-10-10T12:04:24Z"));
        assert_eq!(
            (definition.title.as_str(), definition.issued.as_deref()),
            ("T", Some("2024-01-02"))
        );
        let vulnerabilities: Vec<_> = definition.vulnerabilities().into_iter().collect();
        assert_eq!(
            vulnerabilities,
            [
                ("CVE-2024-1", Some("CVSS:3.1/AV:N/AC:L")),
                ("CVE-2024-2", None)
            ]
        );
    }

    #[test]
    fn what_is_no_oval_is_refused() {
        for text in ["", "<html/>", "<oval_definitions>", "{}"] {
            let is_empty = parse(text.as_bytes()).is_ok_and(|oval| oval.definitions.is_empty());
            let is_refused = parse(text.as_bytes()).is_err();
            assert!(
                is_refused || (is_empty && (text.is_empty() || text == "{}")),
                "{text}"
            );
        }
    }

    /// Real files of four distributions, as a plain reading of their trees (Python's ElementTree) counts them.
    /// Red Hat's 14 are kernels that must be of one version: live patches.
    #[test]
    fn real_files_are_read_whole() {
        let check = |name: &str, definitions: usize, packages: usize, unreadable: usize| {
            let path = format!("advisories/feeds/oval/{name}");
            let Some(file) = lamina_testkit::shared(&path) else {
                return;
            };
            #[expect(clippy::disallowed_methods, reason = "a test reads its sample")]
            let bytes = std::fs::read(file).unwrap();
            let mut input = crate::Input {
                path: name,
                content: &mut std::io::Cursor::new(bytes),
            };
            let reader = crate::archive::decompressed(&mut input, 1 << 30).unwrap();
            let oval = parse(std::io::BufReader::new(reader)).unwrap();
            let mut got = (oval.definitions.len(), 0, 0);
            for definition in &oval.definitions {
                let (found, unreadable) = oval.packages(definition);
                got.1 += found.len();
                got.2 += unreadable;
            }
            assert_eq!(got, (definitions, packages, unreadable), "{name}");
        };
        check("azurelinux-3.0-oval.xml.bz2", 1_222, 1_222, 0);
        check("com.redhat.rhsa-RHEL9.20230427.xml.bz2", 222, 1_720, 14);
        check("org.rockylinux.rlsa-9.xml.bz2", 175, 5_994, 0);
        check("com.ubuntu.noble.usn.oval.xml.bz2", 261, 232, 0);
    }
}
