//! The trees of an image's layers laid over each other.

use super::{
    layer::{LayerTree, Node, TreeKind, components, slice},
    names::{NameIndex, NodeId, ROOT},
};
use crate::{
    limits::{MAX_HARD_LINKS, MAX_SYMLINKS},
    path::LayerPath,
};

/// What a layer did to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The layer, from 0 at the bottom.
    pub layer: usize,
    /// What it did.
    pub kind: ChangeKind,
}

/// The ways in which a layer changes a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// There was nothing before.
    Added,
    /// There was something before, and now this layer's copy is there.
    Changed,
    /// Deleted: by a whiteout, an opaque directory, or because a directory above became something
    /// else.
    Removed,
}

/// What is visible at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergedEntry<'a> {
    /// The layer whose copy it is.
    pub layer: usize,
    /// What it is.
    pub kind: TreeKind,
    /// Bytes of content; for a hard link those of the file that it names.
    pub size: u64,
    /// Permission bits with setuid, setgid and sticky; for a hard link those of the file.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u64,
    /// Numeric group.
    pub gid: u64,
    /// Seconds since 1970-01-01 UTC.
    pub modified: i64,
    /// Where a link leads, as written; empty for everything else.
    pub target: &'a [u8],
    /// Whether it was found to be a program; for a hard link whether the file is one.
    pub is_program: bool,
}

/// What one layer did, in numbers. Files are everything but directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerStatistics {
    /// Files where there was nothing.
    pub files_added: u64,
    /// Files (or what was one) replaced.
    pub files_changed: u64,
    /// Files deleted.
    pub files_removed: u64,
    /// Bytes of the regular files in this layer.
    pub file_bytes: u64,
    /// Of these, bytes of files that a later layer replaces or deletes: they are downloaded and
    /// never seen.
    pub wasted_bytes: u64,
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nothing is there.
    #[error("there is no such path in the image")]
    NotFound,
    /// More symbolic links than Linux follows: they lead in a circle, or nearly.
    #[error("too many symbolic links")]
    TooManyLinks,
}

/// All layers of an image laid over each other.
///
/// It keeps each path's history, so that the image can be looked at as it was after any layer. It
/// owns what it needs; the layers' own trees may be dropped.
#[derive(Clone)]
pub struct MergedTree {
    nodes: Vec<MergedRecord>,
    names: Vec<u8>,
    /// Node ids, grouped by parent and sorted by name.
    children: Vec<NodeId>,
    /// Grouped by node, oldest first.
    changes: Vec<Copied>,
    targets: Vec<u8>,
    index: NameIndex,
    layers: Vec<LayerStatistics>,
}

/// One path that any layer ever had.
#[derive(Clone, Copy)]
pub struct MergedNode<'a> {
    tree: &'a MergedTree,
    id: NodeId,
}

#[derive(Clone, Copy)]
struct MergedRecord {
    parent: NodeId,
    name: u32,
    name_len: u16,
    /// Nothing below is present: there is nothing to remove.
    is_bare: bool,
    /// While merging: the newest change. Afterwards: the first of `change_count`.
    change: u32,
    change_count: u32,
    first_child: u32,
    child_count: u32,
}

/// A layer's copy of a path, or its removal.
#[derive(Clone, Copy)]
struct Copied {
    size: u64,
    modified: i64,
    uid: u64,
    gid: u64,
    target: u32,
    /// While merging: the change before.
    before: u32,
    layer: u32,
    target_len: u16,
    mode: u16,
    kind: TreeKind,
    change: ChangeKind,
    is_program: bool,
}

const NONE: u32 = u32::MAX;

