//! SBOMs in JSON, read as they come: most of a document is files and relations, which are skipped.
//!
//! Publishers write anything. A value of a shape that a field should not have counts as none.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Collector, Stated};
use crate::{
    facts::{Basis, PackageFact, PackageKind},
    limits::{MAX_LICENCE_BYTES, MAX_PURL_BYTES, MAX_SBOM_DEPTH},
    text::word,
};

/// A line, and what is wrong there.
type Problem = (u32, String);

/// Reads a document. What came before a problem stays noted.
pub(super) fn read(bytes: &[u8], found: &mut Collector<'_>) -> Option<Problem> {
    let mut document = Document {
        found,
        level: 0,
        is_sbom: false,
        is_too_deep: false,
    };
    let problem = drive(bytes, &mut document);
    let (is_sbom, is_too_deep) = (document.is_sbom, document.is_too_deep);
    if !is_sbom {
        found.packages.clear();
        found.unreadable = 0;
        return problem.or_else(|| Some((0, "neither SPDX nor CycloneDX".to_owned())));
    }
    problem.or_else(|| {
        let problem = format!("components more than {MAX_SBOM_DEPTH} deep are left out");
        is_too_deep.then_some((0, problem))
    })
}

/// Reads Bitnami's list: an object by component.
pub(super) fn read_bitnami(bytes: &[u8], found: &mut Collector<'_>) -> Option<Problem> {
    drive(bytes, &mut BitnamiComponents(found))
}

fn drive(bytes: &[u8], reader: &mut impl ReadField) -> Option<Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = Fields(reader).deserialize(&mut json);
    let error = read.and_then(|()| json.end()).err()?;
    let line = u32::try_from(error.line()).unwrap_or_default();
    Some((line, format!("not an SBOM in JSON: {error}")))
}

/// Takes the fields of an object, one after the other.
trait ReadField {
    /// Takes the value of `key` out of `map`.
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Takes the items of an array, one after the other.
trait ReadItem {
    /// Takes an item out of `items`; `None` if there is none left.
    fn item<'de, A: SeqAccess<'de>>(
        &mut self,
        index: usize,
        items: &mut A,
    ) -> Result<Option<()>, A::Error>;
}

/// An object's fields; any other value is skipped.
struct Fields<'r, R>(&'r mut R);

/// An array's items; any other value is skipped.
struct Items<'r, R>(&'r mut R);

/// A short text; any other value is none.
struct Text;

/// What all visitors do with values that they are not for.
macro_rules! skip {
    ($($visit:ident: $value:ty),* => $none:expr) => {
        $(fn $visit<E>(self, _: $value) -> Result<Self::Value, E> { Ok($none) })*
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok($none) }
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("any value")
        }
    };
}

impl<'de, R: ReadField> DeserializeSeed<'de> for Fields<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, R: ReadField> Visitor<'de> for Fields<'_, R> {
    type Value = ();

    skip!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str => ());

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            self.0.field(&key, &mut map)?;
        }
        Ok(())
    }
}

impl<'de, R: ReadItem> DeserializeSeed<'de> for Items<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, R: ReadItem> Visitor<'de> for Items<'_, R> {
    type Value = ();

