//! Merged trees against what `umoci unpack` made of the same images, and against dive.

use std::collections::BTreeMap;

use lamina_image::{
    digest::Digest,
    layer::Codec,
    path::LayerPath,
    tree::{ChangeKind, MergedTree, TreeKind},
};
use lamina_testkit::shared;

use crate::support::open;

fn merged(archive: &str) -> Option<MergedTree> {
    let bytes = std::fs::read(shared(archive)?).unwrap();
    let (trees, contents) = open(&bytes);
    let contents = contents.unwrap();
    let image = contents.choose(None, None).unwrap();
    assert_eq!(image.problems, []);
    for layer in &image.layers {
        assert_eq!(layer.error, None);
        assert_eq!(layer.summary.as_ref().unwrap().warnings, []);
    }
    Some(trees.merged(image))
}

/// `kind mode uid gid size path target`, one line per visible path; directories without a size.
fn lines(tree: &MergedTree, has_gid: bool) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for node in tree.nodes() {
        let Some(entry) = node.entry() else { continue };
        if node.path().is_root() {
            continue;
        }
        let kind = match entry.kind {
            TreeKind::Absent => panic!("nothing is visible at {:?}", node.path()),
            TreeKind::Directory | TreeKind::Implied => "d",
            TreeKind::File | TreeKind::HardLink => "f",
            TreeKind::Symlink => "l",
            TreeKind::Special => "s",
        };
        let (size, target) = match entry.kind {
            TreeKind::Symlink => (entry.target.len() as u64, entry.target),
            _ => (entry.size, &b""[..]),
        };
        let gid = if has_gid {
            format!("{}\t", entry.gid)
        } else {
            String::new()
        };
        let mode = if entry.kind == TreeKind::Symlink {
            0o777
        } else {
            entry.mode
        };
        let start = format!("{kind}\t{mode:o}\t{}\t{gid}{size}\t", entry.uid);
        let mut line = start.into_bytes();
        line.extend_from_slice(node.path().as_bytes());
        line.push(b'\t');
        line.extend_from_slice(target);
        for byte in &mut line {
            if *byte == b'\n' {
                *byte = 1;
            }
        }
        lines.push(line);
    }
    lines.sort();
    lines
}

fn expected(text: &[u8], size_column: usize, has_link_count: bool) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        // No layer has an entry for the root directory: its mode is the unpacker's.
        .filter(|line| line.split(|byte| *byte == b'\t').nth(size_column + 1) != Some(b""))
        .map(|line| {
            let mut fields: Vec<Vec<u8>> = line
                .split(|byte| *byte == b'\t')
                .map(<[u8]>::to_vec)
                .collect();
            if has_link_count {
                fields.pop();
            }
            match fields[0].as_slice() {
                b"d" => fields[size_column] = b"0".to_vec(),
                b"c" | b"b" | b"p" => fields[0] = b"s".to_vec(),
                _ => {}
            }
            fields.join(&b'\t')
        })
        .collect();
    lines.sort();
    lines
}

fn assert_same(found: &[Vec<u8>], expected: &[Vec<u8>]) {
    let show = |lines: Vec<&Vec<u8>>| -> Vec<String> {
        lines
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    };
    let extra = show(
        found
            .iter()
            .filter(|line| !expected.contains(line))
            .collect(),
    );
    let missing = show(
        expected
            .iter()
            .filter(|line| !found.contains(line))
            .collect(),
    );
    assert_eq!((extra, missing), (vec![], vec![]));
    assert_eq!(found.len(), expected.len());
}

fn zstd(path: &str) -> Vec<u8> {
    let compressed = std::fs::read(shared(path).unwrap()).unwrap();
    let mut decoder = ruzstd::decoding::StreamingDecoder::new(compressed.as_slice()).unwrap();
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut decoder, &mut text).unwrap();
    text
}

#[test]
fn odd_image_is_merged_as_umoci_unpacks_it() {
    let Some(tree) = merged("fixtures/images/built/edge.oci.tar") else {
        return;
    };
    let truth = std::fs::read(shared("fixtures/expected/edge/truth.files.tsv").unwrap()).unwrap();
    assert_same(&lines(&tree, false), &expected(&truth, 3, true));
}

#[test]
fn alpine_is_merged_as_umoci_unpacks_it_in_every_compression() {
    for name in ["oci", "zstd.oci", "zstdchunked.oci", "estargz.oci"] {
        let archive = format!("fixtures/images/built/alpine-poly.{name}.tar");
        let Some(tree) = merged(&archive) else { return };
        let truth = zstd("fixtures/expected/alpine-poly/truth.files.tsv.zst");
        let mut found = lines(&tree, true);
        // What eStargz adds to every layer.
        found.retain(|line| {
            let text = String::from_utf8_lossy(line);
            name != "estargz.oci"
                || !(text.contains("stargz.index.json") || text.contains(".no.prefetch.landmark"))
        });
        assert_same(&found, &expected(&truth, 4, false));
    }
}

