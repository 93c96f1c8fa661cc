//! Looks for secrets in the files of folders, and says how fast: to tune rules by.
//!
//! `cargo run --release -p lamina-inventory --example secrets -- /usr/share /etc`
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a native program for developers"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use lamina_image::{
    layer::{Entry, EntryKind},
    path::LayerPath,
};
use lamina_inventory::{
    analyser::{FileWatch, HEAD_BYTES, StreamAnalyser},
    facts::Facts,
    kinds::secrets::Secrets,
};

/// Bytes of a piece: what the layer reader passes on at once.
const PIECE: usize = 64 << 10;

fn main() {
    let mut folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let mut facts = Facts::default();
    let (mut bytes, mut watched, mut files) = (0_u64, 0_u64, 0_u64);
    let mut time = Duration::ZERO;
    while let Some(path) = folders.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        if metadata.is_dir() {
            let inside = fs::read_dir(&path).into_iter().flatten().flatten();
            folders.extend(inside.map(|entry| entry.path()));
        } else if metadata.is_file() && metadata.len() < 1 << 30 {
            let Ok(content) = fs::read(&path) else {
                continue;
            };
            files += 1;
            bytes += content.len() as u64;
            let start = Instant::now();
            if scan(&path, &content, &mut facts) {
                watched += content.len() as u64;
                time += start.elapsed();
            }
        }
    }
    let mut rules: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for issue in &facts.issues {
        let lines = issue.lines.map_or(0, |lines| lines.0);
        let excerpt = issue.excerpt.as_deref().unwrap_or_default();
        println!(
            "{} {} {}:{lines} {excerpt}",
            issue.severity.word(),
            issue.rule,
            issue.file
        );
        *rules
            .entry((issue.rule.clone(), issue.severity.word()))
            .or_default() += 1;
    }
    for ((rule, severity), count) in rules {
        println!("{count:6} {severity} {rule}");
    }
    for warning in facts.warnings {
        println!("warning: {warning}");
    }
    let rate = watched as f64 / time.as_secs_f64() / 1e6;
    println!("{files} files, {bytes} bytes, {watched} watched in {time:?}: {rate:.0} MB/s");
}

/// Whether the file was watched.
fn scan(path: &Path, content: &[u8], facts: &mut Facts) -> bool {
    let entry = Entry {
        path: LayerPath::from(path.to_string_lossy().as_ref()),
        kind: EntryKind::File,
        size: content.len() as u64,
        mode: 0o644,
        uid: 0,
        gid: 0,
        modified: 0,
    };
    let head = content.get(..HEAD_BYTES).unwrap_or(content);
    if Secrets.watch(&entry, head).is_none() {
        return false;
    }
    let analyser: &dyn StreamAnalyser = &Secrets;
    let mut watch = FileWatch::new(&entry, head, [&analyser]);
    for piece in content.chunks(PIECE) {
        watch.feed(piece);
    }
    watch.finish(&entry.path, true, facts);
    true
}
