//! How fast layers are read here, as ratios to `gzip -dc` and `zstd -dc` on the same data.
//!
//! `cargo run --release -p lamina-image --example throughput [FILE.tar.gz | FILE.tar.zst]`; without a
//! file a layer of 400 MB is made.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a measurement for people"
)]

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use lamina_image::{
    layer::{LayerExpectation, LayerReader},
    limits::Limits,
    tree::{LayerTreeBuilder, MergedTree},
};

fn main() {
    let folder = std::env::temp_dir().join("lamina-throughput");
    std::fs::create_dir_all(&folder).unwrap();
    let files = match std::env::args().nth(1) {
        Some(file) => vec![file],
        None => {
            let tar = folder.join("layer.tar").to_string_lossy().into_owned();
            if std::fs::metadata(&tar).is_err() {
                std::fs::write(&tar, make()).unwrap();
            }
            run("gzip", &["-kf", &tar]);
            run("zstd", &["-qkf", &tar]);
            vec![format!("{tar}.gz"), format!("{tar}.zst"), tar]
        }
    };
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let peer = match file.rsplit('.').next() {
            Some("gz") => "gzip",
            Some("zst") => "zstd",
            _ => "cat",
        };
        let peer_seconds = best(|| {
            let arguments: &[&str] = if peer == "cat" {
                &[&file]
            } else {
                &["-dc", &file]
            };
            run(peer, arguments);
        });
        let mut unpacked = 0;
        let ours = best(|| {
            let mut tree = LayerTreeBuilder::new();
            let mut reader = LayerReader::new(LayerExpectation::default(), Limits::default());
            for chunk in bytes.chunks(1 << 20) {
                reader.feed(chunk, &mut tree).unwrap();
            }
            let outcome = reader.finish(&mut tree);
            assert_eq!(outcome.error, None);
            unpacked = outcome.summary.uncompressed_bytes;
            std::hint::black_box(tree.finish());
        });
        println!(
            "{peer:5} {:6.0} MB: ours {ours:.2} s CPU ({:.0} MB/s), {peer} {peer_seconds:.2} s, ratio {:.2}",
            unpacked as f64 / 1e6,
            unpacked as f64 / 1e6 / ours,
            ours / peer_seconds,
        );
    }
    trees();
}

/// A million entries, and 127 layers of them.
fn trees() {
    let entry = |number: usize| lamina_image::layer::Entry {
        path: format!(
            "usr/lib/node_modules/package-{}/dist/file-{number}.js",
            number / 50
        )
        .as_str()
        .into(),
        kind: lamina_image::layer::EntryKind::File,
        size: 1000,
        mode: 0o644,
        uid: 0,
        gid: 0,
        modified: 1_700_000_000,
    };
    for count in [30_000, 1_000_000] {
        let entries: Vec<_> = (0..count).map(entry).collect();
        let start = Instant::now();
        let mut builder = LayerTreeBuilder::new();
        entries.iter().for_each(|entry| builder.push(entry));
        let tree = builder.finish();
        let built = start.elapsed();
        let start = Instant::now();
        let merged = MergedTree::merge(&[&tree, &tree]);
        println!(
            "tree of {count} entries: {:.1} MB, built in {built:.0?}, two of them merged in {:.0?} ({} paths)",
            tree.memory_bytes() as f64 / 1e6,
            start.elapsed(),
            merged.nodes().count(),
        );
    }
}

/// CPU seconds, the best of three: wall time says little on a machine that is shared.
fn best(mut work: impl FnMut()) -> f64 {
    (0..3)
        .map(|_| {
            let start = cpu_seconds();
            work();
            cpu_seconds() - start
        })
        .fold(f64::INFINITY, f64::min)
}

/// User time of this process and its children so far, in steps of 10 ms (Linux).
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(12) + ticks(14)) / 100.0
}

fn run(program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    let status = command.args(arguments).stdout(Stdio::null()).status();
    assert!(status.unwrap().success(), "{program}");
}

/// Text and numbers that compress about as well as a Debian layer.
fn make() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words: Vec<String> = (0..4000)
        .map(|_| format!("{:x}", next() % 0xff_ffff))
        .collect();
    for number in 0..20_000 {
        let mut content = Vec::new();
        let size = 1000 + next() % 38_000;
        while (content.len() as u64) < size {
            let word = &words[usize::try_from(next() % 4000).unwrap()];
            content.extend_from_slice(word.as_bytes());
            content.push(b' ');
            if next() % 4 == 0 {
                content.extend_from_slice(&next().to_le_bytes());
            }
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let path = format!("usr/share/data/{}/{number}.txt", number / 100);
        tar.append_data(&mut header, path, content.as_slice())
            .unwrap();
    }
    tar.into_inner().unwrap()
}
