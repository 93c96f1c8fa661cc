//! The tree of one layer.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::names::{NameIndex, NodeId, ROOT};
use crate::{
    layer::{Claim, Entry, EntryKind, EntrySink},
    limits::{MAX_TREE_NAME_BYTES, MAX_TREE_NODES},
    path::LayerPath,
};

/// What a tree has at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TreeKind {
    /// Nothing of its own: it was only passed on the way to a whiteout, or is one.
    Absent,
    /// A directory without an entry, implied by what lies in it.
    Implied,
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// Another name for a file.
    HardLink,
    /// A device, named pipe or socket.
    Special,
}

impl TreeKind {
    /// Whether it is a directory, with an entry or implied.
    pub fn is_directory(self) -> bool {
        matches!(self, Self::Directory | Self::Implied)
    }

    /// Whether there is anything at the path.
    pub fn is_present(self) -> bool {
        self != Self::Absent
    }
}

/// One layer's entries as a tree, ready to be cached.
///
/// Nodes lie breadth first: a directory's children are one sorted run. A damaged cache cannot make
/// it panic or loop: deserialising checks the structure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct LayerTree(Raw);

/// A serialised tree was damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cached file tree is damaged at node {node}")]
pub struct TreeError {
    /// Where.
    pub node: usize,
}

/// One path of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    tree: &'a LayerTree,
    pub(super) id: NodeId,
    record: &'a Record,
}

/// Collects a layer's entries in archive order.
///
/// What extraction would do decides: the last entry for a path wins, and what replaces a directory
/// by something else removes what was in it.
#[derive(Clone)]
pub struct LayerTreeBuilder {
    nodes: Vec<Building>,
    names: Vec<u8>,
    targets: Vec<u8>,
    owners: Vec<(u64, u64)>,
    owner_ids: HashMap<(u64, u64), u32>,
    index: NameIndex,
    node_limit: usize,
    name_limit: usize,
    dropped: u64,
    /// The node of the entry that was added last; `None` if it has none.
    last: Option<NodeId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Raw {
    records: Vec<Record>,
    #[serde(with = "bytes")]
    names: Vec<u8>,
    #[serde(with = "bytes")]
    targets: Vec<u8>,
    owners: Vec<(u64, u64)>,
    dropped: u64,
}

/// 48 bytes: a million of them are the larger half of what a million entries take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    size: u64,
    modified: i64,
    name: u32,
    parent: NodeId,
    first_child: NodeId,
    child_count: u32,
    owner: u32,
    target: u32,
    target_len: u16,
    name_len: u16,
    mode: u16,
    kind: TreeKind,
    markers: u8,
}

#[derive(Clone, Copy)]
struct Building {
    record: Record,
    hash: u32,
    /// Another node took its place; it and everything below it is gone.
    is_replaced: bool,
}

const WHITEOUT: u8 = 1;
const OPAQUE: u8 = 2;
/// What is at the path is a program: that says nothing of the layers below.
const PROGRAM: u8 = 4;

impl LayerTree {
    /// Starts a tree.
    pub fn builder() -> LayerTreeBuilder {
        LayerTreeBuilder::new()
    }

    /// The root directory.
    pub fn root(&self) -> Node<'_> {
        const EMPTY: &Record = &Record::new(ROOT);
        Node {
            tree: self,
            id: ROOT,
            record: self.0.records.first().unwrap_or(EMPTY),
        }
    }

    /// What the layer has at `path`.
    pub fn get(&self, path: &LayerPath) -> Option<Node<'_>> {
        let mut node = self.root();
        for name in components(path) {
            node = node.child(name)?;
        }
        Some(node)
    }

    /// All paths, breadth first and sorted within a directory; the root first.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..).zip(&self.0.records).map(|(id, record)| Node {
            tree: self,
            id,
            record,
        })
    }

    /// How many paths there are, implied directories and whiteouts included.
    pub fn len(&self) -> usize {
        self.0.records.len()
    }

    /// Whether there is nothing but the root.
    pub fn is_empty(&self) -> bool {
        self.0.records.len() <= 1
    }

    /// Entries that were left out because a limit of this tree was passed.
    pub fn dropped(&self) -> u64 {
        self.0.dropped
    }

    /// Bytes of all regular files.
    pub fn file_bytes(&self) -> u64 {
        self.0
            .records
            .iter()
            .filter(|record| record.kind == TreeKind::File)
            .fold(0, |sum, record| sum.saturating_add(record.size))
    }

    /// Regular files.
    pub fn file_count(&self) -> usize {
        let is_file = |record: &&Record| record.kind == TreeKind::File;
        self.0.records.iter().filter(is_file).count()
    }

    /// Bytes of memory that the tree takes.
    pub fn memory_bytes(&self) -> usize {
        self.0.records.capacity() * size_of::<Record>()
            + self.0.names.capacity()
            + self.0.targets.capacity()
            + self.0.owners.capacity() * size_of::<(u64, u64)>()
    }

    pub(super) fn node(&self, id: NodeId) -> Option<Node<'_>> {
        Some(Node {
            tree: self,
            id,
            record: self.0.records.get(id as usize)?,
        })
    }
}

