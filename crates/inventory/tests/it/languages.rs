//! Language packages: Syft's coverage image against Syft's and Trivy's answers, and the parsers' own test
//! files.

use std::{collections::BTreeSet, fs, path::Path};

use lamina_image::path::LayerPath;
use lamina_inventory::{
    analyser::ClaimedFile,
    facts::{Basis, Facts, PackageFact, PackageKind},
    kinds::ANALYSERS,
};
use lamina_testkit::shared;

use crate::support::inventories;

type Row = (String, String);

/// Peers' words for the kinds that are compared.
fn kind_of(word: &str) -> Option<PackageKind> {
    Some(match word {
        "R-package" => PackageKind::Cran,
        "gem" | "gemspec" => PackageKind::Gem,
        "lua-rocks" => PackageKind::Luarocks,
        "npm" | "node-pkg" => PackageKind::Npm,
        "php-composer" | "composer-vendor" => PackageKind::Composer,
        "php-pecl" => PackageKind::Pear,
        "wordpress-plugin" => PackageKind::Wordpress,
        "cargo" => PackageKind::Cargo,
        _ => return None,
    })
}

/// The name that a peer would give it.
fn name_as_peers_have_it(fact: &PackageFact) -> String {
    let name = match fact.kind {
        // Syft leaves the channel out.
        PackageKind::Pear => fact.name.rsplit('/').next(),
        // Syft gives the plugin's title, we the folder that advisories name.
        PackageKind::Wordpress => fact.detail_of("title"),
        _ => Some(fact.name.as_str()),
    };
    name.unwrap_or_default().to_owned()
}

#[test]
fn the_coverage_image_gives_what_peers_find() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    let image = fixtures.join("images/built/syft-pkg-coverage.oci.tar");
    let inventory = inventories(&image).unwrap().remove(0);
    for peer in ["syft.tsv", "trivy.tsv"] {
        let list = fixtures
            .join("expected/oracle/built.syft-pkg-coverage.oci")
            .join(peer);
        let text = fs::read_to_string(list).unwrap();
        let mut kinds = BTreeSet::new();
        let mut expected = BTreeSet::new();
        for line in text.lines() {
            let cells: Vec<&str> = line.split('\t').collect();
            if let [word, name, version, ..] = cells.as_slice()
                && let Some(kind) = kind_of(word)
            {
                kinds.insert(kind);
                expected.insert((kind, (*name).to_owned(), (*version).to_owned()));
            }
        }
        let found: BTreeSet<_> = inventory
            .packages
            .iter()
            .map(|package| &package.fact)
            // Trivy reads one kind of lock file in images, Syft none.
            .filter(|fact| fact.basis != Basis::Declared || fact.kind == PackageKind::Cargo)
            .filter(|fact| kinds.contains(&fact.kind))
            .map(|fact| (fact.kind, name_as_peers_have_it(fact), fact.version.clone()))
            .chain(
                // A rockspec outside a tree of rocks is declared.
                inventory
                    .packages
                    .iter()
                    .filter(|package| package.fact.kind == PackageKind::Luarocks)
                    .filter(|package| kinds.contains(&package.fact.kind))
                    .map(|p| (p.fact.kind, p.fact.name.clone(), p.fact.version.clone())),
            )
            .collect();
        println!("{peer}: expected {}, found {}", expected.len(), found.len());
        assert_eq!(found, expected, "{peer}");
        assert!(expected.len() >= 7, "{peer}");
    }
}

/// What the analyser that claims `path` notes about a file of the fixtures.
fn read(file: &Path, path: &str) -> Facts {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let path = LayerPath::from(path);
    let entry = lamina_image::layer::Entry {
        path: path.clone(),
        kind: lamina_image::layer::EntryKind::File,
        size: bytes.len() as u64,
        mode: 0o644,
        uid: 0,
        gid: 0,
        modified: 0,
    };
    let mut facts = Facts::default();
    let claiming = ANALYSERS.iter().filter(|a| a.claims(&path, &entry));
    for analyser in claiming {
        let file = ClaimedFile {
            path: &path,
            bytes: &bytes,
        };
        analyser.analyse(file, &mut facts);
    }
    facts
}

