//! .NET applications and assemblies.
//!
//! - `*.deps.json`: what an application was published with, and which file of it is whose,
//!   <https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md>.
//! - `*.dll` and `*.exe` with a CLR header (ECMA-335, II.25.3.3): what the version resource says,
//!   <https://learn.microsoft.com/windows/win32/menurc/vs-versioninfo>. Other PE files are not told of.
//!
//! Of a `deps.json` those libraries count that bring a file to run, as Trivy and Syft have it. Their files
//! are noted as theirs, so that an assembly that is known this way is not told of twice.
//!
//! A runtime that is installed for all (`shared/Microsoft.NETCore.App/8.0.1`) is one package, found by the
//! assembly that every one of them has; its other assemblies are parts of it.

use std::collections::BTreeMap;

use lamina_image::{layer::Entry, path::LayerPath};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Basis, Facts, OwnedFiles, PackageFact, PackageKind},
    limits::{MAX_ASSEMBLY_BYTES, MAX_DEPS_JSON_BYTES, MAX_FIELD_BYTES},
    path_list::PathListBuilder,
};

mod assembly;

/// .NET applications and assemblies.
pub struct Dotnet;

const ID: &str = "dotnet";

enum Role {
    Dependencies,
    Assembly,
}

impl Role {
    fn of(path: &[u8]) -> Option<Self> {
        let extension = path.last_chunk::<4>()?;
        if extension.eq_ignore_ascii_case(b".dll") || extension.eq_ignore_ascii_case(b".exe") {
            return Some(Self::Assembly);
        }
        path.ends_with(b".deps.json").then_some(Self::Dependencies)
    }
}

impl Analyser for Dotnet {
    fn id(&self) -> &'static str {
        ID
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        Role::of(path.as_bytes()).is_some()
    }

    fn max_bytes(&self, path: &LayerPath) -> u64 {
        match Role::of(path.as_bytes()) {
            Some(Role::Assembly) => MAX_ASSEMBLY_BYTES,
            _ => MAX_DEPS_JSON_BYTES,
        }
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        match Role::of(file.path.as_bytes()) {
            Some(Role::Dependencies) => read_dependencies(&file, out),
            Some(Role::Assembly) => read_assembly(&file, out),
            None => {}
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dependencies {
    #[serde(default)]
    runtime_target: Option<Value>,
    #[serde(default)]
    targets: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(default)]
    libraries: BTreeMap<String, Library>,
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    sha512: String,
}

fn read_dependencies(file: &ClaimedFile<'_>, out: &mut Facts) {
    let bytes = file
        .bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(file.bytes);
    let dependencies: Dependencies = match serde_json::from_slice(bytes) {
        Ok(dependencies) => dependencies,
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or(0);
            return out.malformed(ID, file.path, line, &format!("not a deps.json: {error}"));
        }
    };
    let name = match &dependencies.runtime_target {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(target) => target.get("name").and_then(Value::as_str),
        None => None,
    };
    let target = name.and_then(|name| dependencies.targets.get(name));
    for (key, library) in &dependencies.libraries {
        let is = |kind: &str| library.kind.eq_ignore_ascii_case(kind);
        let is_project = is("project");
        if !(is("package") || is("runtimepack") || is_project) {
            continue;
        }
        let Some((name, version)) = key.split_once('/').filter(|(name, version)| {
            !name.is_empty() && !version.is_empty() && key.len() <= MAX_FIELD_BYTES
        }) else {
            let problem = format!(
                "{:?} is not a name and a version",
                crate::text::cut(key, MAX_FIELD_BYTES)
            );
            out.malformed(ID, file.path, 0, &problem);
            continue;
        };
        // Where the target does not have it, nothing says that it is not there.
        let entry = target.and_then(|target| target.get(key));
        if entry.is_some_and(|entry| !brings_files(entry)) {
            continue;
        }
        // A runtime that the application brings along is the package of the same name.
        let name = name.strip_prefix("runtimepack.").unwrap_or(name);
        let mut package = PackageFact::new(PackageKind::Nuget, name, version, file.path);
        package.basis = Basis::Embedded;
        package.detail("project", is_project.then_some("true"));
        let is_sound = |digest: &&str| digest.len() <= MAX_FIELD_BYTES;
        package.detail("sha512", Some(library.sha512.as_str()).filter(is_sound));
        out.add_package(ID, package);
        if let (Some(entry), Some(folder)) = (entry, file.path.parent()) {
            out.add_owned(
                ID,
                OwnedFiles {
                    version: None,
                    kind: PackageKind::Nuget,
                    name: name.to_owned(),
                    architecture: None,
                    files: files_of(entry, &folder),
                    file: file.path.clone(),
                },
            );
        }
    }
}

/// Sections of a library that name files to run.
const SECTIONS: [&str; 3] = ["runtime", "runtimeTargets", "native"];

