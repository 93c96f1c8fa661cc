//! Packages of hex.pm, for Erlang and Elixir.
//!
//! - `hex_metadata.config` in the folder of a package that was fetched
//!   (<https://github.com/hexpm/specifications/blob/main/package_metadata.md>): Erlang terms
//!   `{<<"name">>,<<"cowboy">>}.`
//! - `rebar.lock` (<https://rebar3.org/docs/basic_usage/>) and `mix.lock`, marked as declared. Only
//!   packages of hex are named there with a version; Git's are not.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    declared::DeclaredList,
    facts::{Facts, PackageFact, PackageKind},
    kinds::otp::erlang_term::{self, Term},
    limits::{MAX_LICENCE_BYTES, MAX_LOCK_BYTES},
    places::is_inside_installed,
    text::{cut, lines, word},
};

/// Packages of hex.pm.
pub struct Hex;

impl Analyser for Hex {
    fn id(&self) -> &'static str {
        "hex"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        match path.file_name() {
            b"hex_metadata.config" => true,
            b"mix.lock" | b"rebar.lock" => !is_dependency(path),
            _ => false,
        }
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_LOCK_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        match file.path.file_name() {
            b"hex_metadata.config" => self.metadata(&file, out),
            b"rebar.lock" => self.rebar_lock(&file, out),
            _ => self.mix_lock(&file, out),
        }
    }
}

/// Whether a lock file came with a dependency, in `deps/<name>` or `_build/default/lib/<name>`.
fn is_dependency(path: &LayerPath) -> bool {
    let above = path.as_bytes().rsplit(|byte| *byte == b'/').nth(2);
    is_inside_installed(path) || matches!(above, Some(b"deps" | b"lib"))
}

impl Hex {
    fn metadata(&self, file: &ClaimedFile<'_>, out: &mut Facts) {
        let (terms, problem) = erlang_term::parse(file.bytes);
        if let Some(problem) = problem {
            out.malformed(self.id(), file.path, problem.line, problem.text);
        }
        let terms = Term::List(terms);
        let stated = |key| terms.get(key).and_then(Term::text);
        let Some(name) = stated("name").and_then(|name| word(name.as_bytes())) else {
            return out.malformed(self.id(), file.path, 0, "the package has no name");
        };
        let Some(version) = stated("version").and_then(|version| word(version.as_bytes())) else {
            let problem = format!("the package {name:?} has no version");
            return out.malformed(self.id(), file.path, 0, &problem);
        };
        let mut package = PackageFact::new(PackageKind::Hex, name, version, file.path);
        let licences = terms.get("licenses").map(Term::items).unwrap_or_default();
        let names: Vec<&str> = licences.iter().filter_map(Term::text).collect();
        let licence = cut(&names.join(", "), MAX_LICENCE_BYTES);
        package.licence = Some(licence).filter(|licence| !licence.is_empty());
        package.folder = file.path.parent().filter(|folder| !folder.is_root());
        out.add_package(self.id(), package);
    }

    /// `{<<"alias">>,{pkg,<<"name">>,<<"1.0">>},0}`, in a list that newer versions wrap.
    fn rebar_lock(&self, file: &ClaimedFile<'_>, out: &mut Facts) {
        let (terms, problem) = erlang_term::parse(file.bytes);
        if let Some(problem) = problem {
            out.malformed(self.id(), file.path, problem.line, problem.text);
        }
        let mut list = DeclaredList::new(PackageKind::Hex, file);
        let mut open: Vec<&Term> = terms.iter().rev().collect();
        while let Some(term) = open.pop() {
            if let [Term::Atom(tag), Term::Text(name), Term::Text(version), ..] = term.items()
                && tag == "pkg"
            {
                list.add(name, version, None, false);
                continue;
            }
            open.extend(term.items().iter().rev());
        }
        list.finish(self.id(), out);
    }

    /// `"alias": {:hex, :name, "1.0", …},`, one a line, as `mix` writes it.
    fn mix_lock(&self, file: &ClaimedFile<'_>, out: &mut Facts) {
        let mut list = DeclaredList::new(PackageKind::Hex, file);
        for (number, line) in lines(file.bytes) {
            let Some((name, version)) = mix_line(line) else {
                continue;
            };
            list.add(&name, &version, Some((number, number)), false);
        }
        list.finish(self.id(), out);
    }
}

