//! The file tree as a list of rows: directories are asked for when they are opened.

use std::collections::{BTreeMap, BTreeSet};

use crate::scanner::{FileKind, FileRow};

/// What is known of the tree so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// Rows of each directory that was asked for; the root is the empty path.
    pub directories: BTreeMap<String, Vec<FileRow>>,
    /// Open directories.
    pub open: BTreeSet<String>,
}

/// A row as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeRow {
    /// Full path, without a slash at the start.
    pub path: String,
    /// Depth, 1 for what lies in the root.
    pub level: usize,
    /// The file.
    pub file: FileRow,
    /// For a directory, whether it is open.
    pub is_open: Option<bool>,
    /// Whether its rows are on the way.
    pub is_loading: bool,
}

impl Tree {
    /// The rows in sight, in order. `with_deleted` shows what the merged image no longer has.
    pub fn rows(&self, with_deleted: bool) -> Vec<TreeRow> {
        let mut rows = Vec::new();
        self.push("", 1, with_deleted, &mut rows);
        rows
    }

    /// Opens or closes a directory. True if its rows must be asked for.
    pub fn toggle(&mut self, path: &str) -> bool {
        if self.open.remove(path) {
            return false;
        }
        self.open.insert(path.to_owned());
        !self.directories.contains_key(path)
    }

    fn push(&self, directory: &str, level: usize, with_deleted: bool, rows: &mut Vec<TreeRow>) {
        // Deeper than any real tree; a hostile one does not get to our stack.
        if level > 256 {
            return;
        }
        let mut files: Vec<&FileRow> = self
            .directories
            .get(directory)
            .into_iter()
            .flatten()
            .filter(|file| with_deleted || file.is_present)
            .collect();
        files.sort_by(|a, b| {
            let rank = |file: &FileRow| file.kind != FileKind::Directory;
            rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
        });
        for file in files {
            let path = join(directory, &file.name);
            let is_directory = file.kind == FileKind::Directory;
            let is_open = is_directory && self.open.contains(&path);
            rows.push(TreeRow {
                level,
                file: file.clone(),
                is_open: is_directory.then_some(is_open),
                is_loading: is_open && !self.directories.contains_key(&path),
                path: path.clone(),
            });
            if is_open {
                self.push(&path, level + 1, with_deleted, rows);
            }
        }
    }
}

/// `usr` and `bin` as `usr/bin`.
pub fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, kind: FileKind, is_present: bool) -> FileRow {
        FileRow {
            name: name.to_owned(),
            kind,
            size: 1,
            mode: String::new(),
            target: None,
            history: Vec::new(),
            is_present,
            owner: None,
        }
    }

    #[test]
    fn open_directories_show_their_rows_below_them() {
        let mut tree = Tree::default();
        tree.directories.insert(
            String::new(),
            vec![
                row("zz", FileKind::File, true),
                row("usr", FileKind::Directory, true),
                row("gone", FileKind::File, false),
            ],
        );
        let told = |tree: &Tree, with_deleted| {
            let rows: Vec<_> = tree
                .rows(with_deleted)
                .into_iter()
                .map(|row| format!("{}{}", row.level, row.path))
                .collect();
            rows.join(" ")
        };
        assert_eq!(told(&tree, false), "1usr 1zz");
        assert_eq!(told(&tree, true), "1usr 1gone 1zz");
        assert!(tree.toggle("usr"), "must be asked for");
        assert!(tree.rows(false).first().is_some_and(|row| row.is_loading));
        tree.directories.insert(
            "usr".to_owned(),
            vec![row("bin", FileKind::Directory, true)],
        );
        assert_eq!(told(&tree, false), "1usr 2usr/bin 1zz");
        assert!(!tree.toggle("usr"));
        assert_eq!(told(&tree, false), "1usr 1zz");
        assert!(!tree.toggle("usr"), "is known already");
    }
}
