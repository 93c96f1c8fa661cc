//! What package managers leave in an image: their database, and the files.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use sha2::Digest as _;

use super::{
    layer::{Layer, stand_in},
    recipe::{Manager, Packages, Python},
    table::{self, Package, What},
};

/// What is installed after the steps so far.
#[derive(Debug, Default)]
pub(crate) struct Installed {
    packages: BTreeMap<String, Package>,
    python: BTreeMap<String, Package>,
}

/// For which machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine<'a> {
    /// Go's name, as the OCI config has it.
    pub(crate) architecture: &'a str,
}

impl Machine<'_> {
    fn triple(self) -> &'static str {
        match self.architecture {
            "arm64" => "aarch64-linux-gnu",
            _ => "x86_64-linux-gnu",
        }
    }

    fn apk(self) -> &'static str {
        match self.architecture {
            "arm64" => "aarch64",
            _ => "x86_64",
        }
    }

    fn path(self, path: &str) -> String {
        path.replace("x86_64-linux-gnu", self.triple())
    }
}

impl Installed {
    /// Runs one step of apt or apk.
    pub(crate) fn run(
        &mut self,
        layer: &mut Layer,
        demo: &Path,
        step: &Packages,
        machine: Machine<'_>,
    ) -> Result<()> {
        let table = table::read(demo, &step.tables)?;
        let mut added = Vec::new();
        for wanted in &step.install {
            if wanted == "@required" {
                added.extend(
                    table
                        .values()
                        .filter(|package| package.is_required)
                        .cloned(),
                );
                continue;
            }
            let (name, version) = match wanted.split_once('=') {
                Some((name, version)) => (name, Some(version)),
                None => (wanted.as_str(), None),
            };
            let mut package = table
                .get(name)
                .with_context(|| format!("no package {name:?} in {:?}", step.tables))?
                .clone();
            if let Some(version) = version {
                version.clone_into(&mut package.version);
            }
            added.push(package);
        }
        for name in &step.remove {
            let Some(package) = self.packages.remove(name) else {
                bail!("{name:?} is not installed");
            };
            for path in paths_of(&package, machine) {
                layer.whiteout(&path);
            }
            if step.manager == Manager::Dpkg {
                let info = info_name(&package, machine);
                layer.whiteout(&format!("var/lib/dpkg/info/{info}.list"));
                layer.whiteout(&format!("var/lib/dpkg/info/{info}.md5sums"));
            }
        }
        for package in added {
            write_files(layer, &package, machine);
            match step.manager {
                Manager::Dpkg => write_dpkg_info(layer, &package, machine),
                Manager::StatusD => write_status_d(layer, &package, machine),
                Manager::Apk => {}
            }
            self.packages.insert(package.name.clone(), package);
        }
        match step.manager {
            Manager::Dpkg => {
                let status = self.packages.values().fold(String::new(), |text, package| {
                    text + &dpkg_stanza(package, machine, true) + "\n"
                });
                layer.file("var/lib/dpkg/status", status, 0o644);
            }
            Manager::StatusD => {}
            Manager::Apk => {
                let database = self.packages.values().fold(String::new(), |text, package| {
                    text + &apk_stanza(package, machine) + "\n"
                });
                layer.file("lib/apk/db/installed", database, 0o644);
                let world = self
                    .packages
                    .keys()
                    .fold(String::new(), |text, name| text + name + "\n");
                layer.file("etc/apk/world", world, 0o644);
            }
        }
        Ok(())
    }

    /// Runs one step of pip.
    pub(crate) fn run_pip(&mut self, layer: &mut Layer, demo: &Path, step: &Python) -> Result<()> {
        let table = table::read_python(demo, &step.table)?;
        for wanted in &step.install {
            let package = table
                .iter()
                .find(|package| format!("{}=={}", package.name, package.version) == *wanted)
                .with_context(|| format!("no distribution {wanted:?} in {}", step.table))?;
            let key = package.name.to_lowercase();
            if let Some(old) = self.python.insert(key, package.clone()) {
                layer.whiteout(&format!("{}/{}", step.site, dist_info(&old)));
            }
            write_python(layer, &step.site, package);
        }
        Ok(())
    }
}

