//! `lamina db`: builds an advisory database from public feeds, and looks into one.
//!
//! Here is only what the engine must not do: walking folders, downloading, writing files, printing.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, IsTerminal as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use lamina_advisories::{
    Index, Shard, ShardEntry, ShardKind,
    ecosystem::{ECOSYSTEMS, Ecosystem},
    index, limits,
    record::Statement,
    shard::AdvisoryRef,
};
use lamina_feeds::{Builder, Built, Input, feed_for, feeds::FeedError};

/// Bytes of one download. The largest zip of osv.dev, Ubuntu's, has about 400 MB.
const MAX_DOWNLOAD_BYTES: u64 = 4 << 30;

/// Skipped records of one kind that the table shows; all are in `skipped.tsv`.
const EXAMPLES: usize = 3;

/// Builds and inspects advisory databases.
#[derive(Debug, Args)]
pub struct DbArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build a database from feeds.
    Build(Build),
    /// Say what is in a database, and check that it is whole.
    Info(Info),
    /// Look up a vulnerability (CVE-2024-3094, GHSA-…) or a package (pkg:pypi/jinja2, or its name).
    Lookup(Lookup),
}

#[derive(Debug, Args)]
struct Build {
    /// Where feeds are: a folder (searched through), a file, or an address.
    ///
    /// Of an address BASE, BASE/ecosystems.txt and BASE/<ecosystem>/all.zip are fetched, as
    /// https://storage.googleapis.com/osv-vulnerabilities has them; the address of a single feed
    /// file is fetched as it is. May be repeated.
    #[arg(long, required = true, value_name = "DIR|FILE|URL")]
    from: Vec<String>,
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
}

#[derive(Debug, Args)]
struct Info {
    /// The folder of the database.
    dir: PathBuf,
}

#[derive(Debug, Args)]
struct Lookup {
    /// The folder of the database.
    #[arg(long, value_name = "DIR")]
    db: PathBuf,
    /// The id, package URL or package name.
    query: String,
}

