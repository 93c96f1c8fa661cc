//! Paths inside an image.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A path inside an image: bytes, components separated by `/`, relative to the image's root.
///
/// It is never empty components, `.` or `..`, never starts or ends with `/`, and need not be UTF-8:
/// images are not this machine. The root directory itself is the empty path.
///
/// Deserialising refuses bytes that are no such path: caches are not trusted.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>")]
pub struct LayerPath(Vec<u8>);

/// Bytes that are no path of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a path inside an image")]
pub struct PathError;

impl LayerPath {
    /// Makes a path from the bytes of an archive: drops a leading `/` and `.` components, and
    /// resolves `..` without ever leaving the root, as extraction inside a chroot would.
    pub fn from_bytes(raw: &[u8]) -> Self {
        let mut path = Self(Vec::with_capacity(raw.len()));
        path.set(raw);
        path
    }

    /// Becomes [`LayerPath::from_bytes`] of `raw`, keeping the allocation.
    pub(crate) fn set(&mut self, raw: &[u8]) {
        let path = &mut self.0;
        path.clear();
        for component in raw.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => {
                    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                    path.truncate(end);
                }
                _ => {
                    if !path.is_empty() {
                        path.push(b'/');
                    }
                    path.extend_from_slice(component);
                }
            }
        }
    }

    /// Cuts the last component and puts `name` (one plain component, or nothing) in its place.
    pub(crate) fn set_file_name(&mut self, name: &[u8]) {
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        self.0.truncate(end);
        if !self.0.is_empty() && !name.is_empty() {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(name);
    }

    /// The bytes, without a leading slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path as text if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Whether this is the image's root directory.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The last component; empty for the root.
    pub fn file_name(&self) -> &[u8] {
        self.0
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default()
    }

    /// The directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<LayerPath> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(Self(self.0.get(..end).unwrap_or_default().to_vec()))
    }

    /// This path with one more relative path below it.
    pub fn join(&self, below: &[u8]) -> LayerPath {
        let mut raw = self.0.clone();
        raw.push(b'/');
        raw.extend_from_slice(below);
        Self::from_bytes(&raw)
    }

    /// Whether this path is `directory` or lies below it.
    pub fn is_within(&self, directory: &LayerPath) -> bool {
        match self.0.strip_prefix(directory.as_bytes()) {
            Some(rest) => directory.is_root() || rest.is_empty() || rest.first() == Some(&b'/'),
            None => false,
        }
    }
}

impl TryFrom<Vec<u8>> for LayerPath {
    type Error = PathError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, PathError> {
        let path = Self::from_bytes(&bytes);
        (path.0 == bytes).then_some(path).ok_or(PathError)
    }
}

impl From<&str> for LayerPath {
    fn from(text: &str) -> Self {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for LayerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for LayerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_stay_inside_the_root() {
        let check = |raw: &str, expect: &str| {
            assert_eq!(
                LayerPath::from(raw).as_bytes(),
                expect.as_bytes(),
                "{raw:?}"
            );
        };
        check("./etc/passwd", "etc/passwd");
        check("/etc//passwd/", "etc/passwd");
        check("../../etc/passwd", "etc/passwd");
        check("a/b/../c", "a/c");
        check("a/..", "");
        check(".", "");
        check("..", "");
    }

    #[test]
    fn only_normal_paths_are_deserialised() {
        let check = |raw: &[u8], expect: bool| {
            let found = serde_json::from_str::<LayerPath>(&format!("{raw:?}"));
            assert_eq!(found.is_ok(), expect, "{raw:?}");
        };
        check(b"etc/passwd", true);
        check(b"", true);
        check(b"\xff", true);
        check(b"/etc", false);
        check(b"a//b", false);
        check(b"a/../b", false);
        check(b"..", false);
    }

    #[test]
    fn parents_and_names() {
        let path = LayerPath::from("usr/lib/os-release");
        assert_eq!(path.file_name(), b"os-release");
        assert_eq!(path.parent(), Some(LayerPath::from("usr/lib")));
        assert_eq!(LayerPath::from("usr").parent(), Some(LayerPath::default()));
        assert_eq!(LayerPath::default().parent(), None);
        assert!(path.is_within(&LayerPath::from("usr")));
        assert!(!LayerPath::from("usrlocal").is_within(&LayerPath::from("usr")));
        assert!(path.is_within(&LayerPath::default()));
    }
}
