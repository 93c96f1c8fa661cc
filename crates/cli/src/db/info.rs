//! `lamina db info`: what is in a database, how large it is, and whether it is whole.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::bail;
use lamina_advisories::{Index, ShardEntry, ShardKind};

use super::table::{day, number, row, write_table};
use crate::{
    database::{Database, TrustArgs},
    transport::clock,
};

/// Says what is in a database, and checks that it is whole.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The database: a folder, or an archive of `lamina db export`.
    db: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Match shards one by one, prose by key.
pub(super) fn print_shards(out: &mut impl io::Write, index: &Index) -> io::Result<()> {
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
    write_table(out, &rows, &[1, 2, 3, 4, 5])?;
    print_sums(out, index)
}

/// What a whole copy takes, by kind.
fn print_sums(out: &mut impl io::Write, index: &Index) -> io::Result<()> {
    let mut sums: BTreeMap<ShardKind, (u64, u64, u64, u64)> = BTreeMap::new();
    for shard in &index.shards {
        let sum = sums.entry(shard.kind).or_default();
        sum.0 += 1;
        sum.1 += shard.records;
        sum.2 += shard.uncompressed_size;
        sum.3 += shard.size;
    }
    let all = sums.values().fold((0, 0, 0, 0), |all, sum| {
        (all.0 + sum.0, all.1 + sum.1, all.2 + sum.2, all.3 + sum.3)
    });
    let mut rows = vec![row([
        "kind",
        "shards",
        "records",
        "bytes",
        "stored",
        "stored per record",
        "share",
    ])];
    let mut put = |name: &str, (shards, records, bytes, stored): (u64, u64, u64, u64)| {
        let share = match all.3 {
            0 => String::new(),
            total => format!("{} %", stored.saturating_mul(100) / total),
        };
        rows.push(vec![
            name.to_owned(),
            number(shards),
            number(records),
            number(bytes),
            number(stored),
            per_record(stored, records),
            share,
        ]);
    };
    for (kind, sum) in &sums {
        put(kind.word(), *sum);
    }
    put("all", all);
    writeln!(out)?;
    write_table(out, &rows, &[1, 2, 3, 4, 5, 6])?;
    let index_bytes = index.to_json().len() as u64;
    writeln!(out, "index: {} bytes", number(index_bytes))
}

fn per_record(stored: u64, records: u64) -> String {
    match records {
        0 => String::new(),
        #[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
        _ => format!("{:.1}", stored as f64 / records as f64),
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let database = Database::open(Some(&args.db), &args.trust)?;
    let index = &database.index;
    let mut problems = 0;
    for entry in &index.shards {
        if let Err(problem) = database.shard(entry) {
            eprintln!("{} {}: {problem}", entry.kind.word(), entry.key);
            problems += 1;
        }
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}\n", database.describe(clock()?))?;
    print_shards(&mut out, index)?;
    if problems > 0 {
        bail!("{problems} shards are damaged or missing");
    }
    writeln!(out, "\nall {} shards are whole", index.shards.len())?;
    Ok(ExitCode::SUCCESS)
}
