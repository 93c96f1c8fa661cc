//! The files of one layer, and its tar.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

/// The changes that one layer makes, by path.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    nodes: BTreeMap<String, Node>,
}

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    mode: u32,
    owner: (u64, u64),
}

#[derive(Clone, Debug)]
enum Kind {
    File(Vec<u8>),
    Directory,
    Link(String),
}

impl Layer {
    pub(crate) fn file(&mut self, path: &str, bytes: impl Into<Vec<u8>>, mode: u32) {
        self.put(path, Kind::File(bytes.into()), mode);
    }

    pub(crate) fn directory(&mut self, path: &str, mode: u32) {
        self.put(path, Kind::Directory, mode);
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.put(path, Kind::Link(target.to_owned()), 0o777);
    }

    /// Hides `path` of the layers below.
    pub(crate) fn whiteout(&mut self, path: &str) {
        let marker = match path.rsplit_once('/') {
            Some((parent, name)) => format!("{parent}/.wh.{name}"),
            None => format!(".wh.{path}"),
        };
        self.put(&marker, Kind::File(Vec::new()), 0);
    }

    /// Gives everything at or below `path` to `owner`.
    pub(crate) fn own(&mut self, path: &str, owner: (u64, u64)) {
        for (at, node) in &mut self.nodes {
            if at == path
                || at
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.starts_with('/'))
            {
                node.owner = owner;
            }
        }
    }

    /// The tar: sorted by path, parents first, all of one time, with the modes that `directories`
    /// remembers from layers below.
    pub(crate) fn to_tar(
        &self,
        mtime: u64,
        directories: &mut BTreeMap<String, u32>,
    ) -> Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut written = BTreeSet::new();
        for (path, node) in &self.nodes {
            for (end, _) in path.match_indices('/') {
                let parent = path.get(..end).unwrap_or_default();
                if written.insert(parent.to_owned()) && !self.nodes.contains_key(parent) {
                    let mode = *directories.entry(parent.to_owned()).or_insert(0o755);
                    append(&mut archive, parent, &Kind::Directory, mode, (0, 0), mtime)?;
                }
            }
            if matches!(node.kind, Kind::Directory) {
                directories.insert(path.clone(), node.mode);
            }
            append(&mut archive, path, &node.kind, node.mode, node.owner, mtime)?;
        }
        Ok(archive.into_inner()?)
    }

    fn put(&mut self, path: &str, kind: Kind, mode: u32) {
        let node = Node {
            kind,
            mode,
            owner: (0, 0),
        };
        self.nodes.insert(path.to_owned(), node);
    }
}

/// `size` bytes that say what they stand for. They compress well, as a few random bytes are repeated.
pub(crate) fn stand_in(path: &str, version: &str, size: usize) -> Vec<u8> {
    const BLOCK: usize = 1536;
    let is_text = size < 1024
        || [
            ".py", ".txt", ".crt", ".pem", ".sql", ".cnf", ".types", ".defs",
        ]
        .iter()
        .any(|end| path.ends_with(end));
    let title = format!("# Stand-in for /{path} {version} in Lamina's sample images.\n");
    let mut bytes = title.clone().into_bytes();
    let mut state = title.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut block = Vec::with_capacity(BLOCK);
    while block.len() < BLOCK {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let [byte, ..] = state.to_le_bytes();
        if is_text {
            let column = block.len() % 60;
            block.push(match column {
                0 => b'#',
                1 => b' ',
                59 => b'\n',
                _ => b'a' + byte % 16,
            });
        } else {
            block.push(byte | 0x80);
        }
    }
    while bytes.len() < size {
        bytes.extend_from_slice(&block);
    }
    bytes.truncate(size);
    bytes
}

fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &str,
    kind: &Kind,
    mode: u32,
    owner: (u64, u64),
    mtime: u64,
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_mtime(mtime);
    header.set_uid(owner.0);
    header.set_gid(owner.1);
    header.set_size(0);
    match kind {
        Kind::File(bytes) => {
            header.set_entry_type(tar::EntryType::Regular);
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, path, bytes.as_slice())?;
        }
        Kind::Directory => {
            header.set_entry_type(tar::EntryType::Directory);
            archive.append_data(&mut header, format!("{path}/"), std::io::empty())?;
        }
        Kind::Link(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            archive.append_link(&mut header, path, target)?;
        }
    }
    Ok(())
}
