//! `lamina db build`: feeds into a database.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressDrawTarget};
use jiff::Timestamp;
use lamina_advisories::{index, record::Day};
use lamina_feeds::{Builder, Built, FEEDS, Feed, Input, feed_for, feeds::FeedError};

use super::{
    STALE,
    download::Downloads,
    files,
    info::print_shards,
    keys::Signer,
    table::{bytes, day, number, row, write_table},
};
use crate::transport::clock;

/// Skipped records of one kind that the table shows; all are in `skipped.tsv`.
const EXAMPLES: usize = 3;

/// Builds a database from public feeds.
///
/// Without --from and --feed, all feeds are downloaded that everyone may use. Exit status: 0 when every
/// feed is as its publisher has it now, 1 when no database was written, 3 when one was, but with older
/// data of a feed that could not be fetched, or without it (--allow-missing).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Reads feed files that are here already: a folder (searched through) or a file. May be repeated.
    /// Nothing is downloaded then, but what --feed names.
    #[arg(long, value_name = "DIR|FILE")]
    from: Vec<PathBuf>,
    /// Downloads this feed, and no others than are named (`lamina db sources` lists them). May be
    /// repeated.
    #[arg(long, value_name = "ID", value_parser = feed_ids())]
    feed: Vec<String>,
    /// Uses this feed too, though its licence reserves rights. May be repeated.
    #[arg(long, value_name = "ID", value_parser = feed_ids())]
    with: Vec<String>,
    /// Asks a mirror for `https://host/path`, at URL/host/path.
    #[arg(long, value_name = "URL", env = "LAMINA_FEED_MIRROR")]
    mirror: Option<String>,
    /// Where downloads are kept for the next build. Default: `lamina/feeds` in the user's cache folder.
    #[arg(long, value_name = "DIR", env = "LAMINA_FEED_CACHE")]
    cache: Option<PathBuf>,
    /// Writes a database even if a feed can neither be fetched nor is in the cache: a database that
    /// lacks a feed looks like one without findings.
    #[arg(long)]
    allow_missing: bool,
    /// The folder to write the database to. Shards of an older database in it that the new one does
    /// not have are removed.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A name for people.
    #[arg(long, default_value = "lamina")]
    name: String,
    /// The time that the database says it was built at, RFC 3339; for reproducible builds.
    #[arg(long, value_name = "TIME")]
    built_at: Option<Timestamp>,
    /// Signs the index with this minisign secret key (`lamina db keygen`). Its password, if it has
    /// one, is taken from the environment: LAMINA_DB_PASSWORD.
    #[arg(long, value_name = "FILE", env = "LAMINA_DB_SIGN_WITH")]
    sign_with: Option<PathBuf>,
}

fn feed_ids() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(FEEDS.iter().map(|feed| feed.id()))
}

/// A file to read, and the feed that it is of, if that is known.
struct Found {
    path: PathBuf,
    feed: Option<&'static dyn Feed>,
    /// It was asked for itself, not found in a folder.
    is_named: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let built_at = match args.built_at {
        Some(built_at) => built_at,
        None => clock()?,
    };
    // A mistake in the key is told before hours of work.
    let signer = args.sign_with.as_deref().map(Signer::open).transpose()?;
    fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {:?}", args.out))?;

    let mut found = Vec::new();
    for from in &args.from {
        let mut paths = Vec::new();
        if from.to_str().is_some_and(|text| text.contains("://")) {
            bail!("--from names files that are here; --feed and --mirror are for downloads");
        }
        walk(from, &mut paths).with_context(|| format!("cannot read the feeds in {from:?}"))?;
        let is_named = from.is_file();
        found.extend(paths.into_iter().map(|path| Found {
            path,
            feed: None,
            is_named,
        }));
    }
    let is_complete = download(&args, built_at, &mut found).await?;

