//! R packages as `R CMD INSTALL` leaves them: `<library>/<package>/DESCRIPTION`.
//!
//! Format: <https://cran.r-project.org/doc/manuals/r-release/R-exts.html#The-DESCRIPTION-file>, which is
//! Debian's control format. Installing adds `Built:` (the version of R, the platform, the date): a file
//! without it is source, or another program's (Octave's packages have such a file too). Syft counts
//! all that have `Package` and `Version`.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, PackageFact, PackageKind},
    limits::{MAX_LICENCE_BYTES, MAX_MANIFEST_BYTES},
    text::{cut, field, lines, word},
};

/// Installed R packages.
pub struct Cran;

impl Analyser for Cran {
    fn id(&self) -> &'static str {
        "cran"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        path.file_name() == b"DESCRIPTION" && path.parent().is_some_and(|f| !f.is_root())
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_MANIFEST_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let mut description = Description::default();
        let mut last_line = 0;
        let bytes = file.bytes.strip_prefix(b"\xef\xbb\xbf");
        for (number, line) in lines(bytes.unwrap_or(file.bytes)) {
            last_line = number;
            description.add(line);
        }
        if description.built.is_empty() || description.name.is_empty() {
            return;
        }
        let Some(name) = word(description.name) else {
            return out.malformed(self.id(), file.path, 0, "the package has no name");
        };
        let Some(version) = word(description.version) else {
            let problem = format!("the package {name:?} has no version");
            return out.malformed(self.id(), file.path, 0, &problem);
        };
        let mut package = PackageFact::new(PackageKind::Cran, name, version, file.path);
        let licence = word(description.licence);
        package.licence = licence.map(|licence| cut(&licence, MAX_LICENCE_BYTES));
        package.lines = Some((1, last_line));
        package.folder = file.path.parent();
        package.detail("repository", word(description.repository));
        out.add_package(self.id(), package);
    }
}

#[derive(Default)]
struct Description<'a> {
    name: &'a [u8],
    version: &'a [u8],
    licence: &'a [u8],
    built: &'a [u8],
    repository: &'a [u8],
}

impl<'a> Description<'a> {
    fn add(&mut self, line: &'a [u8]) {
        match field(line) {
            Some((b"Package", value)) => self.name = value,
            Some((b"Version", value)) => self.version = value,
            Some((b"License", value)) => self.licence = value,
            Some((b"Built", value)) => self.built = value,
            Some((b"Repository", value)) => self.repository = value,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Cran,
            &[
                "usr/lib/R/library/base/DESCRIPTION",
                "usr/local/lib/R/site-library/jsonlite/DESCRIPTION",
            ],
            &[
                "usr/lib/R/library/base/DESCRIPTION.gz",
                "srv/git/a/description",
                "DESCRIPTION",
                "",
            ],
        );
    }

    const PATH: &str = "usr/lib/R/library/jsonlite/DESCRIPTION";
    const JSONLITE: &str = "\
Package: jsonlite
Version: 1.8.4
Title: A Simple and Robust JSON Parser
        and Generator for R
License: MIT + file LICENSE
Repository: CRAN
Built: R 4.3.0; x86_64-pc-linux-gnu; 2023-04-21 11:33:09 UTC; unix
";

    #[test]
    fn installed_packages_are_read() {
        let facts = analyse(&Cran, PATH, JSONLITE);
        assert_eq!(facts.warnings, []);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("jsonlite", "1.8.4")
        );
        assert_eq!(package.licence.as_deref(), Some("MIT + file LICENSE"));
        assert_eq!(package.lines, Some((1, 7)));
        assert_eq!(
            package.folder,
            Some(LayerPath::from("usr/lib/R/library/jsonlite"))
        );
    }

    #[test]
    fn sources_and_files_of_others_are_no_packages() {
        let source = JSONLITE.split("Built").next().unwrap();
        assert_eq!(analyse(&Cran, PATH, source), Facts::default());
        let octave = "Name: control\nVersion: 3.4.0\nBuilt: x\n";
        assert_eq!(analyse(&Cran, PATH, octave), Facts::default());
    }

    #[test]
    fn truncated_and_hostile_descriptions_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Cran, PATH, text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 0);
        check(b"\xff\0", 0, 0);
        check(b"Package: a\nBuilt: R\n", 0, 1);
        let long = format!("Package: {}\nVersion: 1\nBuilt: R\n", "x".repeat(5000));
        check(long.as_bytes(), 0, 1);
        check(
            b"\xef\xbb\xbfPackage: a\r\nVersion: 1\r\nBuilt: R\r\n",
            1,
            0,
        );
    }
}
