//! Erlang and Elixir applications: `ebin/<name>.app`.
//!
//! Format: <https://www.erlang.org/doc/apps/kernel/app.html>, an Erlang term
//! `{application, Name, [{vsn, "1.0"}, …]}`. It lies in `ebin` wherever the runtime could load it from:
//! in OTP itself, in a release, in a build. An `.app` elsewhere is no part of a code path (Syft reads
//! those too).
//!
//! Packages of hex.pm leave `licenses`, `links` or `pkg_name` in it if they were built by rebar3 from
//! their own `app.src`: they are of the kind `hex`. Elixir's build tool writes nothing of the kind;
//! what it built depends on the application `elixir` and is told by the detail `language`.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, PackageFact, PackageKind},
    limits::{MAX_LICENCE_BYTES, MAX_MANIFEST_BYTES},
    text::{cut, word},
};

pub mod erlang_term;

use erlang_term::Term;

/// Erlang/OTP applications.
pub struct Otp;

impl Analyser for Otp {
    fn id(&self) -> &'static str {
        "otp"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        path.as_bytes().ends_with(b".app")
            && path.as_bytes().rsplit(|byte| *byte == b'/').nth(1) == Some(b"ebin")
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_MANIFEST_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let (terms, problem) = erlang_term::parse(file.bytes);
        if let Some(problem) = problem {
            out.malformed(self.id(), file.path, problem.line, problem.text);
        }
        let application = terms.iter().find_map(|term| match term.items() {
            [Term::Atom(tag), name, properties, ..] if tag == "application" => {
                Some((name.text()?, properties))
            }
            _ => None,
        });
        let Some((name, properties)) = application else {
            return out.malformed(self.id(), file.path, 0, "no application is described");
        };
        let name = properties
            .get("pkg_name")
            .and_then(Term::text)
            .unwrap_or(name);
        let Some(name) = word(name.as_bytes()) else {
            return out.malformed(self.id(), file.path, 0, "the application has no name");
        };
        let version = properties.get("vsn").and_then(Term::text);
        let Some(version) = version.and_then(|version| word(version.as_bytes())) else {
            let problem = format!("the application {name:?} has no version");
            return out.malformed(self.id(), file.path, 0, &problem);
        };
        let of_hex = ["licenses", "links", "pkg_name"];
        let kind = match of_hex.iter().any(|key| properties.get(key).is_some()) {
            true => PackageKind::Hex,
            false => PackageKind::Otp,
        };
        let mut package = PackageFact::new(kind, name, version, file.path);
        if let Some(licences) = properties.get("licenses") {
            let names: Vec<&str> = licences.items().iter().filter_map(Term::text).collect();
            let names = cut(&names.join(", "), MAX_LICENCE_BYTES);
            package.licence = Some(names).filter(|names| !names.is_empty());
        }
        let applications = properties.get("applications").map(Term::items);
        let needs = |name: &str| {
            let mut needed = applications.unwrap_or_default().iter();
            needed.any(|term| matches!(term, Term::Atom(atom) if atom == name))
        };
        package.detail("language", needs("elixir").then_some("elixir"));
        // `ebin` lies in the application's own folder, beside `priv`, `src` and `include`.
        package.folder = file.path.parent().and_then(|ebin| ebin.parent());
        package.folder = package.folder.filter(|folder| !folder.is_root());
        out.add_package(self.id(), package);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Otp,
            &[
                "usr/lib/erlang/lib/kernel-8.5/ebin/kernel.app",
                "app/lib/plug-1.14.0/ebin/plug.app",
            ],
            &[
                "usr/lib/erlang/lib/kernel-8.5/src/kernel.app.src",
                "Applications/Safari.app",
                "srv/erlang/accept.app",
                "ebin",
                "",
            ],
        );
    }

    fn application(properties: &str) -> PackageFact {
        let path = "app/lib/a-1/ebin/a.app";
        let facts = analyse(&Otp, path, format!("{{application,a,[{properties}]}}.\n"));
        assert_eq!(facts.warnings, []);
        facts.packages.into_iter().next().unwrap()
    }

    #[test]
    fn applications_of_otp_are_read() {
        let package = application(
            "{description, \"ERTS  CXC 138 10\"},\n {vsn, \"8.5.3\"},\n {modules, [a, 'b c']},\n \
             {applications, []}, {env, [{net_tickintensity, 4}, {x, #{a => 1}}]},\n {mod, {kernel, []}}",
        );
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("a", "8.5.3")
        );
        assert_eq!(package.kind, PackageKind::Otp);
        assert_eq!(package.folder, Some(LayerPath::from("app/lib/a-1")));
    }

    #[test]
    fn packages_of_hex_are_told_by_what_they_leave() {
        let package = application(
            "{vsn,\"0.3.5\"},{licenses,[\"MIT\",<<\"ISC\">>]},{links,[]},{applications,[kernel]}",
        );
        assert_eq!(package.kind, PackageKind::Hex);
        assert_eq!(package.licence.as_deref(), Some("MIT, ISC"));
        let package = application("{vsn,\"1\"},{pkg_name,\"b\"}");
        assert_eq!(
            (package.name.as_str(), package.kind),
            ("b", PackageKind::Hex)
        );
    }

    #[test]
    fn what_elixir_built_is_marked() {
        let package = application("{applications,[kernel,stdlib,elixir]},{vsn,\"1.14.0\"}");
        assert_eq!(package.kind, PackageKind::Otp);
        assert_eq!(package.detail_of("language"), Some("elixir"));
    }

    #[test]
    fn truncated_and_hostile_applications_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Otp, "ebin/a.app", text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 1);
        check(b"{application,a,[]}.", 0, 1);
        check(b"{application,a,[{vsn,git}]}.", 1, 0);
        check(b"{application,a,[{vsn,\"1\"},{mod", 1, 1);
        check(b"{application,a,[{vs", 0, 2);
        check(b"\xff\0\"", 0, 2);
        check("{".repeat(100_000).as_bytes(), 0, 2);
        check(b"{application,\"\",[{vsn,\"1\"}]}.", 0, 1);
    }
}
