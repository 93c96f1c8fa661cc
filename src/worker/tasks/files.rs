//! Questions of the Files view.

use std::collections::BTreeMap;

use lamina_image::{
    path::LayerPath,
    tree::{ChangeKind, MergedNode, MergedTree, TreeKind},
};
use lamina_inventory::{
    accounts::{FileOwners, OwnerClass},
    licences::files::licence_files,
};
use lamina_scan::join::Joined;

use crate::{
    scanner::{FileChange, FileKind, FileRow, LicenceFiles, Only},
    state::treemap::{
        self, By, LargestCopies, MOST_INNER, MOST_TILES, Tile, Total, WastedCopy, Weighed,
    },
};

/// Paths that a search looks at; an image of this many is searched in about a second.
const MAX_SEARCHED: usize = 4_000_000;

/// The rows of a directory, directories first.
pub(super) fn list_directory(
    image: &Joined,
    directory: &str,
    layer: Option<usize>,
    only: Only,
) -> Vec<FileRow> {
    let Some(node) = image.tree().node(&LayerPath::from(directory)) else {
        return Vec::new();
    };
    let owners = &image.inventory().owners;
    let mut rows: Vec<FileRow> = node
        .children()
        .filter(|child| layer.is_none_or(|layer| touches(child, layer)))
        .filter(|child| only == Only::All || holds(child, only, owners))
        .filter_map(|child| {
            row(
                &child,
                image,
                String::from_utf8_lossy(child.name()).into_owned(),
            )
        })
        .collect();
    rows.sort_by(|a, b| {
        let is_file = |row: &FileRow| row.kind != FileKind::Directory;
        is_file(a)
            .cmp(&is_file(b))
            .then_with(|| a.name.cmp(&b.name))
    });
    rows
}

