//! Whose the files of an image are, and what its layers waste.
//!
//! Every regular file of the merged image belongs to one package or to nobody ([`FileOwners`]). What
//! speaks for a package is, the surest first: the file list that its package manager keeps, the file
//! that is itself the package (a Java archive, a program) or describes it, and the folder whose whole
//! content is its own; of folders within folders the innermost. Where several packages claim a file,
//! a package of the distribution comes before a language package, and that before a program which is
//! told by its bytes: the first is who brought the file, the others what it is.
//!
//! The scripts that dpkg and opkg keep to install and remove a package with are the package's too.
//!
//! A file with several names (hard links) is one file, whose owner is that of the name which has one.
//! What a lock file or an SBOM names owns nothing: it may not be there.
//!
//! [`efficiency`] tells how much of the layers is not seen any more.

pub mod efficiency;

use std::collections::{HashMap, HashSet};

use lamina_image::{
    path::LayerPath,
    tree::{MergedNode, MergedTree, TreeKind},
};

use crate::{
    facts::{Basis, OwnedFiles, PackageFact, PackageKind},
    limits::{MAX_OWNERS, MAX_UNNAMED_PATHS},
    merge::{Package, moved},
    path_list::PathList,
};

/// Where package managers keep the scripts of packages.
const SCRIPT_FOLDERS: &[(&str, PackageKind)] = &[
    ("var/lib/dpkg/info", PackageKind::Deb),
    ("var/lib/opkg/info", PackageKind::Opkg),
    ("usr/lib/opkg/info", PackageKind::Opkg),
];

/// How these are called, after the name of the package (deb-preinst(5) and its kin, debconf-devel(7)).
const SCRIPTS: &[&[u8]] = &[b".preinst", b".postinst", b".prerm", b".postrm", b".config"];

/// Who owns a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerClass {
    /// A package of the distribution.
    Os,
    /// A language package.
    Language,
    /// A program that is told by its bytes, or by what its compiler wrote into it.
    Classified,
    /// Nobody that is known.
    #[default]
    Nobody,
}

impl OwnerClass {
    /// All classes, the surest first.
    pub const ALL: [Self; 4] = [Self::Os, Self::Language, Self::Classified, Self::Nobody];

    /// What a package counts as. `Nobody` for what a lock file or an SBOM names.
    pub fn of(fact: &PackageFact) -> Self {
        match (fact.basis, fact.kind) {
            (Basis::Declared | Basis::Stated, _) => Self::Nobody,
            (Basis::Classified, _) => Self::Classified,
            // A package note in a program is no record of what is installed.
            (Basis::Embedded, kind) if kind.is_os() => Self::Classified,
            (_, kind) if kind.is_os() => Self::Os,
            // Build information within a program, where other kinds embed it in archives.
            (
                Basis::Embedded,
                PackageKind::Golang
                | PackageKind::Cargo
                | PackageKind::Hackage
                | PackageKind::LinuxKernel
                | PackageKind::Generic,
            ) => Self::Classified,
            _ => Self::Language,
        }
    }
}

/// A part of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Their number.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Share {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Whose the files of the merged image are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileOwners {
    /// By node of the merged tree: a package's index, or [`NOBODY`].
    owner_of: Vec<u32>,
    /// By package.
    classes: Vec<OwnerClass>,
    shares: [Share; 4],
    /// How many of nobody's files are programs.
    unnamed: u64,
    /// Where the first of these lie, sorted.
    unnamed_paths: Vec<LayerPath>,
}

const NOBODY: u32 = u32::MAX;

impl FileOwners {
    /// The package that owns what is visible at a node of the merged tree: an index into
    /// [`crate::merge::Inventory::packages`]. Links that a file list names have an owner too,
    /// directories never.
    pub fn package(&self, node: &MergedNode<'_>) -> Option<usize> {
        let owner = *self.owner_of.get(node.id() as usize)?;
        (owner != NOBODY).then_some(owner as usize)
    }

    /// What kind of owner that is.
    pub fn class(&self, node: &MergedNode<'_>) -> OwnerClass {
        let owner = self.package(node);
        owner
            .and_then(|owner| self.classes.get(owner).copied())
            .unwrap_or_default()
    }

    /// The regular files of one class, and their bytes. A file with several names counts once.
    pub fn share(&self, class: OwnerClass) -> Share {
        let [os, language, classified, nobody] = self.shares;
        match class {
            OwnerClass::Os => os,
            OwnerClass::Language => language,
            OwnerClass::Classified => classified,
            OwnerClass::Nobody => nobody,
        }
    }

