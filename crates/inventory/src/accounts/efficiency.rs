//! How much of the layers is seen in the end, in the terms of dive.
//!
//! <https://github.com/wagoodman/dive>, `dive/filetree/efficiency.go`: of each path that is a leaf in
//! any layer (a file, a link, an empty directory) the smallest of its copies over all of them
//! together. Deleting a file counts as a copy of no bytes, so that all of the file is waste; deleting
//! a directory counts as a copy as large as everything in it. Paths are taken as they are written,
//! links are not followed, and opaque directories count for nothing. A directory that has no entry
//! of its own in the newest layer that passes through it counts as none: of it nothing is said to be
//! deleted.
//!
//! One thing is not as in dive, which logs an error at a whiteout of something that is not there and
//! leaves out the rest of the layer: here it is a copy of no bytes.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use lamina_image::{
    path::LayerPath,
    tree::{LayerTree, TreeKind},
};

use crate::limits::MAX_WASTED_PATHS;

/// What an image's layers waste.
#[derive(Clone, Debug, PartialEq)]
pub struct Efficiency {
    /// 1 where no path is written twice; dive's `efficiencyScore`.
    pub score: f64,
    /// Bytes of all copies of the paths that have several; dive's `inefficientBytes`.
    pub inefficient_bytes: u64,
    /// How many such paths there are.
    pub path_count: u64,
    /// Those with most bytes, most first, at most [`MAX_WASTED_PATHS`].
    pub paths: Vec<WastedPath>,
}

/// A path that has several copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WastedPath {
    /// The path.
    pub path: LayerPath,
    /// Layers that have it or delete it.
    pub copies: u64,
    /// Bytes of all copies together.
    pub bytes: u64,
}

/// dive's figures for layers, lowest first.
pub fn efficiency(layers: &[&LayerTree]) -> Efficiency {
    // Most layers add to the others; what they repeat is room for nothing, so that there is a bound.
    let nodes = layers.iter().map(|layer| layer.len()).sum::<usize>();
    let mut stack = Stack::new(nodes.min(1 << 20));
    for layer in layers {
        stack.add(layer);
    }
    stack.finish()
}

const NONE: u32 = u32::MAX;
const ROOT: u32 = 0;

/// A path that any layer has.
struct Record<'a> {
    parent: u32,
    name: &'a [u8],
    /// What the layers so far, laid over each other, have here.
    size: u64,
    is_present: bool,
    is_directory: bool,
    /// In the chain of its parent's children. What was deleted stays in it until the parent is.
    is_linked: bool,
    first_child: u32,
    next_sibling: u32,
    copies: u32,
    bytes: u64,
    smallest: u64,
}

struct Stack<'a> {
    records: Vec<Record<'a>>,
    ids: HashMap<(u32, &'a [u8]), u32>,
}

impl<'a> Stack<'a> {
    fn new(room: usize) -> Self {
        let mut stack = Self {
            records: Vec::with_capacity(room),
            ids: HashMap::with_capacity(room),
        };
        stack.records.push(Record::new(ROOT, b""));
        stack
    }

    fn add(&mut self, layer: &'a LayerTree) {
        // The layer's nodes, parents first, and their records.
        let mut ids: Vec<u32> = Vec::with_capacity(layer.len());
        let mut whiteouts: Vec<u32> = Vec::new();
        for node in layer.nodes() {
            let Some(parent) = node.parent_id().and_then(|parent| ids.get(parent as usize)) else {
                ids.push(ROOT);
                continue;
            };
            let id = self.record_of(*parent, node.name());
            ids.push(id);
            if node.is_whiteout() {
                whiteouts.push(id);
            }
        }
        let mut deleted = HashMap::new();
        // Sums are of the stack as it was before this layer, and each deleted node is passed once:
        // the outer of two whiteouts first.
        for id in &whiteouts {
            self.delete(*id, &mut deleted);
        }
        for (node, id) in layer.nodes().zip(&ids) {
            if *id == ROOT {
                continue;
            }
            if node.is_whiteout() {
                self.count(*id, deleted.get(id).copied().unwrap_or_default());
            }
            let is_bare_whiteout = node.kind() == TreeKind::Absent
                && node.is_whiteout()
                && !node.is_opaque()
                && !node.has_children();
            if is_bare_whiteout {
                continue;
            }
            let size = match node.kind() {
                TreeKind::File => node.size(),
                _ => 0,
            };
            if !node.has_children() {
                self.count(*id, size);
            }
            self.put(*id, size, node.kind() == TreeKind::Directory);
        }
    }

