//! How closely to look at a file, by its path.
//!
//! The form of a private key or of a GitHub token says enough wherever it lies. That something is called
//! `password` says little in a manual, a translation or a test. Some files are left out altogether:
//! there is nothing in them that a person wrote, or only names and digests.

use lamina_image::path::LayerPath;

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attention {
    /// Not at all.
    None,
    /// For what its form alone gives away.
    Strong,
    /// For everything; values stand in quotes, as in programs.
    Full,
    /// For everything; values need no quotes.
    Configuration,
}

/// How closely to look, and whether what is found is likely part of a test or a manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Regard {
    pub(crate) attention: Attention,
    pub(crate) is_sample: bool,
}

/// Ends of names of files that hold no text of a person's: drawings, source maps, fonts, catalogues of
/// translations.
const NOTHING: &[&[u8]] = &[
    b".svg",
    b".map",
    b".woff",
    b".woff2",
    b".ttf",
    b".otf",
    b".eot",
    b".po",
    b".pot",
    b".mo",
    b".gmo",
    b".qm",
    b".png",
    b".jpg",
    b".jpeg",
    b".gif",
    b".ico",
    b".webp",
    b".mp4",
    b".mp3",
    b".gz",
    b".xz",
    b".bz2",
    b".zst",
    b".zip",
    b".jar",
    b".whl",
    b".md5sums",
    b".css",
    b".less",
    b".scss",
    b".afm",
    b".pfb",
    b".hyp",
    b".dic",
    b".aff",
    b".rnc",
    b".rng",
    b".xsd",
    b".dtd",
];

/// Folders likewise, and the records of package managers: names and digests.
const NOTHING_IN: &[&[u8]] = &[
    b"usr/share/man/",
    b"usr/share/info/",
    b"usr/share/locale/",
    b"usr/share/zoneinfo/",
    b"usr/share/i18n/",
    b"usr/share/fonts/",
    b"usr/share/icons/",
    b"usr/share/mime/",
    b"usr/share/terminfo/",
    b"usr/share/X11/",
    b"usr/share/common-licenses/",
    b"usr/share/licenses/",
    b"usr/share/unicode/",
    b"usr/share/misc/",
    b"usr/share/hunspell/",
    b"usr/share/dict/",
    b"usr/share/cracklib/",
    b"var/lib/dpkg/",
    b"lib/apk/db/",
    b"usr/lib/apk/db/",
    b"var/lib/rpm/",
    b"usr/lib/sysimage/",
    b"var/lib/pacman/",
    b"usr/share/perl5/unicore/",
    b"usr/share/terminal/",
    b"var/cache/fontconfig/",
];

/// Ends of names of lock files, and of files that a machine made: digests, and minified programs.
const STRONG: &[&[u8]] = &[
    b".min.js",
    b".lock",
    b"package-lock.json",
    b"npm-shrinkwrap.json",
    b"pnpm-lock.yaml",
    b"go.sum",
    b"lock.json",
    b".sum",
    b"/RECORD",
    b".ipynb",
    b".xml.in",
    b".js.flow",
    b".pem.md",
    b".sbom",
    b".spdx.json",
    b".cdx.json",
    b".bundle.js",
    b".chunk.js",
    b".csv",
    b".tsv",
];

/// Ends of names of manuals.
const MANUALS: &[&[u8]] = &[
    b"/metadata",
    b"/pkg-info",
    b".md",
    b".markdown",
    b".rst",
    b".adoc",
    b".asciidoc",
    b".html",
    b".htm",
    b".texi",
    b".tex",
    b".pod",
    b".example",
    b".sample",
    b".template",
    b".tmpl",
    b".dist",
    b".inc.sample",
];

/// Folders of manuals.
const MANUALS_IN: &[&[u8]] = &[
    b"usr/share/doc/",
    b"usr/share/gtk-doc/",
    b"usr/share/help/",
    b"usr/share/javadoc/",
    b"usr/local/share/doc/",
    b"usr/local/share/man/",
];

/// Folders, and parts of names, of tests and examples.
const SAMPLES: &[&str] = &[
    "test",
    "tests",
    "testing",
    "testdata",
    "test-data",
    "test_data",
    "testfiles",
    "testsuite",
    "testsuites",
    "fixtures",
    "fixture",
    "mock",
    "mocks",
    "__tests__",
    "spec",
    "specs",
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "doc",
    "docs",
    "benches",
    "benchmarks",
    "benchmark",
    "snapshots",
    "__snapshots__",
    "e2e",
    "integration",
    "certdata",
    "unittests",
    "unittest",
    "testcases",
    "vectors",
    "testhelpers",
    "sslcerts",
    "fuzz",
    "corpus",
    "idlelib",
    "cassettes",
    "dummyserver",
    "snakeoil",
];

