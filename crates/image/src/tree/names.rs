//! Finding a directory's child by name while a tree grows.

use std::hash::{BuildHasher as _, RandomState};

/// The index of a node in its tree.
pub(super) type NodeId = u32;

/// The root of every tree.
pub(super) const ROOT: NodeId = 0;

const FREE: NodeId = NodeId::MAX;

/// Open addressing over (parent, name), holding node ids alone: four to eight bytes per node, where
/// a `HashMap` with owned keys takes ten times that.
#[derive(Clone)]
pub(super) struct NameIndex {
    slots: Vec<(u32, NodeId)>,
    used: usize,
    /// Seeded where the platform has randomness, because names come from outside.
    state: RandomState,
}

impl NameIndex {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![(0, FREE); 64],
            used: 0,
            state: RandomState::new(),
        }
    }

    pub(super) fn hash(&self, parent: NodeId, name: &[u8]) -> u32 {
        let hash = self.state.hash_one((parent, name));
        u32::try_from(hash >> 32).unwrap_or_default()
    }

    /// The node with this hash for which `is_it` holds.
    pub(super) fn find(&self, hash: u32, mut is_it: impl FnMut(NodeId) -> bool) -> Option<NodeId> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.slots.get(slot) {
                None | Some((_, FREE)) => return None,
                Some((found, node)) if *found == hash && is_it(*node) => return Some(*node),
                Some(_) => slot = (slot + 1) & mask,
            }
        }
    }

    pub(super) fn insert(&mut self, hash: u32, node: NodeId) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            let old = std::mem::take(&mut self.slots);
            self.slots = vec![(0, FREE); old.len() * 2];
            for (hash, node) in old {
                if node != FREE {
                    self.place(hash, node);
                }
            }
        }
        self.used += 1;
        self.place(hash, node);
    }

    fn place(&mut self, hash: u32, node: NodeId) {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while let Some(found) = self.slots.get_mut(slot) {
            if found.1 == FREE {
                *found = (hash, node);
                return;
            }
            slot = (slot + 1) & mask;
        }
    }
}
