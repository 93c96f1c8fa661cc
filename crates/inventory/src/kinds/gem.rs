//! Ruby gems as RubyGems and Bundler install them: `specifications/**/<full name>.gemspec`.
//!
//! The file is Ruby that RubyGems writes:
//! <https://guides.rubygems.org/specification-reference/>, one assignment a line, and a comment
//! `# stub: <name> <version> <platform> <paths>` that RubyGems itself reads instead of running it.
//! `default/` holds those that come with Ruby. A `.gemspec` elsewhere is source that says how a gem
//! would be built, and may run any program to find its own version: it is not read.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, PackageFact, PackageKind},
    limits::{MAX_LICENCE_BYTES, MAX_MANIFEST_BYTES},
    text::{cut, word},
};

pub mod gemspec;

use gemspec::Gemspec;

/// Installed Ruby gems.
pub struct Gem;

impl Analyser for Gem {
    fn id(&self) -> &'static str {
        "gem"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        path.as_bytes().ends_with(b".gemspec") && specifications(path).is_some()
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_MANIFEST_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let spec = Gemspec::parse(file.bytes);
        let Some(name) = word(spec.name.as_bytes()) else {
            return out.malformed(self.id(), file.path, 0, "the gem has no name");
        };
        let Some(version) = word(spec.version.as_bytes()) else {
            let problem = format!("the gem {name:?} has no version");
            return out.malformed(self.id(), file.path, 0, &problem);
        };
        let platform = word(spec.platform.as_bytes()).filter(|platform| platform != "ruby");
        let full_name = match &platform {
            Some(platform) => format!("{name}-{version}-{platform}"),
            None => format!("{name}-{version}"),
        };
        let mut package = PackageFact::new(PackageKind::Gem, name, version, file.path);
        let licences = spec.licences.join(", ");
        package.licence = Some(cut(&licences, MAX_LICENCE_BYTES)).filter(|text| !text.is_empty());
        package.lines = spec.lines;
        package.detail("platform", platform);
        package.detail("homepage", word(spec.homepage.as_bytes()));
        // The files of a default gem lie among Ruby's own.
        if let Some((root, is_default)) = specifications(file.path) {
            package.detail("default", is_default.then_some("true"));
            if !is_default {
                package.folder = Some(root.join(b"gems").join(full_name.as_bytes()));
            }
        }
        out.add_package(self.id(), package);
    }
}

/// The folder that `specifications` lies in, and whether the gem is a default one.
fn specifications(path: &LayerPath) -> Option<(LayerPath, bool)> {
    let mut folder = path.parent()?;
    let mut is_default = false;
    // `specifications/x.gemspec`, `specifications/default/x.gemspec`; other ones are tolerated.
    while !folder.is_root() {
        match folder.file_name() {
            b"specifications" => return Some((folder.parent()?, is_default)),
            b"default" => is_default = true,
            _ => {}
        }
        folder = folder.parent()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Gem,
            &[
                "usr/lib/ruby/gems/3.1.0/specifications/rake-13.0.6.gemspec",
                "usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec",
                "var/lib/gems/3.1.0/specifications/nokogiri-1.13.6-x86_64-linux.gemspec",
                "specifications/a.gemspec",
            ],
            &[
                "srv/app/app.gemspec",
                "usr/lib/ruby/gems/3.1.0/gems/rake-13.0.6/rake.gemspec",
                "usr/lib/ruby/gems/3.1.0/specifications",
                "usr/lib/ruby/gems/3.1.0/specifications/a.gemspec.bak",
                "a.gemspec",
                "",
            ],
        );
    }

    const NOKOGIRI: &str = "\
# -*- encoding: utf-8 -*-
# stub: nokogiri 1.13.6 x86_64-linux lib

Gem::Specification.new do |s|
  s.name = \"nokogiri\".freeze
  s.version = \"1.13.6\"
  s.platform = \"x86_64-linux\".freeze

  s.required_rubygems_version = Gem::Requirement.new(\">= 0\".freeze) if s.respond_to? :required_rubygems_version=
  s.authors = [\"Mike Dalessio\".freeze]
  s.description = \"s.version = \\\"9\\\"\".freeze
  s.homepage = \"https://nokogiri.org\".freeze
  s.licenses = [\"MIT\".freeze, \"Apache-2.0\".freeze]
  s.add_runtime_dependency(%q<racc>.freeze, [\"~> 1.4\"])
end
";

    #[test]
    fn gems_are_read_with_their_platform_and_folder() {
        let path = "usr/lib/ruby/gems/3.1.0/specifications/nokogiri-1.13.6-x86_64-linux.gemspec";
        let facts = analyse(&Gem, path, NOKOGIRI);
        assert_eq!(facts.warnings, []);
        let [gem] = facts.packages.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!(
            (gem.name.as_str(), gem.version.as_str()),
            ("nokogiri", "1.13.6")
        );
        assert_eq!(gem.licence.as_deref(), Some("MIT, Apache-2.0"));
        assert_eq!(gem.detail_of("platform"), Some("x86_64-linux"));
        assert_eq!(gem.detail_of("homepage"), Some("https://nokogiri.org"));
        assert_eq!(gem.lines, Some((5, 6)));
        assert_eq!(
            gem.folder,
            Some(LayerPath::from(
                "usr/lib/ruby/gems/3.1.0/gems/nokogiri-1.13.6-x86_64-linux"
            ))
        );
    }

    #[test]
    fn default_gems_have_no_folder() {
        let path = "usr/lib/ruby/gems/3.1.0/specifications/default/a-1.gemspec";
        let facts = analyse(&Gem, path, "# stub: a 1 ruby lib\n");
        assert_eq!(facts.packages[0].folder, None);
        assert_eq!(facts.packages[0].detail_of("default"), Some("true"));
        assert_eq!(facts.packages[0].detail_of("platform"), None);
    }

    #[test]
    fn truncated_and_hostile_gemspecs_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Gem, "specifications/a.gemspec", text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 1);
        check(b"Gem::Specification.new do |s|\n  s.name = \"a\"\n", 0, 1);
        check(b"  s.name = \"a\n  s.version = \"1", 0, 1);
        check(b"\xff\xfe\0", 0, 1);
        let long = format!("s.name = \"{}\"\ns.version = \"1\"\n", "x".repeat(5000));
        check(long.as_bytes(), 0, 1);
        check(b"s.name = \"\xff\"\ns.version = \"1\"\n", 1, 0);
    }
}
