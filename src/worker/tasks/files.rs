//! Questions of the Files view.

use std::collections::BTreeMap;

use lamina_image::{
    path::LayerPath,
    tree::{ChangeKind, MergedNode, TreeKind},
};
use lamina_inventory::accounts::{FileOwners, OwnerClass};
use lamina_scan::join::Joined;

use crate::{
    scanner::{FileChange, FileKind, FileRow, Only},
    state::treemap::{self, MOST_INNER, MOST_TILES, Tile},
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

/// What lies in a directory and one level below, with the bytes that are visible in it.
pub(super) fn weigh(image: &Joined, directory: &str) -> Vec<Tile> {
    let Some(node) = image.tree().node(&LayerPath::from(directory)) else {
        return Vec::new();
    };
    let owners = &image.inventory().owners;
    let tiles = node.children().map(|child| {
        let mut weight = Weight::default();
        let mut inner = Vec::new();
        weight.add(&child, owners);
        for grandchild in child.children() {
            let mut own = Weight::default();
            own.add_all(&grandchild, owners);
            weight.join(&own);
            inner.push(own.tile(&grandchild, Vec::new()));
        }
        weight.tile(&child, treemap::largest(inner, MOST_INNER))
    });
    treemap::largest(tiles.collect(), MOST_TILES)
}

/// Bytes, by whose they are and by the layer they came with.
#[derive(Default)]
struct Weight {
    size: u64,
    classes: [u64; 4],
    layers: BTreeMap<usize, u64>,
}

impl Weight {
    fn add_all(&mut self, node: &MergedNode<'_>, owners: &FileOwners) {
        let mut waiting = vec![*node];
        while let Some(node) = waiting.pop() {
            self.add(&node, owners);
            waiting.extend(node.children());
        }
    }

    fn add(&mut self, node: &MergedNode<'_>, owners: &FileOwners) {
        let Some(entry) = node.entry().filter(|entry| entry.kind == TreeKind::File) else {
            return;
        };
        let class = match owners.class(node) {
            OwnerClass::Os => 0,
            OwnerClass::Language => 1,
            OwnerClass::Classified => 2,
            OwnerClass::Nobody => 3,
        };
        self.size = self.size.saturating_add(entry.size);
        if let Some(bytes) = self.classes.get_mut(class) {
            *bytes = bytes.saturating_add(entry.size);
        }
        let layer = self.layers.entry(entry.layer).or_default();
        *layer = layer.saturating_add(entry.size);
    }

    fn join(&mut self, other: &Self) {
        self.size = self.size.saturating_add(other.size);
        for (bytes, more) in self.classes.iter_mut().zip(other.classes) {
            *bytes = bytes.saturating_add(more);
        }
        for (layer, more) in &other.layers {
            let bytes = self.layers.entry(*layer).or_default();
            *bytes = bytes.saturating_add(*more);
        }
    }

    fn tile(&self, node: &MergedNode<'_>, inner: Vec<Tile>) -> Tile {
        let classes = self.classes.iter().enumerate();
        let layers = self.layers.iter();
        Tile {
            name: String::from_utf8_lossy(node.name()).into_owned(),
            size: self.size,
            is_directory: node.entry().is_some_and(|entry| entry.kind.is_directory()),
            class: classes
                .max_by_key(|(_, bytes)| **bytes)
                .map_or(3, |(class, _)| class),
            layer: layers
                .max_by_key(|(_, bytes)| **bytes)
                .map_or(0, |(layer, _)| *layer),
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

#[cfg(test)]
mod tests {
    #[test]
    fn modes_read_as_in_ls() {
        let check = |bits, expect: &str| assert_eq!(super::mode(bits), expect);
        check(0o755, "rwxr-xr-x");
        check(0o4755, "rwsr-xr-x");
        check(0o1777, "rwxrwxrwt");
        check(0o2640, "rw-r-S---");
    }
}
