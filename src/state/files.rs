//! The file tree as a list of rows: directories are asked for when they are opened.

use std::collections::{BTreeMap, BTreeSet};

use super::language::text;
use crate::scanner::{FileKind, FileRow, Only};

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
    /// The rows in sight, in order. `with_deleted` shows what the merged image no longer has; `by_size`
    /// puts the largest first.
    pub fn rows(&self, with_deleted: bool, by_size: bool) -> Vec<TreeRow> {
        let mut rows = Vec::new();
        self.push("", 1, (with_deleted, by_size), &mut rows);
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

    fn push(
        &self,
        directory: &str,
        level: usize,
        (with_deleted, by_size): (bool, bool),
        rows: &mut Vec<TreeRow>,
    ) {
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
            match by_size {
                true => b.size.cmp(&a.size),
                false => rank(a).cmp(&rank(b)),
            }
            .then_with(|| a.name.cmp(&b.name))
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
                self.push(&path, level + 1, (with_deleted, by_size), rows);
            }
        }
    }
}

/// The words of the search field that choose files, with what is on their chips.
pub const FILTERS: [(&str, &str, Only); 3] = [
    ("is:changed", text("changed"), Only::Changed),
    ("is:deleted", text("deleted"), Only::Deleted),
    ("is:unowned", text("of no package"), Only::Unowned),
];

/// What the search field says: a part of a path, and which files. The last of several filters counts.
pub fn parse_search(text: &str) -> (String, Only) {
    let mut only = Only::All;
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| {
            let filter = FILTERS.iter().find(|(own, _, _)| own == word);
            only = filter.map_or(only, |(_, _, filter)| *filter);
            filter.is_none()
        })
        .collect();
    (words.join(" "), only)
}

/// The search field with this filter chosen and no other, or with none if it was chosen.
pub fn toggle_filter(text: &str, filter: &str) -> String {
    let was_chosen = text.split_whitespace().any(|word| word == filter);
    let (path, _) = parse_search(text);
    match was_chosen {
        true => path,
        false => format!("{filter} {path}").trim_end().to_owned(),
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
            ids: (0, 0),
            opaque_in: Vec::new(),
        }
    }

    #[test]
    fn the_largest_come_first_if_asked_to() {
        let mut tree = Tree::default();
        let mut large = row("zz", FileKind::File, true);
        large.size = 9;
        let rows = vec![row("a", FileKind::Directory, true), large];
        tree.directories.insert(String::new(), rows);
        let told = |by_size| {
            let rows = tree.rows(false, by_size).into_iter();
            rows.map(|row| row.path).collect::<Vec<_>>()
        };
        assert_eq!(told(false), ["a", "zz"]);
        assert_eq!(told(true), ["zz", "a"]);
    }

    #[test]
    fn the_search_field_says_path_and_filter() {
        let check = |text: &str, path: &str, only| {
            assert_eq!(parse_search(text), (path.to_owned(), only), "{text}");
        };
        check("", "", Only::All);
        check("etc/ssl", "etc/ssl", Only::All);
        check("is:deleted cache", "cache", Only::Deleted);
        check("is:deleted is:unowned", "", Only::Unowned);
        assert_eq!(toggle_filter("etc", "is:changed"), "is:changed etc");
        assert_eq!(
            toggle_filter("is:changed etc", "is:deleted"),
            "is:deleted etc"
        );
        assert_eq!(toggle_filter("is:deleted etc", "is:deleted"), "etc");
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
                .rows(with_deleted, false)
                .into_iter()
                .map(|row| format!("{}{}", row.level, row.path))
                .collect();
            rows.join(" ")
        };
        assert_eq!(told(&tree, false), "1usr 1zz");
        assert_eq!(told(&tree, true), "1usr 1gone 1zz");
        assert!(tree.toggle("usr"), "must be asked for");
        assert!(
            tree.rows(false, false)
                .first()
                .is_some_and(|row| row.is_loading)
        );
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
