//! Lua packages as LuaRocks installs them: `rocks-<lua>/<name>/<version>/<name>-<version>.rockspec`.
//!
//! Format: <https://github.com/luarocks/luarocks/blob/main/docs/rockspec_format.md>, a Lua program that
//! assigns variables. LuaRocks copies the publisher's, so that it may compute them. A rockspec outside
//! a tree of rocks is source: it says what would be installed.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Basis, Facts, PackageFact, PackageKind},
    limits::{MAX_LICENCE_BYTES, MAX_MANIFEST_BYTES},
    places::components,
    text::{cut, word},
};

pub mod rockspec;

use rockspec::Rockspec;

/// Lua rocks.
pub struct Luarocks;

impl Analyser for Luarocks {
    fn id(&self) -> &'static str {
        "luarocks"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        path.as_bytes().ends_with(b".rockspec")
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_MANIFEST_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let mut spec = Rockspec::parse(file.bytes);
        let installed = installed(file.path);
        // What it computes, the folders say.
        if let Some((name, version)) = &installed {
            for (known, stated) in [(&mut spec.name, name), (&mut spec.version, version)] {
                if known.is_empty() {
                    known.clone_from(stated);
                }
            }
        }
        let Some(name) = word(spec.name.as_bytes()) else {
            return out.malformed(self.id(), file.path, 0, "the rock has no name");
        };
        let Some(version) = word(spec.version.as_bytes()) else {
            let problem = format!("the rock {name:?} has no version");
            return out.malformed(self.id(), file.path, 0, &problem);
        };
        let mut package = PackageFact::new(PackageKind::Luarocks, name, version, file.path);
        let licence = word(spec.licence.as_bytes());
        package.licence = licence.map(|licence| cut(&licence, MAX_LICENCE_BYTES));
        package.detail("homepage", word(spec.homepage.as_bytes()));
        package.lines = spec.lines;
        match installed {
            Some(_) => package.folder = file.path.parent(),
            None => package.basis = Basis::Declared,
        }
        out.add_package(self.id(), package);
    }
}

/// Name and version by the folders of a tree of rocks.
fn installed(path: &LayerPath) -> Option<(String, String)> {
    let mut above = components(path).rev().skip(1);
    let version = above.next()?;
    let name = above.next()?;
    let tree = above.next()?;
    let is_tree = tree == b"rocks" || tree.starts_with(b"rocks-");
    is_tree.then_some(())?;
    Some((word(name)?, word(version)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Luarocks,
            &[
                "usr/local/lib/luarocks/rocks-5.1/lpeg/1.0.2-1/lpeg-1.0.2-1.rockspec",
                "srv/kong-3.7.0-0.rockspec",
            ],
            &[
                "usr/local/lib/luarocks/rocks-5.1/lpeg/1.0.2-1/rock_manifest",
                "usr/local/lib/luarocks/rocks-5.1/manifest",
                "a.rockspec.in",
                "",
            ],
        );
    }

    const PATH: &str = "usr/lib/luarocks/rocks-5.1/lpeg/1.0.2-1/lpeg-1.0.2-1.rockspec";

    #[test]
    fn installed_rocks_are_read() {
        let facts = analyse(
            &Luarocks,
            PATH,
            "-- LPeg\nlocal ver = \"1.0.2\"\npackage = \"LPeg\"\nversion = ver .. '-1'\n\
             source = { url = \"x\", version = \"9\" }\n\
             description = {\n  summary = [[a \"b\"]],\n  homepage = \"http://a\",\n  license = 'MIT/X11'\n}\n\
             build = { modules = { [\"a\"] = \"b\" } }\n",
        );
        assert_eq!(facts.warnings, []);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("LPeg", "1.0.2-1")
        );
        assert_eq!(package.licence.as_deref(), Some("MIT/X11"));
        assert_eq!(package.basis, Basis::Installed);
        assert_eq!(package.lines, Some((3, 4)));
        assert_eq!(
            package.folder,
            Some(LayerPath::from("usr/lib/luarocks/rocks-5.1/lpeg/1.0.2-1"))
        );
    }

    #[test]
    fn sources_are_declared() {
        let facts = analyse(
            &Luarocks,
            "srv/a-1-0.rockspec",
            "package = \"a\"\nversion = \"1-0\"\n",
        );
        assert_eq!(facts.packages[0].basis, Basis::Declared);
        assert_eq!(facts.packages[0].folder, None);
    }

    #[test]
    fn folders_say_what_is_computed() {
        let facts = analyse(
            &Luarocks,
            PATH,
            "package = \"lpeg\"\nversion = os.getenv(\"V\") .. \"-1\"\n",
        );
        assert_eq!(facts.packages[0].version, "1.0.2-1");
    }

    #[test]
    fn truncated_and_hostile_rockspecs_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Luarocks, "srv/a.rockspec", text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 1);
        check(b"package = \"a\"", 0, 1);
        check(b"package = \"a\"\nversion = \"1", 0, 1);
        check(b"package = [[a", 0, 1);
        check(b"\xff\0--[[", 0, 1);
        check("{".repeat(100_000).as_bytes(), 0, 1);
    }
}
