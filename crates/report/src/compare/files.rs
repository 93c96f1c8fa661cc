//! Files of two images, one by one.
//!
//! An image's tree says of each file what tar says: kind, size, mode, owner and target. It has no digest of
//! the content. Content is known to be the same where both files come from one layer, by its `diff_id`; a
//! regular file of the same size in layers that differ is *not compared*, and is told apart from both.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// The files of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileList {
    /// The `diff_id` of each layer, base first; empty where it is not known.
    pub layers: Vec<String>,
    /// The files by path, each path once, in the order of their bytes.
    pub files: Vec<FileFacts>,
}

/// What is known of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// The whole path, without a slash at the start.
    pub path: String,
    /// What it is.
    pub kind: FileType,
    /// Bytes; 0 for what is no regular file.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Numeric user.
    pub uid: u64,
    /// Numeric group.
    pub gid: u64,
    /// Target of a link.
    pub target: String,
    /// The layer it comes from: an index into [`FileList::layers`].
    pub layer: usize,
}

/// What a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileType {
    /// A regular file.
    #[default]
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name for a file.
    HardLink,
    /// A device, pipe or socket.
    Special,
}

impl FileType {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symbolic link",
            Self::HardLink => "hard link",
            Self::Special => "device, pipe or socket",
        }
    }
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileFate {
    /// Only the second image has it.
    Added,
    /// Only the first image has it.
    Removed,
    /// Something that is known of it is not the same.
    Changed,
    /// All that is known is the same, but it comes from another layer: its content was not compared.
    NotCompared,
}

impl FileFate {
    /// All, in the order they are told.
    pub const ALL: [Self; 4] = [Self::Added, Self::Removed, Self::Changed, Self::NotCompared];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::NotCompared => "not compared",
        }
    }
}

/// A file that is not known to be the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDifference {
    /// What became of it.
    pub fate: FileFate,
    /// As the first image has it.
    pub before: Option<FileFacts>,
    /// As the second image has it.
    pub after: Option<FileFacts>,
}

impl FileDifference {
    /// Its path.
    pub fn path(&self) -> &str {
        let facts = self.after.as_ref().or(self.before.as_ref());
        facts.map_or("", |facts| &facts.path)
    }

    /// Bytes that it adds to the image, or takes from it.
    pub fn bytes(&self) -> i128 {
        let size = |facts: &Option<FileFacts>| facts.as_ref().map_or(0, |facts| facts.size);
        i128::from(size(&self.after)) - i128::from(size(&self.before))
    }

    /// What is not the same, each as it was and as it is: `size`, `mode`, `owner`, `target`, `kind`. Empty
    /// but for a file that both have.
    pub fn changes(&self) -> Vec<(&'static str, String, String)> {
        let (Some(before), Some(after)) = (&self.before, &self.after) else {
            return Vec::new();
        };
        let facts = |facts: &FileFacts| {
            [
                ("kind", facts.kind.word().to_owned()),
                ("size", facts.size.to_string()),
                ("mode", format!("{:04o}", facts.mode & 0o7777)),
                ("owner", format!("{}:{}", facts.uid, facts.gid)),
                ("target", facts.target.clone()),
            ]
        };
        let pairs = facts(before).into_iter().zip(facts(after));
        pairs
            .filter(|((_, before), (_, after))| before != after)
            .map(|((what, before), (_, after))| (what, before, after))
            .collect()
    }
}

/// How the files of two images differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesCompared {
    /// Files that are the same: of the same layer, or links and directories of which all is the same.
    pub same: usize,
    /// All others, by path.
    pub differences: Vec<FileDifference>,
}

impl FilesCompared {
    /// How many have this fate.
    pub fn count(&self, fate: FileFate) -> usize {
        let differences = self.differences.iter();
        differences.filter(|file| file.fate == fate).count()
    }
}