    /// How many of nobody's files are programs: compiled ones, and scripts that may be executed. One
    /// with several names counts once.
    pub fn unnamed_programs(&self) -> u64 {
        self.unnamed
    }

    /// The paths of [`FileOwners::unnamed_programs`], sorted; of more than [`MAX_UNNAMED_PATHS`] those
    /// of the lowest layers.
    pub fn unnamed_paths(&self) -> &[LayerPath] {
        &self.unnamed_paths
    }
}

impl FileOwners {
    /// Counts what is visible at a node.
    fn add(&mut self, node: &MergedNode<'_>) {
        let Some(entry) = node.entry() else {
            return;
        };
        let class = self.class(node);
        let [os, language, classified, nobody] = &mut self.shares;
        match class {
            OwnerClass::Os => os.add(entry.size),
            OwnerClass::Language => language.add(entry.size),
            OwnerClass::Classified => classified.add(entry.size),
            OwnerClass::Nobody => nobody.add(entry.size),
        }
        if class == OwnerClass::Nobody && entry.is_program {
            self.unnamed += 1;
            if self.unnamed_paths.len() < MAX_UNNAMED_PATHS {
                self.unnamed_paths.push(node.path());
            }
        }
    }
}

/// What one package manager's file list says of one package.
#[derive(Clone, Debug)]
pub(crate) struct OwnedList<'a> {
    /// Where the list was read.
    pub(crate) path: LayerPath,
    /// The file that it is a hard link to, if it is one.
    pub(crate) target: Option<LayerPath>,
    /// What it lists.
    pub(crate) owned: &'a OwnedFiles,
}

/// Says whose each file is, by package index and list, and writes into each package what it owns and
/// which OS package owns it.
pub(crate) fn account<'l>(
    tree: &MergedTree,
    packages: &mut [Package],
    lists: impl IntoIterator<Item = (usize, OwnedList<'l>)>,
) -> FileOwners {
    let mut accounting = Accounting::new(tree, packages);
    let mut lists: Vec<(usize, OwnedList<'l>)> = lists.into_iter().collect();
    lists.sort_by_key(|(package, _)| *package);
    for class in OwnerClass::ALL {
        if class == OwnerClass::Nobody {
            break;
        }
        for (index, list) in &lists {
            if accounting.class(*index) == class {
                accounting.add_list(packages, *index, list);
            }
        }
        accounting.share_between_names();
        if class == OwnerClass::Os {
            accounting.note_owned_by(packages);
            accounting.add_scripts(packages);
        }
        accounting.add_own_files(packages, class);
        accounting.add_folders(packages, class);
        accounting.share_between_names();
    }
    accounting.finish()
}

struct Accounting<'a> {
    tree: &'a MergedTree,
    finder: Finder<'a>,
    owners: FileOwners,
    /// The package that last counted a node's bytes.
    counted_by: Vec<u32>,
    /// For each hard link the node that stands for its file: the file's own, or if that is not
    /// visible any more the first of its names.
    names: Vec<(u32, u32)>,
    name_of: HashMap<u32, u32>,
    /// By package, where the file lies that states it.
    statements: Vec<Option<u32>>,
}

impl<'a> Accounting<'a> {
    fn new(tree: &'a MergedTree, packages: &[Package]) -> Self {
        let mut finder = Finder::new(tree);
        let statements = packages
            .iter()
            .map(|package| finder.find(package.fact.file.as_bytes()))
            .collect();
        let mut names = Vec::new();
        let mut hidden: HashMap<(u32, usize), u32> = HashMap::new();
        for node in tree.nodes() {
            if node.kind() != Some(TreeKind::HardLink) {
                continue;
            }
            let Some((file, layer)) = node.content() else {
                continue;
            };
            let is_visible = file.kind() == Some(TreeKind::File)
                && file.entry().is_some_and(|entry| entry.layer == layer);
            let stands_for = match is_visible {
                true => file.id(),
                false => *hidden.entry((file.id(), layer)).or_insert(node.id()),
            };
            names.push((node.id(), stands_for));
        }
        Self {
            tree,
            finder,
            owners: FileOwners {
                owner_of: vec![NOBODY; tree.node_count()],
                classes: packages
                    .iter()
                    .map(|package| OwnerClass::of(&package.fact))
                    .collect(),
                shares: Default::default(),
                unnamed: 0,
                unnamed_paths: Vec::new(),
            },
            counted_by: vec![NOBODY; tree.node_count()],
            name_of: names.iter().copied().collect(),
            names,
            statements,
        }
    }

