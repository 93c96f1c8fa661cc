//! Which files of an image hold the text of a package's licence.
//!
//! Debian's lie in `usr/share/doc/<package>/copyright` (policy, section 12.5), those of Fedora, SUSE,
//! Arch and Alpine in `usr/share/licenses/<package>/`, those of languages in the package's own folder, in
//! `licenses/` below it (PEP 639), or beside the file that names the package.

use lamina_image::{
    path::LayerPath,
    tree::{MergedNode, MergedTree, TreeKind},
};

use crate::{
    facts::{PackageFact, PackageKind},
    kinds::licence_file::{is_licence, package_folder},
    limits::MAX_LICENCE_FILES,
};

/// The files of the merged image that hold a package's licence, sorted, at most [`MAX_LICENCE_FILES`].
/// A link counts if it leads to a file.
pub fn licence_files(tree: &MergedTree, package: &PackageFact) -> Vec<LayerPath> {
    let mut found = Vec::new();
    let name = package.name.as_bytes();
    match package.kind {
        PackageKind::Deb => {
            let folder = LayerPath::from("usr/share/doc").join(name);
            let path = folder.join(b"copyright");
            if is_file(tree, &path) {
                found.push(path);
            }
        }
        kind if kind.is_os() => {
            for root in ["usr/share/licenses", "usr/share/doc"] {
                let is_all = root.ends_with("licenses");
                add_from(tree, &LayerPath::from(root).join(name), is_all, &mut found);
            }
        }
        _ => {
            let beside = package
                .file
                .parent()
                .filter(|folder| package_folder(&folder.join(b"LICENSE")).as_ref() == Some(folder));
            for folder in package.folder.iter().chain(&beside) {
                add_from(tree, folder, false, &mut found);
                for below in [&b"licenses"[..], b"LICENSES", b"license_files"] {
                    add_from(tree, &folder.join(below), true, &mut found);
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found.truncate(MAX_LICENCE_FILES);
    found
}

/// Adds a folder's files: all of them, or those that are named like a licence.
fn add_from(tree: &MergedTree, folder: &LayerPath, is_all: bool, found: &mut Vec<LayerPath>) {
    // The folder itself may be a link to another package's.
    let Ok(resolved) = tree.resolve(folder) else {
        return;
    };
    let Some(node) = tree.node(&resolved) else {
        return;
    };
    let is_wanted = |node: &MergedNode<'_>| is_all || is_licence(node.name());
    let names = node.children().filter(is_wanted).map(|node| node.name());
    let paths = names.map(|name| folder.join(name));
    let room = MAX_LICENCE_FILES.saturating_sub(found.len());
    found.extend(paths.filter(|path| is_file(tree, path)).take(room));
}

fn is_file(tree: &MergedTree, path: &LayerPath) -> bool {
    let entry = tree.resolve(path).ok().and_then(|path| tree.get(&path));
    entry.is_some_and(|entry| matches!(entry.kind, TreeKind::File | TreeKind::HardLink))
}
