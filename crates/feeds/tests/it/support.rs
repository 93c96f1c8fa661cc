//! Builds databases in memory.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::{Cursor, Write as _},
};

use lamina_advisories::Shard;
use lamina_feeds::{Builder, Built, Input, feed_for, feeds::FeedError};

pub(crate) const NOW: &str = "2026-11-23T00:00:00Z";

/// A database in memory.
pub(crate) struct Database {
    pub(crate) built: Built,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// Reads one file with the feed that claims it.
pub(crate) fn read(builder: &mut Builder, path: &str, content: &[u8]) -> Result<(), FeedError> {
    let feed = feed_for(path).unwrap_or_else(|| panic!("no feed claims {path}"));
    let mut content = Cursor::new(content.to_vec());
    feed.read(
        Input {
            path,
            content: &mut content,
        },
        builder,
    )
}

/// Builds a database of files.
pub(crate) fn build(files: &[(&str, &[u8])]) -> Database {
    let mut builder = Builder::new(NOW);
    for (path, content) in files {
        read(&mut builder, path, content).unwrap();
    }
    let mut files = BTreeMap::new();
    let built = builder
        .finish("test", |path, bytes| {
            files.insert(path.to_owned(), bytes.to_vec());
            Ok::<(), Infallible>(())
        })
        .unwrap();
    Database { built, files }
}

/// A zip of members.
pub(crate) fn zip(members: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, content) in members {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

impl Database {
    /// A match shard, opened.
    pub(crate) fn shard(&self, key: &str) -> Shard {
        let entry = self
            .built
            .index
            .match_shard(key)
            .unwrap_or_else(|| panic!("no {key}"));
        Shard::from_stored(&self.files[&entry.path()], entry).unwrap()
    }

    /// Prints what each shard takes.
    pub(crate) fn print_sizes(&self) {
        for row in &self.built.rows {
            let entry = &row.entry;
            println!(
                "{} {:?}: {} advisories, {} packages, {} bytes, {} stored",
                entry.key,
                entry.kind,
                entry.records,
                entry.packages,
                entry.uncompressed_size,
                entry.size
            );
        }
    }

    /// All that a shard says, a line for each package and advisory.
    pub(crate) fn text(&self, key: &str) -> String {
        let shard = self.shard(key);
        let mut text = String::new();
        for package in shard.packages() {
            let package = package.unwrap();
            for affected in package.affected() {
                let affected = affected.unwrap();
                let advisory = shard.advisory(affected.advisory).unwrap();
                let versions: Vec<String> = affected
                    .ranges()
                    .map(|range| range.to_string())
                    .chain(affected.versions().map(|version| format!("= {version}")))
                    .collect();
                let aliases: Vec<&str> = advisory.aliases().collect();
                let ratings: Vec<String> = advisory
                    .ratings()
                    .map(|rating| format!("{} {}", rating.severity.word(), rating.describe()))
                    .collect();
                let qualifiers: String = affected
                    .qualifiers()
                    .map(|qualifier| format!(" {qualifier:?}"))
                    .collect();
                text.push_str(&format!(
                    "{} {} {} {aliases:?} {ratings:?} {:?} {}{qualifiers}\n",
                    package.name,
                    advisory.id,
                    advisory.record,
                    affected.statement.unwrap(),
                    versions.join(" or "),
                ));
            }
        }
        text
    }

    /// How many were skipped, by reason.
    pub(crate) fn skipped(&self) -> Vec<(&str, u64)> {
        self.built
            .skipped_counts
            .iter()
            .map(|((_, reason), count)| (reason.as_str(), *count))
            .collect()
    }
}