    fn class(&self, package: usize) -> OwnerClass {
        let classes = &self.owners.classes;
        classes.get(package).copied().unwrap_or_default()
    }

    fn owner(&self, node: u32) -> u32 {
        let owners = &self.owners.owner_of;
        owners.get(node as usize).copied().unwrap_or(NOBODY)
    }

    /// Who comes first keeps it.
    fn claim(&mut self, node: u32, package: u32) {
        if let Some(owner) = self.owners.owner_of.get_mut(node as usize)
            && *owner == NOBODY
        {
            *owner = package;
        }
    }

    /// Bytes at a node that `package` has not counted yet: those of a file with several names
    /// once.
    fn uncounted_bytes(&mut self, node: u32, kind: TreeKind, package: u32) -> u64 {
        let stands_for = match kind {
            TreeKind::File => node,
            TreeKind::HardLink => match self.name_of.get(&node) {
                Some(stands_for) => *stands_for,
                None => return 0,
            },
            _ => return 0,
        };
        match self.counted_by.get_mut(stands_for as usize) {
            Some(last) if *last != package => *last = package,
            _ => return 0,
        }
        size_of_file(self.tree, stands_for)
    }

    /// The files of a list, counted whether or not somebody else owns them too.
    fn add_list(&mut self, packages: &mut [Package], index: usize, list: &OwnedList<'_>) {
        let (Some(package), Ok(number)) = (packages.get_mut(index), u32::try_from(index)) else {
            return;
        };
        let mut share = Share::default();
        let files = &list.owned.files;
        match &list.target {
            None => self.each_of(files, |accounting, node, kind| {
                accounting.claim(node, number);
                share.add(accounting.uncounted_bytes(node, kind, number));
            }),
            Some(target) => {
                for file in files {
                    let file = moved(&file, target, &list.path);
                    let Some(node) = self.finder.find(file.as_bytes()) else {
                        continue;
                    };
                    let Some(kind) = file_kind(self.tree, node) else {
                        continue;
                    };
                    self.claim(node, number);
                    share.add(self.uncounted_bytes(node, kind, number));
                }
            }
        }
        package.owned_files = Some(share.files);
        package.owned_bytes = Some(share.bytes);
    }

    /// Each path of a list at which there is something that is no directory.
    fn each_of(&mut self, files: &PathList, mut visit: impl FnMut(&mut Self, u32, TreeKind)) {
        let mut paths = files.iter();
        self.finder.forget();
        while let Some((path, shared)) = paths.advance() {
            if let Some(node) = self.finder.find_next(path, shared)
                && let Some(kind) = file_kind(self.tree, node)
            {
                visit(self, node, kind);
            }
        }
    }

    /// One owner for all names of a file: the first name with an owner has it.
    fn share_between_names(&mut self) {
        for back in [false, true] {
            for index in 0..self.names.len() {
                let Some(&(name, file)) = self.names.get(index) else {
                    break;
                };
                let (from, to) = if back { (file, name) } else { (name, file) };
                let owner = self.owner(from);
                if owner != NOBODY {
                    self.claim(to, owner);
                }
            }
        }
    }

    /// Which packages that are not the distribution's, or only a program's note of one that is, lie in
    /// files that are. Nothing but the OS packages has claimed anything yet.
    fn note_owned_by(&self, packages: &mut [Package]) {
        for (package, statement) in packages.iter_mut().zip(&self.statements) {
            let is_note = package.fact.basis == Basis::Embedded;
            if is_note || !package.fact.kind.is_os() {
                let owner = statement.map_or(NOBODY, |node| self.owner(node));
                package.owned_by = (owner != NOBODY).then_some(owner as usize);
            }
        }
    }

    /// Scripts that the package manager keeps to install and remove a package with: no list names
    /// them, and they are the package's all the same.
    fn add_scripts(&mut self, packages: &[Package]) {
        for (folder, kind) in SCRIPT_FOLDERS {
            let folder = self.finder.find(folder.as_bytes());
            let Some(folder) = folder.and_then(|folder| self.tree.by_id(folder)) else {
                continue;
            };
            let mut named: HashMap<&[u8], u32> = HashMap::new();
            for (number, package) in (0..).zip(packages) {
                if package.fact.kind == *kind && package.fact.basis == Basis::Installed {
                    named.entry(package.fact.name.as_bytes()).or_insert(number);
                }
            }
            for file in folder.children() {
                let name = file.name();
                let stem = SCRIPTS.iter().find_map(|script| name.strip_suffix(*script));
                // `libc6:amd64.postinst` where several architectures may be installed.
                let package = stem.and_then(|stem| stem.split(|byte| *byte == b':').next());
                if let Some(package) = package.and_then(|package| named.get(package)) {
                    self.claim(file.id(), *package);
                }
            }
        }
    }

