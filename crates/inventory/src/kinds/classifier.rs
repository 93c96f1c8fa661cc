//! Programs that no package manager installed, told by bytes that only they have.
//!
//! A file whose name is one of the table's is searched for the patterns of that name as it goes by: the
//! plain bytes of nearly all of them are found with everything else ([`crate::search`]). The
//! table ([`programs`]) is data: to tell one more program is one more line. Which programs there are to
//! tell, and what is known of their bytes, is learned from Syft's classifiers and from the programs
//! themselves.

use lamina_image::{layer::Entry, path::LayerPath};
use memchr::memmem;

use crate::{
    analyser::{Hit, StreamAnalyser, Topic, Wants, Watcher, Window},
    facts::{Basis, Facts, PackageFact},
};

mod glob;
mod pattern;
mod programs;

use pattern::{Fit, Pattern};
use programs::{PROGRAMS, Program};

/// Programs told by their bytes.
pub struct Classifier;

const ID: &str = "classifier";

/// Bytes of what was found that evidence shows.
const EVIDENCE_BYTES: usize = 80;

/// What is looked for in files by the lines of the table, as far as the matcher takes it.
pub(crate) fn needles() -> impl Iterator<Item = (usize, Vec<u8>)> {
    let lines = (0..).zip(PROGRAMS);
    lines.filter_map(|(number, program)| {
        let pattern = Pattern::new(program.pattern, None)?;
        pattern
            .is_needle()
            .then(|| (number, pattern.sought().to_vec()))
    })
}

impl StreamAnalyser for Classifier {
    fn id(&self) -> &'static str {
        ID
    }

    fn revision(&self) -> u32 {
        2
    }

    fn watch(&self, entry: &Entry, _: &[u8]) -> Option<Box<dyn Watcher>> {
        let path = entry.path.as_bytes();
        let name = entry.path.file_name();
        let version = version_in(name);
        let mut searches: Vec<Search> = Vec::new();
        for (number, program) in PROGRAMS.iter().enumerate() {
            // Asked of every file there is.
            let may_match = match program.glob.as_bytes().first() {
                Some(b'*' | b'?') => true,
                _ if program.glob.contains('/') => true,
                first => name.first() == first,
            };
            if !may_match || !glob::matches(program.glob, path) {
                continue;
            }
            if let Some(pattern) = Pattern::new(program.pattern, version) {
                let finder = || memmem::Finder::new(pattern.sought()).into_owned();
                searches.push(Search {
                    number,
                    program,
                    finder: (!pattern.is_needle()).then(finder),
                    pattern,
                    found: None,
                });
            }
        }
        if searches.is_empty() {
            return None;
        }
        Some(Box::new(Watch { searches }))
    }
}

/// Watches one file.
struct Watch {
    /// In the order of the table.
    searches: Vec<Search>,
}

/// One program that it may be.
struct Search {
    /// Its line in the table.
    number: usize,
    program: &'static Program,
    pattern: Pattern,
    /// Finds what the matcher does not.
    finder: Option<memmem::Finder<'static>>,
    found: Option<Found>,
}

struct Found {
    version: String,
    evidence: String,
}

impl Watch {
    /// Shows a window to those searches that may still matter. Once a line has found something, those
    /// behind it for the same file do not.
    fn each(&mut self, mut see: impl FnMut(&mut Search)) {
        let mut groups: Vec<&str> = Vec::new();
        for search in &mut self.searches {
            let group = search.program.group();
            if groups.contains(&group) {
                continue;
            }
            if search.found.is_none() {
                see(search);
            }
            if search.found.is_some() {
                groups.push(group);
            }
        }
    }
}

impl Search {
    /// Looks for what the matcher does not.
    fn see(&mut self, window: &Window<'_>) {
        let Some(finder) = &self.finder else { return };
        let (bytes, from) = window.searchable(self.pattern.sought().len());
        let fit = finder
            .find_iter(bytes)
            .find_map(|place| self.pattern.fit(window.bytes, from + place));
        if let Some(fit) = fit {
            self.note(window, fit);
        }
    }

    fn note(&mut self, window: &Window<'_>, fit: Fit) {
        let text = |range: std::ops::Range<usize>| window.bytes.get(range).unwrap_or_default();
        let version = String::from_utf8_lossy(text(fit.version.clone())).into_owned();
        // A gap may hold anything: then the version alone is shown.
        let mut shown = fit.whole;
        if shown.len() > EVIDENCE_BYTES {
            shown = fit.version;
        }
        let whole = text(shown.clone());
        let zeros = whole.iter().take_while(|byte| **byte == 0).count();
        let trimmed = whole.get(zeros..).unwrap_or_default();
        let end = trimmed.iter().rposition(|byte| *byte != 0);
        let trimmed = trimmed
            .get(..end.map_or(0, |end| end + 1))
            .unwrap_or_default();
        self.found = Some(Found {
            version,
            evidence: format!(
                "\"{}\" at byte {}",
                trimmed.escape_ascii(),
                window.offset_of(shown.start + zeros)
            ),
        });
    }
}