/// Ends of names of configurations.
const CONFIGURATIONS: &[&[u8]] = &[
    b".env",
    b".ini",
    b".cfg",
    b".conf",
    b".cnf",
    b".config",
    b".properties",
    b".yml",
    b".yaml",
    b".toml",
    b".json",
    b".tfvars",
    b".xml",
    b".envrc",
    b".npmrc",
    b".pypirc",
    b".netrc",
    b".bashrc",
    b".profile",
    b".zshrc",
    b".bash_history",
    b".zsh_history",
    b".ash_history",
    b".sh_history",
    b"/credentials",
    b".mysql_history",
    b".psql_history",
    b".python_history",
    b".pgpass",
    b".s3cfg",
    b".boto",
    b".my.cnf",
    b".tfstate",
    b".plist",
    b".sql",
    b".service",
    b".desktop",
    b".sh_env",
    b".settings",
    b".prefs",
    b".auto.tfvars",
    b"/environment",
    b".local",
    b".production",
    b".development",
    b".staging",
    b".secret",
    b".secrets",
];

/// How closely to look at a file.
pub(crate) fn regard(path: &LayerPath, is_binary: bool) -> Regard {
    let whole = path.as_bytes();
    let lower = whole.to_ascii_lowercase();
    let ends = |ends: &[&[u8]]| ends.iter().any(|end| lower.ends_with(end));
    let starts = |starts: &[&[u8]]| starts.iter().any(|start| whole.starts_with(start));
    if ends(NOTHING) || starts(NOTHING_IN) {
        return Regard {
            attention: Attention::None,
            is_sample: false,
        };
    }
    let is_manual = ends(MANUALS) || starts(MANUALS_IN);
    let is_sample = is_manual || is_sample(&lower);
    let attention = if is_binary || is_manual || ends(STRONG) {
        Attention::Strong
    } else if is_configuration(&lower) {
        Attention::Configuration
    } else {
        Attention::Full
    };
    Regard {
        attention,
        is_sample,
    }
}

/// Whether a part of the path is the name of a folder of tests, or the file is named for one.
fn is_sample(path: &[u8]) -> bool {
    let mut components = path.rsplit(|byte| *byte == b'/');
    let name = components.next().unwrap_or_default();
    let is_test = |part: &[u8]| SAMPLES.iter().any(|sample| sample.as_bytes() == part);
    let word_is = |byte: &u8| matches!(byte, b'.' | b'_' | b'-');
    name.split(word_is).any(is_test)
        || components.any(|component| is_test(component) || component.split(word_is).any(is_test))
        || name.starts_with(b"test")
}

fn is_configuration(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let in_etc = path.starts_with(b"etc/")
        || path.starts_with(b"run/secrets/")
        || path.starts_with(b"root/.");
    CONFIGURATIONS.iter().any(|end| path.ends_with(end))
        || name.starts_with(b".env")
        || in_etc && !name.contains(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_how_closely_to_look() {
        let check = |path: &str, attention: Attention, is_sample: bool| {
            let found = regard(&LayerPath::from(path), false);
            assert_eq!(
                found,
                Regard {
                    attention,
                    is_sample
                },
                "{path}"
            );
        };
        check("app/main.py", Attention::Full, false);
        check("app/.env", Attention::Configuration, false);
        check("app/.env.production", Attention::Configuration, false);
        check("root/.aws/credentials", Attention::Configuration, false);
        check("etc/shadow", Attention::Configuration, false);
        // Debian makes it anew wherever it is installed, and it certifies nothing.
        check(
            "etc/ssl/private/ssl-cert-snakeoil.key",
            Attention::Full,
            true,
        );
        check("app/yarn.lock", Attention::Strong, false);
        check("app/README.md", Attention::Strong, true);
        check("usr/share/doc/a/key.pem", Attention::Strong, true);
        check("app/node_modules/a/test/server.key", Attention::Full, true);
        check(
            "usr/lib/python3/dist-packages/a/tests/keys.py",
            Attention::Full,
            true,
        );
        check("app/test_login.py", Attention::Full, true);
        check("app/contest/main.py", Attention::Full, false);
        check("usr/share/man/man1/a.1", Attention::None, false);
        check("app/logo.svg", Attention::None, false);
        check("var/lib/dpkg/status", Attention::None, false);
        check("", Attention::Full, false);
    }

    #[test]
    fn programs_are_looked_at_for_strong_forms() {
        let found = regard(&LayerPath::from("usr/bin/a"), true);
        assert_eq!(found.attention, Attention::Strong);
    }
}