    /// Files that are themselves a package, or describe one.
    fn add_own_files(&mut self, packages: &mut [Package], class: OwnerClass) {
        // The database of the distribution's packages is no package's.
        if class == OwnerClass::Os {
            return;
        }
        // Of the packages that one file states: the one that it is, and how sure that is.
        let mut best: HashMap<u32, ((bool, bool, bool), usize)> = HashMap::new();
        for (index, package) in packages.iter().enumerate() {
            let Some(Some(node)) = self.statements.get(index) else {
                continue;
            };
            if self.class(index) != class {
                continue;
            }
            let fact = &package.fact;
            let rank = (
                fact.inner.is_none(),
                fact.basis == Basis::Embedded,
                is_named_for(fact),
            );
            let known = best.entry(*node).or_insert((rank, index));
            if rank > known.0 {
                *known = (rank, index);
            }
        }
        for (node, (_, index)) in best {
            let Ok(number) = u32::try_from(index) else {
                continue;
            };
            let Some(kind) = file_kind(self.tree, node) else {
                continue;
            };
            self.claim(node, number);
            let Some(package) = packages.get_mut(index) else {
                continue;
            };
            // Metadata is not the package; an archive or a program is.
            let is_itself = package.fact.basis != Basis::Installed && package.fact.inner.is_none();
            if is_itself && package.owned_files.is_none() {
                let file = match kind {
                    TreeKind::HardLink => self.name_of.get(&node).copied(),
                    _ => Some(node),
                };
                package.owned_files = Some(1);
                package.owned_bytes = Some(file.map_or(0, |file| size_of_file(self.tree, file)));
            }
        }
    }

    /// What lies in the folders of packages.
    fn add_folders(&mut self, packages: &mut [Package], class: OwnerClass) {
        let mut folders: HashMap<u32, u32> = HashMap::new();
        let mut shares: HashMap<u32, Share> = HashMap::new();
        for (number, package) in (0..).zip(packages.iter()) {
            // A root would make everything its own.
            let folder = package.fact.folder.as_ref();
            let Some(folder) = folder.filter(|folder| !folder.is_root()) else {
                continue;
            };
            if self.class(number as usize) != class {
                continue;
            }
            let Some(node) = self.finder.find(folder.as_bytes()) else {
                continue;
            };
            folders.entry(node).or_insert(number);
            if package.owned_files.is_none() {
                shares.insert(number, Share::default());
            }
        }
        if folders.is_empty() {
            return;
        }
        // Parents come before their children.
        let mut folder_of = vec![NOBODY; self.tree.node_count()];
        for node in self.tree.nodes() {
            let above = node.parent().map(|parent| parent.id() as usize);
            let inherited = above.and_then(|above| folder_of.get(above).copied());
            let own = folders.get(&node.id()).copied();
            if let Some(slot) = folder_of.get_mut(node.id() as usize) {
                *slot = own.or(inherited).unwrap_or(NOBODY);
            }
        }
        let mut linked: HashSet<(u32, u32)> = HashSet::new();
        for (node, folder) in (0..).zip(&folder_of) {
            if *folder == NOBODY {
                continue;
            }
            let Some(kind) = file_kind(self.tree, node) else {
                continue;
            };
            self.claim(node, *folder);
            let Some(share) = shares.get_mut(folder) else {
                continue;
            };
            share.add(match kind {
                TreeKind::File => size_of_file(self.tree, node),
                TreeKind::HardLink => match self.name_of.get(&node) {
                    // Unless the file itself lies in the folder, or another name of it.
                    Some(file)
                        if (*file == node || folder_of.get(*file as usize) != Some(folder))
                            && linked.insert((*folder, *file)) =>
                    {
                        size_of_file(self.tree, *file)
                    }
                    _ => 0,
                },
                _ => 0,
            });
        }
        for (number, share) in shares {
            if let Some(package) = packages.get_mut(number as usize) {
                package.owned_files = Some(share.files);
                package.owned_bytes = Some(share.bytes);
            }
        }
    }