/// A file of the fixtures: where it is claimed, how many packages and warnings there are, and some of
/// the packages. Numbers and names were counted by other readers (PyYAML, tomllib, Python's json,
/// `grep`), and hold Trivy's rules except where a comment says otherwise.
type Case = (
    &'static str,
    &'static str,
    usize,
    usize,
    &'static [&'static str],
);

const TRIVY: &[Case] = &[
    (
        "nodejs/npm/testdata/package-lock_v1.json",
        "package-lock.json",
        31,
        0,
        &["body-parser 1.18.3", "@babel/helper-string-parser 7.19.4"],
    ),
    (
        "nodejs/npm/testdata/package-lock_v2.json",
        "package-lock.json",
        31,
        0,
        &["body-parser 1.18.3", "@babel/helper-string-parser 7.19.4"],
    ),
    (
        "nodejs/npm/testdata/package-lock_v3.json",
        "package-lock.json",
        31,
        0,
        &["body-parser 1.18.3", "@babel/helper-string-parser 7.19.4"],
    ),
    (
        "nodejs/npm/testdata/package-lock_v3_broken_link.json",
        "package-lock.json",
        0,
        0,
        &[],
    ),
    (
        "nodejs/npm/testdata/package-lock_v3_with-same-dev-and-non-dev.json",
        "package-lock.json",
        4,
        0,
        &["minimist 0.0.8", "mkdirp 0.5.1"],
    ),
    (
        "nodejs/npm/testdata/package-lock_v3_with_legacy_licenses.json",
        "package-lock.json",
        3,
        0,
        &["tv4 1.3.0"],
    ),
    (
        "nodejs/npm/testdata/package-lock_v3_with_peer.json",
        "package-lock.json",
        5,
        0,
        &["lodash 4.17.21"],
    ),
    (
        "nodejs/npm/testdata/package-lock_v3_without_root_deps_field.json",
        "package-lock.json",
        3,
        0,
        &["debug 2.6.9", "func1 1.0.0"],
    ),
    (
        "nodejs/pnpm/testdata/pnpm-lock_archives.yaml",
        "pnpm-lock.yaml",
        6,
        0,
        &["asynckit 0.4.0", "is-negative 2.0.1"],
    ),
    (
        "nodejs/pnpm/testdata/pnpm-lock_many.yaml",
        "pnpm-lock.yaml",
        134,
        0,
        &["@babel/runtime 7.18.3"],
    ),
    (
        "nodejs/pnpm/testdata/pnpm-lock_normal.yaml",
        "pnpm-lock.yaml",
        3,
        0,
        &["promise 8.1.0"],
    ),
    (
        "nodejs/pnpm/testdata/pnpm-lock_v6.yaml",
        "pnpm-lock.yaml",
        3,
        0,
        &["promise 8.1.0"],
    ),
    (
        "nodejs/pnpm/testdata/pnpm-lock_v6_with_dev.yaml",
        "pnpm-lock.yaml",
        85,
        0,
        &["@babel/runtime 7.22.3"],
    ),
    (
        "nodejs/pnpm/testdata/pnpm-lock_with_dev.yaml",
        "pnpm-lock.yaml",
        85,
        0,
        &["@babel/runtime 7.18.3"],
    ),
    // A folder of the project has no version.
    (
        "nodejs/pnpm/testdata/pnpm-lock_v9.yaml",
        "pnpm-lock.yaml",
        21,
        0,
        &["@babel/helper-string-parser 7.24.1"],
    ),
    (
        "nodejs/pnpm/testdata/pnpm-lock_v9_cyclic_import.yaml",
        "pnpm-lock.yaml",
        7,
        0,
        &["browserslist 4.23.0"],
    ),
    (
        "nodejs/pnpm/testdata/pnpm-lock_v9_multi_version.yaml",
        "pnpm-lock.yaml",
        2,
        0,
        &["is-number 6.0.0", "is-number 7.0.0"],
    ),
    (
        "nodejs/pnpm/testdata/pnpm-lock_v9_multiple_documents.yaml",
        "pnpm-lock.yaml",
        20,
        0,
        &["@pnpm/exe 11.9.0"],
    ),
    (
        "nodejs/pnpm/testdata/pnpm-lock_v9_same-vers-diff-peers.yaml",
        "pnpm-lock.yaml",
        6,
        0,
        &["jest-config 30.0.3"],
    ),
    (
        "nodejs/yarn/testdata/yarn_happy.lock",
        "yarn.lock",
        18,
        0,
        &[],
    ),
    // Without `__metadata` and the project itself.
    (
        "nodejs/yarn/testdata/yarn_v2_happy.lock",
        "yarn.lock",
        17,
        0,
        &[],
    ),
    (
        "nodejs/yarn/testdata/yarn_v2_deps_with_protocol.lock",
        "yarn.lock",
        2,
        0,
        &["debug 4.3.4", "ms 2.1.2"],
    ),
    // Trivy leaves out what it does not know the protocol of; the version is stated all the same.
    (
        "nodejs/yarn/testdata/yarn_with_bad_protocol.lock",
        "yarn.lock",
        2,
        0,
        &["asap 2.0.6", "jquery 3.4.1"],
    ),
    // Trivy leaves Git's packages out.
    (
        "nodejs/yarn/testdata/yarn_with_git.lock",
        "yarn.lock",
        1,
        0,
        &["mapbox-gl-feature-drag-and-drop 1.1.1"],
    ),
    (
        "nodejs/yarn/testdata/yarn_with_local.lock",
        "yarn.lock",
        3,
        0,
        &["promise 8.0.3"],
    ),
    (
        "nodejs/yarn/testdata/yarn_with_npm.lock",
        "yarn.lock",
        1,
        0,
        &["jquery 3.6.0"],
    ),
    (
        "nodejs/bun/testdata/bun_happy.lock",
        "bun.lock",
        6,
        0,
        &["zod 3.24.4", "undici-types 6.21.0"],
    ),
    (
        "nodejs/bun/testdata/bun_multiple_ws.lock",
        "bun.lock",
        4,
        0,
        &["chalk 5.0.1", "my-app 1.0.0"],
    ),
    // Its version is no number, which nobody asks for; Trivy refuses the file.
    (
        "nodejs/bun/testdata/bun_invalid.lock",
        "bun.lock",
        0,
        0,
        &[],
    ),
    (
        "rust/cargo/testdata/cargo_normal.lock",
        "Cargo.lock",
        8,
        0,
        &["idna 0.1.5", "libc 0.2.54"],
    ),
    (
        "rust/cargo/testdata/cargo_mixed.lock",
        "Cargo.lock",
        8,
        0,
        &["idna 0.1.5"],
    ),
    (
        "rust/cargo/testdata/cargo_v3.lock",
        "Cargo.lock",
        9,
        0,
        &["app 0.1.0", "libc 0.2.140"],
    ),
    (
        "rust/cargo/testdata/cargo_invalid.lock",
        "Cargo.lock",
        0,
        1,
        &[],
    ),
    (
        "python/poetry/testdata/poetry_flask.lock",
        "poetry.lock",
        15,
        0,
        &["click 8.1.8"],
    ),
    (
        "python/poetry/testdata/poetry_v2_flask.lock",
        "poetry.lock",
        15,
        0,
        &["click 8.1.8"],
    ),
    (
        "python/poetry/testdata/poetry_normal.lock",
        "poetry.lock",
        1,
        0,
        &["pypi 2.1"],
    ),
    (
        "python/uv/testdata/uv_normal.lock",
        "uv.lock",
        21,
        0,
        &["anyio 4.7.0"],
    ),
    (
        "python/uv/testdata/uv_multiple_roots.lock",
        "uv.lock",
        3,
        0,
        &["asyncio 3.4.3"],
    ),
    (
        "python/uv/testdata/uv_without_root.lock",
        "uv.lock",
        1,
        0,
        &["asyncio 3.4.3"],
    ),
    (
        "python/pylock/testdata/pylock.toml",
        "pylock.toml",
        9,
        0,
        &["attrs 25.4.0"],
    ),
    ("python/pylock/testdata/sad.toml", "pylock.toml", 0, 1, &[]),
    (
        "python/pipenv/testdata/Pipfile_normal.lock",
        "Pipfile.lock",
        6,
        0,
        &["idna 2.8"],
    ),
    (
        "python/pipenv/testdata/Pipfile_django.lock",
        "Pipfile.lock",
        10,
        0,
        &["django 2.2"],
    ),
    (
        "python/pipenv/testdata/Pipfile_many.lock",
        "Pipfile.lock",
        24,
        0,
        &["awscli 1.16.147"],
    ),
    (
        "python/pip/testdata/requirements_flask.txt",
        "requirements.txt",
        6,
        0,
        &["click 8.0.0"],
    ),
    (
        "python/pip/testdata/requirements_comments.txt",
        "requirements.txt",
        4,
        0,
        &["Jinja2 3.0.0", "MarkupSafe 2.0.0"],
    ),
    (
        "python/pip/testdata/requirements_spaces.txt",
        "requirements.txt",
        4,
        0,
        &["itsdangerous 2.0.0"],
    ),
    (
        "python/pip/testdata/requirement_exstras.txt",
        "requirements.txt",
        2,
        0,
        &["pyjwt 2.1.0", "celery 4.4.7"],
    ),
    (
        "python/pip/testdata/requirements_hash.txt",
        "requirements.txt",
        2,
        0,
        &["FooProject 1.2"],
    ),
    (
        "python/pip/testdata/requirements_hyphens.txt",
        "requirements.txt",
        2,
        0,
        &["oauth2-client 4.0.0"],
    ),
    (
        "python/pip/testdata/requirements_operator.txt",
        "requirements.txt",
        2,
        0,
        &["Django 2.3.4", "SomeProject 5.4"],
    ),
    (
        "python/pip/testdata/requirements_no_version.txt",
        "requirements.txt",
        1,
        0,
        &["Flask 2.0.0"],
    ),
    (
        "python/pip/testdata/requirements_compatible.txt",
        "requirements.txt",
        0,
        0,
        &[],
    ),
    (
        "python/pip/testdata/requirements_utf16le.txt",
        "requirements.txt",
        1,
        0,
        &["attrs 20.3.0"],
    ),
    (
        "python/pip/testdata/requirements_with_templating_engine.txt",
        "requirements.txt",
        0,
        0,
        &[],
    ),
    (
        "php/composer/testdata/composer_happy.lock",
        "composer.lock",
        10,
        0,
        &["guzzlehttp/guzzle 6.5.8"],
    ),
    (
        "nuget/lock/testdata/packages_lock_simple.json",
        "packages.lock.json",
        2,
        0,
        &["Newtonsoft.Json 12.0.3"],
    ),
    (
        "nuget/lock/testdata/packages_lock_multi.json",
        "packages.lock.json",
        40,
        0,
        &["AWSSDK.Core 3.5.1.30"],
    ),
    (
        "nuget/lock/testdata/packages_lock_legacy.json",
        "packages.lock.json",
        2,
        0,
        &["Newtonsoft.Json 12.0.3"],
    ),
    (
        "nuget/lock/testdata/packages_lock_subdependencies.json",
        "packages.lock.json",
        8,
        0,
        &["Microsoft.OpenApi 1.1.4"],
    ),
    (
        "ruby/bundler/testdata/Gemfile_normal.lock",
        "Gemfile.lock",
        7,
        0,
        &[],
    ),
    (
        "ruby/bundler/testdata/Gemfile_bundler2.lock",
        "Gemfile.lock",
        8,
        0,
        &[],
    ),
    (
        "ruby/bundler/testdata/Gemfile_malformed.lock",
        "Gemfile.lock",
        0,
        0,
        &[],
    ),
    (
        "ruby/gemspec/testdata/normal00.gemspec",
        "specifications/a.gemspec",
        1,
        0,
        &["rake 13.0.3"],
    ),
    (
        "ruby/gemspec/testdata/normal01.gemspec",
        "specifications/a.gemspec",
        1,
        0,
        &["async 1.25.0"],
    ),
    (
        "ruby/gemspec/testdata/license.gemspec",
        "specifications/a.gemspec",
        1,
        0,
        &["async 1.25.0"],
    ),
    (
        "ruby/gemspec/testdata/multiple_licenses.gemspec",
        "specifications/a.gemspec",
        1,
        0,
        &[],
    ),
    (
        "ruby/gemspec/testdata/malformed00.gemspec",
        "specifications/a.gemspec",
        0,
        1,
        &[],
    ),
    (
        "ruby/gemspec/testdata/malformed01.gemspec",
        "specifications/a.gemspec",
        0,
        1,
        &[],
    ),
    (
        "golang/mod/testdata/normal/go.mod",
        "go.mod",
        5,
        0,
        &["github.com/stretchr/testify v1.9.0"],
    ),
    ("golang/mod/testdata/go116/go.mod", "go.mod", 2, 0, &[]),
    (
        "golang/mod/testdata/replaced/go.mod",
        "go.mod",
        2,
        0,
        &["github.com/aquasecurity/go-dep-parser v0.0.0-20220406074731-71021a481237"],
    ),
    (
        "golang/mod/testdata/replaced-with-version/go.mod",
        "go.mod",
        2,
        0,
        &["github.com/aquasecurity/go-dep-parser v0.0.0-20220406074731-71021a481237"],
    ),
    (
        "golang/mod/testdata/replaced-with-version-mismatch/go.mod",
        "go.mod",
        3,
        0,
        &["github.com/aquasecurity/go-dep-parser v0.0.0-20211224170007-df43bca6b6ff"],
    ),
    (
        "golang/mod/testdata/replaced-with-local-path/go.mod",
        "go.mod",
        2,
        0,
        &[],
    ),
    (
        "golang/mod/testdata/replaced-with-local-path-and-version/go.mod",
        "go.mod",
        2,
        0,
        &[],
    ),
    (
        "golang/mod/testdata/replaced-with-local-path-and-version-mismatch/go.mod",
        "go.mod",
        3,
        0,
        &[],
    ),
    (
        "gradle/lockfile/testdata/happy.lockfile",
        "gradle.lockfile",
        4,
        0,
        &["org.springframework:spring-asm 3.1.3.RELEASE"],
    ),
    (
        "gradle/lockfile/testdata/empty.lockfile",
        "gradle.lockfile",
        0,
        0,
        &[],
    ),
    // A package of Git has no version.
    (
        "hex/mix/testdata/happy.mix.lock",
        "mix.lock",
        4,
        0,
        &["credo 1.6.6"],
    ),
    ("hex/mix/testdata/empty.mix.lock", "mix.lock", 0, 0, &[]),
    // What comes with the SDK says 0.0.0; Trivy takes the least version of the SDK for it.
    (
        "dart/pub/testdata/happy.lock",
        "pubspec.lock",
        2,
        0,
        &["crypto 3.0.2", "uuid 3.0.6"],
    ),
    ("dart/pub/testdata/empty.lock", "pubspec.lock", 0, 0, &[]),
    (
        "swift/swift/testdata/happy-v1-Package.resolved",
        "Package.resolved",
        2,
        0,
        &["github.com/Quick/Nimble 9.2.1"],
    ),
    (
        "swift/swift/testdata/empty-Package.resolved",
        "Package.resolved",
        0,
        0,
        &[],
    ),
    // Trivy lists three parts of AppCenter as well.
    (
        "swift/cocoapods/testdata/happy.lock",
        "Podfile.lock",
        2,
        0,
        &["AppCenter 4.2.0", "KeychainAccess 4.2.1"],
    ),
    (
        "swift/cocoapods/testdata/empty.lock",
        "Podfile.lock",
        0,
        0,
        &[],
    ),
    (
        "swift/cocoapods/testdata/sad.lock",
        "Podfile.lock",
        0,
        1,
        &[],
    ),
    // Two of six have a version of their own, and Julia's is not stated.
    (
        "julia/manifest/testdata/primary/Manifest_v1.6.toml",
        "Manifest.toml",
        2,
        0,
        &[],
    ),
    (
        "julia/manifest/testdata/primary/Manifest_v1.8.toml",
        "Manifest.toml",
        13,
        0,
        &[],
    ),
    (
        "julia/manifest/testdata/shadowed_dep_v1.9/Manifest.toml",
        "Manifest.toml",
        3,
        0,
        &[],
    ),
    (
        "julia/manifest/testdata/dep_ext_v1.9/Manifest.toml",
        "Manifest.toml",
        1,
        0,
        &[],
    ),
    (
        "julia/manifest/testdata/no_deps_v1.9/Manifest.toml",
        "Manifest.toml",
        0,
        0,
        &[],
    ),
    (
        "julia/manifest/testdata/no_deps_v1.6/Manifest.toml",
        "Manifest.toml",
        0,
        0,
        &[],
    ),
    (
        "c/conan/testdata/happy_v1_case1.lock",
        "conan.lock",
        3,
        0,
        &["pkga 0.0.1", "pkgb system", "pkgc 0.1.1"],
    ),
    // Trivy lists no tools that are needed to build.
    (
        "c/conan/testdata/happy_v2.lock",
        "conan.lock",
        4,
        0,
        &["sound32 1.0", "matrix 1.3", "automake 1.16.5"],
    ),
    ("c/conan/testdata/empty_v1.lock", "conan.lock", 0, 0, &[]),
    ("c/conan/testdata/sad_v1.lock", "conan.lock", 0, 0, &[]),
    (
        "conda/meta/testdata/_libgcc_mutex-0.1-main.json",
        "opt/conda/conda-meta/a.json",
        1,
        0,
        &["_libgcc_mutex 0.1"],
    ),
    (
        "conda/meta/testdata/libgomp-11.2.0-h1234567_1.json",
        "opt/conda/conda-meta/a.json",
        1,
        0,
        &["libgomp 11.2.0"],
    ),
    (
        "conda/meta/testdata/invalid_json.json",
        "opt/conda/conda-meta/a.json",
        0,
        1,
        &[],
    ),
    (
        "conda/meta/testdata/invalid_package.json",
        "opt/conda/conda-meta/a.json",
        0,
        1,
        &[],
    ),
    (
        "frameworks/wordpress/testdata/version.php",
        "wp-includes/version.php",
        1,
        0,
        &["wordpress 4.9.4-alpha"],
    ),
    (
        "frameworks/wordpress/testdata/versionFail.php",
        "wp-includes/version.php",
        0,
        1,
        &[],
    ),
    (
        "nodejs/packagejson/testdata/package.json",
        "node_modules/a/package.json",
        1,
        0,
        &["bootstrap 5.0.2"],
    ),
    (
        "nodejs/packagejson/testdata/legacy_package.json",
        "node_modules/a/package.json",
        1,
        0,
        &["angular 4.1.2"],
    ),
    (
        "nodejs/packagejson/testdata/without_name_and_version_package.json",
        "srv/package.json",
        0,
        0,
        &[],
    ),
];

