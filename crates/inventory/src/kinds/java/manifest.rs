//! `META-INF/MANIFEST.MF`.
//!
//! <https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html#jar-manifest>: a main section,
//! and after an empty line sections for single entries. Lines are cut at 72 bytes; the next one goes on
//! with a space.

use crate::{
    limits::{MAX_FIELD_BYTES, MAX_LICENCE_BYTES, MAX_LICENCES},
    text::{cut, word},
};

/// Declares the fields, and where the attributes go.
macro_rules! attributes {
    ($($field:ident = $name:literal,)*) => {
        /// What a manifest's main section says of the archive.
        #[derive(Debug, Default)]
        pub(super) struct Manifest {
            $(pub(super) $field: Option<String>,)*
            /// It instruments the archive whose name it has (New Relic), and is another thing.
            pub(super) is_weaver: bool,
            /// `Implementation-Version` of the sections for single entries, if they agree.
            section_version: Option<String>,
            sections_disagree: bool,
            bundle_licence: Option<String>,
            plugin_licences: Vec<String>,
        }

        impl Manifest {
            fn field(&mut self, name: &str) -> Option<&mut Option<String>> {
                $(if name.eq_ignore_ascii_case($name) {
                    return Some(&mut self.$field);
                })*
                None
            }
        }
    };
}

attributes! {
    implementation_title = "Implementation-Title",
    implementation_version = "Implementation-Version",
    implementation_vendor = "Implementation-Vendor",
    implementation_vendor_id = "Implementation-Vendor-Id",
    specification_version = "Specification-Version",
    specification_vendor = "Specification-Vendor",
    bundle_symbolic_name = "Bundle-SymbolicName",
    bundle_version = "Bundle-Version",
    extension_name = "Extension-Name",
    automatic_module_name = "Automatic-Module-Name",
    group_id = "Group-Id",
    short_name = "Short-Name",
    plugin_version = "Plugin-Version",
}

impl Manifest {
    /// Reads a manifest. What is not an attribute is passed over.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut manifest = Self::default();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut attribute: Vec<u8> = Vec::new();
        let mut is_main = true;
        for line in physical_lines(bytes) {
            if let Some(more) = line.strip_prefix(b" ") {
                // An attribute of many lines is a list of packages: nothing that is wanted.
                if attribute.len() <= MAX_FIELD_BYTES * 2 {
                    attribute.extend_from_slice(more);
                }
                continue;
            }
            manifest.add(&attribute, is_main);
            attribute.clear();
            attribute.extend_from_slice(line);
            is_main &= !line.is_empty();
        }
        manifest.add(&attribute, is_main);
        manifest
    }

    fn add(&mut self, attribute: &[u8], is_main: bool) {
        let Some(colon) = memchr::memchr(b':', attribute) else {
            return;
        };
        let name = attribute.get(..colon).unwrap_or_default();
        let value = attribute.get(colon + 1..).unwrap_or_default().trim_ascii();
        let Ok(name) = std::str::from_utf8(name.trim_ascii()) else {
            return;
        };
        if !is_main {
            self.add_of_section(name, value);
            return;
        }
        let text = || cut(&String::from_utf8_lossy(value), MAX_LICENCE_BYTES);
        if name.eq_ignore_ascii_case("Weave-Classes") {
            self.is_weaver = true;
        } else if name.eq_ignore_ascii_case("Bundle-License") {
            self.bundle_licence = Some(text());
        } else if name.starts_with("Plugin-License-Name") {
            if !value.is_empty() && self.plugin_licences.len() < MAX_LICENCES {
                self.plugin_licences.push(text());
            }
        } else if let Some(field) = self.field(name) {
            *field = word(value).filter(|value| is_filled_in(value));
        }
    }

    /// Old jars (Ant's) name their version for each package only.
    fn add_of_section(&mut self, name: &str, value: &[u8]) {
        if !name.eq_ignore_ascii_case("Implementation-Version") {
            return;
        }
        let version = word(value).filter(|value| is_filled_in(value));
        match &self.section_version {
            None => self.section_version = version,
            Some(known) => self.sections_disagree |= version.as_ref() != Some(known),
        }
    }

    /// The version of the archive. The specification's is the last resort: many archives implement one
    /// version of an interface.
    pub(super) fn version(&self) -> Option<&str> {
        // `1.0-SNAPSHOT (private-07/09/2020 13:30-?)`
        let plugin_version = self.plugin_version.as_deref();
        let plugin_version = plugin_version.and_then(|version| version.split(' ').next());
        let of_sections = self.section_version.as_deref();
        self.implementation_version
            .as_deref()
            .or(plugin_version)
            .or(of_sections.filter(|_| !self.sections_disagree))
            .or(self.bundle_version.as_deref())
            .or(self.specification_version.as_deref())
    }

    /// `Bundle-SymbolicName` without directives (`;singleton:=true`).
    pub(super) fn symbolic_name(&self) -> Option<&str> {
        let name = self.bundle_symbolic_name.as_deref()?;
        name.split(';').next().map(str::trim)
    }

    /// Licences: Jenkins' names, else OSGi's list of names and addresses.
    pub(super) fn licence(&self) -> Option<String> {
        let joined = if self.plugin_licences.is_empty() {
            let bundle_licence = self.bundle_licence.as_deref()?;
            let names = split_unquoted(bundle_licence, ',')
                .into_iter()
                .take(MAX_LICENCES)
                .filter_map(|entry| {
                    let name = split_unquoted(entry, ';').into_iter().next()?;
                    let name = name.trim().trim_matches('"').trim();
                    // `<<EXTERNAL>>` says that it is told elsewhere.
                    (!name.is_empty() && !name.starts_with("<<")).then_some(name)
                });
            names.collect::<Vec<_>>().join(", ")
        } else {
            self.plugin_licences.join(", ")
        };
        (!joined.is_empty()).then(|| cut(&joined, MAX_LICENCE_BYTES))
    }
}