/// Runs `lamina db`. Exit codes: 0 done, 1 failed or nothing found.
///
/// # Errors
/// Whatever kept it from being done.
pub async fn run(args: DbArgs) -> anyhow::Result<ExitCode> {
    let result = match args.command {
        Command::Build(args) => build(args).await,
        Command::Info(args) => info(&args),
        Command::Lookup(args) => lookup(&args),
    };
    match result {
        // Whoever read the table has seen enough of it; all files are written before it is printed.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        result => result,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

async fn build(args: Build) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let built_at = match args.built_at {
        Some(built_at) => built_at,
        None => now()?,
    };
    fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {:?}", args.out))?;
    let incoming = Incoming::new(&args.out);

    let mut files = Vec::new();
    for from in &args.from {
        if from.starts_with("http://") || from.starts_with("https://") {
            download(from, &incoming, &mut files).await?;
        } else {
            walk(Path::new(from), &mut files)
                .with_context(|| format!("cannot read the feeds in {from:?}"))?;
        }
    }

    let mut builder = Builder::new(&built_at.to_string());
    let mut ignored = Vec::new();
    let mut progress = Progress::new();
    let total = files.len();
    for (done, file) in files.iter().enumerate() {
        let shown = file.to_string_lossy().replace('\\', "/");
        progress.show(&format!("reading {}/{total} {shown}", done + 1));
        let Some(feed) = feed_for(&shown) else {
            ignored.push(shown);
            continue;
        };
        let mut content = File::open(file).with_context(|| format!("cannot open {shown:?}"))?;
        content.rewind()?;
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
    progress.show("writing shards");
    let built = builder.finish(&args.name, |path, bytes| store(&args.out, path, bytes))?;
    progress.clear();
    drop(incoming);
    if built.index.shards.is_empty() {
        bail!("there is no usable record in {}", args.from.join(", "));
    }
    remove_old_shards(&args.out, &built.index)?;
    write_skipped(&args.out, &built)?;
    print_built(&built, &ignored)?;
    eprintln!(
        "built {} in {:.1} s from {} files ({} ignored)",
        args.out.display(),
        start.elapsed().as_secs_f64(),
        total,
        ignored.len()
    );
    Ok(ExitCode::SUCCESS)
}

fn now() -> anyhow::Result<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp::from_second(i64::try_from(since.as_secs())?)?)
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

/// Downloads in progress, in the database's folder so that there is room; removed at the end.
struct Incoming {
    dir: PathBuf,
}

impl Incoming {
    fn new(out: &Path) -> Self {
        let dir = out.join(format!(".incoming-{}", std::process::id()));
        Self { dir }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Best effort: what is left is hidden, and named after this process.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

async fn download(base: &str, incoming: &Incoming, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    // Another part of the program may have chosen the provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .user_agent(concat!("lamina/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(std::time::Duration::from_secs(20))
        .read_timeout(std::time::Duration::from_secs(60))
        .build()?;
    let url = reqwest::Url::parse(base).with_context(|| format!("{base:?} is no address"))?;
    let is_one_file = feed_for(url.path()).is_some();
    if is_one_file {
        let segments: Vec<&str> = url.path().trim_start_matches('/').split('/').collect();
        let target = incoming.dir.join(segments.join("/"));
        if !fetch(&client, url.clone(), &target).await? {
            bail!("there is nothing at {base}");
        }
        files.push(target);
        return Ok(());
    }

    let list = incoming.dir.join("ecosystems.txt");
    let listed = fetch(&client, below(&url, &["ecosystems.txt"])?, &list).await?;
    let names: Vec<String> = if listed {
        let text = fs::read_to_string(&list)?;
        text.lines()
            .map(str::trim)
            .filter(|name| !name.is_empty() && !name.contains(['/', '\\']))
            .map(str::to_owned)
            .collect()
    } else {
        ECOSYSTEMS.iter().map(|eco| eco.osv.to_owned()).collect()
    };
    let mut found = 0;
    for name in names {
        let has_order = Ecosystem::of_osv(&name).is_some_and(|(eco, _)| eco.order.is_some());
        if !has_order {
            eprintln!("left out {name}: no version order for it");
            continue;
        }
        let target = incoming.dir.join(&name).join("all.zip");
        if fetch(&client, below(&url, &[&name, "all.zip"])?, &target).await? {
            files.push(target);
            found += 1;
        } else if listed {
            bail!("{base} lists {name} but has no all.zip of it; no database was written");
        }
    }
    if found == 0 {
        bail!("there is no <ecosystem>/all.zip at {base}");
    }
    Ok(())
}

fn below(base: &reqwest::Url, parts: &[&str]) -> anyhow::Result<reqwest::Url> {
    let mut url = base.clone();
    match url.path_segments_mut() {
        Ok(mut segments) => {
            segments.pop_if_empty().extend(parts);
        }
        Err(()) => bail!("{base} is no address to find files under"),
    }
    Ok(url)
}

/// Fetches to a file; `false` if there is nothing at the address.
async fn fetch(client: &reqwest::Client, url: reqwest::Url, target: &Path) -> anyhow::Result<bool> {
    let shown = url.to_string();
    let wrong = || format!("cannot fetch {shown}");
    let mut response = client.get(url).send().await.with_context(wrong)?;
    if response.status() == reqwest::StatusCode::NOT_FOUND {
        return Ok(false);
    }
    response = response.error_for_status().with_context(wrong)?;
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create(target)?;
    let mut progress = Progress::new();
    let mut received = 0_u64;
    while let Some(chunk) = response.chunk().await.with_context(wrong)? {
        received += chunk.len() as u64;
        if received > MAX_DOWNLOAD_BYTES {
            bail!("{shown} is larger than {MAX_DOWNLOAD_BYTES} bytes");
        }
        file.write_all(&chunk)?;
        progress.show(&format!("fetching {shown}: {}", bytes(received)));
    }
    file.flush()?;
    progress.clear();
    Ok(true)
}

/// Writes a file of the database so that a reader sees the old one or the new one whole.
fn store(out: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let target = out.join(path);
    if path != index::FILE_NAME
        && fs::metadata(&target).is_ok_and(|m| m.len() == bytes.len() as u64)
    {
        // Named by its content, and checked by every reader.
        return Ok(());
    }
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    let partial = target.with_extension("partial");
    fs::write(&partial, bytes)?;
    fs::rename(&partial, &target)
}

fn remove_old_shards(out: &Path, index: &Index) -> io::Result<()> {
    let wanted: Vec<String> = index.shards.iter().map(ShardEntry::path).collect();
    for entry in fs::read_dir(out.join("shards/sha256"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_shard = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_shard && !wanted.contains(&format!("shards/sha256/{name}")) {
            fs::remove_file(entry.path())?;
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

/// Match shards one by one, prose by key.
fn print_shards(out: &mut impl io::Write, index: &Index) -> io::Result<()> {
    let header = [
        "shard",
        "advisories",
        "packages",
        "bytes",
        "stored",
        "stored per advisory",
        "newest",
        "source",
    ];
    let mut rows = vec![row(header)];
    let per_record = |stored: u64, records: u64| match records {
        0 => String::new(),
        #[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
        _ => format!("{:.1}", stored as f64 / records as f64),
    };
    let kinds = [
        ShardKind::Match,
        ShardKind::Scores,
        ShardKind::Lifecycle,
        ShardKind::Prose,
    ];
    let has = |kind| index.shards.iter().any(|shard| shard.kind == kind);
    for kind in kinds.into_iter().filter(|kind| has(*kind)) {
        let mut sums: BTreeMap<String, (ShardEntry, u64)> = BTreeMap::new();
        for shard in index.shards.iter().filter(|shard| shard.kind == kind) {
            sums.entry(shard.key.clone())
                .and_modify(|(sum, parts)| {
                    sum.records += shard.records;
                    sum.packages += shard.packages;
                    sum.size += shard.size;
                    sum.uncompressed_size += shard.uncompressed_size;
                    sum.source_date = sum.source_date.clone().max(shard.source_date.clone());
                    *parts += 1;
                })
                .or_insert_with(|| (shard.clone(), 1));
        }
        let mut total = (0, 0, 0, 0);
        for (key, (sum, parts)) in sums {
            let name = match kind {
                ShardKind::Match | ShardKind::Lifecycle => key,
                _ if parts == 1 => format!("{key} {}", kind.word()),
                _ => format!("{key} {}, {parts} parts", kind.word()),
            };
            total.0 += sum.records;
            total.1 += sum.packages;
            total.2 += sum.uncompressed_size;
            total.3 += sum.size;
            rows.push(vec![
                name,
                number(sum.records),
                if kind == ShardKind::Match {
                    number(sum.packages)
                } else {
                    String::new()
                },
                number(sum.uncompressed_size),
                number(sum.size),
                per_record(sum.size, sum.records),
                day(sum.source_date.as_deref()),
                sum.source,
            ]);
        }
        rows.push(vec![
            match kind {
                ShardKind::Match => "all that matching needs".to_owned(),
                _ => format!("all {}", kind.word()),
            },
            number(total.0),
            if kind == ShardKind::Match {
                number(total.1)
            } else {
                String::new()
            },
            number(total.2),
            number(total.3),
            per_record(total.3, total.0),
            String::new(),
            String::new(),
        ]);
    }
    write_table(out, &rows, &[1, 2, 3, 4, 5])
}

fn info(args: &Info) -> anyhow::Result<ExitCode> {
    let index = open(&args.dir)?;
    let mut problems = 0;
    for entry in &index.shards {
        if let Err(error) = open_shard(&args.dir, entry) {
            eprintln!("{} {}: {error:#}", entry.kind.word(), entry.key);
            problems += 1;
        }
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}, built {}\n", index.name, index.built_at)?;
    print_shards(&mut out, &index)?;
    if problems > 0 {
        bail!("{problems} shards are damaged or missing");
    }
    writeln!(out, "\nall {} shards are whole", index.shards.len())?;
    Ok(ExitCode::SUCCESS)
}

fn lookup(args: &Lookup) -> anyhow::Result<ExitCode> {
    let index = open(&args.db)?;
    let query = args.query.trim();
    let package = package_of(query);
    let mut out = io::stdout().lock();
    let mut rows = vec![row([
        "id", "shard", "package", "versions", "severity", "title",
    ])];
    let mut records = Vec::new();
    for entry in index
        .shards
        .iter()
        .filter(|shard| shard.kind == ShardKind::Match)
    {
        let shard = open_shard(&args.db, entry)?;
        let wanted = match (Ecosystem::of_key(&entry.key), package) {
            (Some(ecosystem), Some(name)) => ecosystem.normalise(name).into_owned(),
            (None, Some(name)) => name.to_owned(),
            (_, None) => String::new(),
        };
        for package in shard.packages() {
            let package = package?;
            if !wanted.is_empty() && package.name != wanted {
                continue;
            }
            for affected in package.affected() {
                let affected = affected?;
                let advisory = shard.advisory(affected.advisory)?;
                if wanted.is_empty() && !is_about(&advisory, query) {
                    continue;
                }
                let versions: Vec<String> = match affected.statement {
                    Some(Statement::Affected) => affected
                        .ranges()
                        .map(|range| range.to_string())
                        .chain(affected.versions().map(|version| format!("= {version}")))
                        .collect(),
                    Some(Statement::NotAffected) => vec!["not affected".to_owned()],
                    _ => vec!["?".to_owned()],
                };
                let rating = advisory.ratings().min_by_key(|rating| rating.rank());
                records.push((entry.key.clone(), advisory.record.to_owned()));
                rows.push(vec![
                    advisory.id.to_owned(),
                    entry.key.clone(),
                    package.name.to_owned(),
                    versions.join(" or ").chars().take(100).collect(),
                    rating.map_or("unknown".to_owned(), |rating| {
                        format!("{} ({})", rating.severity.word(), rating.describe())
                    }),
                    advisory.title.unwrap_or_default().to_owned(),
                ]);
            }
        }
    }
    if records.is_empty() {
        eprintln!(
            "nothing about {query:?} in {} ({})",
            index.name, index.built_at
        );
        return Ok(ExitCode::FAILURE);
    }
    write_table(&mut out, &rows, &[])?;
    if package.is_none() {
        records.sort();
        records.dedup();
        if let Some((key, record)) = records.first()
            && let Some(entry) = index.prose_shard(key, record)
            && let Some(prose) = open_shard(&args.db, entry)?.prose(record)?
        {
            let text = [prose.summary, prose.details, prose.references.join("\n")];
            for part in text.iter().filter(|part| !part.is_empty()) {
                writeln!(out, "\n{part}")?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The package that a query names: `pkg:pypi/jinja2@3.0`, or any word that is no id.
fn package_of(query: &str) -> Option<&str> {
    if let Some(purl) = query.strip_prefix("pkg:") {
        let path = purl.split(['?', '#']).next().unwrap_or(purl);
        let (kind, path) = path.split_once('/')?;
        let path = path.rsplit_once('@').map_or(path, |(path, _)| path);
        // Names with a path of their own keep it.
        return match kind {
            "golang" | "npm" | "composer" | "swift" => Some(path),
            _ => path.rsplit('/').next(),
        };
    }
    let is_id = query.split_once('-').is_some_and(|(prefix, rest)| {
        let is_prefix = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_uppercase());
        is_prefix && rest.contains('-')
    });
    (!is_id).then_some(query)
}

fn is_about(advisory: &AdvisoryRef<'_>, id: &str) -> bool {
    advisory.id.eq_ignore_ascii_case(id)
        || advisory.record.eq_ignore_ascii_case(id)
        || advisory
            .aliases()
            .any(|alias| alias.eq_ignore_ascii_case(id))
}

fn open(dir: &Path) -> anyhow::Result<Index> {
    let path = dir.join(index::FILE_NAME);
    let size = fs::metadata(&path).with_context(|| format!("there is no database in {dir:?}"))?;
    if size.len() > limits::MAX_INDEX_BYTES as u64 {
        bail!("{path:?} is larger than an index may be");
    }
    let bytes = fs::read(&path).with_context(|| format!("cannot read {path:?}"))?;
    Index::parse(&bytes).with_context(|| format!("{path:?} is no index"))
}

fn open_shard(dir: &Path, entry: &ShardEntry) -> anyhow::Result<Shard> {
    let path = dir.join(entry.path());
    let size = fs::metadata(&path).with_context(|| format!("cannot read {path:?}"))?;
    if size.len() != entry.size {
        bail!(
            "{path:?} has {} bytes, the index says {}",
            size.len(),
            entry.size
        );
    }
    let stored = fs::read(&path).with_context(|| format!("cannot read {path:?}"))?;
    Ok(Shard::from_stored(&stored, entry)?)
}

/// One line on stderr that is written over; nothing where stderr is no terminal.
struct Progress {
    is_terminal: bool,
    last: Option<Instant>,
}

impl Progress {
    fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            last: None,
        }
    }

    fn show(&mut self, text: &str) {
        let is_soon = self
            .last
            .is_some_and(|last| last.elapsed().as_millis() < 100);
        if self.is_terminal && !is_soon {
            let text: String = text.chars().take(100).collect();
            eprint!("\r\x1b[K{text}");
            self.last = Some(Instant::now());
        }
    }

    fn clear(&mut self) {
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
    }
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn day(date: Option<&str>) -> String {
    date.and_then(|date| date.get(..10))
        .unwrap_or_default()
        .to_owned()
}

/// With a comma before every third digit.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(value: u64) -> String {
    match value {
        0..10_000 => format!("{value} B"),
        10_000..10_000_000 => format!("{} kB", value / 1000),
        _ => format!("{} MB", value / 1_000_000),
    }
}

/// A table; the first row is its head, columns in `right` are numbers.
fn write_table(out: &mut impl io::Write, rows: &[Vec<String>], right: &[usize]) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (position, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if column > 0 {
                line.push_str("  ");
            }
            let padding = " ".repeat(width - cell.chars().count().min(*width));
            let is_right = right.contains(&column);
            line.push_str(if is_right { &padding } else { "" });
            line.push_str(cell);
            line.push_str(if is_right { "" } else { &padding });
        }
        writeln!(out, "{}", line.trim_end())?;
        if position == 0 {
            let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            writeln!(out, "{}", rule.join("  "))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_name_a_package_or_an_id() {
        let check = |query, expect| assert_eq!(package_of(query), expect, "{query}");
        check("CVE-2024-3094", None);
        check("GHSA-aaaa-bbbb-cccc", None);
        check("jinja2", Some("jinja2"));
        check("zope-interface-x", Some("zope-interface-x"));
        check("pkg:pypi/jinja2", Some("jinja2"));
        check("pkg:pypi/jinja2@3.0?x=y", Some("jinja2"));
        check("pkg:deb/debian/openssl@3.0.11-1", Some("openssl"));
        check("pkg:golang/github.com/a/b@v1", Some("github.com/a/b"));
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1000), "1,000");
        assert_eq!(number(1_234_567), "1,234,567");
    }
}