fn mix_line(line: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(line).ok()?.trim_start();
    let (_, rest) = text.strip_prefix('"')?.split_once('"')?;
    let rest = rest.trim_start_matches([':', '=', '>', ' ']);
    let rest = rest.strip_prefix('{')?.trim_start().strip_prefix(":hex,")?;
    let (name, rest) = rest.trim_start().strip_prefix(':')?.split_once(',')?;
    let (version, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    Some((name.trim().trim_matches('"').to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::Basis,
        kinds::tests::{analyse, check_claims},
    };

    #[test]
    fn claims() {
        check_claims(
            &Hex,
            &[
                "app/deps/cowboy/hex_metadata.config",
                "app/mix.lock",
                "app/rebar.lock",
                "mix.lock",
            ],
            &[
                "app/deps/cowboy/rebar.lock",
                "app/_build/default/lib/cowboy/rebar.lock",
                "app/mix.exs",
                "",
            ],
        );
    }

    #[test]
    fn fetched_packages_are_installed() {
        let facts = analyse(
            &Hex,
            "app/deps/cowboy/hex_metadata.config",
            "{<<\"app\">>,<<\"cowboy\">>}.\n{<<\"licenses\">>,[<<\"ISC\">>]}.\n\
             {<<\"name\">>,<<\"cowboy\">>}.\n{<<\"requirements\">>,\n [{<<\"cowlib\">>,[{<<\"app\">>,<<\"x\">>}]}]}.\n\
             {<<\"version\">>,<<\"2.9.0\">>}.\n",
        );
        assert_eq!(facts.warnings, []);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("cowboy", "2.9.0")
        );
        assert_eq!(package.licence.as_deref(), Some("ISC"));
        assert_eq!(package.basis, Basis::Installed);
        assert_eq!(package.folder, Some(LayerPath::from("app/deps/cowboy")));
    }

    fn declared(path: &str, text: &str) -> Vec<(String, String)> {
        let facts = analyse(&Hex, path, text);
        assert_eq!(facts.warnings, []);
        assert!(facts.packages.iter().all(|p| p.basis == Basis::Declared));
        let found = facts.packages.into_iter();
        found.map(|p| (p.name, p.version)).collect()
    }

    #[test]
    fn locks_of_rebar_are_declared() {
        let text = "{\"1.2.0\",\n[{<<\"alias\">>,{pkg,<<\"certifi\">>,<<\"2.9.0\">>},0},\n\
                    {<<\"b\">>,{git,\"https://x\",{ref,\"abc\"}},1}]}.\n\
                    [{pkg_hash,[{<<\"certifi\">>, <<\"6F\">>}]}].\n";
        let expect = [("certifi".to_owned(), "2.9.0".to_owned())];
        assert_eq!(declared("rebar.lock", text), expect);
        let old = "[{<<\"certifi\">>,{pkg,<<\"certifi\">>,<<\"2.9.0\">>},0}].";
        assert_eq!(declared("rebar.lock", old), expect);
    }

    #[test]
    fn locks_of_mix_are_declared() {
        let text = "%{\n  \"alias\": {:hex, :cowboy, \"2.9.0\", \"865d\", [:make], [{:cowlib, \"2.11.0\", []}], \"hexpm\"},\n\
                    \x20 \"b\": {:git, \"https://x\", \"abc\", []},\n  \"c\" => {:hex, :c, \"1.0\"},\n}\n";
        assert_eq!(
            declared("mix.lock", text),
            [
                ("cowboy".to_owned(), "2.9.0".to_owned()),
                ("c".to_owned(), "1.0".to_owned())
            ]
        );
    }

    #[test]
    fn truncated_and_hostile_files_are_warnings() {
        let check = |path: &str, text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Hex, path, text);
            assert_eq!(facts.packages.len(), packages, "{path} {text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{path} {text:?}");
        };
        check("hex_metadata.config", b"", 0, 1);
        check("hex_metadata.config", b"{<<\"name\">>,<<\"a\">>}.", 0, 1);
        check("hex_metadata.config", b"{<<\"name\">>,<<\"a", 0, 2);
        check("rebar.lock", b"", 0, 0);
        check(
            "rebar.lock",
            b"[{<<\"a\">>,{pkg,<<\"a\">>,<<\"1\">>},0},",
            1,
            1,
        );
        check("rebar.lock", "{".repeat(100_000).as_bytes(), 0, 1);
        check("mix.lock", b"\xff\n  \"a\": {:hex, :a, \"1", 0, 0);
        check("mix.lock", b"  \"a\": {:hex, :a, \"\"}", 0, 1);
    }
}