impl Default for LayerTree {
    fn default() -> Self {
        LayerTreeBuilder::new().finish()
    }
}

impl<'a> Node<'a> {
    /// The last component; empty for the root.
    pub fn name(&self) -> &'a [u8] {
        slice(&self.tree.0.names, self.record.name, self.record.name_len)
    }

    /// The whole path.
    pub fn path(&self) -> LayerPath {
        let mut names = Vec::new();
        let mut node = *self;
        while let Some(parent) = node.parent() {
            names.push(node.name());
            node = parent;
        }
        names.reverse();
        LayerPath::from_bytes(&names.join(&b'/'))
    }

    /// What it is.
    pub fn kind(&self) -> TreeKind {
        self.record.kind
    }

    /// Whether the layer deletes this path from the layers below.
    pub fn is_whiteout(&self) -> bool {
        self.record.markers & WHITEOUT != 0
    }

    /// Whether the layer deletes everything in this directory from the layers below.
    pub fn is_opaque(&self) -> bool {
        self.record.markers & OPAQUE != 0
    }

    /// Whether it is a regular file that was found to be a program: see
    /// [`LayerTreeBuilder::mark_program`].
    pub fn is_program(&self) -> bool {
        self.record.kind == TreeKind::File && self.record.markers & PROGRAM != 0
    }

    /// Bytes of content; 0 unless a regular file.
    pub fn size(&self) -> u64 {
        self.record.size
    }

    /// Permission bits with setuid, setgid and sticky.
    pub fn mode(&self) -> u32 {
        u32::from(self.record.mode)
    }

    /// Numeric owner.
    pub fn uid(&self) -> u64 {
        self.owner().0
    }

    /// Numeric group.
    pub fn gid(&self) -> u64 {
        self.owner().1
    }

    /// Seconds since 1970-01-01 UTC.
    pub fn modified(&self) -> i64 {
        self.record.modified
    }

    /// Where a symbolic or hard link leads, as written; empty for everything else.
    pub fn target(&self) -> &'a [u8] {
        slice(
            &self.tree.0.targets,
            self.record.target,
            self.record.target_len,
        )
    }

    /// The directory that holds it; `None` for the root.
    pub fn parent(&self) -> Option<Node<'a>> {
        (self.id != ROOT).then(|| self.tree.node(self.record.parent))?
    }

    /// The place of its directory in [`LayerTree::nodes`], smaller than its own; `None` for the root.
    pub fn parent_id(&self) -> Option<u32> {
        (self.id != ROOT).then_some(self.record.parent)
    }

    /// Whether the layer has anything in it, whiteouts included.
    pub fn has_children(&self) -> bool {
        self.record.child_count > 0
    }

    /// What lies in it, sorted by name.
    pub fn children(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let tree = self.tree;
        let ids = self.record.first_child..self.record.first_child + self.record.child_count;
        ids.filter_map(move |id| tree.node(id))
    }

    /// The child of that name.
    pub fn child(&self, name: &[u8]) -> Option<Node<'a>> {
        let (mut low, mut high) = (0, self.record.child_count);
        while low < high {
            let middle = low + (high - low) / 2;
            let node = self.tree.node(self.record.first_child + middle)?;
            match node.name().cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(node),
            }
        }
        None
    }

    /// The entry as the archive had it; `None` for implied directories and bare whiteouts.
    pub fn entry(&self) -> Option<Entry> {
        let kind = match self.record.kind {
            TreeKind::Absent | TreeKind::Implied => return None,
            TreeKind::Directory => EntryKind::Directory,
            TreeKind::File => EntryKind::File,
            TreeKind::Symlink => EntryKind::Symlink {
                target: self.target().to_vec(),
            },
            TreeKind::HardLink => EntryKind::HardLink {
                target: LayerPath::from_bytes(self.target()),
            },
            TreeKind::Special => EntryKind::Special,
        };
        Some(Entry {
            path: self.path(),
            kind,
            size: self.size(),
            mode: self.mode(),
            uid: self.uid(),
            gid: self.gid(),
            modified: self.modified(),
        })
    }

    pub(super) fn has_marker(&self) -> bool {
        self.record.markers & (WHITEOUT | OPAQUE) != 0
    }

    fn owner(&self) -> (u64, u64) {
        let owners = &self.tree.0.owners;
        owners
            .get(self.record.owner as usize)
            .copied()
            .unwrap_or_default()
    }
}