    skip!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str => ());

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        while self.0.item(index, &mut items)?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<String>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Option<String>;

    skip!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64 => None);

    fn visit_str<E>(self, text: &str) -> Result<Option<String>, E> {
        Ok((text.len() <= MAX_PURL_BYTES).then(|| text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<String>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<String>, A::Error> {
    map.next_value_seed(Text)
}

fn skip_value<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// A whole document, or an envelope around one.
struct Document<'f, 'a> {
    found: &'f mut Collector<'a>,
    /// Envelopes around it.
    level: u32,
    is_sbom: bool,
    is_too_deep: bool,
}

impl ReadField for Document<'_, '_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let end = self.found.pointer.len();
        match key {
            "spdxVersion" => self.is_sbom |= text(map)?.is_some(),
            "bomFormat" => self.is_sbom |= text(map)?.as_deref() == Some("CycloneDX"),
            "@context" => {
                self.is_sbom |= text(map)?.is_some_and(|text| text.contains("spdx.org"));
            }
            "packages" | "components" | "@graph" => {
                self.found.pointer.push('/');
                self.found.pointer.push_str(key);
                let mut list = Packages {
                    found: self.found,
                    depth: 1,
                    is_too_deep: &mut self.is_too_deep,
                };
                map.next_value_seed(Items(&mut list))?;
            }
            "metadata" => {
                self.found.pointer.push_str("/metadata");
                map.next_value_seed(Fields(&mut Metadata(self)))?;
            }
            "predicate" | "sbom" if self.level == 0 => {
                self.found.pointer.push('/');
                self.found.pointer.push_str(key);
                self.level += 1;
                map.next_value_seed(Fields(self))?;
                self.level -= 1;
            }
            _ => skip_value(map)?,
        }
        self.found.pointer.truncate(end);
        Ok(())
    }
}

/// CycloneDX's statements on itself: what the document is about.
struct Metadata<'d, 'f, 'a>(&'d mut Document<'f, 'a>);

impl ReadField for Metadata<'_, '_, '_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key != "component" {
            return skip_value(map);
        }
        let end = self.0.found.pointer.len();
        self.0.found.pointer.push_str("/component");
        let mut package = Package {
            found: self.0.found,
            depth: 1,
            is_too_deep: &mut self.0.is_too_deep,
            stated: Stated::default(),
        };
        map.next_value_seed(Fields(&mut package))?;
        package.finish();
        self.0.found.pointer.truncate(end);
        Ok(())
    }
}

/// A list of packages.
struct Packages<'f, 'a> {
    found: &'f mut Collector<'a>,
    /// Packages around it, and one.
    depth: usize,
    is_too_deep: &'f mut bool,
}

impl ReadItem for Packages<'_, '_> {
    fn item<'de, A: SeqAccess<'de>>(
        &mut self,
        index: usize,
        items: &mut A,
    ) -> Result<Option<()>, A::Error> {
        if self.found.is_cut {
            return Ok(items.next_element::<IgnoredAny>()?.map(drop));
        }
        if self.depth > MAX_SBOM_DEPTH {
            let item = items.next_element::<IgnoredAny>()?.map(drop);
            *self.is_too_deep |= item.is_some();
            return Ok(item);
        }
        let end = self.found.pointer.len();
        self.found.pointer.push_str(&format!("/{index}"));
        let mut package = Package {
            found: self.found,
            depth: self.depth,
            is_too_deep: self.is_too_deep,
            stated: Stated::default(),
        };
        let item = items.next_element_seed(Fields(&mut package))?;
        if item.is_some() {
            package.finish();
        }
        self.found.pointer.truncate(end);
        Ok(item)
    }
}

/// One package. The three formats have no field of one name and two meanings.
struct Package<'f, 'a> {
    found: &'f mut Collector<'a>,
    depth: usize,
    is_too_deep: &'f mut bool,
    stated: Stated,
}

impl Package<'_, '_> {
    fn finish(self) {
        self.found.add(self.stated);
    }
}