#[test]
fn debian_is_merged_as_umoci_unpacks_it() {
    let Some(tree) = merged("fixtures/images/built/debian-slim.zstd.oci.tar") else {
        return;
    };
    let truth = zstd("fixtures/expected/debian-slim/truth.files.tsv.zst");
    assert_same(&lines(&tree, true), &expected(&truth, 4, false));
}

#[test]
fn a_hundred_and_twenty_seven_layers_are_merged() {
    let Some(tree) = merged("fixtures/images/built/many-layers.oci.tar") else {
        return;
    };
    let path = shared("fixtures/expected/many-layers/truth.data.txt").unwrap();
    let truth = std::fs::read_to_string(path).unwrap();
    let names: Vec<&str> = truth
        .lines()
        .map(|line| line.split_once(':').unwrap().0)
        .collect();
    let found: Vec<String> = tree
        .children(&LayerPath::from("data"))
        .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
        .collect();
    let mut expected: Vec<&str> = names.clone();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// dive's own export of this image, layer by layer.
#[test]
fn layers_hold_what_dive_says() {
    let Some(archive) = shared("fixtures/images/real/dive/test-docker-image.tar") else {
        return;
    };
    let (trees, contents) = open(&std::fs::read(archive).unwrap());
    let contents = contents.unwrap();
    let image = contents.choose(None, None).unwrap();
    let snapshot = shared("fixtures/expected/dive/export/snapshots/export_test.snap").unwrap();
    let snapshot = std::fs::read_to_string(snapshot).unwrap();
    let json = &snapshot[snapshot.find('{').unwrap()..snapshot.rfind("---").unwrap()];
    let export: serde_json::Value = serde_json::from_str(json).unwrap();
    let layers = export["layer"].as_array().unwrap();
    assert_eq!(layers.len(), image.layers.len());

    let mut bytes = 0;
    for (number, (ours, dive)) in image.layers.iter().zip(layers).enumerate() {
        let found: BTreeMap<String, u64> = trees.trees[ours.member.as_ref().unwrap()]
            .nodes()
            .filter(|node| !node.kind().is_directory())
            .map(|node| match node.is_whiteout() {
                true => {
                    let name = format!(".wh.{}", String::from_utf8_lossy(node.name()));
                    let parent = node.path().parent().unwrap();
                    (parent.join(name.as_bytes()).to_string(), 0)
                }
                false => (node.path().to_string(), node.size()),
            })
            .collect();
        let expected: BTreeMap<String, u64> = dive["fileList"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|file| file["isDir"] == false)
            .map(|file| {
                let path = file["path"].as_str().unwrap().to_owned();
                (path, file["size"].as_u64().unwrap())
            })
            .collect();
        assert_eq!(found, expected, "layer {number}");
        bytes += found.values().sum::<u64>();
        assert_eq!(
            ours.diff_id.as_ref().unwrap().to_string(),
            dive["digestId"].as_str().unwrap()
        );
    }
    assert_eq!(bytes, export["image"]["sizeBytes"].as_u64().unwrap());

    let tree = trees.merged(image);
    let statistics = tree.statistics();
    assert_eq!(
        statistics.iter().map(|layer| layer.file_bytes).sum::<u64>(),
        bytes
    );
    let wasted: u64 = statistics.iter().map(|layer| layer.wasted_bytes).sum();
    assert_eq!(tree.total_bytes() + wasted, bytes);
    // dive counts every copy of a path that has several; we count those that nobody sees.
    assert!(wasted <= export["image"]["inefficientBytes"].as_u64().unwrap());
    let history = tree.history(&LayerPath::from("root/saved.txt"));
    let kinds: Vec<ChangeKind> = history.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Added, ChangeKind::Changed]);
}

#[test]
fn compressions_are_told_by_their_bytes() {
    let codec = |archive: &str| {
        let bytes = std::fs::read(shared(archive)?).unwrap();
        let (_, contents) = open(&bytes);
        let contents = contents.unwrap();
        let layer = &contents.choose(None, None).unwrap().layers[0];
        let summary = layer.summary.clone().unwrap();
        let blob: Digest = summary.digest;
        assert_eq!(
            Some(&blob),
            layer.descriptor.as_ref().map(|found| &found.digest)
        );
        summary.codec
    };
    for (name, expect) in [
        ("alpine-poly.oci", Codec::Gzip),
        ("alpine-poly.estargz.oci", Codec::Gzip),
        ("alpine-poly.zstd.oci", Codec::Zstd),
        ("alpine-poly.zstdchunked.oci", Codec::Zstd),
    ] {
        let archive = format!("fixtures/images/built/{name}.tar");
        if shared(&archive).is_some() {
            assert_eq!(codec(&archive), Some(expect), "{name}");
        }
    }
}