impl MergedTree {
    /// Lays `layers`, lowest first, over each other.
    ///
    /// As in extraction by Docker and containerd, what a layer has below a path that is a symbolic
    /// link goes where the link leads (`lib/x` to `usr/lib/x`), unless the layer itself has a
    /// directory there, which then replaces the link.
    pub fn merge(layers: &[&LayerTree]) -> Self {
        let mut merging = Self {
            nodes: Vec::new(),
            names: Vec::new(),
            children: Vec::new(),
            changes: Vec::new(),
            targets: Vec::new(),
            index: NameIndex::new(),
            layers: Vec::new(),
        };
        merging.nodes.push(MergedRecord::new(ROOT));
        for (number, layer) in (0..).zip(layers) {
            merging.apply_markers(layer, number);
            merging.apply_entries(layer, number);
        }
        merging.settle(layers);
        merging
    }

    /// The root directory.
    pub fn root(&self) -> MergedNode<'_> {
        MergedNode {
            tree: self,
            id: ROOT,
        }
    }

    /// The node of a path that any layer ever had, whether it is visible or not.
    pub fn node(&self, path: &LayerPath) -> Option<MergedNode<'_>> {
        let id = self.find_path(path)?;
        Some(MergedNode { tree: self, id })
    }

    /// All paths that any layer ever had, in no particular order but parents before children.
    pub fn nodes(&self) -> impl Iterator<Item = MergedNode<'_>> {
        (0..)
            .zip(&self.nodes)
            .map(|(id, _)| MergedNode { tree: self, id })
    }

    /// How many paths there are: the ids of nodes are below it.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The node with that id.
    pub fn by_id(&self, id: u32) -> Option<MergedNode<'_>> {
        self.record(id).map(|_| MergedNode { tree: self, id })
    }

    /// What is visible at `path` once all layers are applied. Links are not followed.
    pub fn get(&self, path: &LayerPath) -> Option<MergedEntry<'_>> {
        self.node(path)?.entry()
    }

    /// What the layers did to `path`, oldest first; empty if none ever had it.
    pub fn history(&self, path: &LayerPath) -> Vec<Change> {
        self.node(path)
            .map(|node| node.history().collect())
            .unwrap_or_default()
    }

    /// The layer whose copy of `path` is visible once the layers 0 to `layer` are applied; `None`
    /// if nothing is there then. A hard link counts as its own copy.
    ///
    /// A path that exists only through a symbolic link above it is found through that link.
    pub fn visible_at(&self, path: &LayerPath, layer: usize) -> Option<usize> {
        let id = match self.find_path(path) {
            Some(id) => id,
            None => self.follow(path, layer, false).ok()?,
        };
        Some(self.copy_at(id, layer)?.layer as usize)
    }

    /// What lies in a directory once all layers are applied: names and entries, sorted.
    pub fn children(
        &self,
        directory: &LayerPath,
    ) -> impl Iterator<Item = (&[u8], MergedEntry<'_>)> {
        self.node(directory)
            .into_iter()
            .flat_map(|node| node.children())
            .filter_map(|child| Some((child.name(), child.entry()?)))
    }

    /// Follows all symbolic links of `path` within the image, once all layers are applied.
    ///
    /// # Errors
    /// When it leads nowhere or in a circle.
    pub fn resolve(&self, path: &LayerPath) -> Result<LayerPath, ResolveError> {
        self.resolve_at(path, usize::MAX)
    }

    /// The same once the layers 0 to `layer` are applied.
    ///
    /// # Errors
    /// When it leads nowhere or in a circle.
    pub fn resolve_at(&self, path: &LayerPath, layer: usize) -> Result<LayerPath, ResolveError> {
        let id = self.follow(path, layer, true)?;
        Ok(MergedNode { tree: self, id }.path())
    }

    /// Where the content of `layer`'s copy of `path` lies: itself, or for a hard link the layer and
    /// path of the file that it names. `None` if the layer has no copy, or the link leads nowhere.
    pub fn content_of(&self, layer: usize, path: &LayerPath) -> Option<(usize, LayerPath)> {
        let id = match self.find_path(path) {
            Some(id) => id,
            None => self.follow(path, layer, false).ok()?,
        };
        let copy = self.copies(id).iter().find(|c| c.layer as usize == layer)?;
        let (id, copy) = self.content(id, copy)?;
        Some((copy.layer as usize, MergedNode { tree: self, id }.path()))
    }

    /// What each layer did, lowest first.
    pub fn statistics(&self) -> &[LayerStatistics] {
        &self.layers
    }

    /// Bytes of the regular files that are visible once all layers are applied.
    pub fn total_bytes(&self) -> u64 {
        (0..)
            .zip(&self.nodes)
            .filter_map(|(id, _)| self.copy_at(id, usize::MAX))
            .filter(|copy| copy.kind == TreeKind::File)
            .fold(0, |sum, copy| sum.saturating_add(copy.size))
    }

    fn record(&self, id: NodeId) -> Option<&MergedRecord> {
        self.nodes.get(id as usize)
    }

    fn name(&self, id: NodeId) -> &[u8] {
        self.record(id)
            .map_or(&[][..], |r| slice(&self.names, r.name, r.name_len))
    }

    fn find(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let hash = self.index.hash(parent, name);
        self.index.find(hash, |id| {
            self.record(id)
                .is_some_and(|record| record.parent == parent)
                && self.name(id) == name
        })
    }

    fn find_path(&self, path: &LayerPath) -> Option<NodeId> {
        components(path).try_fold(ROOT, |id, name| self.find(id, name))
    }

    /// A node's changes, oldest first (after merging).
    fn copies(&self, id: NodeId) -> &[Copied] {
        let Some(record) = self.record(id) else {
            return &[];
        };
        let start = record.change as usize;
        self.changes
            .get(start..start + record.change_count as usize)
            .unwrap_or_default()
    }

    /// The copy that is visible after `layer` (after merging).
    fn copy_at(&self, id: NodeId, layer: usize) -> Option<&Copied> {
        self.copies(id)
            .iter()
            .rev()
            .find(|copy| copy.layer as usize <= layer)
            .filter(|copy| copy.change != ChangeKind::Removed)
    }

    /// The file that a copy's bytes lie in.
    fn content<'a>(&'a self, id: NodeId, copy: &'a Copied) -> Option<(NodeId, &'a Copied)> {
        let (mut id, mut copy) = (id, copy);
        for _ in 0..MAX_HARD_LINKS {
            if copy.kind != TreeKind::HardLink {
                return copy.kind.is_present().then_some((id, copy));
            }
            let target = LayerPath::from_bytes(slice(&self.targets, copy.target, copy.target_len));
            let layer = copy.layer as usize;
            let next = match self.find_path(&target) {
                Some(next) => next,
                None => self.follow(&target, layer, false).ok()?,
            };
            // The file may be deleted by a whiteout of the layer that links to it.
            let mut found = self.copies(next).iter().rev();
            copy = found.find(|c| c.layer as usize <= layer && c.change != ChangeKind::Removed)?;
            id = next;
        }
        None
    }

    /// The node that `path` leads to through symbolic links; `layer` says when.
    fn follow(
        &self,
        path: &LayerPath,
        layer: usize,
        follows_last: bool,
    ) -> Result<NodeId, ResolveError> {
        self.walk(path.as_bytes(), follows_last, |id| {
            let copy = self.copy_at(id, layer)?;
            Some((
                copy.kind,
                slice(&self.targets, copy.target, copy.target_len),
            ))
        })
    }

    /// Walks a path through symbolic links, by what `look` sees at a node.
    fn walk<'a>(
        &'a self,
        path: &[u8],
        follows_last: bool,
        look: impl Fn(NodeId) -> Option<(TreeKind, &'a [u8])>,
    ) -> Result<NodeId, ResolveError> {
        let mut todo: Vec<Vec<u8>> = names_backwards(path);
        let mut links = 0;
        let mut id = ROOT;
        while let Some(name) = todo.pop() {
            match name.as_slice() {
                b"." => continue,
                b".." => {
                    id = self.record(id).map_or(ROOT, |record| record.parent);
                    continue;
                }
                _ => {}
            }
            let child = self.find(id, &name).ok_or(ResolveError::NotFound)?;
            let (kind, target) = look(child).ok_or(ResolveError::NotFound)?;
            if kind != TreeKind::Symlink || (todo.is_empty() && !follows_last) {
                id = child;
                continue;
            }
            links += 1;
            if links > MAX_SYMLINKS {
                return Err(ResolveError::TooManyLinks);
            }
            if target.first() == Some(&b'/') {
                id = ROOT;
            }
            todo.extend(names_backwards(target));
        }
        Ok(id)
    }

    // Merging. Until `settle`, a record's `change` is its newest one.

    fn newest(&self, id: NodeId) -> Option<&Copied> {
        self.changes.get(self.record(id)?.change as usize)
    }

    fn present(&self, id: NodeId) -> Option<&Copied> {
        self.newest(id)
            .filter(|copy| copy.change != ChangeKind::Removed)
    }

    fn walk_present(&self, path: &[u8], follows_last: bool) -> Option<NodeId> {
        self.walk(path, follows_last, |id| {
            let copy = self.present(id)?;
            Some((
                copy.kind,
                slice(&self.targets, copy.target, copy.target_len),
            ))
        })
        .ok()
    }

    /// Where a node's symbolic link leads now, if to a directory.
    fn link_target(&self, id: NodeId) -> Option<NodeId> {
        let path = MergedNode { tree: self, id }.path();
        let found = self.walk_present(path.as_bytes(), true)?;
        let is_directory = found == ROOT || self.present(found)?.kind.is_directory();
        is_directory.then_some(found)
    }

    /// Whiteouts and opaque directories: they act on what lower layers have, before this layer's
    /// entries are added.
    fn apply_markers(&mut self, layer: &LayerTree, number: u32) {
        for node in layer.nodes().filter(Node::has_marker) {
            let path = node.path();
            let found = match self.find_path(&path) {
                Some(id) if id == ROOT || self.present(id).is_some() => Some(id),
                _ => self.walk_present(path.as_bytes(), false),
            };
            let Some(id) = found else { continue };
            if node.is_whiteout() && id != ROOT {
                self.remove(id, number);
            } else if node.is_opaque() {
                // An opaque marker behind a symbolic link empties the directory that it leads to.
                let is_link = self
                    .present(id)
                    .is_some_and(|c| c.kind == TreeKind::Symlink);
                let directory = if is_link {
                    self.link_target(id)
                } else {
                    Some(id)
                };
                if let Some(directory) = directory {
                    self.remove_children(directory, number);
                }
            }
        }
    }

    fn apply_entries(&mut self, layer: &LayerTree, number: u32) {
        // Where each of the layer's nodes went. What lies below a symbolic link waits until the
        // rest is there: the directory that it leads to may come with this layer.
        let mut places: Vec<NodeId> = vec![NONE; layer.len()];
        let mut waiting: Vec<Node<'_>> = Vec::new();
        for node in layer.nodes() {
            if !node.kind().is_present() {
                continue;
            }
            let Some(parent) = node.parent() else {
                self.put_directory(ROOT, &node, number);
                set(&mut places, node.id, ROOT);
                continue;
            };
            let above = places.get(parent.id as usize).copied().unwrap_or(NONE);
            let is_behind_link = above == NONE
                || self
                    .present(above)
                    .is_some_and(|copy| copy.kind == TreeKind::Symlink);
            if is_behind_link {
                waiting.push(node);
            } else if let Some(id) = self.put(above, &node, number) {
                set(&mut places, node.id, id);
            }
        }
        for node in waiting {
            let Some(parent) = node.parent() else {
                continue;
            };
            let above = places.get(parent.id as usize).copied().unwrap_or(NONE);
            if above == NONE {
                continue;
            }
            // A link that leads nowhere: the entry stays where it is written.
            let directory = match self.present(above) {
                Some(copy) if copy.kind == TreeKind::Symlink => {
                    self.link_target(above).unwrap_or(above)
                }
                _ => above,
            };
            if let Some(id) = self.put(directory, &node, number) {
                set(&mut places, node.id, id);
            }
        }
    }

    fn put(&mut self, parent: NodeId, node: &Node<'_>, number: u32) -> Option<NodeId> {
        let id = match self.find(parent, node.name()) {
            Some(id) => id,
            None => self.make(parent, node.name())?,
        };
        if node.kind().is_directory() {
            self.put_directory(id, node, number);
            return Some(id);
        }
        if self
            .present(id)
            .is_some_and(|copy| copy.kind.is_directory())
        {
            self.remove_children(id, number);
        }
        self.change(id, node, number);
        Some(id)
    }

    fn put_directory(&mut self, id: NodeId, node: &Node<'_>, number: u32) {
        let is_implied = node.kind() == TreeKind::Implied;
        match self.present(id) {
            // Layers repeat the directories above what they change. That is no change.
            Some(copy) if copy.kind.is_directory() => {
                let is_same = u32::from(copy.mode) == node.mode()
                    && copy.uid == node.uid()
                    && copy.gid == node.gid()
                    && copy.kind == node.kind();
                if !is_implied && !is_same {
                    self.change(id, node, number);
                }
            }
            // What is written below a link goes through it.
            Some(copy) if copy.kind == TreeKind::Symlink && is_implied => {}
            _ => self.change(id, node, number),
        }
    }

    fn make(&mut self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let id = NodeId::try_from(self.nodes.len())
            .ok()
            .filter(|id| *id != NONE)?;
        let start = u32::try_from(self.names.len()).ok()?;
        let mut record = MergedRecord::new(parent);
        record.name = start;
        record.name_len = u16::try_from(name.len()).ok()?;
        // Children are linked through `first_child` (newest child) and `child_count` (next sibling)
        // until `settle` sorts them.
        record.child_count = self.record(parent)?.first_child;
        self.names.extend_from_slice(name);
        self.nodes.push(record);
        if let Some(parent) = self.nodes.get_mut(parent as usize) {
            parent.first_child = id;
        }
        self.index.insert(self.index.hash(parent, name), id);
        Some(id)
    }

    fn change(&mut self, id: NodeId, node: &Node<'_>, number: u32) {
        let target = node.target();
        let start = u32::try_from(self.targets.len()).unwrap_or(NONE);
        self.targets.extend_from_slice(target);
        let copy = Copied {
            size: node.size(),
            modified: node.modified(),
            uid: node.uid(),
            gid: node.gid(),
            target: start,
            before: NONE,
            layer: number,
            target_len: u16::try_from(target.len()).unwrap_or_default(),
            mode: u16::try_from(node.mode()).unwrap_or_default(),
            kind: node.kind(),
            is_program: node.is_program(),
            change: if self.present(id).is_some() {
                ChangeKind::Changed
            } else {
                ChangeKind::Added
            },
        };
        self.note(id, copy);
        // There is something here again, for every directory above.
        let mut above = self.record(id).map_or(ROOT, |record| record.parent);
        while let Some(record) = self.nodes.get_mut(above as usize)
            && record.is_bare
        {
            record.is_bare = false;
            above = record.parent;
        }
    }

    /// Adds a change, or folds it into the one that this layer already made.
    fn note(&mut self, id: NodeId, mut copy: Copied) {
        let Some(record) = self.nodes.get_mut(id as usize) else {
            return;
        };
        if let Some(newest) = self.changes.get_mut(record.change as usize)
            && newest.layer == copy.layer
        {
            copy.change = match (newest.change, copy.change) {
                // Deleted and written again by one layer: the copy below is replaced.
                (ChangeKind::Removed, ChangeKind::Added) => ChangeKind::Changed,
                (ChangeKind::Added, ChangeKind::Changed) => ChangeKind::Added,
                (_, change) => change,
            };
            copy.before = newest.before;
            *newest = copy;
            return;
        }
        copy.before = record.change;
        record.change = u32::try_from(self.changes.len()).unwrap_or(NONE);
        record.change_count += 1;
        self.changes.push(copy);
    }

    fn remove(&mut self, id: NodeId, number: u32) {
        self.remove_children(id, number);
        if let Some(copy) = self.present(id) {
            let removal = Copied {
                layer: number,
                change: ChangeKind::Removed,
                ..*copy
            };
            self.note(id, removal);
        }
    }

    fn remove_children(&mut self, id: NodeId, number: u32) {
        let mut todo = vec![id];
        while let Some(directory) = todo.pop() {
            let Some(record) = self.nodes.get_mut(directory as usize) else {
                continue;
            };
            if record.is_bare {
                continue;
            }
            record.is_bare = true;
            let mut child = record.first_child;
            while child != NONE {
                if let Some(copy) = self.present(child) {
                    let removal = Copied {
                        layer: number,
                        change: ChangeKind::Removed,
                        ..*copy
                    };
                    self.note(child, removal);
                }
                todo.push(child);
                child = self.record(child).map_or(NONE, |record| record.child_count);
            }
        }
    }

    /// Sorts children and changes into runs, and counts.
    fn settle(&mut self, layers: &[&LayerTree]) {
        let mut changes = Vec::with_capacity(self.changes.len());
        for record in &mut self.nodes {
            let start = changes.len();
            let mut next = record.change;
            while let Some(copy) = self.changes.get(next as usize) {
                changes.push(*copy);
                next = copy.before;
            }
            if let Some(run) = changes.get_mut(start..) {
                run.reverse();
                record.change_count = u32::try_from(run.len()).unwrap_or(NONE);
            }
            record.change = u32::try_from(start).unwrap_or(NONE);
        }
        self.changes = changes;

        let mut children: Vec<NodeId> = Vec::with_capacity(self.nodes.len());
        let mut runs: Vec<(u32, u32)> = Vec::with_capacity(self.nodes.len());
        for record in &self.nodes {
            let start = children.len();
            let mut child = record.first_child;
            while child != NONE {
                children.push(child);
                child = self.record(child).map_or(NONE, |record| record.child_count);
            }
            let run = children.get_mut(start..).unwrap_or_default();
            run.sort_unstable_by(|a, b| self.name(*a).cmp(self.name(*b)));
            let count = u32::try_from(run.len()).unwrap_or_default();
            runs.push((u32::try_from(start).unwrap_or(NONE), count));
        }
        for (record, (start, count)) in self.nodes.iter_mut().zip(runs) {
            record.first_child = start;
            record.child_count = count;
        }
        self.children = children;

        self.layers = layers
            .iter()
            .map(|layer| LayerStatistics {
                file_bytes: layer.file_bytes(),
                ..LayerStatistics::default()
            })
            .collect();
        for record in &self.nodes {
            let start = record.change as usize;
            let run = self
                .changes
                .get(start..start + record.change_count as usize);
            let mut before: Option<&Copied> = None;
            for copy in run.unwrap_or_default() {
                if let Some(layer) = self.layers.get_mut(copy.layer as usize) {
                    let was_file = before.is_some_and(|before| !before.kind.is_directory());
                    let is_file = !copy.kind.is_directory();
                    match copy.change {
                        ChangeKind::Added if is_file => layer.files_added += 1,
                        ChangeKind::Changed if is_file => layer.files_changed += 1,
                        ChangeKind::Removed if was_file => layer.files_removed += 1,
                        ChangeKind::Changed if was_file => layer.files_removed += 1,
                        _ => {}
                    }
                }
                if let Some(before) = before
                    && before.kind == TreeKind::File
                    && before.change != ChangeKind::Removed
                    && let Some(layer) = self.layers.get_mut(before.layer as usize)
                {
                    layer.wasted_bytes = layer.wasted_bytes.saturating_add(before.size);
                }
                before = Some(copy);
            }
        }
    }
}