fn brings_files(entry: &Value) -> bool {
    SECTIONS.iter().any(|section| {
        let files = entry.get(section).and_then(Value::as_object);
        files.is_some_and(|files| !files.is_empty())
    })
}

/// The files of a library. `lib/net6.0/a.dll` is published as `a.dll`, what is for one platform only
/// at its whole path, and texts in a folder for their language.
fn files_of(entry: &Value, folder: &LayerPath) -> crate::path_list::PathList {
    let mut files = PathListBuilder::default();
    let mut add = |path: &[u8]| files.push(folder.join(path).as_bytes());
    for section in SECTIONS {
        let Some(paths) = entry.get(section).and_then(Value::as_object) else {
            continue;
        };
        for path in paths.keys() {
            add(path.as_bytes());
            let name = path.rsplit('/').next().unwrap_or_default();
            if name.len() < path.len() {
                add(name.as_bytes());
            }
        }
    }
    if let Some(paths) = entry.get("resources").and_then(Value::as_object) {
        for (path, value) in paths {
            let name = path.rsplit('/').next().unwrap_or_default();
            if let Some(locale) = value.get("locale").and_then(Value::as_str) {
                add(format!("{locale}/{name}").as_bytes());
            }
        }
    }
    files.finish()
}

/// Runtimes that are installed for all, and the assembly that each has.
const RUNTIMES: [(&[u8], &[u8]); 3] = [
    (b"Microsoft.NETCore.App", b"System.Private.CoreLib.dll"),
    (b"Microsoft.AspNetCore.App", b"Microsoft.AspNetCore.dll"),
    (b"Microsoft.WindowsDesktop.App", b"PresentationCore.dll"),
];