fn write_files(layer: &mut Layer, package: &Package, machine: Machine<'_>) {
    for file in &package.files {
        let path = machine.path(&file.path);
        match &file.what {
            What::Link(target) => layer.link(&path, target),
            What::File { mode, .. } => {
                layer.file(&path, content(package, &path, &file.what), *mode)
            }
        }
    }
}

fn content(package: &Package, path: &str, what: &What) -> Vec<u8> {
    let What::File { size, .. } = what else {
        return Vec::new();
    };
    // A distribution that Debian packages: its version is in the folder's name.
    if let Some((name, version)) = path
        .strip_suffix(".dist-info/METADATA")
        .and_then(|path| path.rsplit('/').next())
        .and_then(|folder| folder.split_once('-'))
    {
        return metadata(name, version, "MIT", &package.summary).into_bytes();
    }
    stand_in(path, &package.version, *size)
}

fn paths_of(package: &Package, machine: Machine<'_>) -> Vec<String> {
    package
        .files
        .iter()
        .map(|file| machine.path(&file.path))
        .collect()
}

fn debian_architecture<'a>(package: &Package, machine: Machine<'a>) -> &'a str {
    if package.is_for_all {
        "all"
    } else {
        machine.architecture
    }
}

fn is_multi_arch_same(package: &Package) -> bool {
    package.section == "libs" && package.name.starts_with("lib") && !package.is_for_all
}

/// Packages that may be installed for several architectures have theirs in the file names.
fn info_name(package: &Package, machine: Machine<'_>) -> String {
    if is_multi_arch_same(package) {
        format!("{}:{}", package.name, machine.architecture)
    } else {
        package.name.clone()
    }
}

fn dpkg_stanza(package: &Package, machine: Machine<'_>, is_status: bool) -> String {
    let mut text = format!("Package: {}\n", package.name);
    if is_status {
        text.push_str("Status: install ok installed\n");
    }
    let priority = if package.is_required {
        "required"
    } else {
        "optional"
    };
    let size: usize = package.files.iter().map(size_of).sum();
    let _ = writeln!(text, "Priority: {priority}");
    let _ = writeln!(text, "Section: {}", package.section);
    let _ = writeln!(text, "Installed-Size: {}", size / 1024 + 40);
    text.push_str("Maintainer: Lamina demo <demo@lamina.invalid>\n");
    let _ = writeln!(
        text,
        "Architecture: {}",
        debian_architecture(package, machine)
    );
    if is_multi_arch_same(package) {
        text.push_str("Multi-Arch: same\n");
    }
    if !package.source.is_empty() && package.source != package.name {
        let _ = writeln!(text, "Source: {}", package.source);
    }
    let _ = writeln!(text, "Version: {}", package.version);
    let _ = writeln!(text, "Description: {}", package.summary);
    text
}

fn size_of(file: &table::FileSpec) -> usize {
    match file.what {
        What::File { size, .. } => size,
        What::Link(_) => 0,
    }
}

fn md5sums(package: &Package, machine: Machine<'_>) -> String {
    let mut text = String::new();
    for file in &package.files {
        let path = machine.path(&file.path);
        if matches!(file.what, What::File { .. }) {
            let digest = hex(&md5::Md5::digest(content(package, &path, &file.what)));
            let _ = writeln!(text, "{digest}  {path}");
        }
    }
    text
}

fn write_dpkg_info(layer: &mut Layer, package: &Package, machine: Machine<'_>) {
    let mut list = vec!["/.".to_owned()];
    for path in paths_of(package, machine) {
        for (end, _) in path.match_indices('/') {
            list.push(format!("/{}", path.get(..end).unwrap_or_default()));
        }
        list.push(format!("/{path}"));
    }
    list.sort();
    list.dedup();
    let info = info_name(package, machine);
    layer.file(
        &format!("var/lib/dpkg/info/{info}.list"),
        list.join("\n") + "\n",
        0o644,
    );
    layer.file(
        &format!("var/lib/dpkg/info/{info}.md5sums"),
        md5sums(package, machine),
        0o644,
    );
}