    fn record_of(&mut self, parent: u32, name: &'a [u8]) -> u32 {
        if let Some(id) = self.ids.get(&(parent, name)) {
            return *id;
        }
        // A tree has fewer nodes than would overflow, all of an image's together may not.
        let Ok(id) = u32::try_from(self.records.len()) else {
            return ROOT;
        };
        self.records.push(Record::new(parent, name));
        self.ids.insert((parent, name), id);
        id
    }

    /// One more copy of a path.
    fn count(&mut self, id: u32, bytes: u64) {
        if let Some(record) = self.records.get_mut(id as usize) {
            record.smallest = match record.copies {
                0 => bytes,
                _ => record.smallest.min(bytes),
            };
            record.copies = record.copies.saturating_add(1);
            record.bytes = record.bytes.saturating_add(bytes);
        }
    }

    /// What the layer has at a path; parents come before.
    fn put(&mut self, id: u32, size: u64, is_directory: bool) {
        let Some(record) = self.records.get_mut(id as usize) else {
            return;
        };
        record.size = size;
        record.is_directory = is_directory;
        record.is_present = true;
        if record.is_linked {
            return;
        }
        record.is_linked = true;
        let parent = record.parent;
        let Some(parent) = self.records.get_mut(parent as usize) else {
            return;
        };
        let next = std::mem::replace(&mut parent.first_child, id);
        if let Some(record) = self.records.get_mut(id as usize) {
            record.next_sibling = next;
        }
    }

    /// Deletes what is below a path, and notes of each directory how many bytes that were. What is
    /// deleted leaves its chain, so that no node is passed twice unless it comes again.
    fn delete(&mut self, id: u32, deleted: &mut HashMap<u32, u64>) {
        // Depth first: a node is met on the way down, and again when its children are done.
        let mut sums: Vec<(u32, u64)> = Vec::new();
        let is_present = |record: &Record<'_>| record.is_present;
        if !self.records.get(id as usize).is_some_and(is_present) {
            return;
        }
        sums.push((id, self.leave(id)));
        while let Some((top, _)) = sums.last() {
            let top = *top;
            let child = self
                .records
                .get(top as usize)
                .map_or(NONE, |r| r.first_child);
            if child != NONE {
                let next = self.records.get_mut(child as usize).map_or(NONE, |record| {
                    record.is_linked = false;
                    std::mem::replace(&mut record.next_sibling, NONE)
                });
                if let Some(record) = self.records.get_mut(top as usize) {
                    record.first_child = next;
                }
                if self.records.get(child as usize).is_some_and(is_present) {
                    let size = self.leave(child);
                    sums.push((child, size));
                }
                continue;
            }
            let Some((done, bytes)) = sums.pop() else {
                break;
            };
            if let Some((_, above)) = sums.last_mut() {
                *above = above.saturating_add(bytes);
            }
            let is_directory = self
                .records
                .get(done as usize)
                .is_some_and(|record| record.is_directory);
            if is_directory {
                deleted.insert(done, bytes);
            }
        }
    }

    /// Marks a node as gone; answers its bytes.
    fn leave(&mut self, id: u32) -> u64 {
        self.records.get_mut(id as usize).map_or(0, |record| {
            record.is_present = false;
            record.size
        })
    }

    fn finish(self) -> Efficiency {
        let (mut smallest, mut all) = (0_u64, 0_u64);
        let (mut inefficient_bytes, mut path_count) = (0_u64, 0);
        // The least of those that are kept is on top.
        let mut heap: BinaryHeap<Reverse<(u64, Reverse<LayerPath>, u32)>> = BinaryHeap::new();
        for record in self.records.iter().filter(|record| record.copies > 0) {
            smallest = smallest.saturating_add(record.smallest);
            all = all.saturating_add(record.bytes);
            if record.copies < 2 {
                continue;
            }
            path_count += 1;
            inefficient_bytes = inefficient_bytes.saturating_add(record.bytes);
            let is_full = heap.len() == MAX_WASTED_PATHS;
            let is_less =
                |least: &Reverse<(u64, Reverse<LayerPath>, u32)>| record.bytes < least.0.0;
            if is_full && heap.peek().is_some_and(is_less) {
                continue;
            }
            let path = Reverse(self.path(record));
            heap.push(Reverse((record.bytes, path, record.copies)));
            if is_full {
                heap.pop();
            }
        }
        let paths = heap.into_sorted_vec().into_iter();
        Efficiency {
            score: match all {
                0 => 1.0,
                _ => to_float(smallest) / to_float(all),
            },
            inefficient_bytes,
            path_count,
            paths: paths
                .map(|Reverse((bytes, Reverse(path), copies))| WastedPath {
                    path,
                    copies: u64::from(copies),
                    bytes,
                })
                .collect(),
        }
    }