/// Compares the files of two images.
pub fn compare(a: &FileList, b: &FileList) -> FilesCompared {
    let mut compared = FilesCompared::default();
    let (mut before, mut after) = (a.files.iter().peekable(), b.files.iter().peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (Some(a), Some(b)) => a.path.as_bytes().cmp(b.path.as_bytes()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let first = (order != Ordering::Greater)
            .then(|| before.next())
            .flatten();
        let second = (order != Ordering::Less).then(|| after.next()).flatten();
        let fate = match (first, second) {
            (Some(first), Some(second)) => fate(a, b, first, second),
            (Some(_), None) => Some(FileFate::Removed),
            (None, _) => Some(FileFate::Added),
        };
        match fate {
            Some(fate) => compared.differences.push(FileDifference {
                fate,
                before: first.cloned(),
                after: second.cloned(),
            }),
            None => compared.same += 1,
        }
    }
    compared
}

/// What became of a file that both have; `None` if it is the same.
fn fate(a: &FileList, b: &FileList, before: &FileFacts, after: &FileFacts) -> Option<FileFate> {
    let facts = |file: &FileFacts| (file.kind, file.size, file.mode & 0o7777, file.uid, file.gid);
    if facts(before) != facts(after) || before.target != after.target {
        return Some(FileFate::Changed);
    }
    let layer = |list: &FileList, file: &FileFacts| list.layers.get(file.layer).cloned();
    let is_of_one_layer = layer(a, before)
        .is_some_and(|diff_id| !diff_id.is_empty() && layer(b, after) == Some(diff_id));
    // What an empty file and a link hold is known: nothing, and the target.
    let is_known = before.kind != FileType::File || before.size == 0;
    (!is_known && !is_of_one_layer).then_some(FileFate::NotCompared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, size: u64, layer: usize) -> FileFacts {
        FileFacts {
            path: path.to_owned(),
            size,
            mode: 0o644,
            layer,
            ..FileFacts::default()
        }
    }

    fn list(layers: &[&str], files: Vec<FileFacts>) -> FileList {
        FileList {
            layers: layers.iter().map(|layer| (*layer).to_owned()).collect(),
            files,
        }
    }

    fn told(compared: &FilesCompared) -> Vec<(&str, FileFate)> {
        let differences = compared.differences.iter();
        differences.map(|file| (file.path(), file.fate)).collect()
    }

    #[test]
    fn files_are_added_removed_changed_or_of_unknown_content() {
        let a = list(
            &["base", "old"],
            vec![
                file("a", 1, 0),
                file("b", 1, 1),
                file("c", 2, 1),
                file("d", 3, 1),
                file("empty", 0, 1),
            ],
        );
        let b = list(
            &["base", "new"],
            vec![
                file("a", 1, 0),
                file("c", 5, 1),
                file("d", 3, 1),
                file("e", 1, 1),
                file("empty", 0, 1),
            ],
        );
        let compared = compare(&a, &b);
        assert_eq!(
            told(&compared),
            [
                ("b", FileFate::Removed),
                ("c", FileFate::Changed),
                ("d", FileFate::NotCompared),
                ("e", FileFate::Added),
            ]
        );
        assert_eq!(compared.same, 2);
        assert_eq!(compared.count(FileFate::Changed), 1);
        assert_eq!(compared.differences[1].bytes(), 3);
        assert_eq!(
            compared.differences[1].changes(),
            [("size", "2".to_owned(), "5".to_owned())]
        );
    }

    #[test]
    fn mode_owner_kind_and_target_are_changes_too() {
        let check = |change: &dyn Fn(&mut FileFacts), expect: &str| {
            let before = file("x", 0, 0);
            let mut after = before.clone();
            change(&mut after);
            let compared = compare(&list(&["l"], vec![before]), &list(&["l"], vec![after]));
            let changes = compared.differences[0].changes();
            assert_eq!(compared.differences[0].fate, FileFate::Changed);
            assert_eq!(changes[0].0, expect);
        };
        check(&|file| file.mode = 0o4755, "mode");
        check(&|file| file.uid = 7, "owner");
        check(&|file| file.kind = FileType::Symlink, "kind");
        check(&|file| file.target = "y".to_owned(), "target");
    }

    #[test]
    fn a_layer_without_a_diff_id_makes_nothing_the_same() {
        let one = list(&[""], vec![file("x", 1, 0)]);
        assert_eq!(compare(&one, &one).count(FileFate::NotCompared), 1);
    }
}
