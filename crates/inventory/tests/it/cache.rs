//! What the layer cache keeps.

use lamina_image::digest::{DiffId, Digest};
use lamina_inventory::analysis::{DecodeError, LayerAnalysis, cache_key};
use lamina_testkit::layer;
use proptest::prelude::*;

use crate::support::scan;

fn analysis() -> LayerAnalysis {
    scan(
        &layer()
            .file("etc/os-release", "ID=alpine\nVERSION_ID=3\n")
            .file(
                "lib/apk/db/installed",
                "P:a\nV:1\nL:MIT\nF:lib\nR:a.so\nR:b.so\n\nP:b\n",
            )
            .symlink("usr/lib/os-release", "../../etc/os-release")
            .file("a/b-1.dist-info/METADATA", "Name: b\nVersion: 1\n")
            .whiteout("etc/gone")
            .tar(),
    )
}

#[test]
fn analyses_come_back_as_they_went_in() {
    let analysis = analysis();
    assert_eq!(LayerAnalysis::decode(&analysis.encode()), Ok(analysis));
    let empty = LayerAnalysis::default();
    assert_eq!(LayerAnalysis::decode(&empty.encode()), Ok(empty));
}

#[test]
fn other_bytes_are_refused() {
    let bytes = analysis().encode();
    assert_eq!(LayerAnalysis::decode(b""), Err(DecodeError::NotAnAnalysis));
    assert_eq!(
        LayerAnalysis::decode(b"<html>"),
        Err(DecodeError::NotAnAnalysis)
    );
    assert_eq!(
        LayerAnalysis::decode(&bytes[..10]),
        Err(DecodeError::NotAnAnalysis)
    );
    let mut other = bytes.clone();
    other[8] ^= 0x55;
    assert!(matches!(
        LayerAnalysis::decode(&other),
        Err(DecodeError::OtherRevision { .. })
    ));
    let longer = [bytes.as_slice(), b"x"].concat();
    assert!(matches!(
        LayerAnalysis::decode(&longer),
        Err(DecodeError::Inconsistent { .. })
    ));
    let cut = &bytes[..bytes.len() - 1];
    assert!(matches!(
        LayerAnalysis::decode(cut),
        Err(DecodeError::Damaged(_))
    ));
}

#[test]
fn paths_that_leave_the_root_are_refused() {
    let mut bytes = analysis().encode();
    let path = b"lib/apk/db/installed";
    let at = bytes
        .windows(path.len())
        .rposition(|bytes| bytes == path)
        .unwrap();
    bytes[at..at + 4].copy_from_slice(b"/../");
    assert!(LayerAnalysis::decode(&bytes).is_err());
}

#[test]
fn the_key_names_the_layer_and_every_revision() {
    let diff_id = DiffId(Digest::of(b"a layer"));
    let key = cache_key(&diff_id);
    assert!(key.starts_with(&diff_id.to_string()), "{key}");
    for analyser in lamina_inventory::kinds::ANALYSERS {
        let part = format!(" {}:{}", analyser.id(), analyser.revision());
        assert!(key.contains(&part), "{key}");
    }
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in any::<prop::sample::Index>()) {
        let mut bytes = analysis().encode();
        for (at, value) in flips {
            let at = 12 + at.index(bytes.len() - 12);
            bytes[at] = value;
        }
        if let Ok(analysis) = LayerAnalysis::decode(&bytes) {
            let tree = lamina_image::tree::MergedTree::merge(&[&analysis.tree]);
            let _ = lamina_inventory::merge::merge(&[&analysis], &tree);
        }
        let end = cut.index(bytes.len());
        let _ = LayerAnalysis::decode(&bytes[..end]);
    }
}