impl LayerTreeBuilder {
    /// Starts a tree.
    pub fn new() -> Self {
        let mut root = Record::new(ROOT);
        root.kind = TreeKind::Implied;
        Self {
            nodes: vec![Building {
                record: root,
                hash: 0,
                is_replaced: false,
            }],
            names: Vec::new(),
            targets: Vec::new(),
            owners: vec![(0, 0)],
            owner_ids: HashMap::from([((0, 0), 0)]),
            index: NameIndex::new(),
            node_limit: MAX_TREE_NODES,
            name_limit: MAX_TREE_NAME_BYTES,
            dropped: 0,
            last: None,
        }
    }

    /// Lowers (or raises) the limits of nodes and of bytes of names.
    #[must_use]
    pub fn with_limits(mut self, nodes: usize, name_bytes: usize) -> Self {
        self.node_limit = nodes.min(NodeId::MAX as usize / 2);
        self.name_limit = name_bytes.min(u32::MAX as usize);
        self
    }

    /// Adds an entry. If a limit is passed it is counted as dropped instead.
    pub fn push(&mut self, entry: &Entry) {
        self.last = None;
        let is_marker = matches!(entry.kind, EntryKind::Whiteout | EntryKind::Opaque);
        let Some(id) = self.reach(&entry.path, !is_marker) else {
            self.dropped += 1;
            return;
        };
        let (kind, target): (_, &[u8]) = match &entry.kind {
            EntryKind::Whiteout => return self.mark(id, WHITEOUT),
            EntryKind::Opaque => return self.mark(id, OPAQUE),
            EntryKind::Directory => (TreeKind::Directory, b""),
            EntryKind::File => (TreeKind::File, b""),
            EntryKind::Symlink { target } => (TreeKind::Symlink, target),
            EntryKind::HardLink { target } => (TreeKind::HardLink, target.as_bytes()),
            EntryKind::Special => (TreeKind::Special, b""),
        };
        let Some((target, target_len)) = self.add_target(target) else {
            self.dropped += 1;
            return;
        };
        let id = if kind.is_directory() {
            id
        } else {
            match self.without_children(id) {
                Some(id) => id,
                None => {
                    self.dropped += 1;
                    return;
                }
            }
        };
        let owner = self.owner_id(entry.uid, entry.gid);
        if let Some(node) = self.nodes.get_mut(id as usize) {
            let record = &mut node.record;
            if kind.is_directory() {
                record.note_replacement();
            }
            record.kind = kind;
            record.markers &= !PROGRAM;
            record.size = entry.size;
            record.mode = u16::try_from(entry.mode & 0o7777).unwrap_or_default();
            record.owner = owner;
            record.modified = entry.modified;
            record.target = target;
            record.target_len = target_len;
            self.last = Some(id);
        }
    }

    /// Notes that the file which was added last is a program. The tree itself sees no content: who
    /// does, says so.
    pub fn mark_program(&mut self) {
        if let Some(id) = self.last {
            self.mark(id, PROGRAM);
        }
    }