impl Watcher for Watch {
    fn wants(&self) -> Wants {
        let reach = |of: fn(&Pattern) -> usize| {
            let reaches = self.searches.iter().map(|search| of(&search.pattern));
            reaches.max().unwrap_or(0)
        };
        Wants {
            topic: Some(Topic::Programs),
            behind: reach(|pattern| pattern.behind),
            ahead: reach(|pattern| pattern.ahead),
            first: 0,
        }
    }

    fn hit(&mut self, window: &Window<'_>, hit: Hit) {
        self.each(|search| {
            if search.number == hit.number
                && let Some(fit) = search.pattern.fit(window.bytes, hit.place)
            {
                search.note(window, fit);
            }
        });
    }

    fn see(&mut self, window: &Window<'_>) {
        self.each(|search| search.see(window));
    }

    fn finish(self: Box<Self>, path: &LayerPath, _: bool, out: &mut Facts) {
        let mut groups: Vec<&str> = Vec::new();
        for search in self.searches {
            let program = search.program;
            let Some(found) = search.found else { continue };
            if groups.contains(&program.group()) {
                continue;
            }
            groups.push(program.group());
            let mut package = PackageFact::new(program.kind, program.name, found.version, path);
            package.basis = Basis::Classified;
            package.evidence = Some(found.evidence);
            package.detail("cpe", Some(program.cpe));
            out.add_package(ID, package);
        }
    }
}