/// `${project.version}` and `%bundleName` were never filled in.
pub(super) fn is_filled_in(value: &str) -> bool {
    !value.contains("${") && !value.starts_with('%') && !value.starts_with('@')
}

/// Splits at a character that is not within double quotes.
fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let mut is_quoted = false;
    text.split(move |c| {
        is_quoted ^= c == '"';
        c == separator && !is_quoted
    })
    .collect()
}

/// Lines that end in `\r\n`, `\n` or `\r`.
fn physical_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(end)?;
        let ending = if after.starts_with(b"\r\n") { 2 } else { 1 };
        rest = after.get(ending..).unwrap_or_default();
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_with_a_space() {
        let manifest = Manifest::parse(
            b"Manifest-Version: 1.0\r\nImplementation-Title: a very \r\n long title\r\n\
              implementation-version: 1.\r\n 2\r\n .3\r\n\r\nName: x/\r\nImplementation-Title: y\r\n",
        );
        assert_eq!(
            manifest.implementation_title.as_deref(),
            Some("a very long title")
        );
        assert_eq!(manifest.version(), Some("1.2.3"));
    }

    #[test]
    fn the_surest_version_counts() {
        let check = |text: &str, expect: Option<&str>| {
            let manifest = Manifest::parse(text.as_bytes());
            assert_eq!(manifest.version(), expect, "{text}");
        };
        check(
            "Specification-Version: 1\nBundle-Version: 2\nImplementation-Version: 3\n",
            Some("3"),
        );
        check("Specification-Version: 1\nBundle-Version: 2\n", Some("2"));
        check("Specification-Version: 1\n", Some("1"));
        check(
            "Implementation-Version: ${project.version}\nBundle-Version: 2\n",
            Some("2"),
        );
        check("Plugin-Version: 1.0 (private-07/09/2020)\n", Some("1.0"));
        check(
            "Implementation-Version: 1.3 2244 October 5 2005",
            Some("1.3 2244 October 5 2005"),
        );
        check(
            "A: 1\n\nName: a/\nImplementation-Version: 1.8\n\nName: b/\nImplementation-Version: 1.8\n",
            Some("1.8"),
        );
        check(
            "A: 1\n\nName: a/\nImplementation-Version: 1.8\n\nName: b/\nImplementation-Version: 1.9\n",
            None,
        );
        check("A: 1\r\rName: a/\rBundle-Version: 1\r", None);
        check(": 1\n 2\nno colon\n\u{1}", None);
        check(
            &format!("Implementation-Version: {}\n", "1".repeat(4000)),
            None,
        );
    }

    #[test]
    fn licences_are_names_or_addresses() {
        let check = |text: &str, expect: Option<&str>| {
            let manifest = Manifest::parse(text.as_bytes());
            assert_eq!(manifest.licence().as_deref(), expect, "{text}");
        };
        check(
            "Bundle-License: http://a/b, https://c/d\n",
            Some("http://a/b, https://c/d"),
        );
        check(
            "Bundle-License: \"Apache-2.0\";link=\"https://a/b\";description=\"Apache, 2.0; all\", MIT\n",
            Some("Apache-2.0, MIT"),
        );
        check("Bundle-License: <<EXTERNAL>>\n", None);
        check(
            "Bundle-License: x\nPlugin-License-Name: Apache License, Version 2.0\nPlugin-License-Name-2: MIT License\n",
            Some("Apache License, Version 2.0, MIT License"),
        );
        check("A: b\n", None);
    }

    #[test]
    fn long_and_many_licences_are_cut() {
        let text = format!("Bundle-License: {}\n", "x,".repeat(400));
        let licence = Manifest::parse(text.as_bytes()).licence().unwrap();
        assert_eq!(licence.matches('x').count(), MAX_LICENCES);
        let text = "Plugin-License-Name: a\n".repeat(100);
        let licence = Manifest::parse(text.as_bytes()).licence().unwrap();
        assert_eq!(licence.matches('a').count(), MAX_LICENCES);
    }
}