    /// Sums up.
    fn finish(mut self) -> FileOwners {
        for node in self.tree.nodes() {
            if node.kind() == Some(TreeKind::File) {
                self.owners.add(&node);
            }
        }
        // Files of which only other names are left.
        let hidden = self.names.iter().filter(|(name, file)| name == file);
        for (name, _) in hidden {
            if let Some(node) = self.tree.by_id(*name) {
                self.owners.add(&node);
            }
        }
        self.owners.unnamed_paths.sort_unstable();
        self.owners
    }
}

/// What is visible at a node, if it is no directory.
fn file_kind(tree: &MergedTree, node: u32) -> Option<TreeKind> {
    let kind = tree.by_id(node)?.kind()?;
    (!kind.is_directory()).then_some(kind)
}

fn size_of_file(tree: &MergedTree, node: u32) -> u64 {
    let entry = tree.by_id(node).and_then(|node| node.entry());
    entry.map_or(0, |entry| entry.size)
}

/// Whether a part of the package's name is that of the file: of the modules in a Go program, the
/// program's own.
fn is_named_for(fact: &PackageFact) -> bool {
    let file = fact.file.file_name();
    let mut parts = fact.name.split(['/', ':']);
    !file.is_empty() && parts.any(|part| part.as_bytes() == file)
}

/// Finds the nodes of paths, with links above the last component followed.
struct Finder<'a> {
    tree: &'a MergedTree,
    /// Where each component of the last path ends, and its node.
    stack: Vec<(usize, MergedNode<'a>)>,
    /// Where directories lead that are found through links alone.
    linked: HashMap<Vec<u8>, Option<MergedNode<'a>>>,
    /// The one that was asked for last, as it was written: the files of one stand together.
    last_linked: (Vec<u8>, Option<MergedNode<'a>>),
}

impl<'a> Finder<'a> {
    fn new(tree: &'a MergedTree) -> Self {
        Self {
            tree,
            stack: Vec::new(),
            linked: HashMap::new(),
            last_linked: (Vec::new(), None),
        }
    }

    /// The next path has nothing in common with the last one.
    fn forget(&mut self) {
        self.stack.clear();
    }

    /// The node of a path at which something is visible.
    fn find(&mut self, path: &[u8]) -> Option<u32> {
        self.forget();
        self.find_next(path, 0)
    }

    /// The same for a path whose first `shared` bytes are those of the path before: lists are
    /// sorted, so that of six components five are known.
    fn find_next(&mut self, path: &[u8], shared: usize) -> Option<u32> {
        if let Some(node) = self.walk(path, shared)
            && node.kind().is_some()
        {
            return Some(node.id());
        }
        let place = memchr::memrchr(b'/', path)?;
        let (written, name) = (path.get(..place)?, path.get(place + 1..)?);
        let is_plain = !matches!(name, b"" | b"." | b"..") && !written.is_empty();
        if is_plain && self.last_linked.0 == written {
            let node = self.last_linked.1?.child(name)?;
            return node.kind().map(|_| node.id());
        }
        let path = LayerPath::from_bytes(path);
        let directory = path.parent()?;
        let found = match self.linked.get(directory.as_bytes()) {
            Some(found) => *found,
            None => {
                let resolved = self.tree.resolve(&directory).ok();
                let found = resolved.and_then(|path| self.tree.node(&path));
                self.linked.insert(directory.as_bytes().to_vec(), found);
                found
            }
        };
        if is_plain {
            self.last_linked.0.clear();
            self.last_linked.0.extend_from_slice(written);
            self.last_linked.1 = found;
        }
        let node = found?.child(path.file_name())?;
        node.kind().map(|_| node.id())
    }

    fn walk(&mut self, path: &[u8], shared: usize) -> Option<MergedNode<'a>> {
        let mut start = 0;
        while let Some((end, _)) = self.stack.last() {
            if *end <= shared && path.get(*end).is_none_or(|byte| *byte == b'/') {
                start = *end;
                break;
            }
            self.stack.pop();
        }
        while let Some(rest) = path.get(start..).filter(|rest| !rest.is_empty()) {
            let length = memchr::memchr(b'/', rest).unwrap_or(rest.len());
            let name = rest.get(..length)?;
            match name {
                b"" | b"." => {}
                b".." => {
                    self.forget();
                    return None; // The slow way knows what it means.
                }
                _ => {
                    let above = self.stack.last().map(|(_, node)| *node);
                    let node = above.unwrap_or(self.tree.root()).child(name)?;
                    self.stack.push((start + length, node));
                }
            }
            start += length + 1;
        }
        Some(
            self.stack
                .last()
                .map_or(self.tree.root(), |(_, node)| *node),
        )
    }
}

/// A package's place in the list, its version and its architecture.
type Named<'a> = (usize, &'a str, Option<&'a str>);

