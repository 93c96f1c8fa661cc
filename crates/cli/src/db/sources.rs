//! `lamina db sources`: which feeds there are, under which licences, and what a database has of each.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use lamina_feeds::FEEDS;

use super::table::{day, number, row, write_table};
use crate::{
    database::{Database, TrustArgs},
    transport::clock,
};

/// Lists the feeds: licence, whether it is used without being asked for, and what a database has of it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The database: a folder, or an archive of `lamina db export`. Without it, only what this program
    /// can read is listed.
    #[arg(long, value_name = "DIR|FILE", env = "LAMINA_DB")]
    db: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let database = match &args.db {
        Some(path) => Some(Database::open(Some(path), &args.trust)?),
        None => None,
    };
    let sources = database.as_ref().map(|database| &database.index.sources);
    let mut out = io::stdout().lock();
    if let Some(database) = &database {
        writeln!(out, "{}\n", database.describe(clock()?))?;
    }
    let mut rows = vec![row([
        "id",
        "name",
        "records",
        "skipped",
        "newest",
        "use",
        "licence",
        "published at",
    ])];
    for feed in FEEDS {
        let source = sources.and_then(|list| list.iter().find(|source| source.id == feed.id()));
        let is_reserved = feed.reserved().is_some();
        rows.push(vec![
            feed.id().to_owned(),
            feed.name().to_owned(),
            source.map_or(String::new(), |source| number(source.records)),
            source.map_or(String::new(), |source| number(source.skipped)),
            source.map_or(String::new(), |source| day(source.date.as_deref())),
            if is_reserved { "--with" } else { "always" }.to_owned(),
            feed.licence().to_owned(),
            feed.url().to_owned(),
        ]);
    }
    // A database may be newer than this program.
    let strangers = sources.into_iter().flatten();
    for source in strangers.filter(|source| FEEDS.iter().all(|feed| feed.id() != source.id)) {
        rows.push(vec![
            source.id.clone(),
            source.name.clone(),
            number(source.records),
            number(source.skipped),
            day(source.date.as_deref()),
            "unknown here".to_owned(),
            source.licence.clone(),
            source.url.clone(),
        ]);
    }
    write_table(&mut out, &rows, &[2, 3])?;
    let reserved = FEEDS
        .iter()
        .filter_map(|feed| Some((feed.id(), feed.reserved()?)));
    for (position, (id, reason)) in reserved.enumerate() {
        if position == 0 {
            writeln!(out, "\nonly used with --with ID:")?;
        }
        writeln!(out, "  {id}: {reason}")?;
    }
    Ok(ExitCode::SUCCESS)
}
