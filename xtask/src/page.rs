//! Builds the page into `dist`.
//!
//! Cargo compiles three modules: the page, and two workers. The page is cut by `wasm-split` where
//! `src/main.rs` marks a view as lazy, so that the first load need not carry every view; then
//! wasm-bindgen and wasm-opt make of each what a browser runs. Every file but `index.html` has the
//! build's hash in its name and is referred to by a relative address: the folder can lie anywhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::Digest as _;

use crate::{
    csp,
    demo::hex,
    pwa,
    shell::{self, root, target_dir},
    tools,
};

/// How it is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As it is served.
    Full,
    /// In a fraction of the time, larger and slower: for working on the page.
    Quick,
}

impl Mode {
    fn profile(self) -> &'static str {
        match self {
            Self::Full => "wasm",
            Self::Quick => "wasm-quick",
        }
    }
}

/// The modules, by the names of their binaries.
const PAGE: &str = "lamina-page";
const WORKERS: [&str; 2] = ["worker", "desk"];

/// Where `index.html` wants the page's start.
const START: &str = "<!-- start -->";

/// Compiles the three modules.
pub(crate) fn compile(mode: Mode) -> Result<()> {
    shell::run("cargo build --quiet --target wasm32-unknown-unknown --package lamina-page --bins")
        .args(["--profile", mode.profile()])
        .go()
}

/// Builds all of it into `dist`.
pub(crate) fn build(mode: Mode, dist: &Path) -> Result<()> {
    compile(mode)?;
    let compiled = target_dir()
        .join("wasm32-unknown-unknown")
        .join(mode.profile());
    let hash = build_hash(&compiled)?;
    let work = target_dir().join("page").join(mode.profile());
    let staging = work.join("dist");
    if work.is_dir() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&staging)?;

    let mut optimise = Vec::new();
    for name in WORKERS {
        let module = format!("{name}-{hash}");
        bindgen(
            &compiled.join(name).with_extension("wasm"),
            &["--target", "no-modules", "--out-name", &module],
            &staging,
        )?;
        let loader = format!(
            "importScripts(\"./{module}.js\");wasm_bindgen({{ module_or_path: \"./{module}_bg.wasm\" }});\n"
        );
        fs::write(staging.join(format!("{name}_loader-{hash}.js")), loader)?;
        optimise.push(staging.join(format!("{module}_bg.wasm")));
    }
    optimise.extend(page(&compiled, &work, &staging, &hash)?);
    if mode == Mode::Full {
        for file in &optimise {
            tools::optimise(file)?;
        }
    }
    let shell_file = single_file(&staging, &hash)?;
    fs::write(staging.join(format!("report-{hash}.html")), shell_file)?;
    let html = csp::with_meta(&index(&staging, &hash)?)?;
    fs::write(staging.join(csp::HEADERS), csp::headers(&html)?)?;
    fs::write(staging.join("index.html"), html)?;
    for (tag, text) in translations()? {
        fs::write(staging.join(format!("locale-{tag}-{hash}.json")), text)?;
    }

    // Last: the service worker lists every file of the page.
    pwa::finish(&staging)?;

    if dist.is_dir() {
        fs::remove_dir_all(dist).with_context(|| format!("removing {}", dist.display()))?;
    }
    // Not renamed: the target folder may be on another disk.
    copy(&staging, dist)
}

/// Copies a folder with what is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Names a build: all that ends up in hashed files.
fn build_hash(compiled: &Path) -> Result<String> {
    let mut hasher = sha2::Sha256::new();
    for name in [PAGE].iter().chain(&WORKERS) {
        let file = compiled.join(name).with_extension("wasm");
        hasher.update(fs::read(&file).with_context(|| format!("reading {}", file.display()))?);
    }
    hasher.update(fs::read_to_string(root().join("index.html"))?);
    for (tag, text) in translations()? {
        hasher.update(tag);
        hasher.update(text);
    }
    hasher.update(fs::read_to_string(root().join("xtask/src/page.rs"))?);
    let mut hash = hex(&hasher.finalize());
    hash.truncate(16);
    Ok(hash)
}