/// Finds the packages that a file list belongs to.
pub(crate) struct ListOwners<'a> {
    by_name: HashMap<(PackageKind, &'a str), Vec<Named<'a>>>,
    by_file: HashMap<&'a LayerPath, usize>,
    /// Language packages by the file that states them, and by the folder of that.
    by_statement: HashMap<(PackageKind, &'a LayerPath, &'a str), usize>,
    by_folder: HashMap<(PackageKind, LayerPath), usize>,
}

impl<'a> ListOwners<'a> {
    pub(crate) fn new(packages: &'a [Package]) -> Self {
        let mut owners = Self {
            by_name: HashMap::new(),
            by_file: HashMap::new(),
            by_statement: HashMap::new(),
            by_folder: HashMap::new(),
        };
        for (index, package) in packages.iter().enumerate() {
            let fact = &package.fact;
            if !fact.kind.is_os() {
                if let Some(folder) = fact.file.parent() {
                    owners.by_folder.insert((fact.kind, folder), index);
                }
                let statement = (fact.kind, &fact.file, fact.name.as_str());
                owners.by_statement.entry(statement).or_insert(index);
                continue;
            }
            if fact.basis == Basis::Embedded {
                continue;
            }
            owners.by_file.insert(&fact.file, index);
            let named = owners.by_name.entry((fact.kind, &fact.name)).or_default();
            if named.len() < MAX_OWNERS {
                named.push((index, &fact.version, fact.architecture.as_deref()));
            }
        }
        owners
    }

