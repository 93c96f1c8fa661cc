//! Layers laid over each other: OCI image specification, "Applying Changesets".

use std::collections::{BTreeMap, BTreeSet};

use lamina_image::{
    layer::{Entry, EntryKind},
    limits::{MAX_HARD_LINKS, MAX_SYMLINKS},
    path::LayerPath,
    tree::{Change, ChangeKind, LayerTree, LayerTreeBuilder, MergedTree, ResolveError, TreeKind},
};
use lamina_testkit::{LayerBuilder, layer};
use proptest::prelude::*;

use crate::support::tree;

fn merge(layers: Vec<LayerBuilder>) -> MergedTree {
    let trees: Vec<LayerTree> = layers.into_iter().map(|layer| tree(&layer.tar())).collect();
    MergedTree::merge(&trees.iter().collect::<Vec<_>>())
}

/// The visible paths that are no directories.
fn files(tree: &MergedTree) -> Vec<String> {
    let mut files: Vec<String> = tree
        .nodes()
        .filter(|node| node.entry().is_some_and(|entry| !entry.kind.is_directory()))
        .map(|node| node.path().to_string())
        .collect();
    files.sort();
    files
}

fn history(tree: &MergedTree, path: &str) -> String {
    tree.history(&path.into())
        .iter()
        .map(|Change { layer, kind }| match kind {
            ChangeKind::Added => format!("+{layer}"),
            ChangeKind::Changed => format!("~{layer}"),
            ChangeKind::Removed => format!("-{layer}"),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn each_path_knows_what_every_layer_did() {
    let tree = merge(vec![
        layer().file("a", "1").file("d/b", "22").file("d/c", "333"),
        layer().file("a", "4444"),
        layer().whiteout("d/b").whiteout("a"),
        layer().file("a", "55555"),
    ]);
    assert_eq!(history(&tree, "a"), "+0 ~1 -2 +3");
    assert_eq!(history(&tree, "d/b"), "+0 -2");
    assert_eq!(history(&tree, "d/c"), "+0");
    assert_eq!(history(&tree, "nowhere"), "");
    let visible = |path: &str| {
        (0..4)
            .map(|layer| tree.visible_at(&path.into(), layer))
            .collect::<Vec<_>>()
    };
    assert_eq!(visible("a"), [Some(0), Some(1), None, Some(3)]);
    assert_eq!(visible("d/b"), [Some(0), Some(0), None, None]);
    assert_eq!(visible("d"), [Some(0); 4]);
    assert_eq!(files(&tree), ["a", "d/c"]);

    let statistics = tree.statistics();
    assert_eq!(statistics[0].file_bytes, 6);
    assert_eq!(statistics[0].wasted_bytes, 3);
    assert_eq!(statistics[1].wasted_bytes, 4);
    assert_eq!(statistics[2].files_removed, 2);
    assert_eq!(
        (statistics[3].files_added, statistics[3].wasted_bytes),
        (1, 0)
    );
    assert_eq!(tree.total_bytes(), 8);
}

#[test]
fn opaque_directory_hides_lower_layer_alone() {
    for marker_first in [true, false] {
        let upper = match marker_first {
            true => layer().opaque("d").file("d/new", "n").file("d/both", "2"),
            false => layer().file("d/new", "n").file("d/both", "2").opaque("d"),
        };
        let tree = merge(vec![
            layer()
                .file("d/old", "o")
                .file("d/sub/deep", "o")
                .file("d/both", "1")
                .file("e", ""),
            upper,
        ]);
        assert_eq!(files(&tree), ["d/both", "d/new", "e"]);
        assert_eq!(history(&tree, "d/both"), "+0 ~1");
        assert_eq!(history(&tree, "d/sub"), "+0 -1");
        assert_eq!(history(&tree, "d/sub/deep"), "+0 -1");
    }
}

#[test]
fn whiteout_hides_lower_layer_alone() {
    let tree = merge(vec![
        layer().file("d/x", "1").file("d/y", "1"),
        layer().file("d/z", "2").whiteout("d").whiteout("nothing"),
    ]);
    assert_eq!(files(&tree), ["d/z"]);
    assert_eq!(history(&tree, "d"), "+0 ~1");
    assert_eq!(history(&tree, "nothing"), "");
}

#[test]
fn an_opaque_root_hides_everything() {
    let tree = merge(vec![
        layer().file("a", "1"),
        layer().file(".wh..wh..opq", "").file("b", ""),
    ]);
    assert_eq!(files(&tree), ["b"]);
}

#[test]
fn what_replaces_a_directory_removes_what_was_in_it() {
    let tree = merge(vec![
        layer().file("d/x", "1").file("f", "1").symlink("l", "d"),
        layer()
            .file("d", "now a file")
            .file("f/now", "a directory")
            .directory("l"),
        layer().file("l/in", "1"),
    ]);
    assert_eq!(files(&tree), ["d", "f/now", "l/in"]);
    assert_eq!(history(&tree, "d/x"), "+0 -1");
    assert_eq!(history(&tree, "f"), "+0 ~1");
    assert_eq!(tree.get(&"l".into()).unwrap().kind, TreeKind::Directory);
}

#[test]
fn the_last_duplicate_wins_as_when_extracted() {
    let one = tree(
        &layer()
            .file("a", "first")
            .file("d/x", "gone")
            .file("a", "second!")
            .file("d", "no directory any more")
            .file("e/x", "1")
            .file("e", "file")
            .directory("e")
            .file("e/y", "22")
            .tar(),
    );
    assert_eq!(one.get(&"a".into()).unwrap().size(), 7);
    assert_eq!(one.get(&"d/x".into()).map(|node| node.path()), None);
    assert_eq!(one.get(&"e/x".into()).map(|node| node.path()), None);
    assert_eq!(one.get(&"e/y".into()).unwrap().size(), 2);
    assert_eq!(one.get(&"d".into()).unwrap().kind(), TreeKind::File);
}

#[test]
fn repeated_directories_are_no_change() {
    let tree = merge(vec![
        layer().directory("etc").file("etc/a", "1"),
        layer().directory("etc").file("etc/b", "1"),
    ]);
    assert_eq!(history(&tree, "etc"), "+0");
    assert_eq!(tree.visible_at(&"etc".into(), 1), Some(0));
}

#[test]
fn entries_below_a_link_go_where_it_leads() {
    let tree = merge(vec![
        layer()
            .symlink("lib", "usr/lib")
            .directory("usr/lib")
            .file("usr/lib/a", "1"),
        layer().file("lib/b", "22").whiteout("lib/a"),
        layer().file("lib/deep/c", "333"),
    ]);
    assert_eq!(files(&tree), ["lib", "usr/lib/b", "usr/lib/deep/c"]);
    assert_eq!(tree.get(&"lib".into()).unwrap().kind, TreeKind::Symlink);
    assert_eq!(history(&tree, "usr/lib/a"), "+0 -1");
    assert_eq!(tree.visible_at(&"lib/b".into(), 2), Some(1));
    assert_eq!(tree.visible_at(&"lib/b".into(), 0), None);
    // The directory may come with the layer that writes through the link.
    let tree = merge(vec![
        layer().symlink("a", "z").file("a/x", "1").directory("z"),
    ]);
    assert_eq!(files(&tree), ["a", "z/x"]);
}

#[test]
fn hard_links_lead_to_their_content() {
    let tree = merge(vec![
        layer()
            .file("bin/busybox", "1234567")
            .hard_link("bin/sh", "bin/busybox"),
        layer().hard_link("bin/ash", "bin/sh"),
        layer().file("bin/busybox", "new"),
    ]);
    let content = |layer: usize, path: &str| tree.content_of(layer, &path.into());
    assert_eq!(content(0, "bin/sh"), Some((0, "bin/busybox".into())));
    assert_eq!(content(1, "bin/ash"), Some((0, "bin/busybox".into())));
    assert_eq!(content(2, "bin/busybox"), Some((2, "bin/busybox".into())));
    assert_eq!(content(1, "bin/sh"), None);
    assert_eq!(tree.get(&"bin/ash".into()).unwrap().size, 7);
    assert_eq!(tree.visible_at(&"bin/ash".into(), 2), Some(1));
    let circle = merge(vec![
        layer()
            .hard_link("a", "b")
            .hard_link("b", "a")
            .hard_link("c", "gone"),
    ]);
    assert_eq!(circle.content_of(0, &"a".into()), None);
    assert_eq!(circle.content_of(0, &"c".into()), None);
    assert_eq!(circle.get(&"a".into()).unwrap().size, 0);
}

#[test]
fn chains_of_links_are_followed_up_to_their_limits() {
    let chain = |count: usize| {
        let links = (0..count).fold(layer().file("l0", "x"), |layer, number| {
            layer.symlink(&format!("l{}", number + 1), &format!("l{number}"))
        });
        let tree = merge(vec![links]);
        tree.resolve(&format!("l{count}").as_str().into())
    };
    assert_eq!(chain(MAX_SYMLINKS), Ok("l0".into()));
    assert_eq!(chain(MAX_SYMLINKS + 1), Err(ResolveError::TooManyLinks));
    let chain = |count: usize| {
        let links = (0..count).fold(layer().file("h0", "x"), |layer, number| {
            layer.hard_link(&format!("h{}", number + 1), &format!("h{number}"))
        });
        merge(vec![links]).content_of(0, &format!("h{count}").as_str().into())
    };
    assert_eq!(chain(MAX_HARD_LINKS - 1), Some((0, "h0".into())));
    assert_eq!(chain(MAX_HARD_LINKS), None);
}

#[test]
fn links_are_resolved_inside_the_image() {
    let tree = merge(vec![
        layer()
            .file("usr/lib/os-release", "ID=a")
            .symlink("etc/os-release", "../usr/lib/os-release")
            .symlink("lib", "/usr/lib")
            .symlink("out", "../../../../../usr/lib")
            .symlink("loop", "loop")
            .symlink("dangling", "nowhere"),
    ]);
    let check = |path: &str, expect: Result<&str, ResolveError>| {
        assert_eq!(
            tree.resolve(&path.into()),
            expect.map(LayerPath::from),
            "{path}"
        );
    };
    check("etc/os-release", Ok("usr/lib/os-release"));
    check("lib/os-release", Ok("usr/lib/os-release"));
    check("out/os-release", Ok("usr/lib/os-release"));
    check("", Ok(""));
    check("loop", Err(ResolveError::TooManyLinks));
    check("dangling", Err(ResolveError::NotFound));
    check("etc/os-release/x", Err(ResolveError::NotFound));
}

#[test]
fn trees_survive_the_cache_and_damage_does_not_panic() {
    let one = tree(
        &layer()
            .file("a/b/c", "1")
            .symlink("l", "a/b")
            .hard_link("h", "a/b/c")
            .whiteout("w/x")
            .opaque("o")
            .tar(),
    );
    let bytes = postcard::to_allocvec(&one).unwrap();
    assert_eq!(postcard::from_bytes::<LayerTree>(&bytes).unwrap(), one);
    for at in 0..bytes.len() {
        for value in [0, 1, 2, 0x7f, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            if let Ok(tree) = postcard::from_bytes::<LayerTree>(&damaged) {
                let merged = MergedTree::merge(&[&one, &tree]);
                for node in merged.nodes() {
                    let _ = (node.path(), node.entry(), tree.get(&node.path()));
                    let _ = merged.resolve(&node.path());
                }
            }
        }
        assert!(postcard::from_bytes::<LayerTree>(&bytes[..at]).is_err());
    }
}

fn entry(path: &str, kind: EntryKind) -> Entry {
    let (size, mode, uid, gid, modified) = (1, 0o644, 0, 0, 0);
    Entry {
        path: path.into(),
        kind,
        size,
        mode,
        uid,
        gid,
        modified,
    }
}

#[test]
fn tree_limits_drop_and_count() {
    let mut builder = LayerTreeBuilder::new().with_limits(3, 1000);
    for path in ["a", "b", "c", "d/e"] {
        builder.push(&entry(path, EntryKind::File));
    }
    let tree = builder.finish();
    assert_eq!((tree.len(), tree.dropped()), (3, 2));
    let mut builder = LayerTreeBuilder::new().with_limits(100, 4);
    builder.push(&entry("abc", EntryKind::File));
    builder.push(&entry("def", EntryKind::File));
    builder.push(&entry(
        "abc",
        EntryKind::Symlink {
            target: b"12345".to_vec(),
        },
    ));
    assert_eq!(builder.finish().dropped(), 2);
}

#[test]
fn a_million_tiny_files_fit() {
    let mut builder = LayerTreeBuilder::new();
    for number in 0..1_000_000 {
        let path = format!("srv/data/{}/{number}", number / 1000);
        builder.push(&entry(&path, EntryKind::File));
    }
    let tree = builder.finish();
    assert_eq!((tree.len(), tree.dropped()), (1_001_003, 0));
    assert!(tree.memory_bytes() < 100 << 20, "{}", tree.memory_bytes());
    assert!(tree.get(&"srv/data/999/999999".into()).is_some());
}

/// The specification done the slow way: a map from path to layer, without links.
fn naive(layers: &[Vec<(Vec<u8>, u8)>]) -> BTreeMap<String, usize> {
    let mut visible: BTreeMap<String, (usize, bool)> = BTreeMap::new();
    for (number, layer) in layers.iter().enumerate() {
        let paths: Vec<(String, u8)> = layer
            .iter()
            .map(|(path, kind)| (LayerPath::from_bytes(path).to_string(), *kind))
            .collect();
        let below = |path: &str, of: &str| path.starts_with(&format!("{of}/"));
        for (path, kind) in &paths {
            match kind {
                2 => visible.retain(|known, _| known != path && !below(known, path)),
                3 => visible.retain(|known, _| !below(known, path)),
                _ => {}
            }
        }
        // Within the layer the last one wins, and a file takes the place of a directory.
        let mut own: BTreeMap<String, bool> = BTreeMap::new();
        for (path, kind) in &paths {
            if *kind >= 2 {
                continue;
            }
            // A file takes the place of what is below, also if it is a directory again later.
            if *kind == 0 {
                visible.retain(|known, _| !below(known, path));
            }
            let mut parent = LayerPath::from(path.as_str());
            while let Some(above) = parent.parent().filter(|above| !above.is_root()) {
                own.insert(above.to_string(), true);
                parent = above;
            }
            let is_directory = *kind == 1;
            if !is_directory {
                own.retain(|known, _| !below(known, path));
            }
            own.insert(path.clone(), is_directory);
        }
        for (path, is_directory) in own {
            match (visible.get(&path), is_directory) {
                (Some((_, true)), true) => {}
                _ => {
                    if !is_directory {
                        visible.retain(|known, _| !below(known, &path));
                    }
                    visible.insert(path, (number, is_directory));
                }
            }
        }
    }
    visible
        .into_iter()
        .filter(|(_, (_, is_directory))| !is_directory)
        .map(|(path, (layer, _))| (path, layer))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn merging_agrees_with_the_specification_done_the_slow_way(
        layers in prop::collection::vec(
            prop::collection::vec(("[abc](/[abc]){0,3}", 0..4_u8), 0..12),
            1..5,
        ),
    ) {
        let layers: Vec<Vec<(Vec<u8>, u8)>> = layers
            .into_iter()
            .map(|layer| layer.into_iter().map(|(path, kind)| (path.into_bytes(), kind)).collect())
            .collect();
        let trees: Vec<LayerTree> = layers
            .iter()
            .map(|layer| {
                let mut builder = LayerTreeBuilder::new();
                for (path, kind) in layer {
                    let path = String::from_utf8_lossy(path);
                    let kind = match kind {
                        0 => EntryKind::File,
                        1 => EntryKind::Directory,
                        2 => EntryKind::Whiteout,
                        _ => EntryKind::Opaque,
                    };
                    builder.push(&entry(&path, kind));
                }
                builder.finish()
            })
            .collect();
        let all: Vec<&LayerTree> = trees.iter().collect();
        let merged = MergedTree::merge(&all);
        for last in 0..trees.len() {
            let expected = naive(&layers[..=last]);
            let found: BTreeMap<String, usize> = merged
                .nodes()
                .filter_map(|node| Some((node, node.entry_at(last)?)))
                .filter(|(_, entry)| !entry.kind.is_directory())
                .map(|(node, entry)| (node.path().to_string(), entry.layer))
                .collect();
            prop_assert_eq!(&found, &expected, "after layer {}", last);
            for (path, layer) in &expected {
                prop_assert_eq!(merged.visible_at(&path.as_str().into(), last), Some(*layer));
            }
            let _: BTreeSet<&String> = expected.keys().collect();
        }
    }
}