    /// The finished tree.
    pub fn finish(self) -> LayerTree {
        // Which nodes are still reachable: a parent always comes before its children.
        let mut is_alive = vec![false; self.nodes.len()];
        let mut starts = vec![0_usize; self.nodes.len() + 1];
        for (id, node) in self.nodes.iter().enumerate() {
            let parent = node.record.parent as usize;
            let has_parent = id == ROOT as usize || is_alive.get(parent).copied().unwrap_or(false);
            let alive = has_parent && !node.is_replaced;
            if let Some(slot) = is_alive.get_mut(id) {
                *slot = alive;
            }
            if alive
                && id != ROOT as usize
                && let Some(count) = starts.get_mut(parent + 1)
            {
                *count += 1;
            }
        }
        let mut total = 0;
        for start in &mut starts {
            total += *start;
            *start = total;
        }
        // Children of one parent side by side, then sorted by name.
        let mut next = starts.clone();
        let mut children: Vec<NodeId> = vec![0; total];
        for (id, node) in (0..).zip(&self.nodes).skip(1) {
            if is_alive.get(id as usize).copied().unwrap_or(false)
                && let Some(at) = next.get_mut(node.record.parent as usize)
            {
                if let Some(slot) = children.get_mut(*at) {
                    *slot = id;
                }
                *at += 1;
            }
        }
        let name_of = |id: NodeId| {
            let record = self.nodes.get(id as usize).map(|node| &node.record);
            record.map_or(&[][..], |r| slice(&self.names, r.name, r.name_len))
        };
        let mut records: Vec<Record> = Vec::with_capacity(total + 1);
        let mut olds: Vec<NodeId> = Vec::with_capacity(total + 1);
        let mut names: Vec<u8> = Vec::with_capacity(self.names.len());
        records.extend(self.nodes.first().map(|node| node.record));
        olds.push(ROOT);
        let mut at = 0;
        while let Some(old) = olds.get(at).copied() {
            let run = match (starts.get(old as usize), starts.get(old as usize + 1)) {
                (Some(from), Some(to)) => children.get_mut(*from..*to).unwrap_or_default(),
                _ => &mut [],
            };
            run.sort_unstable_by(|a, b| name_of(*a).cmp(name_of(*b)));
            let first = to_u32(records.len());
            for child in run.iter() {
                if let Some(node) = self.nodes.get(*child as usize) {
                    let mut record = node.record;
                    let name = name_of(*child);
                    record.name = to_u32(names.len());
                    names.extend_from_slice(name);
                    record.parent = to_u32(at);
                    records.push(record);
                    olds.push(*child);
                }
            }
            if let Some(record) = records.get_mut(at) {
                record.first_child = first;
                record.child_count = to_u32(run.len());
            }
            at += 1;
        }
        names.shrink_to_fit();
        LayerTree(Raw {
            records,
            names,
            targets: self.targets,
            owners: self.owners,
            dropped: self.dropped,
        })
    }

    /// The node at `path`, made with the directories above it if need be. `None` past a limit.
    fn reach(&mut self, path: &LayerPath, makes_directories: bool) -> Option<NodeId> {
        let mut id = ROOT;
        for name in components(path) {
            if makes_directories
                && let Some(node) = self.nodes.get_mut(id as usize)
                && !matches!(
                    node.record.kind,
                    TreeKind::Directory | TreeKind::Implied | TreeKind::Symlink
                )
            {
                // Something lies below it, so it is a directory. (What lies below a symbolic link
                // is written through it; merging knows where that is.)
                node.record.note_replacement();
                node.record.kind = TreeKind::Implied;
                node.record.size = 0;
            }
            id = self.child(id, name)?;
        }
        Some(id)
    }

    fn child(&mut self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let hash = self.index.hash(parent, name);
        let found = self.index.find(hash, |id| {
            self.nodes.get(id as usize).is_some_and(|node| {
                node.record.parent == parent
                    && !node.is_replaced
                    && slice(&self.names, node.record.name, node.record.name_len) == name
            })
        });
        if found.is_some() {
            return found;
        }
        let name_len = u16::try_from(name.len()).ok()?;
        if self.nodes.len() >= self.node_limit || self.names.len() + name.len() > self.name_limit {
            return None;
        }
        let id = NodeId::try_from(self.nodes.len()).ok()?;
        let mut record = Record::new(parent);
        record.name = u32::try_from(self.names.len()).ok()?;
        record.name_len = name_len;
        self.names.extend_from_slice(name);
        self.nodes.push(Building {
            record,
            hash,
            is_replaced: false,
        });
        self.index.insert(hash, id);
        Some(id)
    }

    /// The node for a path that is no directory any more: a new one if it was, so that whatever was
    /// below the old one is gone at once.
    fn without_children(&mut self, id: NodeId) -> Option<NodeId> {
        let old = *self.nodes.get(id as usize)?;
        if id == ROOT || !old.record.kind.is_directory() {
            return Some(id);
        }
        if self.nodes.len() >= self.node_limit {
            return None;
        }
        let new = NodeId::try_from(self.nodes.len()).ok()?;
        if let Some(node) = self.nodes.get_mut(id as usize) {
            node.is_replaced = true;
        }
        let mut record = Record::new(old.record.parent);
        record.name = old.record.name;
        record.name_len = old.record.name_len;
        record.markers = old.record.markers & WHITEOUT;
        self.nodes.push(Building {
            record,
            hash: old.hash,
            is_replaced: false,
        });
        self.index.insert(old.hash, new);
        Some(new)
    }