fn read_assembly(file: &ClaimedFile<'_>, out: &mut Facts) {
    let parts: Vec<&[u8]> = file.path.as_bytes().rsplit(|b| *b == b'/').collect();
    if let [name, version, runtime, ..] = parts.as_slice()
        && let Some((runtime, marker)) = RUNTIMES.iter().find(|(known, _)| known == runtime)
        && version.first().is_some_and(u8::is_ascii_digit)
    {
        if name == marker {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (name, version) = (text(runtime), text(version));
            let mut package = PackageFact::new(PackageKind::Nuget, name, version, file.path);
            package.basis = Basis::Embedded;
            package.evidence = Some("the folder's name".to_owned());
            package.folder = file.path.parent();
            out.add_package(ID, package);
        }
        return;
    }
    let Some(resource) = assembly::read(file.bytes) else {
        return;
    };
    let Some(name) = resource.name(file.path.file_name()) else {
        return;
    };
    let mut package = PackageFact::new(PackageKind::Nuget, name, resource.version(), file.path);
    package.basis = Basis::Embedded;
    package.evidence = Some("version resource".to_owned());
    package.detail("product", resource.get("ProductName"));
    package.detail("company", resource.get("CompanyName"));
    package.detail("assembly-version", resource.get("Assembly Version"));
    out.add_package(ID, package);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    const DEPS: &str = r#"{
  "runtimeTarget": {"name": ".NETCoreApp,Version=v8.0/linux-x64", "signature": ""},
  "targets": {
    ".NETCoreApp,Version=v8.0": {},
    ".NETCoreApp,Version=v8.0/linux-x64": {
      "App/1.0.0": {"dependencies": {"Newtonsoft.Json": "13.0.1"}, "runtime": {"App.dll": {}}},
      "Newtonsoft.Json/13.0.1": {"runtime": {"lib/net6.0/Newtonsoft.Json.dll": {}}},
      "Humanizer.Core.de/2.14.1": {"resources": {"lib/net6.0/de/Humanizer.resources.dll": {"locale": "de"}},
                                   "native": {"runtimes/linux-x64/native/libh.so": {}}},
      "Analyzers.Only/1.0.0": {"runtime": {}},
      "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": {"runtime": {"System.dll": {}}}
    }
  },
  "libraries": {
    "App/1.0.0": {"type": "project", "serviceable": false, "sha512": ""},
    "Newtonsoft.Json/13.0.1": {"type": "package", "serviceable": true, "sha512": "sha512-ab=="},
    "Humanizer.Core.de/2.14.1": {"type": "package"},
    "Analyzers.Only/1.0.0": {"type": "package"},
    "Not.In.Target/1.0.0": {"type": "package"},
    "Reference/1.0.0": {"type": "reference"},
    "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": {"type": "runtimepack"}
  }
}"#;

    fn told(facts: &Facts) -> Vec<String> {
        let packages = facts.packages.iter();
        packages
            .map(|package| format!("{}@{}", package.name, package.version))
            .collect()
    }

    #[test]
    fn claims() {
        check_claims(
            &Dotnet,
            &["app/App.deps.json", "app/App.dll", "a/B.EXE"],
            &[
                "app/deps.json.bak",
                "dll",
                "app/App.so",
                "packages.lock.json",
                "",
            ],
        );
    }

    #[test]
    fn libraries_that_bring_files_are_told() {
        let facts = analyse(&Dotnet, "app/App.deps.json", DEPS);
        assert_eq!(facts.warnings, []);
        assert_eq!(
            told(&facts),
            [
                "App@1.0.0",
                "Humanizer.Core.de@2.14.1",
                "Newtonsoft.Json@13.0.1",
                "Not.In.Target@1.0.0",
                "Microsoft.NETCore.App.Runtime.linux-x64@8.0.1",
            ]
        );
        assert_eq!(facts.packages[0].detail_of("project"), Some("true"));
        let owned = |name: &str| -> Vec<String> {
            let of = facts.owned.iter().filter(|owned| owned.name == name);
            of.flat_map(|owned| owned.files.iter())
                .map(|file| file.to_string())
                .collect()
        };
        assert_eq!(
            owned("Newtonsoft.Json"),
            [
                "app/lib/net6.0/Newtonsoft.Json.dll",
                "app/Newtonsoft.Json.dll"
            ]
        );
        assert_eq!(
            owned("Humanizer.Core.de"),
            [
                "app/runtimes/linux-x64/native/libh.so",
                "app/libh.so",
                "app/de/Humanizer.resources.dll",
            ]
        );
    }

    #[test]
    fn what_is_no_deps_json_is_a_warning() {
        let check = |text: &str, packages: usize, warnings: usize| {
            let facts = analyse(&Dotnet, "a.deps.json", text);
            let counts = (facts.packages.len(), facts.warnings.len());
            assert_eq!(counts, (packages, warnings), "{text}");
        };
        check("", 0, 1);
        check("{}", 0, 0);
        check("3", 0, 1);
        check(&DEPS[..DEPS.len() / 2], 0, 1);
        check(r#"{"libraries":{"a":{"type":"package"}}}"#, 0, 1);
        check(r#"{"libraries":{"a/1":{"type":"package"}}}"#, 1, 0);
        check(r#"{"libraries":{"/1":{"type":"package"}}}"#, 0, 1);
        let long = "a".repeat(MAX_FIELD_BYTES);
        check(
            &format!(r#"{{"libraries":{{"{long}/1":{{"type":"package"}}}}}}"#),
            0,
            1,
        );
    }

    #[test]
    fn a_shared_runtime_is_one_package() {
        let folder = "usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1";
        let facts = analyse(
            &Dotnet,
            &format!("{folder}/System.Private.CoreLib.dll"),
            "MZ",
        );
        assert_eq!(told(&facts), ["Microsoft.NETCore.App@8.0.1"]);
        let facts = analyse(&Dotnet, &format!("{folder}/System.Linq.dll"), "MZ");
        assert_eq!(told(&facts), Vec::<String>::new());
    }

    #[test]
    fn assemblies_are_told_by_their_version_resource() {
        let check = |values: &[(&str, &str)], is_assembly: bool, expect: &[&str]| {
            let bytes = assembly::tests::pe(values, is_assembly);
            let facts = analyse(&Dotnet, "app/My.Library.dll", bytes);
            assert_eq!(told(&facts), expect, "{values:?}");
            assert_eq!(facts.warnings, []);
        };
        let json = [
            ("CompanyName", "Newtonsoft"),
            ("FileDescription", "Json.NET"),
            ("FileVersion", "13.0.1.25517"),
            ("ProductName", "Json.NET .NET 6.0"),
            ("ProductVersion", "13.0.1"),
        ];
        check(&json, true, &["My.Library@13.0.1"]);
        check(&json, false, &[]);
        let microsoft = [
            ("CompanyName", "Microsoft Corporation"),
            ("FileDescription", "System.Text.Json (net6.0)"),
            ("FileVersion", "6.0.21.52210"),
            ("InternalName", "System.Text.Json.dll"),
            ("ProductName", "Microsoft® .NET"),
            (
                "ProductVersion",
                "6.0.0+4822e3c3aa77eb82b2fb33c9321f923cf11ddde6",
            ),
        ];
        check(&microsoft, true, &["System.Text.Json@6.0.0"]);
        check(&[], true, &["My.Library@"]);
    }

    #[test]
    fn assemblies_that_break_off_are_silent() {
        let whole = assembly::tests::pe(&[("ProductName", "a"), ("ProductVersion", "1.0")], true);
        for end in 0..whole.len() {
            analyse(&Dotnet, "a.dll", &whole[..end]);
            let mut broken = whole.clone();
            broken[end] = !broken[end];
            analyse(&Dotnet, "a.dll", &broken);
        }
    }
}
