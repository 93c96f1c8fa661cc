//! Where in an image a file lies, as far as that says what it is.

use lamina_image::path::LayerPath;

/// The components of a path, from the root on.
pub(crate) fn components(path: &LayerPath) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.as_bytes().split(|byte| *byte == b'/')
}

/// Whether a file lies in a folder into which a package manager unpacks packages.
///
/// Lock files and manifests in there came with a package: they say what its authors built and tested
/// it with, not what is in the image.
pub(crate) fn is_inside_installed(path: &LayerPath) -> bool {
    let mut before: &[u8] = b"";
    let folders = path.parent().unwrap_or_default();
    for component in components(&folders) {
        let is_one = match component {
            b"node_modules" | b"bower_components" | b"site-packages" | b"dist-packages"
            | b"gems" | b"vendor" | b"rustlib" | b".pub-cache" | b"conda-meta" => true,
            // Go's module cache.
            b"mod" => before == b"pkg",
            // Cargo's sources of crates, and its checkouts.
            b"registry" | b"git" => matches!(before, b".cargo" | b"cargo"),
            // `~/.julia/packages`, and the packages that come with Julia.
            b"packages" => before == b".julia",
            b"stdlib" => before == b"julia",
            // Pods, and Swift's checkouts.
            b"Pods" => true,
            b"checkouts" => before == b".build",
            _ => false,
        };
        if is_one {
            return true;
        }
        before = component;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_installed_packages_are_known() {
        let check = |path: &str, expect: bool| {
            assert_eq!(
                is_inside_installed(&LayerPath::from(path)),
                expect,
                "{path}"
            );
        };
        check("srv/app/node_modules/a/yarn.lock", true);
        check("usr/lib/python3/site-packages/a/requirements.txt", true);
        check("usr/lib/ruby/gems/3.1.0/gems/a-1/Gemfile.lock", true);
        check("srv/app/vendor/a/b/composer.lock", true);
        check("go/pkg/mod/github.com/a/b@v1/go.mod", true);
        check("root/.cargo/registry/src/index/a-1/Cargo.lock", true);
        check("usr/local/cargo/git/checkouts/a/1/Cargo.lock", true);
        check("root/.julia/packages/A/x/Manifest.toml", true);
        check("srv/app/yarn.lock", false);
        check("go.mod", false);
        check("srv/pkg/go.mod", false);
        check("srv/mod/go.mod", false);
        check("srv/packages/a/yarn.lock", false);
        check("srv/vendor", false);
        check("", false);
    }
}
