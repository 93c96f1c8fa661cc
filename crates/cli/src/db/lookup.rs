//! `lamina db lookup`: what a database says of a vulnerability or a package.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use lamina_advisories::{
    Shard, ShardEntry, ShardKind,
    ecosystem::{ECOSYSTEMS, Ecosystem},
    record::{Exploited, Qualifier, Statement},
    shard::{AdvisoryRef, AffectedRef},
};

use super::table::{row, write_table};
use crate::database::{Database, TrustArgs};

/// Looks up a vulnerability or a package.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The database: a folder, or an archive of `lamina db export`.
    #[arg(long, value_name = "DIR|FILE", env = "LAMINA_DB")]
    db: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// The id, package URL or package name.
    query: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let database = Database::open(Some(&args.db), &args.trust)?;
    let index = &database.index;
    let query = args.query.trim();
    let package = package_of(query);
    let mut out = io::stdout().lock();
    let mut rows = vec![row([
        "id", "shard", "package", "status", "versions", "only for", "severity", "EPSS", "KEV",
        "CWE", "title",
    ])];
    let mut records = Vec::new();
    for entry in index
        .shards
        .iter()
        .filter(|shard| shard.kind == ShardKind::Match && is_asked(&shard.key, query))
    {
        let shard = open_shard(&database, entry)?;
        let wanted = match (Ecosystem::of_key(&entry.key), package) {
            (Some(ecosystem), Some(name)) => ecosystem.normalise(name).into_owned(),
            (None, Some(name)) => name.to_owned(),
            (_, None) => String::new(),
        };
        // Opened for the first hit only.
        let mut scores: Option<Option<Shard>> = None;
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
                let scores = match &scores {
                    Some(scores) => scores,
                    None => {
                        let opened = match index.scores_shard(&entry.key) {
                            Some(scores) => Some(open_shard(&database, scores)?),
                            None => None,
                        };
                        // They are by number, and so of no use to another shard.
                        let is_of =
                            |scores: &Shard| scores.meta().of.as_ref() == Some(&entry.digest);
                        scores.insert(opened.filter(is_of))
                    }
                };
                let rating = advisory.ratings().min_by_key(|rating| rating.rank());
                records.push((entry.key.clone(), advisory.record.to_owned()));
                rows.push(vec![
                    advisory.id.to_owned(),
                    entry.key.clone(),
                    package.name.to_owned(),
                    statement(affected.statement).to_owned(),
                    versions(&affected).chars().take(100).collect(),
                    qualifiers(&affected),
                    rating.map_or("unknown".to_owned(), |rating| {
                        format!("{} ({})", rating.severity.word(), rating.describe())
                    }),
                    scores
                        .as_ref()
                        .and_then(|scores| scores.epss(affected.advisory))
                        .map_or(String::new(), |epss| {
                            format!("{:.2} %", epss.score.value() * 100.0)
                        }),
                    scores
                        .as_ref()
                        .and_then(|scores| scores.exploited(affected.advisory))
                        .map_or(String::new(), exploited),
                    advisory
                        .cwes()
                        .map(|cwe| format!("CWE-{cwe}"))
                        .collect::<Vec<_>>()
                        .join(" "),
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
    drop_empty_columns(&mut rows);
    write_table(&mut out, &rows, &[])?;
    if package.is_none() {
        records.sort();
        records.dedup();
        if let Some((key, record)) = records.first()
            && let Some(entry) = index.prose_shard(key, record)
            && let Some(prose) = open_shard(&database, entry)?.prose(record)?
        {
            let text = [prose.summary, prose.details, prose.references.join("\n")];
            for part in text.iter().filter(|part| !part.is_empty()) {
                writeln!(out, "\n{part}")?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a source states, in words.
pub(super) fn statement(statement: Option<Statement>) -> &'static str {
    match statement {
        Some(Statement::Affected) => "affected",
        Some(Statement::NotAffected) => "not affected",
        Some(Statement::WillNotFix) => "will not be fixed",
        Some(Statement::FixDeferred) => "fix deferred",
        Some(Statement::UnderInvestigation) => "under investigation",
        Some(Statement::EndOfLife) => "end of life",
        Some(Statement::Possible) => "possible",
        // Of a database that is newer than this program.
        _ => "?",
    }
}

fn versions(affected: &AffectedRef<'_>) -> String {
    let ranges = affected.ranges().map(|range| range.to_string());
    let versions = affected.versions().map(|version| format!("= {version}"));
    let all: Vec<String> = ranges.chain(versions).collect();
    match affected.statement {
        // Its range is that of all versions.
        Some(Statement::NotAffected) => String::new(),
        _ => all.join(" or "),
    }
}

fn qualifiers(affected: &AffectedRef<'_>) -> String {
    let words: Vec<String> = affected
        .qualifiers()
        .map(|qualifier| match qualifier {
            Qualifier::Module(stream) => format!("module {stream}"),
            Qualifier::Architecture(name) => name.to_owned(),
            Qualifier::Product(product) => product.to_owned(),
            Qualifier::Source => "source package".to_owned(),
            _ => "?".to_owned(),
        })
        .collect();
    words.join(", ")
}

fn exploited(entry: Exploited) -> String {
    let mut text = format!("since {}", entry.added);
    if let Some(due) = entry.due {
        text.push_str(&format!(", due {due}"));
    }
    if entry.by_ransomware {
        text.push_str(", ransomware");
    }
    text
}

/// Leaves out columns that have nothing but their head.
fn drop_empty_columns(rows: &mut [Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    for column in (0..columns).rev() {
        let is_empty = |row: &Vec<String>| row.get(column).is_none_or(String::is_empty);
        if rows.iter().skip(1).all(is_empty) {
            for row in rows.iter_mut().filter(|row| row.len() > column) {
                row.remove(column);
            }
        }
    }
}

/// Whether a shard may have an answer: a package URL names an ecosystem.
fn is_asked(key: &str, query: &str) -> bool {
    let Some(purl) = query.strip_prefix("pkg:") else {
        return true;
    };
    let base = Ecosystem::of_key(key).map_or(key, |ecosystem| ecosystem.key);
    let mut parts = purl.split('/');
    let kind = parts.next().unwrap_or_default();
    let namespace = parts.next().unwrap_or_default();
    match kind {
        "cargo" => base == "crates.io",
        "gem" => base == "rubygems",
        "golang" => base == "go",
        "composer" => base == "packagist",
        "deb" | "apk" | "rpm" => namespace_fits(base, namespace),
        // Most have the same name here and there; others are looked for everywhere.
        _ if ECOSYSTEMS.iter().any(|ecosystem| ecosystem.key == kind) => base == kind,
        _ => true,
    }
}

fn namespace_fits(base: &str, namespace: &str) -> bool {
    match namespace {
        "redhat" | "rhel" => base == "red-hat",
        name if ECOSYSTEMS.iter().any(|ecosystem| ecosystem.key == name) => base == name,
        _ => true,
    }
}

fn open_shard(database: &Database, entry: &ShardEntry) -> anyhow::Result<Shard> {
    let shard = database.shard(entry);
    shard.map_err(|problem| anyhow::anyhow!("shard {:?}: {problem}", entry.key))
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
    fn a_package_url_is_looked_up_in_its_own_ecosystem() {
        let check = |query, key, expect| assert_eq!(is_asked(key, query), expect, "{query} {key}");
        check("pkg:pypi/jinja2", "pypi", true);
        check("pkg:pypi/jinja2", "debian:12", false);
        check("pkg:deb/debian/openssl@3", "debian:12", true);
        check("pkg:deb/debian/openssl@3", "ubuntu-pro:18.04", false);
        check("pkg:deb/ubuntu/openssl", "ubuntu-pro:18.04", true);
        check("pkg:cargo/tokio", "crates.io", true);
        check("pkg:rpm/redhat/curl", "red-hat:9", true);
        check("pkg:generic/x", "npm", true);
        check("jinja2", "npm", true);
    }

    #[test]
    fn columns_without_a_word_are_left_out() {
        let mut rows = vec![
            row(["a", "b", "c"]),
            row(["1", "", "3"]),
            row(["4", "", ""]),
        ];
        drop_empty_columns(&mut rows);
        assert_eq!(rows, [row(["a", "c"]), row(["1", "3"]), row(["4", ""])]);
    }
}
