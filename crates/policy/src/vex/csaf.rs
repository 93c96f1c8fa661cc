//! [CSAF](https://docs.oasis-open.org/csaf/csaf/v2.0/os/csaf-v2.0-os.html) 2.0: the VEX profile
//! (section 4.5), and every other document with product statuses (3.2.3.9).
//!
//! Products are told by the purls and file hashes of their identification helpers (3.1.3.3). A product
//! that a relationship makes (3.2.2.4) is a subcomponent in a product.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{
    Document, Draft, Format, Statement, VexError, VexStatus,
    product::{Claim, Component},
    read::{List, Text, for_people},
};
use crate::limits::MAX_VEX_IDS;

/// Groups of one product that are remembered.
const GROUPS: usize = 16;

#[derive(Deserialize)]
pub(super) struct Csaf {
    document: Meta,
    #[serde(default)]
    product_tree: Tree,
    #[serde(default)]
    vulnerabilities: List<Vulnerability>,
}

#[derive(Deserialize)]
struct Meta {
    csaf_version: String,
    #[serde(default)]
    publisher: Publisher,
    #[serde(default)]
    tracking: Tracking,
}

#[derive(Default, Deserialize)]
struct Publisher {
    #[serde(default)]
    name: Text,
}

#[derive(Default, Deserialize)]
struct Tracking {
    #[serde(default)]
    current_release_date: Text,
}

#[derive(Default, Deserialize)]
struct Tree {
    #[serde(default)]
    branches: List<Branch>,
    #[serde(default)]
    full_product_names: List<FullName>,
    #[serde(default)]
    relationships: List<Relationship>,
    #[serde(default)]
    product_groups: List<Group>,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    branches: List<Branch>,
    #[serde(default)]
    product: Option<FullName>,
}

#[derive(Deserialize)]
struct FullName {
    product_id: String,
    #[serde(default)]
    product_identification_helper: Option<Helper>,
}

#[derive(Deserialize)]
struct Helper {
    #[serde(default)]
    purl: Text,
    /// Of CSAF 2.1.
    #[serde(default)]
    purls: List<Text>,
    #[serde(default)]
    hashes: List<Hashes>,
}

#[derive(Deserialize)]
struct Hashes {
    #[serde(default)]
    file_hashes: List<FileHash>,
}

#[derive(Deserialize)]
struct FileHash {
    #[serde(default)]
    value: Text,
}

#[derive(Deserialize)]
struct Relationship {
    #[serde(default)]
    category: Text,
    product_reference: String,
    relates_to_product_reference: String,
    full_product_name: FullName,
}

#[derive(Deserialize)]
struct Group {
    group_id: String,
    #[serde(default)]
    product_ids: List<String>,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default)]
    cve: Text,
    #[serde(default)]
    ids: List<Id>,
    #[serde(default)]
    product_status: Option<Statuses>,
    #[serde(default)]
    flags: List<About>,
    #[serde(default)]
    threats: List<About>,
    #[serde(default)]
    remediations: List<About>,
}

#[derive(Deserialize)]
struct Id {
    #[serde(default)]
    text: Text,
}

#[derive(Deserialize)]
struct Statuses {
    #[serde(default)]
    first_affected: List<String>,
    #[serde(default)]
    first_fixed: List<String>,
    #[serde(default)]
    fixed: List<String>,
    #[serde(default)]
    known_affected: List<String>,
    #[serde(default)]
    known_not_affected: List<String>,
    #[serde(default)]
    last_affected: List<String>,
    #[serde(default)]
    under_investigation: List<String>,
}

/// A flag, a threat or a remediation.
#[derive(Deserialize)]
struct About {
    /// Of flags.
    #[serde(default)]
    label: Text,
    /// Of the others.
    #[serde(default)]
    category: Text,
    #[serde(default)]
    details: Text,
    #[serde(default)]
    product_ids: List<String>,
    #[serde(default)]
    group_ids: List<String>,
}

/// Reads the statements: one for each vulnerability, status and reason.
pub(super) fn read(csaf: Csaf) -> Result<Document, VexError> {
    let version = csaf.document.csaf_version;
    if !version.starts_with("2.") {
        return Err(VexError::Version {
            format: Format::Csaf,
            version: version.chars().take(40).collect(),
        });
    }
    let author = csaf.document.publisher.name.as_deref();
    let time = &csaf.document.tracking.current_release_date;
    let mut draft = Draft::new(Format::Csaf, author, time);
    let products = Products::new(&csaf.product_tree);
    for vulnerability in csaf.vulnerabilities.iter() {
        let ids = vulnerability.ids.iter().map(|id| &id.text);
        let ids = std::iter::once(&vulnerability.cve).chain(ids);
        let ids = ids.filter_map(|id| id.0.clone());
        let ids: Vec<String> = ids.take(MAX_VEX_IDS).collect();
        let (Some(first), Some(statuses)) = (ids.first(), &vulnerability.product_status) else {
            draft.note(|| "a vulnerability has no id, or no product status".to_owned());
            continue;
        };
        let flags = ByProduct::new(&vulnerability.flags, |flag| flag.label.as_deref());
        let impacts = ByProduct::new(&vulnerability.threats, |threat| {
            let is_impact = threat.category.as_deref() == Some("impact");
            threat.details.as_deref().filter(|_| is_impact)
        });
        let remedies = ByProduct::new(&vulnerability.remediations, |remedy| {
            remedy.details.as_deref()
        });
        let mut groups: BTreeMap<_, Vec<Claim>> = BTreeMap::new();
        let mut unknown = 0_usize;
        for (status, list) in [
            (VexStatus::NotAffected, &statuses.known_not_affected),
            (VexStatus::Fixed, &statuses.fixed),
            (VexStatus::Fixed, &statuses.first_fixed),
            (VexStatus::Affected, &statuses.known_affected),
            (VexStatus::Affected, &statuses.first_affected),
            (VexStatus::Affected, &statuses.last_affected),
            (VexStatus::UnderInvestigation, &statuses.under_investigation),
        ] {
            for id in list.iter() {
                let claims = products.claims(id);
                if claims.is_empty() {
                    unknown += 1;
                    continue;
                }
                draft.count(&claims)?;
                let (flag, reason) = match status {
                    VexStatus::NotAffected => (flags.of(&products, id), impacts.of(&products, id)),
                    VexStatus::Affected => (None, remedies.of(&products, id)),
                    VexStatus::Fixed | VexStatus::UnderInvestigation => (None, None),
                };
                groups
                    .entry((status, flag, reason))
                    .or_default()
                    .extend(claims);
            }
        }
        if unknown > 0 {
            draft.note(|| {
                format!("{unknown} products with a status for {first} have no purl and no hash")
            });
        }
        for ((status, flag, reason), claims) in groups {
            draft.add(Statement {
                ids: ids.clone(),
                status,
                justification: for_people(flag),
                impact: for_people(reason),
                timestamp: None,
                claims,
                text: String::new(),
            })?;
        }
    }
    Ok(draft.finish())
}

