//! Licences of packages, told by the text of the files that carry them.
//!
//! Claimed are `LICENSE`, `LICENCE`, `COPYING` and `UNLICENSE` (with what people append: `.md`,
//! `-MIT`) directly in the folder of a package: in `node_modules`, Python's `.dist-info` (and its
//! `licenses/`, PEP 639), Ruby's `gems`, Composer's `vendor`, Go's and Cargo's caches. Debian's
//! `copyright` is [`super::dpkg`]'s. A file larger than 256 KiB holds the licences of many things and
//! says nothing of one package, so that it is none of these.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, LicenceFact},
    licences::texts::recognise,
    limits::MAX_LICENCE_FILE_BYTES,
};

/// See the module.
#[derive(Debug)]
pub struct LicenceFile;

impl Analyser for LicenceFile {
    fn id(&self) -> &'static str {
        "licence-file"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, entry: &Entry) -> bool {
        entry.size <= MAX_LICENCE_FILE_BYTES
            && is_licence(path.file_name())
            && package_folder(path).is_some()
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_LICENCE_FILE_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let found = recognise(file.bytes);
        if !found.is_empty() {
            out.licences.push(LicenceFact {
                licence: found.join(", "),
                file: file.path.clone(),
            });
        }
    }
}

/// Whether a file is named like a licence.
pub(crate) fn is_licence(name: &[u8]) -> bool {
    let starts = |start: &[u8]| {
        let head = name.get(..start.len())?;
        head.eq_ignore_ascii_case(start)
            .then(|| name.get(start.len()..))?
    };
    let rest = [
        &b"LICENSE"[..],
        b"LICENCE",
        b"COPYING",
        b"UNLICENSE",
        b"LICENSES",
    ]
    .into_iter()
    .find_map(starts);
    let Some(rest) = rest else { return false };
    // `license.js` is a program, `licensed.txt` another word.
    let is_separated = rest
        .first()
        .is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let extension = rest.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let is_code = [
        "js", "mjs", "cjs", "ts", "py", "rb", "php", "json", "html", "css", "go", "java", "c", "h",
        "pyc", "map", "xml", "yml", "yaml",
    ];
    let is_code = rest.contains(&b'.')
        && is_code
            .iter()
            .any(|code| extension.eq_ignore_ascii_case(code.as_bytes()));
    is_separated && !is_code
}

/// The folder of the package that a file describes by its place; `None` where it is no package's.
///
/// In a `.dist-info` it is that folder, also for what lies deeper.
pub(crate) fn package_folder(path: &LayerPath) -> Option<LayerPath> {
    let parent = path.parent()?;
    let names: Vec<&[u8]> = parent.as_bytes().split(|byte| *byte == b'/').collect();
    let ends = |end: &[u8]| names.iter().rposition(|name| name.ends_with(end));
    if let Some(place) = ends(b".dist-info").or_else(|| ends(b".egg-info")) {
        let folder = names.get(..=place)?.join(&b'/');
        return Some(LayerPath::from_bytes(&folder));
    }
    let from_end = |index: usize| {
        names
            .len()
            .checked_sub(index)
            .and_then(|place| names.get(place))
            .copied()
            .unwrap_or_default()
    };
    let (own, above, third) = (from_end(1), from_end(2), from_end(3));
    let is_package = match above {
        b"node_modules" => !own.starts_with(b"@") && !own.starts_with(b"."),
        b"gems" => memchr::memchr(b'-', own).is_some(),
        _ if third == b"node_modules" => above.starts_with(b"@"),
        // Composer's packages are `vendor/name`.
        _ if third == b"vendor" => true,
        // Cargo's cache: `registry/src/index.crates.io-…/serde-1.0.1`.
        _ if third == b"src" => from_end(4) == b"registry",
        // Go's: `pkg/mod/example.org/a/b@v1.2.3`.
        _ => {
            names.windows(2).any(|pair| pair == [&b"pkg"[..], b"mod"])
                && memchr::memmem::find(own, b"@v").is_some()
        }
    };
    is_package.then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims, entry};

    #[test]
    fn claims_licences_in_folders_of_packages() {
        check_claims(
            &LicenceFile,
            &[
                "app/node_modules/accepts/LICENSE",
                "app/node_modules/@babel/core/license.md",
                "usr/lib/python3/site-packages/a-1.dist-info/LICENSE.txt",
                "usr/lib/python3/site-packages/a-1.dist-info/licenses/LICENSE-MIT",
                "usr/lib/python3/site-packages/a-1.dist-info/licenses/src/x/COPYING",
                "usr/local/bundle/gems/rack-2.2.3/MIT-LICENSE/../LICENCE",
                "app/vendor/symfony/console/LICENSE",
                "root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/serde-1.0.1/LICENSE-APACHE",
                "go/pkg/mod/github.com/a/b@v1.2.3/COPYING",
                "a.egg-info/UNLICENSE",
            ],
            &[
                "usr/share/doc/bash/copyright",
                "usr/share/licenses/bash/COPYING",
                "LICENSE",
                "app/LICENSE",
                "app/node_modules/LICENSE",
                "app/node_modules/@babel/LICENSE",
                "app/node_modules/a/lib/LICENSE",
                "app/node_modules/a/license.js",
                "app/node_modules/a/licensed.txt",
                "app/node_modules/a/README",
                "gems/LICENSE",
            ],
        );
        let mut large = entry("node_modules/a/LICENSE");
        large.size = MAX_LICENCE_FILE_BYTES + 1;
        assert!(!LicenceFile.claims(&large.path, &large));
    }

    #[test]
    fn a_licence_is_told_by_its_text() {
        let text = "Copyright 2014 Somebody\n\nThis is free and unencumbered software released into the\npublic domain.\n";
        let path = "a/node_modules/b/LICENSE";
        let facts = analyse(&LicenceFile, path, text);
        assert_eq!(facts.licences.len(), 1);
        assert_eq!(facts.licences[0].licence, "Unlicense");
        assert_eq!(facts.licences[0].file, LayerPath::from(path));
        assert_eq!(facts.warnings, []);
        for nothing in [
            "",
            "All rights reserved.",
            "\0\u{fffd}",
            "Apache License, Version 2",
        ] {
            assert_eq!(analyse(&LicenceFile, path, nothing).licences, []);
        }
    }
}