    fn path(&self, record: &Record<'_>) -> LayerPath {
        let mut names = vec![record.name];
        let mut above = record.parent;
        while above != ROOT
            && let Some(record) = self.records.get(above as usize)
        {
            names.push(record.name);
            above = record.parent;
        }
        names.reverse();
        LayerPath::from_bytes(&names.join(&b'/'))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio of sizes is as exact as dive's"
)]
fn to_float(bytes: u64) -> f64 {
    bytes as f64
}

impl<'a> Record<'a> {
    fn new(parent: u32, name: &'a [u8]) -> Self {
        Self {
            parent,
            name,
            size: 0,
            is_present: false,
            is_directory: false,
            is_linked: false,
            first_child: NONE,
            next_sibling: NONE,
            copies: 0,
            bytes: 0,
            smallest: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use lamina_testkit::{LayerBuilder, layer};
    use proptest::prelude::*;

    use super::{super::tests::tree, *};

    fn of(layers: Vec<LayerBuilder>) -> Efficiency {
        let layers: Vec<LayerTree> = layers.into_iter().map(tree).collect();
        efficiency(&layers.iter().collect::<Vec<_>>())
    }

    /// `copies bytes path`, as dive's command line prints them, the largest last.
    fn paths(efficiency: &Efficiency) -> Vec<String> {
        let line = |wasted: &WastedPath| {
            let WastedPath {
                path,
                copies,
                bytes,
            } = wasted;
            format!("{copies} {bytes} {path}")
        };
        efficiency.paths.iter().map(line).collect()
    }

    /// The image of dive's own test `Test_CI_Fail`, without the base's other files; what dive prints
    /// of it: 131 bytes in five paths.
    #[test]
    fn what_dive_says_of_its_multi_layer_image() {
        let small = "0123456789abcdefg";
        let run = || layer().directory("etc");
        let layers = vec![
            layer().directory("root").file("etc/passwd", "root"),
            layer().file("somefile.txt", small),
            run()
                .directory("root")
                .directory("root/example/really/nested"),
            run()
                .directory("root")
                .directory("root/example")
                .file("root/example/somefile1.txt", small),
            run()
                .directory("root")
                .directory("root/example")
                .file("root/example/somefile1.txt", small),
            run()
                .directory("root")
                .directory("root/example")
                .file("root/example/somefile2.txt", small),
            run()
                .directory("root")
                .directory("root/example")
                .file("root/example/somefile3.txt", small),
            run()
                .directory("root")
                .directory("root/example")
                .whiteout("root/example/somefile3.txt")
                .file("root/saved.txt", small),
            run().directory("root").file("root/.saved.txt", small),
            run().directory("root").file("root/saved.txt", small),
            run().directory("root"),
            run().directory("root").whiteout("root/example"),
            layer().directory("root").file("root/saved.txt", [b'x'; 46]),
        ];
        let found = of(layers);
        assert_eq!(found.inefficient_bytes, 131);
        assert_eq!(
            paths(&found),
            [
                "3 80 root/saved.txt",
                "2 34 root/example/somefile1.txt",
                "2 17 root/example/somefile3.txt",
                "10 0 etc",
                "2 0 root",
            ]
        );
    }

    #[test]
    fn deleting_a_directory_counts_what_is_in_it_and_deleting_a_file_nothing() {
        let base = || {
            layer()
                .directory("d")
                .file("d/a", "0123")
                .file("d/e/b", "01")
                .file("f", "012")
        };
        let found = of(vec![base(), layer().whiteout("d").whiteout("f")]);
        // Of 15 bytes (4 + 2 + 3, and 6 for the directory) `f` is wasted.
        assert_eq!(found.score, 12.0 / 15.0);
        assert_eq!(paths(&found), ["2 3 f"]);
        // A directory without an entry is none for dive.
        let found = of(vec![base(), layer().whiteout("d/e")]);
        assert_eq!(found.score, 1.0);
        // Nested whiteouts both see what was there before.
        let found = of(vec![
            layer()
                .directory("d")
                .directory("d/e")
                .file("d/e/b", "01")
                .file("d/c", "0"),
            layer().whiteout("d").whiteout("d/e"),
            layer().whiteout("d"),
        ]);
        assert_eq!(paths(&found), ["2 3 d"]);
        assert_eq!(found.score, (3.0 + 2.0) / (3.0 + 3.0 + 2.0));
    }

    #[test]
    fn what_comes_back_after_it_was_deleted_can_be_deleted_again() {
        let found = of(vec![
            layer().directory("d").file("d/a", "0123"),
            layer().whiteout("d"),
            layer().directory("d").file("d/b", "01"),
            layer().whiteout("d"),
        ]);
        assert_eq!(paths(&found), ["2 6 d"]);
        assert_eq!(found.score, (2.0 + 4.0 + 2.0) / (6.0 + 4.0 + 2.0));
    }

    #[test]
    fn nothing_is_efficient() {
        let found = of(vec![layer(), layer().whiteout("a").opaque("b")]);
        assert_eq!((found.score, found.inefficient_bytes), (1.0, 0));
    }

    #[test]
    fn the_most_wasteful_paths_are_told() {
        let files = || {
            (0..MAX_WASTED_PATHS + 10).fold(layer(), |layer, index| {
                layer.file(&format!("f{index:04}"), vec![b'x'; index])
            })
        };
        let found = of(vec![files(), files()]);
        assert_eq!(found.paths.len(), MAX_WASTED_PATHS);
        assert_eq!(found.path_count, MAX_WASTED_PATHS as u64 + 10);
        assert_eq!(paths(&found)[0], "2 218 f0109");
        assert_eq!(paths(&found).last().unwrap(), "2 20 f0010");
        assert_eq!(found.score, 0.5);
    }

    /// The rules of the module's documentation on paths as texts.
    fn naive(layers: &[Vec<(String, u8)>]) -> (u64, u64) {
        use std::collections::BTreeMap;
        let mut stack: BTreeMap<String, (u64, bool)> = BTreeMap::new();
        let mut counts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let below = |path: &str, above: &str| path.starts_with(&format!("{above}/"));
        for layer in layers {
            let mut whiteouts = Vec::new();
            let mut nodes: BTreeMap<String, (u64, bool)> = BTreeMap::new();
            for (path, what) in layer {
                let mut above = path.as_str();
                while let Some((parent, _)) = above.rsplit_once('/') {
                    nodes.entry(parent.to_owned()).or_insert((0, false));
                    above = parent;
                }
                match what {
                    0 => whiteouts.push(path.clone()),
                    1 => {
                        nodes.insert(path.clone(), (0, true));
                    }
                    size => {
                        nodes.insert(path.clone(), (u64::from(*size), false));
                    }
                }
            }
            for path in &whiteouts {
                let bytes = match stack.get(path) {
                    Some((_, true)) => stack
                        .iter()
                        .filter(|(other, _)| below(other, path))
                        .map(|(_, (size, _))| size)
                        .sum(),
                    _ => 0,
                };
                counts.entry(path.clone()).or_default().push(bytes);
            }
            for path in &whiteouts {
                stack.retain(|other, _| other != path && !below(other, path));
            }
            for (path, node) in &nodes {
                let has_children = nodes
                    .keys()
                    .chain(&whiteouts)
                    .any(|other| below(other, path));
                if !has_children {
                    counts.entry(path.clone()).or_default().push(node.0);
                }
                stack.insert(path.clone(), *node);
            }
        }
        let smallest = counts.values().filter_map(|sizes| sizes.iter().min()).sum();
        (smallest, counts.values().flatten().sum())
    }

    proptest! {
        #[test]
        fn it_agrees_with_its_rules_done_the_slow_way(
            layers in prop::collection::vec(
                prop::collection::btree_map("[ab](/[ab]){0,2}", 0_u8..5, 0..8),
                0..5,
            )
        ) {
            // What replaces a directory within one layer is another matter: files have nothing below.
            let layers: Vec<Vec<(String, u8)>> = layers
                .iter()
                .map(|entries| {
                    let is_file_above = |path: &str| entries.iter().any(|(other, what)| {
                        *what > 1 && path.starts_with(&format!("{other}/"))
                    });
                    let kept = entries.iter().filter(|(path, _)| !is_file_above(path));
                    kept.map(|(path, what)| (path.clone(), *what)).collect()
                })
                .collect();
            let (smallest, all) = naive(&layers);
            let build = |entries: &Vec<(String, u8)>| entries.iter().fold(layer(), |layer, (path, what)| match what {
                0 => layer.whiteout(path),
                1 => layer.directory(path),
                size => layer.file(path, vec![b'x'; usize::from(*size)]),
            });
            let found = of(layers.iter().map(build).collect());
            let expect = if all == 0 { 1.0 } else { smallest as f64 / all as f64 };
            prop_assert_eq!(found.score, expect);
        }
    }
}