/// The same of Syft's coverage tree. Numbers were counted by `grep`.
const SYFT: &[Case] = &[
    ("composer/composer.lock", "composer.lock", 4, 0, &[]),
    (
        "pkgs/elixir/mix.lock",
        "mix.lock",
        15,
        0,
        &["castore 0.1.17", "cowboy 2.9.0"],
    ),
    (
        "pkgs/erlang/rebar.lock",
        "rebar.lock",
        7,
        0,
        &["certifi 2.9.0", "unicode_util_compat 0.7.0"],
    ),
    (
        "pkgs/erlang/accept.app",
        "ebin/accept.app",
        1,
        0,
        &["accept 0.3.5"],
    ),
    (
        "pkgs/dart/pubspec.lock",
        "pubspec.lock",
        6,
        0,
        &["ale 3.3.0", "analyzer 0.40.7"],
    ),
    (
        "swift/Package.resolved",
        "Package.resolved",
        5,
        0,
        &["github.com/apple/swift-algorithms 1.0.0"],
    ),
    (
        "cocoapods/Podfile.lock",
        "Podfile.lock",
        9,
        0,
        &[
            "GlossButtonNode 3.1.2",
            "PINCache 3.0.3",
            "PINRemoteImage 3.0.3",
        ],
    ),
    (
        "hackage/stack.yaml.lock",
        "stack.yaml.lock",
        9,
        0,
        &["HTTP 4000.3.16", "configurator-pg 0.2.6"],
    ),
    (
        "hackage/cabal.project.freeze",
        "cabal.project.freeze",
        10,
        0,
        &["Cabal 3.2.1.0", "Spock 0.14.0.0"],
    ),
    (
        "swipl/pack/hdt/pack.pl",
        "pack/hdt/pack.pl",
        1,
        0,
        &["hdt 0.5.2"],
    ),
    (
        "pkgs/rockspec/kong-3.7.0-0.rockspec",
        "rockspec/kong-3.7.0-0.rockspec",
        1,
        0,
        &["kong 3.7.0-0"],
    ),
    // Without one in a section that Bundler does not know.
    ("pkgs/ruby/Gemfile.lock", "Gemfile.lock", 52, 0, &[]),
    (
        "pkgs/rust/Cargo.lock",
        "Cargo.lock",
        3,
        0,
        &["memchr 2.3.3", "nom 4.2.3", "version_check 0.1.5"],
    ),
    ("pkgs/javascript/yarn/yarn.lock", "yarn.lock", 1, 0, &[]),
    (
        "pkgs/javascript/package-lock/package-lock.json",
        "package-lock.json",
        1,
        0,
        &[],
    ),
    (
        "pkgs/python/requires/requirements.txt",
        "requirements.txt",
        1,
        0,
        &[],
    ),
    (
        "pkgs/php/.registry/.channel.pecl.php.net/memcached.reg",
        "php/.registry/.channel.pecl.php.net/memcached.reg",
        1,
        0,
        &["pecl.php.net/memcached 3.2.0"],
    ),
];

