//! One file of a layer, read again: from the start, by places, by checkpoints; and what was changed
//! since the scan is noticed.

use std::io::Write as _;

use lamina_image::{
    layer::{
        LayerError,
        checkpoints::Checkpoints,
        extract::{ExtractError, FileOutcome, FileRead, Unpacker, Wanted},
        places::Places,
    },
    limits::Limits,
    path::LayerPath,
};
use lamina_testkit::layer;

use crate::support::read;

/// Bytes that do not compress well, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // Sixteen letters: half of what they take is information.
        bytes.extend(state.to_le_bytes().map(|byte| b'a' + (byte & 15)));
    }
    bytes.truncate(length);
    bytes
}

fn tar() -> Vec<u8> {
    let mut builder = layer().file("first", "one\n").file("empty", "");
    for number in 0..12 {
        builder = builder.file(&format!("big/{number}"), noise(number, 1_200_000));
        builder = builder.file(&format!("small/{number}"), format!("number {number}\n"));
    }
    builder
        .file("small/3", "again, longer\n")
        .file("last", "the end\n")
        .tar()
}

/// Gzip as Docker and BuildKit write it: the fastest level would make it one block.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Gzip in members of one MiB, as eStargz has them.
fn members(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(1 << 20).flat_map(gzip).collect()
}

/// Zstd in frames of one MiB, as zstd:chunked and seekable zstd have them.
fn frames(bytes: &[u8]) -> Vec<u8> {
    let compress =
        |part| ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Fastest);
    bytes.chunks(1 << 20).flat_map(compress).collect()
}

fn wanted(path: &str, size: u64) -> Wanted {
    Wanted {
        path: LayerPath::from(path),
        size,
        limit: 1 << 20,
    }
}

/// Reads a file, and answers also how many bytes of the blob it took.
fn open(
    blob: &[u8],
    wanted: Wanted,
    places: &Places,
    checkpoints: &Checkpoints,
) -> Result<(FileOutcome, usize), ExtractError> {
    let mut read = FileRead::new(
        wanted,
        places.clone(),
        checkpoints.clone(),
        Limits::default(),
    );
    let (from, to) = read.range();
    let to = to.map_or(blob.len(), |to| to as usize);
    let mut taken = 0;
    for chunk in blob[from as usize..to].chunks(50_000) {
        taken += chunk.len();
        if !read.feed(chunk)? {
            break;
        }
    }
    Ok((read.finish()?, taken))
}

#[test]
fn a_file_is_read_again_whatever_the_compression() {
    let tar = tar();
    for (name, blob, ranges) in [
        ("tar", tar.clone(), true),
        ("gzip", gzip(&tar), true),
        ("members", members(&tar), true),
        ("frames", frames(&tar), true),
        (
            "one frame",
            ruzstd::encoding::compress_to_vec(
                &tar[..],
                ruzstd::encoding::CompressionLevel::Fastest,
            ),
            false,
        ),
    ] {
        let places = read(&blob).1.places;
        assert!(places.can_check(), "{name}");
        let nothing = (Places::default(), Checkpoints::default());
        let mut checkpoints = Checkpoints::default();
        for round in 0..2 {
            for (path, expect) in [
                ("first", "one\n"),
                ("empty", ""),
                ("small/0", "number 0\n"),
                ("small/7", "number 7\n"),
                ("small/3", "again, longer\n"),
                ("small/11", "number 11\n"),
                ("last", "the end\n"),
            ] {
                let want = wanted(path, expect.len() as u64);
                let (outcome, _) = open(&blob, want.clone(), &nothing.0, &nothing.1).unwrap();
                assert_eq!(String::from_utf8_lossy(&outcome.bytes), expect, "{name}");
                assert!(!outcome.is_checked, "{name} {path}: nothing to check with");

                let (outcome, taken) = open(&blob, want, &places, &checkpoints).unwrap();
                assert_eq!(String::from_utf8_lossy(&outcome.bytes), expect, "{name}");
                assert!(outcome.is_checked, "{name} {path} in round {round}");
                assert!(!outcome.is_cut());
                if round == 1 && ranges {
                    assert!(taken < blob.len() / 2, "{name} {path}: {taken} bytes");
                }
                checkpoints = outcome.checkpoints;
            }
        }
        let kept = postcard::to_stdvec(&checkpoints).unwrap();
        let again: Checkpoints = postcard::from_bytes(&kept).unwrap();
        assert_eq!(again, checkpoints);
        assert!(checkpoints.is_empty() || name != "tar");
    }
}

