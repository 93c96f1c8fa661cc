//! SWI-Prolog packs: `pack/<name>/pack.pl`.
//!
//! Format: <https://www.swi-prolog.org/howto/Pack.html>, Prolog facts, one a line: `name(hdt).`,
//! `version('0.5.2').`

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, PackageFact, PackageKind},
    limits::MAX_MANIFEST_BYTES,
    text::{lines, word},
};

/// SWI-Prolog packs.
pub struct Swiplpack;

impl Analyser for Swiplpack {
    fn id(&self) -> &'static str {
        "swiplpack"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        path.file_name() == b"pack.pl"
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_MANIFEST_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let (mut name, mut version) = (None, None);
        let mut last_line = 0;
        for (number, line) in lines(file.bytes) {
            let Some((key, value)) = fact(line.trim_ascii()) else {
                continue;
            };
            let into = match key {
                b"name" => &mut name,
                b"version" => &mut version,
                _ => continue,
            };
            *into = word(value);
            last_line = number;
        }
        // A Perl module of that name has neither.
        let (name, version) = match (name, version) {
            (Some(name), Some(version)) => (name, version),
            (None, None) => return,
            _ => {
                let problem = "the pack has no name or version";
                return out.malformed(self.id(), file.path, 0, problem);
            }
        };
        let mut package = PackageFact::new(PackageKind::Swiplpack, name, version, file.path);
        package.lines = Some((1, last_line));
        package.folder = file.path.parent().filter(|folder| !folder.is_root());
        out.add_package(self.id(), package);
    }
}

/// `key` and `value` of `key('value').`
fn fact(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let open = memchr::memchr(b'(', line)?;
    let (key, rest) = line.split_at_checked(open)?;
    let close = memchr::memrchr(b')', rest)?;
    let value = rest.get(1..close)?.trim_ascii();
    let quote = value.first().filter(|byte| matches!(byte, b'\'' | b'"'));
    let value = match quote {
        Some(quote) => {
            let inner = value.get(1..)?;
            inner.get(..memchr::memchr(*quote, inner)?)?
        }
        None => value,
    };
    Some((key.trim_ascii_end(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Swiplpack,
            &["root/.local/share/swi-prolog/pack/hdt/pack.pl"],
            &["a/unpack.pl", "a/pack.plx", ""],
        );
    }

    #[test]
    fn packs_are_read() {
        let facts = analyse(
            &Swiplpack,
            "pack/hdt/pack.pl",
            "% swipl\nname(hdt).\nversion( '0.5.2' ).\ntitle('version(9)').\nauthor( 'A', 'b@c' ).\n",
        );
        assert_eq!(facts.warnings, []);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("hdt", "0.5.2")
        );
        assert_eq!(package.lines, Some((1, 3)));
        assert_eq!(package.folder, Some(LayerPath::from("pack/hdt")));
    }

    #[test]
    fn truncated_and_hostile_files_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Swiplpack, "pack.pl", text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 0);
        check(b"package Pack;\nsub name { 1 }\n", 0, 0);
        check(b"name(a).\nversion('1", 0, 1);
        check(b"name(\xff).\nversion(1).\n", 1, 0);
        check(b"name().\nversion(1).\n", 0, 1);
    }
}
