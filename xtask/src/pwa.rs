//! What makes the built page installable and independent of a network: the chapters of the tour, the
//! manifest with its icons, and the service worker with the list of the page's files.
//!
//! It comes last: the worker's list has every file of the page, and the page's version is made of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use sha2::Digest as _;

use crate::{demo::hex, shell::root};

/// What the page is finished with, beside what it is made of.
pub(crate) const INPUTS: &[&str] = &["demo/tour", "src/sw.js", "style/icons"];

/// What stands in `sw.js` for the version and for the list.
const VERSION_LINE: &str = "const VERSION = \"0000000000000000\";";
const FILES_LINE: &str = "const FILES = [];";

/// Where the version stands in the page, for the page to know its own.
const META: &str = "<meta name=\"lamina-version\" content=\"";

/// Finishes the page in a folder. May be done again.
pub(crate) fn finish(dist: &Path) -> Result<()> {
    tour(&root().join("demo/tour"), &dist.join("tour"))?;
    let icons = root().join("style/icons");
    for file in files(&icons)? {
        let name = file.strip_prefix(&icons)?;
        let target = match name.extension().is_some_and(|end| end == "webmanifest") {
            true => dist.join(name),
            false => dist.join("icons").join(name),
        };
        copy(&file, &target)?;
    }
    let index = dist.join("index.html");
    let html =
        std::fs::read_to_string(&index).with_context(|| format!("reading {}", index.display()))?;
    let html = without_version(&html);
    let mut digests = BTreeMap::new();
    for file in files(dist)? {
        let name = file
            .strip_prefix(dist)?
            .to_str()
            .context("a file's name is not UTF-8")?
            .replace('\\', "/");
        if is_kept(&name) {
            let bytes = std::fs::read(&file)?;
            digests.insert(name, hex(&sha2::Sha256::digest(bytes)));
        }
    }
    let worker = std::fs::read_to_string(root().join("src/sw.js")).context("reading src/sw.js")?;
    let version = version(&html, &digests, &worker);
    std::fs::write(&index, with_version(&html, &version)?)?;
    let names: Vec<&str> = digests.keys().map(String::as_str).collect();
    std::fs::write(
        dist.join("sw.js"),
        service_worker(&worker, &version, &names)?,
    )?;
    Ok(())
}

/// Copies the chapters and their policies, and lists them.
fn tour(source: &Path, target: &Path) -> Result<()> {
    if target.is_dir() {
        std::fs::remove_dir_all(target)?;
    }
    let (mut chapters, mut policies) = (Vec::new(), Vec::new());
    for file in files(source)? {
        let name = file
            .strip_prefix(source)?
            .to_str()
            .context("a chapter's name is not UTF-8")?
            .to_owned();
        match name.rsplit_once('.').map(|(_, end)| end) {
            // Chapters are numbered; a README is none.
            Some("md") if name.starts_with(|c: char| c.is_ascii_digit()) => {
                chapters.push(name.clone())
            }
            Some("yaml" | "yml") => policies.push(name.clone()),
            _ => continue,
        }
        copy(&file, &target.join(&name))?;
    }
    if chapters.is_empty() {
        bail!("{} has no chapter", source.display());
    }
    let index = serde_json::json!({ "chapters": chapters, "policies": policies });
    std::fs::write(target.join("index.json"), format!("{index:#}\n"))?;
    Ok(())
}

/// Whether the service worker keeps a file when it is installed. The page itself is kept as `./`; the tour
/// belongs to the demo.
fn is_kept(name: &str) -> bool {
    let is_other = matches!(name, "index.html" | "sw.js" | "_headers")
        || name.starts_with('.')
        || name.starts_with("tour/")
        // A folder for any host has these as well.
        || name.starts_with("samples/")
        || name.starts_with("db/");
    !is_other && !name.ends_with(".br") && !name.ends_with(".gz")
}

fn version(html: &str, digests: &BTreeMap<String, String>, worker: &str) -> String {
    let mut hasher = sha2::Sha256::new();
    hasher.update(html);
    hasher.update(worker);
    for (name, digest) in digests {
        hasher.update(name);
        hasher.update(digest);
    }
    hex(&hasher.finalize()).chars().take(16).collect()
}

fn without_version(html: &str) -> String {
    let Some((before, rest)) = html.split_once(META) else {
        return html.to_owned();
    };
    let after = rest.split_once('>').map_or("", |(_, after)| after);
    format!("{before}{after}")
}

fn with_version(html: &str, version: &str) -> Result<String> {
    let (before, after) = html
        .split_once("</head>")
        .context("index.html has no </head>")?;
    Ok(format!("{before}{META}{version}\"></head>{after}"))
}

fn service_worker(source: &str, version: &str, files: &[&str]) -> Result<String> {
    for line in [VERSION_LINE, FILES_LINE] {
        if !source.contains(line) {
            bail!("src/sw.js has no line {line:?}");
        }
    }
    let files = serde_json::to_string_pretty(files)?;
    Ok(source
        .replace(VERSION_LINE, &format!("const VERSION = \"{version}\";"))
        .replace(FILES_LINE, &format!("const FILES = {files};")))
}

/// The files of a folder and those within it, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    found.sort();
    Ok(found)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::copy(from, to).with_context(|| format!("copying {}", from.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_page_knows_its_version_and_only_the_last_one() {
        let html = "<html><head><title>x</title></head><body></body></html>";
        let first = with_version(html, "aaaa").unwrap();
        assert!(
            first.contains("<meta name=\"lamina-version\" content=\"aaaa\"></head>"),
            "{first}"
        );
        assert_eq!(without_version(&first), html);
        let second = with_version(&without_version(&first), "bbbb").unwrap();
        assert_eq!(second.matches("lamina-version").count(), 1);
        assert!(with_version("<html>", "a").is_err());
    }

    #[test]
    fn the_worker_is_given_its_version_and_files() {
        let source = std::fs::read_to_string(root().join("src/sw.js")).unwrap();
        let worker = service_worker(&source, "0123456789abcdef", &["a.js", "icons/b.png"]).unwrap();
        assert!(worker.contains("const VERSION = \"0123456789abcdef\";"));
        assert!(worker.contains("\"icons/b.png\""));
        assert!(!worker.contains(FILES_LINE));
        assert!(service_worker("", "a", &[]).is_err());
    }

    #[test]
    fn the_worker_keeps_the_page_and_not_the_demo() {
        let check = |name: &str, expect: bool| assert_eq!(is_kept(name), expect, "{name}");
        check("lamina-page-0123456789abcdef_bg.wasm", true);
        check("icons/icon-192.png", true);
        check("manifest.webmanifest", true);
        check("index.html", false);
        check("sw.js", false);
        check("tour/01-a.md", false);
        check("samples/catalog.json", false);
        check("lamina-page.js.br", false);
        check(".stamp", false);
    }

    #[test]
    fn a_page_is_finished_again_to_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let dist = folder.path();
        std::fs::write(dist.join("index.html"), "<head></head>").unwrap();
        std::fs::write(dist.join("a.js"), "1").unwrap();
        let read = || {
            finish(dist).unwrap();
            let text = |name: &str| std::fs::read_to_string(dist.join(name)).unwrap();
            (text("index.html"), text("sw.js"), text("tour/index.json"))
        };
        let first = read();
        assert_eq!(read(), first);
        assert!(first.1.contains("\"a.js\""), "{}", first.1);
        std::fs::write(dist.join("a.js"), "2").unwrap();
        assert_ne!(read().0, first.0, "another file is another version");
    }
}