/// Rows whose path contains `query`, with their whole paths as names.
pub(super) fn search(image: &Joined, query: &str, limit: usize, only: Only) -> Vec<FileRow> {
    let query = query.to_lowercase();
    let owners = &image.inventory().owners;
    let mut rows: Vec<FileRow> = image
        .tree()
        .nodes()
        .take(MAX_SEARCHED)
        .filter(|node| node.entry().is_none_or(|entry| !entry.kind.is_directory()))
        .filter(|node| is_one_of(node, only, owners))
        .filter_map(|node| {
            let path = node.path().to_string();
            path.to_lowercase().contains(&query).then_some((node, path))
        })
        .filter_map(|(node, path)| row(&node, image, path))
        .take(limit)
        .collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// What lies in a directory and one level below, weighed.
pub(super) fn weigh(image: &Joined, directory: &str, by: By) -> Weighed {
    weigh_tree(image.tree(), &image.inventory().owners, directory, by)
}

fn weigh_tree(tree: &MergedTree, owners: &FileOwners, directory: &str, by: By) -> Weighed {
    let Some(node) = tree.node(&LayerPath::from(directory)) else {
        return Weighed::default();
    };
    let mut copies = LargestCopies::default();
    let mut total = Weight::default();
    let mut tiles = Vec::new();
    for child in node.children() {
        let mut weight = Weight::default();
        let mut inner = Vec::new();
        weight.add(&child, owners, by, &mut copies);
        for grandchild in child.children() {
            let mut own = Weight::default();
            own.add_all(&grandchild, owners, by, &mut copies);
            weight.join(&own);
            inner.push(own.tile(&grandchild, Vec::new()));
        }
        total.join(&weight);
        tiles.push(weight.tile(&child, treemap::largest(inner, MOST_INNER)));
    }
    let (wasted, more_wasted) = copies.finish();
    Weighed {
        tiles: treemap::largest(tiles, MOST_TILES),
        total: Total {
            bytes: match by {
                By::Owner | By::Layer => total.size,
                By::Waste => total.written,
            },
            classes: total.classes,
            most: total.most(),
        },
        wasted,
        more_wasted,
    }
}

/// Where the texts of packages' licences lie, of those that have any.
pub(super) fn licences(image: &Joined, packages: &[usize]) -> Vec<LicenceFiles> {
    let known = &image.inventory().packages;
    let files = packages.iter().filter_map(|index| {
        let files = licence_files(image.tree(), &known.get(*index)?.fact);
        Some(LicenceFiles {
            package: *index,
            files: files.iter().map(ToString::to_string).collect(),
        })
    });
    files.filter(|found| !found.files.is_empty()).collect()
}

/// Bytes, by what they are and by the layer they came with.
#[derive(Default)]
struct Weight {
    size: u64,
    /// Bytes of all copies that any layer has, for waste.
    written: u64,
    classes: [u64; 4],
    layers: BTreeMap<usize, u64>,
}

impl Weight {
    fn add_all(
        &mut self,
        node: &MergedNode<'_>,
        owners: &FileOwners,
        by: By,
        copies: &mut LargestCopies,
    ) {
        let mut waiting = vec![*node];
        while let Some(node) = waiting.pop() {
            self.add(&node, owners, by, copies);
            waiting.extend(node.children());
        }
    }

    fn add(
        &mut self,
        node: &MergedNode<'_>,
        owners: &FileOwners,
        by: By,
        copies: &mut LargestCopies,
    ) {
        if by == By::Waste {
            return self.add_wasted(node, copies);
        }
        let Some(entry) = node.entry().filter(|entry| entry.kind == TreeKind::File) else {
            return;
        };
        let class = match owners.class(node) {
            OwnerClass::Os => 0,
            OwnerClass::Language => 1,
            OwnerClass::Classified => 2,
            OwnerClass::Nobody => 3,
        };
        self.note(class, entry.layer, entry.size);
    }

    /// Every copy that a later layer replaced or deleted.
    fn add_wasted(&mut self, node: &MergedNode<'_>, copies: &mut LargestCopies) {
        let mut history = node.history().peekable();
        while let Some(change) = history.next() {
            if change.kind == ChangeKind::Removed {
                continue;
            }
            let copy = node.entry_at(change.layer);
            let Some(copy) = copy.filter(|copy| copy.kind == TreeKind::File) else {
                continue;
            };
            self.written = self.written.saturating_add(copy.size);
            let Some(later) = history.peek() else {
                continue;
            };
            let is_deleted = later.kind == ChangeKind::Removed;
            self.note(usize::from(is_deleted), change.layer, copy.size);
            if copy.size > 0 {
                copies.add(WastedCopy {
                    path: node.path().to_string(),
                    size: copy.size,
                    layer: change.layer,
                    by: later.layer,
                    is_deleted,
                });
            }
        }
    }

    fn note(&mut self, class: usize, layer: usize, size: u64) {
        self.size = self.size.saturating_add(size);
        if let Some(bytes) = self.classes.get_mut(class) {
            *bytes = bytes.saturating_add(size);
        }
        let layer = self.layers.entry(layer).or_default();
        *layer = layer.saturating_add(size);
    }

    fn join(&mut self, other: &Self) {
        self.size = self.size.saturating_add(other.size);
        self.written = self.written.saturating_add(other.written);
        for (bytes, more) in self.classes.iter_mut().zip(other.classes) {
            *bytes = bytes.saturating_add(more);
        }
        for (layer, more) in &other.layers {
            let bytes = self.layers.entry(*layer).or_default();
            *bytes = bytes.saturating_add(*more);
        }
    }

    /// The layer that most bytes came with.
    fn most(&self) -> Option<(usize, u64)> {
        let layers = self.layers.iter();
        let most = layers.max_by_key(|(layer, bytes)| (**bytes, std::cmp::Reverse(**layer)))?;
        Some((*most.0, *most.1))
    }

    fn tile(&self, node: &MergedNode<'_>, inner: Vec<Tile>) -> Tile {
        let classes = self.classes.iter().enumerate();
        // What was deleted with all that was in it was a directory all the same.
        let is_directory = match node.entry() {
            Some(entry) => entry.kind.is_directory(),
            None => node.children().next().is_some(),
        };
        Tile {
            name: String::from_utf8_lossy(node.name()).into_owned(),
            size: self.size,
            is_directory,
            class: classes
                .max_by_key(|(_, bytes)| **bytes)
                .map_or(3, |(class, _)| class),
            layer: self.most().map_or(0, |(layer, _)| layer),
            inner,
        }
    }
}

/// Whether a layer changed the path or, for a directory, anything in it.
fn touches(node: &MergedNode<'_>, layer: usize) -> bool {
    let mut waiting = vec![*node];
    while let Some(node) = waiting.pop() {
        if node.history().any(|change| change.layer == layer) {
            return true;
        }
        waiting.extend(node.children());
    }
    false
}

/// Whether it, or anything in it, is one of those that are wanted.
fn holds(node: &MergedNode<'_>, only: Only, owners: &FileOwners) -> bool {
    let mut waiting = vec![*node];
    while let Some(node) = waiting.pop() {
        if is_one_of(&node, only, owners) {
            return true;
        }
        waiting.extend(node.children());
    }
    false
}

fn is_one_of(node: &MergedNode<'_>, only: Only, owners: &FileOwners) -> bool {
    let entry = node.entry();
    let is_directory = entry
        .as_ref()
        .is_some_and(|entry| entry.kind.is_directory());
    match only {
        Only::All => true,
        _ if is_directory => false,
        Only::Changed => node
            .history()
            .any(|change| change.kind == ChangeKind::Changed),
        Only::Deleted => entry.is_none() && node.history().next().is_some(),
        Only::Unowned => {
            entry.is_some_and(|entry| entry.kind == TreeKind::File)
                && owners.class(node) == OwnerClass::Nobody
        }
    }
}

fn row(node: &MergedNode<'_>, image: &Joined, name: String) -> Option<FileRow> {
    let owners = &image.inventory().owners;
    let history: Vec<(usize, FileChange)> = node
        .history()
        .map(|change| {
            let kind = match change.kind {
                ChangeKind::Added => FileChange::Added,
                ChangeKind::Changed => FileChange::Changed,
                ChangeKind::Removed => FileChange::Deleted,
            };
            (change.layer, kind)
        })
        .collect();
    let entry = node.entry();
    // A deleted path is shown as it was before.
    let shown = match (entry, history.last()) {
        (Some(entry), _) => entry,
        (None, Some((layer, _))) => node.entry_at(layer.checked_sub(1)?)?,
        (None, None) => return None,
    };
    Some(FileRow {
        name,
        kind: match shown.kind {
            TreeKind::File => FileKind::File,
            TreeKind::Symlink => FileKind::Symlink,
            TreeKind::HardLink => FileKind::HardLink,
            kind if kind.is_directory() => FileKind::Directory,
            _ => FileKind::Special,
        },
        size: if shown.kind.is_directory() {
            size_below(node)
        } else {
            shown.size
        },
        mode: mode(shown.mode),
        target: (!shown.target.is_empty())
            .then(|| String::from_utf8_lossy(shown.target).into_owned()),
        history,
        is_present: entry.is_some(),
        owner: owners.package(node),
        ids: (shown.uid, shown.gid),
        opaque_in: match shown.kind.is_directory() {
            true => opaque_in(image, &node.path()),
            false => Vec::new(),
        },
    })
}

/// The layers that hide what the layers below have in a directory.
fn opaque_in(image: &Joined, path: &LayerPath) -> Vec<usize> {
    let trees = image.layers().iter().map(|layer| &layer.analysis.tree);
    let marked = trees.enumerate().filter(|(_, tree)| {
        tree.get(path)
            .is_some_and(|directory| directory.is_opaque())
    });
    marked.map(|(layer, _)| layer).collect()
}

fn size_below(node: &MergedNode<'_>) -> u64 {
    let mut size = 0_u64;
    let mut waiting = vec![*node];
    while let Some(node) = waiting.pop() {
        if let Some(entry) = node.entry()
            && entry.kind == TreeKind::File
        {
            size = size.saturating_add(entry.size);
        }
        waiting.extend(node.children());
    }
    size
}

/// `rwxr-sr-t`, as ls(1) has it.
pub(super) fn mode(bits: u32) -> String {
    let mut text = String::with_capacity(9);
    for (shift, special, on, off) in [
        (6, 0o4000, 's', 'S'),
        (3, 0o2000, 's', 'S'),
        (0, 0o1000, 't', 'T'),
    ] {
        let three = bits >> shift;
        text.push(if three & 4 != 0 { 'r' } else { '-' });
        text.push(if three & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & special != 0, three & 1 != 0) {
            (true, true) => on,
            (true, false) => off,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

// The layers that it makes are made natively.
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use lamina_image::{
        layer::{LayerExpectation, LayerReader},
        limits::Limits,
        tree::LayerTreeBuilder,
    };
    use lamina_testkit::{LayerBuilder, layer};

    use super::*;

    fn merged(layers: impl IntoIterator<Item = LayerBuilder>) -> MergedTree {
        let trees: Vec<_> = layers
            .into_iter()
            .map(|layer| {
                let mut builder = LayerTreeBuilder::new();
                let mut reader = LayerReader::new(LayerExpectation::default(), Limits::default());
                reader.feed(&layer.tar(), &mut builder).unwrap();
                reader.finish(&mut builder);
                builder.finish()
            })
            .collect();
        MergedTree::merge(&trees.iter().collect::<Vec<_>>())
    }

    #[test]
    fn waste_is_what_later_layers_replaced_or_deleted() {
        let tree = merged([
            layer()
                .file("opt/a", "0123456789")
                .file("opt/b", "01234")
                .file("opt/kept", "012")
                .file("srv/deep/c", "01"),
            layer().file("opt/a", "0123").whiteout("srv/deep"),
            layer().whiteout("opt/a").whiteout("opt/b"),
        ]);
        let owners = FileOwners::default();
        let weighed = weigh_tree(&tree, &owners, "", By::Waste);
        // Replaced: a of layer 0. Deleted: c of layer 0, b of layer 0, a of layer 1.
        assert_eq!(weighed.total.classes, [10, 2 + 5 + 4, 0, 0]);
        assert_eq!(weighed.total.bytes, 10 + 5 + 3 + 2 + 4);
        let wasted: u64 = tree
            .statistics()
            .iter()
            .map(|layer| layer.wasted_bytes)
            .sum();
        assert_eq!(weighed.total.wasted(), wasted);
        let told: Vec<_> = weighed
            .wasted
            .iter()
            .map(|copy| {
                (
                    copy.path.as_str(),
                    copy.size,
                    copy.layer,
                    copy.by,
                    copy.is_deleted,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("opt/a", 10, 0, 1, false),
                ("opt/b", 5, 0, 2, true),
                ("opt/a", 4, 1, 2, true),
                ("srv/deep/c", 2, 0, 1, true),
            ]
        );
        assert_eq!(weighed.more_wasted, 0);
        let tiles: Vec<_> = weighed
            .tiles
            .iter()
            .map(|tile| (tile.name.as_str(), tile.size, tile.is_directory))
            .collect();
        assert_eq!(tiles, [("opt", 19, true), ("srv", 2, true)]);

        // A directory that is deleted can still be looked into.
        let below = weigh_tree(&tree, &owners, "srv", By::Waste);
        assert_eq!(below.total.wasted(), 2);
        assert_eq!(
            below.tiles.first().map(|tile| tile.is_directory),
            Some(true)
        );

        // What is visible is weighed without it.
        let seen = weigh_tree(&tree, &owners, "", By::Layer);
        assert_eq!(seen.total.bytes, 3);
        assert_eq!(seen.total.most, Some((0, 3)));
        assert!(seen.wasted.is_empty());
        assert_eq!(
            weigh_tree(&tree, &owners, "none", By::Waste),
            Weighed::default()
        );
    }

    #[test]
    fn modes_read_as_in_ls() {
        let check = |bits, expect: &str| assert_eq!(super::mode(bits), expect);
        check(0o755, "rwxr-xr-x");
        check(0o4755, "rwsr-xr-x");
        check(0o1777, "rwxrwxrwt");
        check(0o2640, "rw-r-S---");
    }
}