    let mut builder = Builder::new(&built_at.to_string());
    let mut ignored = Vec::new();
    let progress = spinner();
    let total = found.len();
    let mut databases = Vec::new();
    for (done, file) in found.iter().enumerate() {
        let Found {
            path,
            feed,
            is_named,
        } = file;
        let shown = path.to_string_lossy().replace('\\', "/");
        progress.set_message(format!("reading {}/{total} {shown}", done + 1));
        let is_wanted = |feed: &&dyn Feed| {
            feed.reserved().is_none()
                || [&args.with, &args.feed]
                    .into_iter()
                    .flatten()
                    .any(|id| id == feed.id())
        };
        let Some(feed) = feed.or_else(|| feed_for(&shown)).filter(is_wanted) else {
            ignored.push(shown);
            continue;
        };
        if feed.is_database() && !is_named {
            databases.push(shown.clone());
            ignored.push(shown);
            continue;
        }
        let mut content = File::open(path).with_context(|| format!("cannot open {shown:?}"))?;
        let input = Input {
            path: &shown,
            content: &mut content,
        };
        match feed.read(input, &mut builder) {
            Ok(()) => {}
            Err(FeedError::Foreign(_)) => ignored.push(shown),
            // Nothing is written: a database that lacks a feed looks like one without findings.
            Err(error) => {
                return Err(error).with_context(|| {
                    format!(
                        "{} cannot read {shown:?}; no database was written",
                        feed.name()
                    )
                });
            }
        }
    }
    progress.set_message("writing shards");
    let mut json = Vec::new();
    let built = builder.finish(&args.name, |path, bytes| {
        if path == index::FILE_NAME {
            bytes.clone_into(&mut json);
            return Ok(());
        }
        files::store(&args.out, path, bytes)
    })?;
    progress.finish_and_clear();
    if built.index.shards.is_empty() {
        bail!("there is no usable record in the feeds; no database was written");
    }
    let signature = match &signer {
        Some(signer) => Some(signer.sign(&json, &built.index)?),
        None => None,
    };
    files::commit(&args.out, &json, signature.as_deref())?;
    files::remove_other_shards(&args.out, &[&built.index])?;
    write_skipped(&args.out, &built)?;
    for path in &databases {
        eprintln!(
            "note: {path} was left out: it is another scanner's whole database; name the file itself \
             with --from to build from it alone"
        );
    }
    print_built(&built, &ignored)?;
    eprintln!(
        "built {} in {:.1} s from {} files ({} ignored){}",
        args.out.display(),
        start.elapsed().as_secs_f64(),
        total,
        ignored.len(),
        match &signer {
            Some(signer) => format!(", signed with the key {}", signer.public_key()),
            None => String::new(),
        }
    );
    Ok(if is_complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(STALE)
    })
}

/// Downloads the feeds that are asked for; `false` if one of them is not as it is published now.
async fn download(
    args: &Args,
    built_at: Timestamp,
    found: &mut Vec<Found>,
) -> anyhow::Result<bool> {
    let is_named = |id: &str| {
        [&args.feed, &args.with]
            .into_iter()
            .flatten()
            .any(|name| name == id)
    };
    let feeds: Vec<&'static dyn Feed> = FEEDS
        .iter()
        .copied()
        .filter(|feed| match (args.from.is_empty(), args.feed.is_empty()) {
            (true, true) => {
                (feed.reserved().is_none() && !feed.is_database()) || is_named(feed.id())
            }
            (_, false) => is_named(feed.id()),
            (false, true) => false,
        })
        .collect();
    if feeds.is_empty() {
        return Ok(true);
    }
    let today = Day::parse(&built_at.to_string()).context("the time of the build is none")?;
    let cache = match &args.cache {
        Some(cache) => cache.clone(),
        None => default_cache()?,
    };
    fs::create_dir_all(&cache).with_context(|| format!("cannot make the folder {cache:?}"))?;
    // Two builds at once would write the same partial files. It ends with this function.
    let lock = File::create(cache.join(".lock")).context("cannot write to the cache")?;
    if lock.try_lock().is_err() {
        bail!("another build is downloading to {}", cache.display());
    }
    let downloads = Downloads::new(&cache, args.mirror.as_deref())?;
    let start = Instant::now();
    let fetched =
        futures_util::future::join_all(feeds.iter().map(|feed| downloads.feed(*feed, today))).await;
    let (mut is_complete, mut missing, mut transferred) = (true, Vec::new(), 0);
    for (feed, fetched) in feeds.into_iter().zip(fetched) {
        let id = feed.id();
        transferred += fetched.bytes;
        for problem in &fetched.stale {
            eprintln!("warning: {id} is stale, older data of it is used: {problem}");
        }
        for problem in &fetched.missing {
            eprintln!("warning: {id} is incomplete: {problem}");
        }
        if fetched.files.is_empty()
            && fetched.missing.is_empty()
            && args.feed.iter().any(|name| name == id)
        {
            bail!("nothing is published of {id}: give its files with --from");
        }
        is_complete &= fetched.stale.is_empty() && fetched.missing.is_empty();
        if !fetched.missing.is_empty() {
            missing.push(id);
        }
        found.extend(fetched.files.into_iter().map(|path| Found {
            path,
            feed: Some(feed),
            is_named: true,
        }));
    }
    eprintln!(
        "fetched {} in {:.1} s",
        bytes(transferred),
        start.elapsed().as_secs_f64()
    );
    if !missing.is_empty() && !args.allow_missing {
        bail!(
            "{} can neither be fetched whole nor is in the cache; no database was written \
             (--allow-missing builds one without)",
            missing.join(", ")
        );
    }
    Ok(is_complete)
}

