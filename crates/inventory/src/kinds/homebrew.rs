//! Homebrew's kegs: `Cellar/<name>/<version>/.brew/<name>.rb`.
//!
//! Homebrew keeps in each keg the formula that it was poured from
//! (<https://docs.brew.sh/Formula-Cookbook>). Name and version are the keg's folders; the licence is the
//! formula's. `INSTALL_RECEIPT.json` beside it would name the same keg once more. Formulas in
//! `Library/Taps` are what could be installed, and are not read (Syft reads them).

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, PackageFact, PackageKind},
    limits::{MAX_LICENCE_BYTES, MAX_LICENCES, MAX_MANIFEST_BYTES},
    places::components,
    text::{cut, lines, word},
};

/// Homebrew's kegs.
pub struct Homebrew;

impl Analyser for Homebrew {
    fn id(&self) -> &'static str {
        "homebrew"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        path.as_bytes().ends_with(b".rb") && keg(path).is_some()
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_MANIFEST_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let Some((name, version)) = keg(file.path) else {
            return;
        };
        let mut package = PackageFact::new(PackageKind::Brew, name, version, file.path);
        package.folder = file.path.parent().and_then(|brew| brew.parent());
        package.licence = licence(file.bytes);
        out.add_package(self.id(), package);
    }
}

/// Name and version of the keg whose formula this is.
fn keg(path: &LayerPath) -> Option<(String, String)> {
    let mut above = components(path).rev().skip(1);
    if above.next()? != b".brew" {
        return None;
    }
    let version = word(above.next()?)?;
    let name = word(above.next()?)?;
    (above.next()? == b"Cellar").then_some((name, version))
}

/// `license "MIT"`, or `license any_of: ["MIT", "0BSD"]`, over several lines at times.
fn licence(bytes: &[u8]) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    let mut joint = ", ";
    let mut depth = 0_usize;
    let mut is_inside = false;
    for (_, line) in lines(bytes) {
        let line = line.trim_ascii();
        let rest = match line.strip_prefix(b"license ") {
            Some(rest) if !is_inside => rest,
            _ if is_inside => line,
            _ => continue,
        };
        if !is_inside && rest.starts_with(b"any_of:") {
            joint = " OR ";
        } else if !is_inside && rest.starts_with(b"all_of:") {
            joint = " AND ";
        }
        is_inside = true;
        let mut is_exception = false;
        for (index, part) in rest.split(|byte| *byte == b'"').enumerate() {
            if index % 2 == 1 {
                let room = names.len() < MAX_LICENCES;
                match (names.last_mut(), word(part)) {
                    (Some(last), Some(name)) if is_exception => *last += &format!(" WITH {name}"),
                    (_, name) if room => names.extend(name),
                    _ => {}
                }
                continue;
            }
            is_exception = part.trim_ascii_end().ends_with(b"with:");
            for byte in part {
                match byte {
                    b'[' | b'{' => depth = depth.saturating_add(1),
                    b']' | b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
        if depth == 0 {
            break;
        }
    }
    let text = cut(&names.join(joint), MAX_LICENCE_BYTES);
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    const PATH: &str = "home/linuxbrew/.linuxbrew/Cellar/openssl@3/3.1.4_1/.brew/openssl@3.rb";

    #[test]
    fn claims() {
        check_claims(
            &Homebrew,
            &[PATH, "usr/local/Cellar/jq/1.7/.brew/jq.rb"],
            &[
                "usr/local/Cellar/jq/1.7/INSTALL_RECEIPT.json",
                "usr/local/Homebrew/Library/Taps/homebrew/homebrew-core/Formula/jq.rb",
                "usr/local/Cellar/jq/1.7/lib/a.rb",
                "Cellar/.brew/a.rb",
                "",
            ],
        );
    }

    #[test]
    fn kegs_are_named_by_their_folders() {
        let text = "class OpensslAT3 < Formula\n  desc \"license\"\n  license \"Apache-2.0\"\n  license \"X\"\nend\n";
        let facts = analyse(&Homebrew, PATH, text);
        assert_eq!(facts.warnings, []);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("openssl@3", "3.1.4_1")
        );
        assert_eq!(package.licence.as_deref(), Some("Apache-2.0"));
        assert_eq!(
            package.folder,
            Some(LayerPath::from(
                "home/linuxbrew/.linuxbrew/Cellar/openssl@3/3.1.4_1"
            ))
        );
    }

    #[test]
    fn licences_are_read_in_every_form() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(licence(text.as_bytes()).as_deref(), expect, "{text}");
        };
        check(
            "  license any_of: [\"MIT\", \"0BSD\"]\n",
            Some("MIT OR 0BSD"),
        );
        check(
            "  license all_of: [\n    \"MIT\",\n    { \"GPL-2.0\" => { with: \"x\" } },\n  ]\n  url \"u\"\n",
            Some("MIT AND GPL-2.0 WITH x"),
        );
        check("  license :public_domain\n", None);
        check("", None);
    }

    #[test]
    fn truncated_and_hostile_formulas_still_name_the_keg() {
        for text in [
            b"".as_slice(),
            b"\xff\0",
            b"license [\"a\n\"",
            b"license \"",
        ] {
            let facts = analyse(&Homebrew, PATH, text);
            assert_eq!(facts.packages.len(), 1, "{text:?}");
            assert_eq!(facts.warnings, [], "{text:?}");
        }
        let many = format!("license [{}]", "\"a\",".repeat(MAX_LICENCES + 5));
        let found = licence(many.as_bytes()).unwrap();
        assert_eq!(found.matches('a').count(), MAX_LICENCES);
        assert_eq!(analyse(&Homebrew, "a.rb", "").packages, []);
    }
}