#[test]
fn a_large_file_is_cut_at_the_limit() {
    let blob = gzip(&tar());
    let places = read(&blob).1.places;
    let want = wanted("big/5", 1_200_000);
    let (outcome, _) = open(&blob, want, &places, &Checkpoints::default()).unwrap();
    assert!(outcome.is_cut() && outcome.is_checked);
    assert_eq!(outcome.bytes, noise(5, 1_200_000)[..1 << 20]);
}

#[test]
fn a_layer_that_is_another_than_was_scanned_is_refused() {
    let tar = tar();
    let change = |from: &[u8]| {
        let mut other = tar.clone();
        let at = other.windows(from.len()).position(|part| part == from);
        other[at.unwrap()] ^= 0x20;
        other
    };
    let check = |good: &[u8], bad: &[u8], want: Wanted| {
        let places = read(good).1.places;
        let result = open(bad, want, &places, &Checkpoints::default());
        assert!(
            matches!(result, Err(ExtractError::Layer(LayerError::Part { .. }))),
            "{result:?}"
        );
    };
    let bad = change(b"number 7\n");
    check(&tar, &bad, wanted("small/7", 9));
    check(&gzip(&tar), &gzip(&bad), wanted("small/7", 9));
    // The last part has no state after it: the digest of the whole tells.
    let bad = change(b"the end\n");
    check(&tar, &bad, wanted("last", 8));
    check(&gzip(&tar), &gzip(&bad), wanted("last", 8));
}

#[test]
fn what_is_not_there_is_missing() {
    let blob = gzip(&tar());
    let places = read(&blob).1.places;
    let check = |path: &str, size: u64| {
        let result = open(&blob, wanted(path, size), &places, &Checkpoints::default());
        assert!(
            matches!(result, Err(ExtractError::Missing { .. })),
            "{path}"
        );
    };
    check("nowhere", 1);
    check("small/1", 1);
    let result = open(
        b"no layer at all",
        wanted("a", 1),
        &places,
        &Checkpoints::default(),
    );
    assert!(result.is_err());
}

#[test]
fn damaged_checkpoints_lead_to_an_error_and_to_no_panic() {
    let blob = gzip(&tar());
    let places = read(&blob).1.places;
    let want = wanted("last", 8);
    let first = open(&blob, want.clone(), &places, &Checkpoints::default()).unwrap();
    let good = postcard::to_stdvec(&first.0.checkpoints).unwrap();
    let mut read_back = 0;
    for at in (0..good.len()).step_by(997) {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        let Ok(checkpoints) = postcard::from_bytes::<Checkpoints>(&bad) else {
            continue;
        };
        let mut read = FileRead::new(want.clone(), places.clone(), checkpoints, Limits::default());
        let from = usize::try_from(read.range().0).unwrap_or(usize::MAX);
        let rest = blob.get(from..).unwrap_or_default();
        let fed = rest
            .chunks(50_000)
            .try_for_each(|chunk| read.feed(chunk).map(drop));
        if let (Ok(()), Ok(outcome)) = (fed, read.finish()) {
            read_back += 1;
            assert_eq!(outcome.bytes, b"the end\n", "what is checked is right");
        }
    }
    assert!(read_back > 0);
}

#[test]
fn an_archive_is_unpacked_for_its_members() {
    let tar = tar();
    for blob in [tar.clone(), gzip(&tar)] {
        let (mut unpacker, mut out) = (Unpacker::new(), Vec::new());
        for chunk in blob.chunks(70_001) {
            let mut take = |bytes: &[u8]| out.extend_from_slice(bytes);
            unpacker.feed(chunk, &mut take).unwrap();
        }
        assert_eq!(out, tar);
    }
}