fn default_cache() -> anyhow::Result<PathBuf> {
    let folder =
        cache_folder().context("there is no home folder for a cache: name one with --cache")?;
    Ok(folder.join("feeds"))
}

/// This program's folder in the user's cache folder.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cache")))?;
    Some(folder.join("lamina"))
}

fn spinner() -> ProgressBar {
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if io::stderr().is_terminal() {
        spinner.enable_steady_tick(Duration::from_millis(100));
    }
    spinner
}

/// All files under `path`, sorted by name at each level, hidden ones left out.
fn walk(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let kind = fs::metadata(path)?;
    if kind.is_file() {
        files.push(path.to_owned());
    }
    if !kind.is_dir() {
        return Ok(());
    }
    let mut entries: Vec<_> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        // Links are not followed: they may lead round in circles.
        if !is_hidden && !entry.file_type()?.is_symlink() {
            walk(&entry.path(), files)?;
        }
    }
    Ok(())
}

/// What is not in the database, one line each, beside it.
fn write_skipped(out: &Path, built: &Built) -> io::Result<()> {
    let clean = |text: &str| text.replace(['\t', '\n', '\r'], " ");
    let mut text = String::from("feed\treason\tfile\trecord\n");
    for skipped in &built.skipped {
        let line = [
            skipped.feed,
            &skipped.reason,
            &skipped.path,
            &skipped.record,
        ]
        .map(clean);
        text.push_str(&line.join("\t"));
        text.push('\n');
    }
    fs::write(out.join("skipped.tsv"), text)
}

fn print_built(built: &Built, ignored: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    print_shards(&mut out, &built.index)?;

    writeln!(out)?;
    let mut rows = vec![row(["source", "records", "skipped", "newest", "licence"])];
    for source in &built.index.sources {
        rows.push(vec![
            source.name.clone(),
            number(source.records),
            number(source.skipped),
            day(source.date.as_deref()),
            source.licence.clone(),
        ]);
    }
    write_table(&mut out, &rows, &[1, 2])?;

    if !built.skipped_counts.is_empty() {
        writeln!(out)?;
        let mut rows = vec![row(["not in the database", "feed", "count", "for example"])];
        for ((feed, reason), count) in &built.skipped_counts {
            let examples: Vec<&str> = built
                .skipped
                .iter()
                .filter(|skipped| skipped.feed == *feed && skipped.reason == *reason)
                .take(EXAMPLES)
                .map(|skipped| skipped.record.as_str())
                .collect();
            let shown: String = examples.join("; ").chars().take(90).collect();
            rows.push(vec![
                reason.clone(),
                (*feed).to_owned(),
                number(*count),
                shown,
            ]);
        }
        write_table(&mut out, &rows, &[2])?;
        writeln!(out, "all of them are listed in skipped.tsv")?;
    }
    if !ignored.is_empty() {
        writeln!(
            out,
            "\n{} files are of no feed that is read here:",
            ignored.len()
        )?;
        let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
        for path in ignored {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            *folders.entry(folder).or_default() += 1;
        }
        for (folder, count) in folders {
            writeln!(out, "  {count:>4}  {folder}")?;
        }
    }
    Ok(())
}