impl ReadField for Package<'_, '_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let stated = &mut self.stated;
        match key {
            "name" => stated.name = text(map)?,
            "group" => stated.group = text(map)?,
            "version" | "versionInfo" | "software_packageVersion" => stated.version = text(map)?,
            "purl" | "software_packageUrl" => stated.purl = text(map)?.or(stated.purl.take()),
            "licenseDeclared" => stated.declared = text(map)?,
            "licenseConcluded" => stated.concluded = text(map)?,
            "primaryPackagePurpose" | "software_primaryPurpose" => stated.purpose = text(map)?,
            // CycloneDX's; SPDX 3 says there what class of thing it is.
            "type" => stated.purpose = stated.purpose.take().or(text(map)?),
            "externalRefs" | "externalIdentifier" => {
                map.next_value_seed(Items(&mut References(&mut stated.purl)))?;
            }
            "licenses" => {
                let mut names = String::new();
                map.next_value_seed(Items(&mut Licences(&mut names)))?;
                stated.declared = Some(names);
            }
            "components" => {
                let end = self.found.pointer.len();
                self.found.pointer.push_str("/components");
                let mut list = Packages {
                    found: self.found,
                    depth: self.depth + 1,
                    is_too_deep: self.is_too_deep,
                };
                map.next_value_seed(Items(&mut list))?;
                self.found.pointer.truncate(end);
            }
            _ => skip_value(map)?,
        }
        Ok(())
    }
}

/// The first package URL among a package's references.
struct References<'p>(&'p mut Option<String>);

impl ReadItem for References<'_> {
    fn item<'de, A: SeqAccess<'de>>(
        &mut self,
        _: usize,
        items: &mut A,
    ) -> Result<Option<()>, A::Error> {
        let mut reference = Reference::default();
        let item = items.next_element_seed(Fields(&mut reference))?;
        if let Some("purl" | "packageUrl") = reference.kind.as_deref()
            && self.0.is_none()
        {
            *self.0 = reference.locator;
        }
        Ok(item)
    }
}

#[derive(Default)]
struct Reference {
    kind: Option<String>,
    locator: Option<String>,
}

impl ReadField for Reference {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "referenceType" | "externalIdentifierType" => self.kind = text(map)?,
            "referenceLocator" | "identifier" => self.locator = text(map)?,
            _ => skip_value(map)?,
        }
        Ok(())
    }
}

/// CycloneDX's licences: `{"license": {"id": …}}`, `{"license": {"name": …}}`, `{"expression": …}`.
struct Licences<'n>(&'n mut String);

impl ReadItem for Licences<'_> {
    fn item<'de, A: SeqAccess<'de>>(
        &mut self,
        _: usize,
        items: &mut A,
    ) -> Result<Option<()>, A::Error> {
        items.next_element_seed(Fields(self))
    }
}

impl ReadField for Licences<'_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "license" => map.next_value_seed(Fields(self)),
            "id" | "name" | "expression" => {
                if let Some(name) = text(map)?
                    && self.0.len() <= MAX_LICENCE_BYTES
                {
                    if !self.0.is_empty() {
                        self.0.push_str(", ");
                    }
                    self.0.push_str(&name);
                }
                Ok(())
            }
            _ => skip_value(map),
        }
    }
}

/// Bitnami's list of what it installed.
struct BitnamiComponents<'f, 'a>(&'f mut Collector<'a>);

impl ReadField for BitnamiComponents<'_, '_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let found = &mut *self.0;
        if found.is_full() {
            return skip_value(map);
        }
        let mut component = BitnamiComponent::default();
        map.next_value_seed(Fields(&mut component))?;
        let version = component.version.and_then(|text| word(text.as_bytes()));
        let (Some(name), Some(version)) = (word(key.as_bytes()), version) else {
            found.unreadable += 1;
            return Ok(());
        };
        let folder = found.file.parent().unwrap_or_default();
        let mut package = PackageFact::new(PackageKind::Bitnami, name, version, found.file);
        package.architecture = component.architecture;
        package.basis = Basis::Installed;
        package.folder = Some(folder.join(key.as_bytes()));
        package.evidence = Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")));
        found.packages.push(package);
        Ok(())
    }
}

#[derive(Default)]
struct BitnamiComponent {
    version: Option<String>,
    architecture: Option<String>,
}

impl ReadField for BitnamiComponent {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "version" => self.version = text(map)?,
            "arch" => self.architecture = text(map)?,
            _ => skip_value(map)?,
        }
        Ok(())
    }
}
