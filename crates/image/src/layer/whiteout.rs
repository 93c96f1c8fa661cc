//! Whiteouts: the names by which a layer deletes what layers below it hold.
//!
//! OCI image specification 1.1, "Representing Changes", sections "Whiteouts" and "Opaque Whiteout".

use crate::path::LayerPath;

const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// AUFS's own files; Docker never extracted them.
const META_PREFIX: &[u8] = b".wh..wh.";

/// What a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// An ordinary path.
    None,
    /// The path, whose marker was taken off, is deleted.
    Whiteout,
    /// The directory, whose marker was taken off, is emptied.
    Opaque,
    /// Neither extracted nor a deletion.
    Ignored,
}

/// Tells what `path` means, and turns a marker's path into the path that it is about.
pub(super) fn classify(path: &mut LayerPath) -> Marker {
    // Nearly every path ends here.
    if memchr::memmem::find(path.as_bytes(), PREFIX).is_none() {
        return Marker::None;
    }
    if path.file_name() == OPAQUE {
        path.set_file_name(b"");
        return Marker::Opaque;
    }
    let is_meta = path
        .as_bytes()
        .split(|byte| *byte == b'/')
        .any(|component| component.starts_with(META_PREFIX));
    if is_meta {
        return Marker::Ignored;
    }
    match path.file_name().strip_prefix(PREFIX) {
        None => Marker::None,
        // `.wh.` alone, or of `.` and `..`, would delete the directory it stands in.
        Some(b"" | b"." | b"..") => Marker::Ignored,
        Some(name) => {
            let name = name.to_vec();
            path.set_file_name(&name);
            Marker::Whiteout
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_told_from_names() {
        let check = |raw: &str, marker: Marker, path: &str| {
            let mut found = LayerPath::from(raw);
            assert_eq!(classify(&mut found), marker, "{raw}");
            assert_eq!(found, LayerPath::from(path), "{raw}");
        };
        check("a/b", Marker::None, "a/b");
        check("a/.wh.b", Marker::Whiteout, "a/b");
        check(".wh.b", Marker::Whiteout, "b");
        check("a/.wh..hidden", Marker::Whiteout, "a/.hidden");
        check("a/.wh..wh..opq", Marker::Opaque, "a");
        check(".wh..wh..opq", Marker::Opaque, "");
        check("a/.wh", Marker::None, "a/.wh");
        check("a/.whx", Marker::None, "a/.whx");
        check("a.wh.b", Marker::None, "a.wh.b");
        check("a/.wh.", Marker::Ignored, "a/.wh.");
        check("a/.wh...", Marker::Ignored, "a/.wh...");
        check(".wh..wh.plnk/1.2", Marker::Ignored, ".wh..wh.plnk/1.2");
        check(".wh..wh.aufs", Marker::Ignored, ".wh..wh.aufs");
    }
}