/// The products of a tree, by their ids.
struct Products<'a> {
    components: HashMap<&'a str, Component>,
    relationships: HashMap<&'a str, &'a Relationship>,
    /// The groups that each product is in; the first few.
    groups: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Products<'a> {
    fn new(tree: &'a Tree) -> Self {
        let mut products = Self {
            components: HashMap::new(),
            relationships: HashMap::new(),
            groups: HashMap::new(),
        };
        for name in tree.full_product_names.iter() {
            products.name(name);
        }
        let mut open: Vec<&Branch> = tree.branches.iter().collect();
        while let Some(branch) = open.pop() {
            if let Some(name) = &branch.product {
                products.name(name);
            }
            open.extend(branch.branches.iter());
        }
        for relationship in tree.relationships.iter() {
            let name = &relationship.full_product_name;
            products.name(name);
            products
                .relationships
                .insert(&name.product_id, relationship);
        }
        for group in tree.product_groups.iter() {
            for id in group.product_ids.iter() {
                let groups = products.groups.entry(id).or_default();
                if groups.len() < GROUPS {
                    groups.push(&group.group_id);
                }
            }
        }
        products
    }

    fn name(&mut self, name: &'a FullName) {
        let mut component = Component::default();
        if let Some(helper) = &name.product_identification_helper {
            let purls = std::iter::once(&helper.purl).chain(helper.purls.iter());
            for purl in purls.filter_map(Text::as_deref) {
                component.add(purl);
            }
            let hashes = helper
                .hashes
                .iter()
                .flat_map(|list| list.file_hashes.iter());
            for hash in hashes.filter_map(|hash| hash.value.as_deref()) {
                component.add(hash);
            }
        }
        if !component.is_nameless() {
            self.components.insert(&name.product_id, component);
        }
    }

    /// What a product id stands for; nothing if nothing tells.
    fn claims(&self, id: &str) -> Vec<Claim> {
        let mut claims = Vec::new();
        claims.extend(self.components.get(id).map(|component| Claim {
            product: component.clone(),
            subcomponents: Vec::new(),
        }));
        if let Some(relationship) = self.relationships.get(id) {
            let is_within = matches!(
                relationship.category.as_deref(),
                Some("default_component_of" | "installed_on" | "installed_with")
            );
            let part = self.components.get(&*relationship.product_reference);
            let whole = relationship.relates_to_product_reference.as_str();
            // In a product that is itself a part of another, the part is what can be told.
            let whole = self.components.get(whole).or_else(|| {
                let outer = self.relationships.get(whole)?;
                self.components.get(&*outer.product_reference)
            });
            if let (true, Some(part), Some(whole)) = (is_within, part, whole) {
                claims.push(Claim {
                    product: whole.clone(),
                    subcomponents: vec![part.clone()],
                });
            }
        }
        claims
    }
}

/// What flags, threats or remediations say of each product.
struct ByProduct<'a> {
    of_all: Option<&'a str>,
    of_one: HashMap<&'a str, &'a str>,
    of_group: HashMap<&'a str, &'a str>,
}

impl<'a> ByProduct<'a> {
    fn new(list: &'a List<About>, says: impl Fn(&'a About) -> Option<&'a str>) -> Self {
        let mut by_product = Self {
            of_all: None,
            of_one: HashMap::new(),
            of_group: HashMap::new(),
        };
        for about in list.iter() {
            let Some(text) = says(about) else { continue };
            if about.product_ids.0.is_empty() && about.group_ids.0.is_empty() {
                by_product.of_all.get_or_insert(text);
            }
            for id in about.product_ids.iter() {
                by_product.of_one.entry(id).or_insert(text);
            }
            for id in about.group_ids.iter() {
                by_product.of_group.entry(id).or_insert(text);
            }
        }
        by_product
    }

    fn of(&self, products: &Products<'_>, id: &str) -> Option<&'a str> {
        let of_group = || {
            let mut groups = products.groups.get(id).into_iter().flatten();
            groups.find_map(|group| self.of_group.get(*group).copied())
        };
        let of_one = self.of_one.get(id).copied();
        of_one.or_else(of_group).or(self.of_all)
    }
}