/// The version in a file's name, if it has two numbers at least: 3.11 of `libpython3.11.so.1.0`.
fn version_in(name: &[u8]) -> Option<&[u8]> {
    let start = name.iter().position(u8::is_ascii_digit)?;
    let rest = name.get(start..)?;
    let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
    let length = rest.iter().take_while(is_part).count();
    let mut version = rest.get(..length)?;
    while let Some(shorter) = version.strip_suffix(b".") {
        version = shorter;
    }
    version.contains(&b'.').then_some(version)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{facts::PackageKind, kinds::tests::watch};

    /// What is told of a file, whatever the pieces are in which it comes.
    fn check(path: &str, bytes: &str, expect: &str) {
        // Real programs have kilobytes of other things around it.
        let bytes = [&[b'\x90'; 5000], bytes.as_bytes(), &[b'\x90'; 5000]].concat();
        for piece in [1, 777, 5001, 20_000] {
            let facts = watch(&Classifier, path, &bytes, piece);
            let packages = facts.packages.iter();
            let told: Vec<String> = packages
                .map(|package| format!("{}@{}", package.name, package.version))
                .collect();
            assert_eq!(told.join(" "), expect, "{path}, in pieces of {piece}");
        }
    }

    #[test]
    fn every_pattern_is_one() {
        for program in PROGRAMS {
            let pattern = Pattern::new(program.pattern, Some(b"1.2"));
            let pattern = pattern.unwrap_or_else(|| panic!("{program:?}"));
            assert!(!pattern.sought().is_empty(), "{program:?}");
            assert!(
                !program.glob.is_empty() && !program.name.is_empty(),
                "{program:?}"
            );
        }
    }

    /// What [`crate::search`] says of them.
    #[test]
    fn nearly_all_patterns_have_bytes_for_the_matcher() {
        let needles = needles().count();
        let names = |is_needle: bool| {
            let told = |program: &&Program| {
                let pattern = Pattern::new(program.pattern, Some(b"1.2"));
                pattern.is_some_and(|pattern| pattern.is_needle() == is_needle)
            };
            let names = PROGRAMS.iter().filter(told);
            names.map(|program| program.pattern).collect::<Vec<_>>()
        };
        assert_eq!(names(true).len(), needles);
        let mut others = names(false);
        others.sort_unstable();
        others.dedup();
        let expect = [
            "\0<name>\0",
            "\0<v1-5j>\0",
            "\0<v2-3r>\0",
            "\0<v2>\0",
            "\0<v3-5b>\0",
            "\0<v3>\0",
            "\0<v3>\0(",
            "\0<v3r>\0",
            "\0v<v3>\0",
            "\0v<v3r>\0",
            "<!d>\0<v3>\0",
            "c <v3> (<w+> 20",
            "go<v2-3r>",
            "go<v2-3r>\0",
        ];
        assert_eq!(others, expect);
    }

    #[test]
    fn lines_for_one_file_stand_together() {
        let mut seen: Vec<&str> = Vec::new();
        for program in PROGRAMS {
            let group = program.group();
            if seen.last() != Some(&group) {
                assert!(!seen.contains(&group), "{group}");
                seen.push(group);
            }
        }
    }

    #[test]
    fn programs_are_told_by_their_bytes() {
        check(
            "usr/sbin/nginx",
            "\0nginx version: nginx/1.22.1\0",
            "nginx@1.22.1",
        );
        check(
            "usr/sbin/nginx",
            "\0nginx version: openresty/1.21.4.1\0",
            "nginx@1.21.4",
        );
        check("usr/sbin/nginx", "nginx/1.22.1", "");
        check("usr/sbin/nginx2", "\0nginx version: nginx/1.22.1\0", "");
        check(
            "usr/bin/python3.11",
            "_debug\x003.11.2\0strict\0",
            "python@3.11.2",
        );
        check("usr/bin/python3", "_debug\x003.11.2\0strict\0", "");
        check(
            "lib/libpython3.11.so.1.0",
            "'%s'\x003.11.2\0%.80s",
            "python@3.11.2",
        );
        check(
            "usr/local/bin/node",
            "/json\0node.js/v20.20.2\0(del",
            "node@20.20.2",
        );
        check(
            "usr/bin/redis-server",
            "err\x007.0.15\0c11-builtin\0",
            "redis@7.0.15",
        );
        check(
            "redis-server",
            "x7.0.14buildkitsandbox-1702957741000000000",
            "redis@7.0.14",
        );
        check(
            "valkey-server",
            "\0valkey9.0.0buildkitsandbox-1764887574000000000\0",
            "valkey@9.0.0",
        );
        check(
            "postgres",
            "\0PostgreSQL 15.20 (Debian 15.20-0+deb12u1) on x86_64",
            "postgresql@15.20",
        );
        check(
            "usr/bin/mysql",
            "gnu\x0010.11.19-MariaDB\0x86_64",
            "mariadb@10.11.19",
        );
        check(
            "usr/bin/mysql",
            "shutdown\08.0.37\0\0\0\0\0mysql_real_esc",
            "mysql@8.0.37",
        );
        check(
            "usr/bin/mysql",
            "\08.0.35\0mysql /percona-server-8.0.35-27/",
            "percona-server@8.0.35",
        );
        check(
            "usr/sbin/haproxy",
            " version 2.6.12-1+deb12u4, released 2026/10/17\0",
            "haproxy@2.6.12",
        );
        check(
            "usr/bin/perl",
            "\0/usr/local/share/perl/5.36.0\0",
            "perl@5.36.0",
        );
        check(
            "usr/bin/openssl",
            "A\0OpenSSL 1.1.1w  11 Sep 2023\0",
            "openssl@1.1.1w",
        );
        check(
            "usr/bin/openssl",
            "\0OpenSSL 1.1.1 (compatible; AWS-LC 1.69.0)\0",
            "aws-lc@1.69.0",
        );
        check("bin/gzip", "zipping\n\x001.12\0\0\0", "gzip@1.12");
        check("bin/busybox", "\0BusyBox v1.35.0 (Debian", "busybox@1.35.0");
        check("bin/[", "\0BusyBox v1.35.0 (Debian", "busybox@1.35.0");
        check(
            "lib/libkrb5.so.3.3",
            "\0KRB5_BRAND: krb5-1.20.1-final 1.20.1 2022\0",
            "krb5@1.20.1",
        );
        check(
            "lib/libkrb5.so.26.0.0",
            "\0@(#)$Version: Heimdal 7.8.0 $\0",
            "heimdal-krb5@7.8.0",
        );
        check(
            "usr/lib/jvm/17/bin/java",
            "%s\0openjdk\0java\x000.0\x0017.0.1+12-LTS\0-J",
            "oracle/openjdk@17.0.1+12-LTS",
        );
        check(
            "usr/lib/jvm/zulu17/bin/java",
            "%s\0openjdk\0java\x000.0\x0017.0.1+12-LTS\0-J",
            "azul/zulu@17.0.1+12-LTS",
        );
        check(
            "opt/graalvm/bin/java",
            "%s\0openjdk\0java\x000.0\x0017.0.5+8-jvmci-22.3-b08\0-J",
            "oracle/graalvm@17.0.5+8-jvmci-22.3-b08",
        );
        check(
            "usr/bin/jdb",
            "\0openjdk\0jdb\x000.0\x0017.0.1+12\0",
            "oracle/openjdk@17.0.1+12",
        );
        check(
            "lib/elixir/ebin/elixir.app",
            "{vsn,\"1.18.0-rc.0\"},",
            "elixir@1.18.0-rc.0",
        );
        check(
            "composer.phar",
            "'pretty_version' => '2.7.1',",
            "composer@2.7.1",
        );
        check(
            "envoy",
            "\x001.36.4\0xxx\0envoy_reloadable_features",
            "envoy@1.36.4",
        );
        check("mongod", "v6.0.27\0tcmalloc", "mongodb@6.0.27");
        check(
            "usr/lib/libavutil.so.57",
            "\0FFmpeg version 5.1.9-0+deb12u1\0",
            "ffmpeg@5.1.9",
        );
        check("usr/lib/libavcodec.so.59", "\0Lavc59.37.100\0", "");
        check(
            "lib/libjulia-internal.so.1.12",
            "INFO\0__init__\x001.12.6\0branch\0commit",
            "julia@1.12.6",
        );
        check(
            "lib/libjulia-internal.so",
            "\0verify_methods\0Task cannot be serialized\x001.9.0-alpha1\0BigInt\0",
            "julia@1.9.0-alpha1",
        );
        check(
            "lib/libjulia-internal.so.1.8",
            "option `%s`\x001.8.5\0julia version %s",
            "julia@1.8.5",
        );
        check(
            "lib/libjulia.so.1",
            "\0#kw#\x001.3.1\0BigInt",
            "julia@1.3.1",
        );
        check(
            "lib/libjulia.so.0.6",
            "\0ObjectIdDict\x000.6.4\0jl_sysimg_cpu_target",
            "julia@0.6.4",
        );
        check("bin/julia", "\0#kw#\x001.3.1\0BigInt", "");
        check(
            "usr/share/filebeat/filebeat",
            "forcestdinsetupTest 9.4.2%s %w8.0.0sse41",
            "filebeat@9.4.2",
        );
        check(
            "filebeat",
            "exportconfigcreateplugin8.18.4globalclient",
            "filebeat@8.18.4",
        );
        check(
            "filebeat",
            "15m.rate8.11.2-9765625: type",
            "filebeat@8.11.2",
        );
        check(
            "metricbeat",
            "createplugin9.4.2-globalclient%v",
            "metricbeat@9.4.2",
        );
        check("heartbeat", "setupTest 9.4.2inputerror", "heartbeat@9.4.2");
        check("packetbeat", "setupTest 9.4.2input%s", "packetbeat@9.4.2");
        check("auditbeat", "setupTest 9.4.2%s %wind", "auditbeat@9.4.2");
        // Where the next text begins with a digit, nobody knows where the version ends.
        check("auditbeat", "setupTest 9.4.28.0.0", "");
        check(
            "elastic-agent",
            "configenroll9.0.0-headeruint16",
            "elastic-agent@9.0.0",
        );
        check(
            "elastic-agent",
            "/statsenroll8.19.4headeruint16",
            "elastic-agent@8.19.4",
        );
        check(
            "elastic-agent",
            "/statsenroll: true9.4.2-headeruint16",
            "elastic-agent@9.4.2",
        );
        check(
            "elastic-agent",
            "06253:04PM8.11.2:https<-chan",
            "elastic-agent@8.11.2",
        );
    }

    #[test]
    fn evidence_says_what_stood_where() {
        let facts = watch(&Classifier, "bin/gcc", b"xx\x0012.2.0\0(Debian", 3);
        let package = &facts.packages[0];
        assert_eq!(
            package.evidence.as_deref(),
            Some(r#""12.2.0\x00(" at byte 3"#)
        );
        assert_eq!(package.basis, Basis::Classified);
        assert_eq!(package.detail_of("cpe"), Some("gnu:gcc"));
        let facts = watch(&Classifier, "helm", b"\0v3.14.0\0", 3);
        assert_eq!(facts.packages[0].kind, PackageKind::Golang);
    }

    #[test]
    fn versions_in_file_names() {
        let check = |name: &str, expect: Option<&str>| {
            assert_eq!(
                version_in(name.as_bytes()),
                expect.map(str::as_bytes),
                "{name}"
            );
        };
        check("python3.11", Some("3.11"));
        check("libpython3.11.so.1.0", Some("3.11"));
        check("libpython2.7m.so", Some("2.7"));
        check("python3", None);
        check("python", None);
        check("python3.", None);
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(
            program in prop::sample::select(PROGRAMS),
            words in prop::collection::vec(prop::sample::select(vec![
                "1", "22", ".", "\0", "-", "rc", "+", "a", "999999999999", " ", "Erlang/OTP", "%s",
            ]), 0..40),
            cut in 0_usize..60,
            piece in 1_usize..50,
        ) {
            let path = program.glob.replace("**", "x").replace('*', "1.2").replace('?', "1");
            let anchor = Pattern::new(program.pattern, Some(b"1.2")).map(|p| p.sought().to_vec());
            let mut bytes = words.concat().into_bytes();
            bytes.splice(bytes.len().min(cut)..bytes.len().min(cut), anchor.unwrap_or_default());
            watch(&Classifier, &path, &bytes, piece);
        }
    }
}