fn check(root: &Path, cases: &[Case]) {
    let mut differences = String::new();
    let (mut found_all, mut expected_all) = (0, 0);
    for (file, path, packages, warnings, some) in cases {
        let facts = read(&root.join(file), path);
        let rows: BTreeSet<Row> = facts
            .packages
            .iter()
            .map(|fact| (fact.name.clone(), fact.version.clone()))
            .collect();
        println!("{file}\t{}", rows.len());
        found_all += facts.packages.len();
        expected_all += packages;
        let has = |row: &&&str| {
            let (name, version) = row.split_once(' ').unwrap();
            rows.contains(&(name.to_owned(), version.to_owned()))
        };
        let missing: Vec<_> = some.iter().filter(|row| !has(row)).collect();
        let is_wrong = facts.packages.len() != *packages || facts.warnings.len() != *warnings;
        if is_wrong || !missing.is_empty() {
            differences += &format!(
                "{file}: {} packages, not {packages}; missing {missing:?}; {:?}\n{rows:?}\n",
                facts.packages.len(),
                facts.warnings
            );
        }
    }
    println!("found {found_all}, expected {expected_all}");
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn trivys_test_files_give_what_they_hold() {
    if let Some(root) = shared("fixtures/packages/trivy-parsers") {
        check(&root, TRIVY);
    }
}

#[test]
fn syfts_coverage_tree_gives_what_it_holds() {
    if let Some(root) = shared("fixtures/packages/syft-integration/testdata/image-pkg-coverage") {
        check(&root, SYFT);
    }
}