    fn mark(&mut self, id: NodeId, marker: u8) {
        if let Some(node) = self.nodes.get_mut(id as usize) {
            node.record.markers |= marker;
        }
    }

    fn add_target(&mut self, target: &[u8]) -> Option<(u32, u16)> {
        let start = u32::try_from(self.targets.len()).ok()?;
        let length = u16::try_from(target.len()).ok()?;
        if self.targets.len() + target.len() > self.name_limit {
            return None;
        }
        self.targets.extend_from_slice(target);
        Some((start, length))
    }

    fn owner_id(&mut self, uid: u64, gid: u64) -> u32 {
        let next = to_u32(self.owners.len());
        *self.owner_ids.entry((uid, gid)).or_insert_with(|| {
            self.owners.push((uid, gid));
            next
        })
    }
}

/// Takes the entries and no content.
impl EntrySink for LayerTreeBuilder {
    fn entry(&mut self, entry: &Entry) -> Claim {
        self.push(entry);
        Claim::Skip
    }

    fn data(&mut self, _: &[u8]) {}

    fn end(&mut self) {}
}

impl Default for LayerTreeBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl Record {
    /// A directory takes the place of something else of this layer, which had taken the place of
    /// whatever lower layers have: nothing of theirs is left in it.
    fn note_replacement(&mut self) {
        if self.kind.is_present() && !self.kind.is_directory() {
            self.markers |= OPAQUE;
        }
    }

    const fn new(parent: NodeId) -> Self {
        Self {
            size: 0,
            modified: 0,
            name: 0,
            parent,
            first_child: 0,
            child_count: 0,
            owner: 0,
            target: 0,
            target_len: 0,
            name_len: 0,
            mode: 0,
            kind: TreeKind::Absent,
            markers: 0,
        }
    }
}

impl TryFrom<Raw> for LayerTree {
    type Error = TreeError;

    /// Checks that every offset lies inside and that the children form a tree.
    fn try_from(raw: Raw) -> Result<Self, TreeError> {
        let mut next_child = 1_u64;
        for (node, record) in raw.records.iter().enumerate() {
            let inside = |offset: u32, length: u16, arena: &[u8]| {
                u64::from(offset) + u64::from(length) <= arena.len() as u64
            };
            let first = u64::from(record.first_child);
            let has_run = record.child_count == 0 || first == next_child;
            let is_below = node == 0 || (record.parent as usize) < node;
            let is_right = inside(record.name, record.name_len, &raw.names)
                && (record.target_len == 0
                    || inside(record.target, record.target_len, &raw.targets))
                && (record.owner as usize) < raw.owners.len().max(1)
                && has_run
                && is_below
                && next_child > node as u64;
            if !is_right {
                return Err(TreeError { node });
            }
            let run = next_child..next_child + u64::from(record.child_count);
            for child in run.clone() {
                let child = usize::try_from(child).unwrap_or(usize::MAX);
                let parent = raw.records.get(child).map(|child| child.parent as usize);
                if parent != Some(node) {
                    return Err(TreeError { node });
                }
            }
            next_child = run.end;
        }
        if next_child != raw.records.len() as u64 {
            return Err(TreeError { node: 0 });
        }
        Ok(Self(raw))
    }
}

impl From<LayerTree> for Raw {
    fn from(tree: LayerTree) -> Self {
        tree.0
    }
}

/// A path's components.
pub(super) fn components(path: &LayerPath) -> impl Iterator<Item = &[u8]> {
    path.as_bytes()
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
}

pub(super) fn slice(arena: &[u8], start: u32, length: u16) -> &[u8] {
    let start = start as usize;
    arena
        .get(start..start + usize::from(length))
        .unwrap_or_default()
}

/// Node and name counts are kept under `u32::MAX` by the limits.
fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Byte strings in one piece, which formats such as postcard copy whole.
mod bytes {
    use std::fmt;

    use serde::{
        Deserializer, Serializer,
        de::{SeqAccess, Visitor},
    };

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = list.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }
        from.deserialize_byte_buf(Bytes)
    }
}