fn write_status_d(layer: &mut Layer, package: &Package, machine: Machine<'_>) {
    let path = format!("var/lib/dpkg/status.d/{}", package.name);
    layer.file(&path, dpkg_stanza(package, machine, false), 0o644);
    layer.file(&format!("{path}.md5sums"), md5sums(package, machine), 0o644);
}

fn apk_stanza(package: &Package, machine: Machine<'_>) -> String {
    let size: usize = package.files.iter().map(size_of).sum();
    let origin = if package.source.is_empty() {
        &package.name
    } else {
        &package.source
    };
    let mut text = format!("C:{}\n", apk_checksum(package.name.as_bytes()));
    let _ = writeln!(
        text,
        "P:{}\nV:{}\nA:{}",
        package.name,
        package.version,
        machine.apk()
    );
    let _ = writeln!(text, "S:{}\nI:{}\nT:{}", size / 3, size, package.summary);
    let _ = writeln!(
        text,
        "U:https://example.invalid/{}\nL:{}",
        package.name, package.section
    );
    let _ = writeln!(
        text,
        "o:{origin}\nm:Lamina demo <demo@lamina.invalid>\nt:1690000000"
    );
    let mut folders: BTreeMap<&str, Vec<(&str, &table::FileSpec)>> = BTreeMap::new();
    for file in &package.files {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        folders.entry(folder).or_default().push((name, file));
    }
    for (folder, files) in folders {
        let _ = writeln!(text, "F:{folder}");
        for (name, file) in files {
            let _ = writeln!(text, "R:{name}");
            match &file.what {
                What::File { mode, .. } => {
                    if *mode != 0o644 {
                        let _ = writeln!(text, "a:0:0:{mode:o}");
                    }
                    let bytes = content(package, &file.path, &file.what);
                    let _ = writeln!(text, "Z:{}", apk_checksum(&bytes));
                }
                What::Link(target) => {
                    let _ = writeln!(text, "a:0:0:777\nZ:{}", apk_checksum(target.as_bytes()));
                }
            }
        }
    }
    text
}

fn apk_checksum(bytes: &[u8]) -> String {
    let digest = base64::engine::general_purpose::STANDARD.encode(sha1::Sha1::digest(bytes));
    format!("Q1{digest}")
}

fn dist_info(package: &Package) -> String {
    format!(
        "{}-{}.dist-info",
        package.name.replace('-', "_"),
        package.version
    )
}

fn metadata(name: &str, version: &str, licence: &str, summary: &str) -> String {
    format!(
        "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {summary}\nLicense: {licence}\nRequires-Python: >=3.6\n\nA stand-in for {name} {version}.\n"
    )
}

fn write_python(layer: &mut Layer, site: &str, package: &Package) {
    let folder = dist_info(package);
    let top: String = package
        .files
        .first()
        .and_then(|file| file.path.split('/').next())
        .unwrap_or_default()
        .to_owned();
    let mut written: Vec<(String, Vec<u8>)> = vec![
        (format!("{folder}/INSTALLER"), b"pip\n".to_vec()),
        (
            format!("{folder}/METADATA"),
            metadata(&package.name, &package.version, &package.source, &package.summary).into_bytes(),
        ),
        (
            format!("{folder}/WHEEL"),
            b"Wheel-Version: 1.0\nGenerator: bdist_wheel (0.37.1)\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                .to_vec(),
        ),
        (format!("{folder}/top_level.txt"), format!("{top}\n").into_bytes()),
    ];
    for file in &package.files {
        written.push((file.path.clone(), content(package, &file.path, &file.what)));
    }
    written.sort();
    let mut record = String::new();
    for (path, bytes) in &written {
        let digest =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(bytes));
        let _ = writeln!(record, "{path},sha256={digest},{}", bytes.len());
    }
    let _ = writeln!(record, "{folder}/RECORD,,");
    written.push((format!("{folder}/RECORD"), record.into_bytes()));
    for (path, bytes) in written {
        layer.file(&format!("{site}/{path}"), bytes, 0o644);
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
