//! What the fuzz targets share.
#![allow(
    clippy::panic,
    reason = "a target that names no analyser is a mistake of ours"
)]

use lamina_image::{
    layer::{Entry, EntryKind},
    path::LayerPath,
};
use lamina_inventory::{
    analyser::{ClaimedFile, FileWatch, HEAD_BYTES},
    facts::Facts,
    kinds::{ANALYSERS, STREAM_ANALYSERS},
};

/// Lets an analyser read `bytes` as the file at `path`.
pub fn analyse(id: &str, path: &str, bytes: &[u8]) {
    let Some(analyser) = ANALYSERS.iter().find(|analyser| analyser.id() == id) else {
        panic!("no analyser {id:?}");
    };
    let path = LayerPath::from(path);
    let mut facts = Facts::default();
    let file = ClaimedFile { path: &path, bytes };
    analyser.analyse(file, &mut facts);
}

/// Lets a stream analyser watch `bytes` go by as the file at `path`. The first byte says in pieces of
/// which length, so that what lies across two pieces is tried too.
pub fn watch(id: &str, path: &str, bytes: &[u8]) {
    let Some(analyser) = STREAM_ANALYSERS.iter().find(|analyser| analyser.id() == id) else {
        panic!("no stream analyser {id:?}");
    };
    let Some((piece, bytes)) = bytes.split_first() else {
        return;
    };
    let entry = Entry {
        path: LayerPath::from(path),
        kind: EntryKind::File,
        size: bytes.len() as u64,
        mode: 0o755,
        uid: 0,
        gid: 0,
        modified: 0,
    };
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let mut watch = FileWatch::new(&entry, head, [analyser]);
    for piece in bytes.chunks(1 + usize::from(*piece) * 4) {
        watch.feed(piece);
    }
    watch.finish(&entry.path, true, &mut Facts::default());
}

/// A zip archive of one stored file. Its checksum is wrong, which hides nothing.
pub fn stored_zip(name: &str, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len())
        .unwrap_or_default()
        .to_le_bytes();
    let name_length = u16::try_from(name.len()).unwrap_or_default().to_le_bytes();
    let common = [
        [20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].as_slice(),
        &size,
        &size,
        &name_length,
        &[0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04", common.as_slice(), name.as_bytes(), content].concat();
    let record = [
        b"PK\x01\x02\x14\0",
        common.as_slice(),
        &[0; 14],
        name.as_bytes(),
    ]
    .concat();
    let directory_size = u32::try_from(record.len())
        .unwrap_or_default()
        .to_le_bytes();
    let offset = u32::try_from(local.len()).unwrap_or_default().to_le_bytes();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(),
        &directory_size,
        &offset,
        &[0, 0],
    ]
    .concat();
    [local, record, end].concat()
}