impl<'a> MergedNode<'a> {
    /// Its number in the tree, below [`MergedTree::node_count`]; a parent's is smaller than its
    /// children's. The root's is 0.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &'a [u8] {
        self.tree.name(self.id)
    }

    /// The directory that holds it; `None` for the root.
    pub fn parent(&self) -> Option<MergedNode<'a>> {
        let tree = self.tree;
        let id = tree.record(self.id)?.parent;
        (self.id != ROOT).then_some(MergedNode { tree, id })
    }

    /// The child of that name, whether it is visible or not.
    pub fn child(&self, name: &[u8]) -> Option<MergedNode<'a>> {
        let tree = self.tree;
        let id = tree.find(self.id, name)?;
        Some(MergedNode { tree, id })
    }

    /// What is visible once all layers are applied, without a look at where a link leads.
    pub fn kind(&self) -> Option<TreeKind> {
        Some(self.tree.copy_at(self.id, usize::MAX)?.kind)
    }

    /// Where the bytes of the visible file lie: the node of the file and the layer whose copy of it
    /// they are. For a hard link that is the file that it names, which may not be visible any more.
    pub fn content(&self) -> Option<(MergedNode<'a>, usize)> {
        self.content_at(usize::MAX)
    }

    /// The same once the layers 0 to `layer` are applied.
    pub fn content_at(&self, layer: usize) -> Option<(MergedNode<'a>, usize)> {
        let tree = self.tree;
        let copy = tree.copy_at(self.id, layer)?;
        let (id, copy) = tree.content(self.id, copy)?;
        Some((MergedNode { tree, id }, copy.layer as usize))
    }

    /// The whole path.
    pub fn path(&self) -> LayerPath {
        let mut names = Vec::new();
        let mut id = self.id;
        while id != ROOT {
            names.push(self.tree.name(id));
            id = self.tree.record(id).map_or(ROOT, |record| record.parent);
        }
        names.reverse();
        LayerPath::from_bytes(&names.join(&b'/'))
    }

    /// What the layers did to it, oldest first.
    pub fn history(&self) -> impl Iterator<Item = Change> + use<'a> {
        self.tree.copies(self.id).iter().map(|copy| Change {
            layer: copy.layer as usize,
            kind: copy.change,
        })
    }

    /// What is visible once all layers are applied.
    pub fn entry(&self) -> Option<MergedEntry<'a>> {
        self.entry_at(usize::MAX)
    }

    /// What is visible once the layers 0 to `layer` are applied.
    pub fn entry_at(&self, layer: usize) -> Option<MergedEntry<'a>> {
        let copy = self.tree.copy_at(self.id, layer)?;
        let content = match copy.kind {
            TreeKind::HardLink => self
                .tree
                .content(self.id, copy)
                .map_or(copy, |found| found.1),
            _ => copy,
        };
        Some(MergedEntry {
            layer: copy.layer as usize,
            kind: copy.kind,
            size: content.size,
            // What an unpacker gives to directories that have no entry.
            mode: match copy.kind {
                TreeKind::Implied => 0o755,
                _ => u32::from(content.mode),
            },
            uid: content.uid,
            gid: content.gid,
            modified: content.modified,
            target: slice(&self.tree.targets, copy.target, copy.target_len),
            is_program: content.is_program,
        })
    }

    /// What any layer ever had in it, sorted by name.
    pub fn children(&self) -> impl Iterator<Item = MergedNode<'a>> + use<'a> {
        let tree = self.tree;
        let run = tree.record(self.id).map_or(&[][..], |record| {
            let start = record.first_child as usize;
            tree.children
                .get(start..start + record.child_count as usize)
                .unwrap_or_default()
        });
        run.iter().map(move |id| MergedNode { tree, id: *id })
    }
}

impl MergedRecord {
    fn new(parent: NodeId) -> Self {
        Self {
            parent,
            name: 0,
            name_len: 0,
            is_bare: true,
            change: NONE,
            change_count: 0,
            first_child: NONE,
            child_count: NONE,
        }
    }
}

fn set(places: &mut [NodeId], at: NodeId, place: NodeId) {
    if let Some(slot) = places.get_mut(at as usize) {
        *slot = place;
    }
}

fn names_backwards(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/')
        .rev()
        .filter(|name| !name.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}