    /// The packages that own the files of a list which lies at `path`.
    pub(crate) fn of(&self, owned: &OwnedFiles, path: &LayerPath) -> Vec<usize> {
        if !owned.kind.is_os() {
            // The file that states the package may list its files; else one beside it does.
            let statement = (owned.kind, path, owned.name.as_str());
            if let Some(owner) = self.by_statement.get(&statement) {
                return vec![*owner];
            }
            let folder = (owned.kind, path.parent().unwrap_or_default());
            return self.by_folder.get(&folder).copied().into_iter().collect();
        }
        // `status.d/base.md5sums` belongs to `status.d/base`, whatever that is called inside.
        if let Some(stem) = path.as_bytes().strip_suffix(b".md5sums")
            && let Some(owner) = self.by_file.get(&LayerPath::from_bytes(stem))
        {
            return vec![*owner];
        }
        let Some(named) = self.by_name.get(&(owned.kind, owned.name.as_str())) else {
            return Vec::new();
        };
        let is_of = |version: &str, architecture: Option<&str>| {
            owned.version.as_ref().is_none_or(|of| of == version)
                && (owned.architecture.is_none() || architecture == owned.architecture.as_deref())
        };
        named
            .iter()
            .filter(|(_, version, architecture)| is_of(version, *architecture))
            .map(|(index, _, _)| *index)
            .collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use lamina_image::{
        layer::{LayerExpectation, LayerReader},
        limits::Limits,
        tree::{LayerTree, LayerTreeBuilder},
    };
    use lamina_testkit::{LayerBuilder, layer};

    use super::*;

    pub(crate) fn tree(layer: LayerBuilder) -> LayerTree {
        let mut tree = LayerTreeBuilder::new();
        let mut reader = LayerReader::new(LayerExpectation::default(), Limits::default());
        reader.feed(&layer.tar(), &mut tree).unwrap();
        assert_eq!(reader.finish(&mut tree).error, None);
        tree.finish()
    }

    fn package(kind: PackageKind, name: &str, basis: Basis, file: &str) -> Package {
        let mut fact = PackageFact::new(kind, name, "1", &LayerPath::from(file));
        fact.basis = basis;
        Package {
            fact,
            purl: String::new(),
            introduced_in: 0,
            file_layer: 0,
            removed_in: None,
            earlier: Vec::new(),
            owned_by: None,
            owned_files: None,
            owned_bytes: None,
        }
    }

    fn owned(kind: PackageKind, name: &str, files: &[&str], file: &str) -> OwnedFiles {
        OwnedFiles {
            kind,
            name: name.to_owned(),
            version: None,
            architecture: None,
            files: files.iter().collect(),
            file: LayerPath::from(file),
        }
    }

    /// `path owner`, and `class files bytes`.
    struct Told {
        files: Vec<String>,
        shares: Vec<String>,
        packages: Vec<String>,
    }

    fn told(layers: Vec<LayerBuilder>, mut packages: Vec<Package>, lists: &[OwnedFiles]) -> Told {
        let layers: Vec<LayerTree> = layers.into_iter().map(tree).collect();
        let tree = MergedTree::merge(&layers.iter().collect::<Vec<_>>());
        let before = packages.clone();
        let owners = ListOwners::new(&before);
        let lists: Vec<_> = lists
            .iter()
            .flat_map(|owned| {
                let list = OwnedList {
                    path: owned.file.clone(),
                    target: None,
                    owned,
                };
                let packages = owners.of(owned, &owned.file);
                packages.into_iter().map(move |index| (index, list.clone()))
            })
            .collect();
        let owners = account(&tree, &mut packages, lists);
        let mut files: Vec<String> = tree
            .nodes()
            .filter(|node| node.kind().is_some_and(|kind| !kind.is_directory()))
            .map(|node| {
                let owner = owners
                    .package(&node)
                    .map_or("-", |index| &packages[index].fact.name);
                assert_eq!(owner == "-", owners.class(&node) == OwnerClass::Nobody);
                format!("{} {owner}", node.path())
            })
            .collect();
        files.sort();
        let shares = OwnerClass::ALL.map(|class| {
            let Share { files, bytes } = owners.share(class);
            format!("{class:?} {files} {bytes}")
        });
        let counts = packages.iter().map(|package| {
            let number = |count: Option<u64>| count.map_or("-".to_owned(), |n| n.to_string());
            let by = package
                .owned_by
                .map_or("-", |index| &packages[index].fact.name);
            format!(
                "{} {} {} {by}",
                package.fact.name,
                number(package.owned_files),
                number(package.owned_bytes)
            )
        });
        Told {
            files,
            shares: shares.to_vec(),
            packages: counts.collect(),
        }
    }

    #[test]
    fn the_distribution_comes_before_language_packages_and_these_before_programs() {
        let layers = vec![
            layer()
                .file("usr/bin/tool", "0123456789")
                .file("usr/bin/other", "01234")
                .file("opt/app.jar", "012")
                .file("opt/notes", "0")
                .file("var/lib/dpkg/status", "0123")
                .symlink("usr/bin/link", "tool"),
        ];
        let packages = vec![
            package(
                PackageKind::Deb,
                "tool",
                Basis::Installed,
                "var/lib/dpkg/status",
            ),
            package(PackageKind::Maven, "app", Basis::Embedded, "opt/app.jar"),
            package(
                PackageKind::Golang,
                "example.org/dependency",
                Basis::Embedded,
                "usr/bin/tool",
            ),
            package(
                PackageKind::Golang,
                "example.org/a",
                Basis::Embedded,
                "usr/bin/other",
            ),
            package(
                PackageKind::Golang,
                "example.org/other",
                Basis::Embedded,
                "usr/bin/other",
            ),
            package(
                PackageKind::Generic,
                "other",
                Basis::Classified,
                "usr/bin/other",
            ),
            package(PackageKind::Npm, "wanted", Basis::Declared, "opt/notes"),
        ];
        let files = ["usr/bin/tool", "usr/bin/link", "usr/share/not/there"];
        let lists = [owned(
            PackageKind::Deb,
            "tool",
            &files,
            "var/lib/dpkg/info/tool.list",
        )];
        let told = told(layers, packages, &lists);
        assert_eq!(
            told.files,
            [
                "opt/app.jar app",
                "opt/notes -",
                "usr/bin/link tool",
                "usr/bin/other example.org/other",
                "usr/bin/tool tool",
                "var/lib/dpkg/status -",
            ]
        );
        assert_eq!(
            told.shares,
            ["Os 1 10", "Language 1 3", "Classified 1 5", "Nobody 2 5"]
        );
        assert_eq!(
            told.packages,
            [
                "tool 2 10 -",
                "app 1 3 -",
                "example.org/dependency 1 10 tool",
                "example.org/a - - -",
                "example.org/other 1 5 -",
                "other - - -",
                "wanted - - -",
            ]
        );
    }

    #[test]
    fn the_innermost_folder_owns_a_file() {
        let layers = vec![
            layer()
                .file("app/node_modules/a/package.json", "01")
                .file("app/node_modules/a/index.js", "0123")
                .file("app/node_modules/a/node_modules/b/package.json", "0")
                .file("app/node_modules/a/node_modules/b/deep/er.js", "012")
                .hard_link("app/node_modules/a/again.js", "app/node_modules/a/index.js")
                .file("app/index.js", "0"),
        ];
        let in_folder = |name: &str, folder: &str| {
            let file = format!("{folder}/package.json");
            let mut package = package(PackageKind::Npm, name, Basis::Installed, &file);
            package.fact.folder = Some(LayerPath::from(folder));
            package
        };
        let mut everything = in_folder("everything", "app");
        everything.fact.folder = Some(LayerPath::default());
        let packages = vec![
            in_folder("a", "app/node_modules/a"),
            in_folder("b", "app/node_modules/a/node_modules/b"),
            everything,
        ];
        let told = told(layers, packages, &[]);
        assert_eq!(
            told.files,
            [
                "app/index.js -",
                "app/node_modules/a/again.js a",
                "app/node_modules/a/index.js a",
                "app/node_modules/a/node_modules/b/deep/er.js b",
                "app/node_modules/a/node_modules/b/package.json b",
                "app/node_modules/a/package.json a",
            ]
        );
        assert_eq!(told.packages, ["a 3 6 -", "b 2 4 -", "everything - - -"]);
        assert_eq!(
            told.shares,
            ["Os 0 0", "Language 4 10", "Classified 0 0", "Nobody 1 1"]
        );
    }

    #[test]
    fn a_file_with_several_names_is_counted_once_and_has_one_owner() {
        let layers = vec![
            layer()
                .file("cache/module", "0123")
                .hard_link("site/module", "cache/module")
                .file("hidden", "01")
                .file("usr/bin/perl", "012")
                .hard_link("usr/bin/perl5", "usr/bin/perl"),
            layer()
                .hard_link("first", "hidden")
                .hard_link("second", "hidden")
                .whiteout("hidden"),
        ];
        let packages = vec![
            package(
                PackageKind::Deb,
                "perl",
                Basis::Installed,
                "var/lib/dpkg/status",
            ),
            package(
                PackageKind::Pypi,
                "module",
                Basis::Installed,
                "site/m.dist-info/METADATA",
            ),
        ];
        let lists = [
            owned(
                PackageKind::Deb,
                "perl",
                &["usr/bin/perl", "usr/bin/perl5"],
                "i/perl.list",
            ),
            owned(
                PackageKind::Pypi,
                "m",
                &["site/module", "second"],
                "site/m.dist-info/RECORD",
            ),
        ];
        let told = told(layers, packages, &lists);
        assert_eq!(
            told.files,
            [
                "cache/module module",
                "first module",
                "second module",
                "site/module module",
                "usr/bin/perl perl",
                "usr/bin/perl5 perl",
            ]
        );
        assert_eq!(told.packages, ["perl 2 3 -", "module 2 6 -"]);
        assert_eq!(
            told.shares,
            ["Os 1 3", "Language 2 6", "Classified 0 0", "Nobody 0 0"]
        );
    }

    #[test]
    fn lists_are_found_through_links_above_their_files() {
        let layers = vec![
            layer()
                .symlink("lib", "usr/lib")
                .file("usr/lib/a/libc.so", "01")
                .file("usr/lib/a/libm.so", "012")
                .file("usr/lib/b.so", "0"),
        ];
        let packages = vec![package(PackageKind::Deb, "c", Basis::Installed, "status")];
        let files = [
            "lib/a/libc.so",
            "lib/a/../a/libm.so",
            "./lib/none",
            "lib/b.so",
        ];
        let lists = [owned(PackageKind::Deb, "c", &files, "info/c.list")];
        let told = told(layers, packages, &lists);
        assert_eq!(told.packages, ["c 3 6 -"]);
        assert_eq!(
            told.files,
            [
                "lib -",
                "usr/lib/a/libc.so c",
                "usr/lib/a/libm.so c",
                "usr/lib/b.so c"
            ]
        );
    }

    #[test]
    fn each_package_that_one_file_states_has_its_own_list() {
        let layers = vec![
            layer()
                .file("x", "0")
                .file("y", "01")
                .file("meta/all.json", "012"),
        ];
        let file = "meta/all.json";
        let packages = vec![
            package(PackageKind::Pear, "one", Basis::Installed, file),
            package(PackageKind::Pear, "two", Basis::Installed, file),
            package(
                PackageKind::Pypi,
                "other",
                Basis::Installed,
                "meta/METADATA",
            ),
        ];
        let lists = [
            owned(PackageKind::Pear, "one", &["x"], file),
            owned(PackageKind::Pear, "two", &["y"], file),
        ];
        let told = told(layers, packages, &lists);
        assert_eq!(told.packages, ["one 1 1 -", "two 1 2 -", "other - - -"]);
        assert_eq!(told.files, ["meta/all.json one", "x one", "y two"]);
    }
}