/// The page's texts in other languages, by tag. English is in the modules.
fn translations() -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root().join("locales"))? {
        let path = entry?.path();
        let tag = path.file_stem().and_then(|stem| stem.to_str());
        if let Some(tag) = tag.filter(|tag| *tag != "en") {
            found.insert(tag.to_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(found)
}

fn bindgen(module: &Path, options: &[&str], out: &Path) -> Result<()> {
    shell::run("wasm-bindgen --no-typescript --remove-producers-section")
        .args(options)
        .arg("--out-dir")
        .arg(out)
        .arg(module)
        .path(&tools::folders())?
        .go()
}

/// Cuts the page's module and binds its parts. Answers the WebAssembly files.
fn page(compiled: &Path, work: &Path, staging: &Path, hash: &str) -> Result<Vec<PathBuf>> {
    let name = format!("{PAGE}-{hash}");
    let parts = work.join("parts");
    fs::create_dir_all(&parts)?;
    shell::run("wasm-split-cli --target web --out-name")
        .arg(&name)
        .arg(compiled.join(PAGE).with_extension("wasm"))
        .arg(&parts)
        .path(&tools::folders())?
        .go()?;
    bindgen(
        &parts.join(format!("{name}.wasm")),
        &["--target", "web", "--keep-lld-exports", "--out-name", &name],
        staging,
    )?;
    let mut modules = vec![staging.join(format!("{name}_bg.wasm"))];

    // The parts get the build's hash into their names too.
    let mut link = fs::read_to_string(parts.join("__wasm_split.js"))?;
    let mut files: BTreeSet<PathBuf> = BTreeSet::new();
    for entry in fs::read_dir(&parts)? {
        files.insert(entry?.path());
    }
    for file in files {
        let stem = file.file_stem().and_then(|stem| stem.to_str());
        let is_part = file.extension().is_some_and(|end| end == "wasm");
        let Some(stem) = stem.filter(|stem| is_part && *stem != name) else {
            continue;
        };
        let named = format!("{stem}-{hash}.wasm");
        link = link.replace(&format!("./{stem}.wasm"), &format!("./{named}"));
        let to = staging.join(named);
        fs::copy(&file, &to)?;
        modules.push(to);
    }
    let link_name = format!("parts-{hash}.js");
    fs::write(staging.join(&link_name), link)?;
    let script = staging.join(format!("{name}.js"));
    let text = fs::read_to_string(&script)?;
    let text = text.replace(
        "from \"./__wasm_split.js\"",
        &format!("from \"./{link_name}\""),
    );
    // It starts itself: no inline script, so that the Content-Security-Policy need allow none.
    let start = format!(
        "\n__wbg_init({{ module_or_path: new URL('./{name}_bg.wasm', import.meta.url) }});\n"
    );
    fs::write(&script, text + &start)?;
    Ok(modules)
}

/// `index.html`: styles in it, and what starts the page.
fn index(staging: &Path, hash: &str) -> Result<String> {
    let html = with_styles(&fs::read_to_string(root().join("index.html"))?)?;
    let icon = fs::read(root().join("style/favicon.svg"))?;
    let icon_name = format!("favicon-{hash}.svg");
    fs::write(staging.join(&icon_name), icon)?;
    let html = html.replace("style/favicon.svg", &format!("./{icon_name}"));
    let name = format!("{PAGE}-{hash}");
    let start = format!(
        "<meta name=\"lamina-build\" content=\"{hash}\" />\n    \
         <link rel=\"modulepreload\" href=\"./{name}.js\" />\n    \
         <link rel=\"modulepreload\" href=\"./parts-{hash}.js\" />\n    \
         <link rel=\"preload\" href=\"./{name}_bg.wasm\" as=\"fetch\" type=\"application/wasm\" crossorigin />\n    \
         <script type=\"module\" src=\"./{name}.js\"></script>"
    );
    anyhow::ensure!(html.contains(START), "index.html has no {START}");
    Ok(html.replace(START, &start))
}

/// Puts the style sheets that a document links into it, in one element.
fn with_styles(html: &str) -> Result<String> {
    let mut styles = String::new();
    let mut kept = String::new();
    for line in html.lines() {
        let file = line
            .trim()
            .strip_prefix("<link rel=\"stylesheet\" href=\"")
            .and_then(|rest| rest.split_once('"'));
        match file {
            Some((file, _)) => {
                let text = fs::read_to_string(root().join(file))
                    .with_context(|| format!("reading {file}, which index.html links"))?;
                styles.push_str(&text);
                styles.push('\n');
            }
            None => {
                kept.push_str(line);
                kept.push('\n');
            }
        }
    }
    Ok(kept.replace(
        "</head>",
        &format!("  <style>\n{styles}    </style>\n  </head>"),
    ))
}

/// Where a report's data goes in the page of one file.
const REPORT: &str = "<!--lamina-report-->";

/// The page in one file that works from disk: its modules are compressed in the document. A report is
/// put where [`REPORT`] stands.
fn single_file(staging: &Path, hash: &str) -> Result<String> {
    let name = format!("{PAGE}-{hash}");
    let page = fs::read_to_string(staging.join(format!("{name}.js")))?;
    let link = fs::read_to_string(staging.join(format!("parts-{hash}.js")))?;

    // Two modules that import from each other become one: a document on disk cannot import.
    let mut script = String::from(INLINED);
    for line in link.lines().filter(|line| !line.starts_with("import ")) {
        script.push_str(line.strip_prefix("export ").unwrap_or(line));
        script.push('\n');
    }
    let loaders: Vec<&str> = link
        .lines()
        .filter_map(|line| line.strip_prefix("export const "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for line in page.lines() {
        if let Some(import) = line.strip_prefix("import * as ") {
            let (alias, _) = import
                .split_once(' ')
                .context("an import without a name in wasm-bindgen's module")?;
            script.push_str(&format!("const {alias} = {{ {} }};\n", loaders.join(", ")));
        } else if line.starts_with("import ") {
            anyhow::bail!("wasm-bindgen's module imports something unknown: {line}");
        } else if !line.starts_with("export {") {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    let mut data = String::new();
    for entry in fs::read_dir(staging)? {
        let path = entry?.path();
        let file = path.file_name().and_then(|name| name.to_str());
        let file = file.unwrap_or_default();
        let is_worker = WORKERS.iter().any(|worker| file.starts_with(worker));
        if !file.ends_with(".wasm") || is_worker {
            continue;
        }
        for form in [
            format!("fetch(new URL(\"./{file}\", import.meta.url))"),
            format!("new URL('./{file}', import.meta.url)"),
        ] {
            script = script.replace(&form, &format!("inlined(\"{file}\")"));
        }
        data.push_str(&format!(
            "<script type=\"application/octet-stream\" id=\"{file}\">{}</script>\n",
            BASE64_STANDARD.encode(gzip(&fs::read(&path)?)?)
        ));
    }
    anyhow::ensure!(
        !script.contains("</script") && !script.contains("<!--"),
        "the page's script cannot stand in a document"
    );
    let script = format!("\n{script}");
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; \
         img-src data: blob:; base-uri 'none'; form-action 'none'",
        BASE64_STANDARD.encode(sha2::Sha256::digest(&script))
    );
    let icon = BASE64_STANDARD.encode(fs::read(root().join("style/favicon.svg"))?);
    // It cannot be installed: what names the manifest and its icons would only be held back.
    let html: String = fs::read_to_string(root().join("index.html"))?
        .lines()
        .filter(|line| !line.contains("rel=\"manifest\"") && !line.contains("apple-touch-icon"))
        .map(|line| format!("{line}\n"))
        .collect();
    let html = with_styles(&html)?;
    let html = html.replace(
        "style/favicon.svg",
        &format!("data:image/svg+xml;base64,{icon}"),
    );
    let start = format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\" />\n    \
         <meta name=\"lamina-build\" content=\"{hash}\" />"
    );
    // The script comes last: what it reads is in the document by then.
    Ok(html.replace(START, &start).replace(
        "</body>",
        &format!("{REPORT}\n{data}<script type=\"module\">{script}</script>\n  </body>"),
    ))
}

/// What a part in the document is read with.
const INLINED: &str = r#"function inlined(id) {
    const text = document.getElementById(id).textContent;
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const response = new Response(stream, { headers: { "content-type": "application/wasm" } });
    return Promise.resolve(response);
}
"#;

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
