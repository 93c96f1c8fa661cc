//! Compressions, tar's many forms, bad input and limits.

use std::io::Write as _;

use lamina_image::{
    digest::{DiffId, Digest},
    layer::{
        Codec, EntryKind, LayerError, LayerExpectation, LayerWarning, LimitName, Step, TarProblem,
    },
    limits::Limits,
    path::LayerPath,
};
use lamina_testkit::{gzip, layer};

use crate::support::{Recorder, error_of, read, read_with};

fn sample() -> Vec<u8> {
    layer()
        .directory("etc")
        .file("etc/os-release", "ID=debian\n")
        .file(
            "usr/bin/big",
            (0..300_000_u32)
                .flat_map(u32::to_le_bytes)
                .collect::<Vec<u8>>(),
        )
        .symlink("bin", "usr/bin")
        .hard_link("usr/bin/other", "usr/bin/big")
        .whiteout("var/log")
        .opaque("opt")
        .tar()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn entries_of(bytes: &[u8]) -> Recorder {
    let (recorder, outcome) = read(bytes);
    assert_eq!(outcome.error, None);
    recorder
}

#[test]
fn every_compression_gives_the_same_entries() {
    let tar = sample();
    let plain = entries_of(&tar);
    assert_eq!(plain.content("etc/os-release"), Some(&b"ID=debian\n"[..]));
    assert_eq!(
        plain.paths(),
        [
            "etc",
            "etc/os-release",
            "usr/bin/big",
            "bin",
            "usr/bin/other",
            "var/log",
            "opt",
        ]
    );
    let check = |what: &str, blob: &[u8], codec: Codec| {
        let (recorder, outcome) = read(blob);
        assert_eq!(outcome.error, None, "{what}");
        assert_eq!(recorder, plain, "{what}");
        assert_eq!(outcome.summary.codec, Some(codec), "{what}");
        assert_eq!(outcome.summary.digest, Digest::of(blob), "{what}");
        assert_eq!(
            outcome.summary.diff_id,
            Some(DiffId(Digest::of(&tar))),
            "{what}"
        );
        assert_eq!(
            outcome.summary.uncompressed_bytes,
            tar.len() as u64,
            "{what}"
        );
        for chunk in [1, 7, 511, 4096] {
            if chunk > 1 || blob.len() < 400_000 {
                let again = read_with(blob, chunk, Limits::default(), LayerExpectation::default());
                assert_eq!(
                    again,
                    (recorder.clone_for_test(), outcome.clone()),
                    "{what} by {chunk}"
                );
            }
        }
    };
    check("tar", &tar, Codec::Tar);
    check("gzip", &gzip(&tar), Codec::Gzip);
    check("zstd", &zstd(&tar), Codec::Zstd);

    let (one, two) = tar.split_at(5000);
    check(
        "two gzip members",
        &[gzip(one), gzip(two)].concat(),
        Codec::Gzip,
    );
    check(
        "an empty member between",
        &[gzip(one), gzip(b""), gzip(two)].concat(),
        Codec::Gzip,
    );
    check(
        "zero padding",
        &[gzip(&tar), vec![0; 1000]].concat(),
        Codec::Gzip,
    );
    check(
        "two zstd frames",
        &[zstd(one), zstd(two)].concat(),
        Codec::Zstd,
    );
    let skippable = [&b"\x50\x2a\x4d\x18\x05\x00\x00\x00hello"[..], &zstd(&tar)].concat();
    check("a skippable frame first", &skippable, Codec::Zstd);
    let skippable = [&zstd(&tar)[..], b"\x5f\x2a\x4d\x18\x00\x00\x00\x00"].concat();
    check("an empty skippable frame last", &skippable, Codec::Zstd);

    let mut encoder = flate2::GzBuilder::new()
        .extra(b"SG\x02\x00ab".to_vec())
        .filename("layer.tar")
        .comment("a comment")
        .write(Vec::new(), flate2::Compression::best());
    encoder.write_all(&tar).unwrap();
    check(
        "a header with everything",
        &encoder.finish().unwrap(),
        Codec::Gzip,
    );
}

impl Recorder {
    fn clone_for_test(&self) -> Self {
        let mut copy = Self::default();
        copy.entries.clone_from(&self.entries);
        copy
    }
}

#[test]
fn trailing_garbage_is_ignored_and_warned_of() {
    for blob in [gzip(&sample()), zstd(&sample())] {
        let start = blob.len() as u64;
        let (_, outcome) = read(&[blob, b"garbage".to_vec()].concat());
        assert_eq!(outcome.error, None);
        let warnings = outcome.summary.warnings;
        assert!(
            matches!(warnings[..], [LayerWarning::TrailingData { compressed, .. }]
                if compressed >= start && compressed <= start + 7),
            "{warnings:?}"
        );
    }
}

#[test]
fn wrong_digests_name_both() {
    let (tar, other) = (sample(), Digest::of(b"other"));
    let blob = gzip(&tar);
    let check = |expectation: LayerExpectation| {
        let (recorder, outcome) = read_with(&blob, 4096, Limits::default(), expectation);
        assert_eq!(recorder.entries.len(), 7, "what was read stays");
        outcome.error
    };
    let right = LayerExpectation {
        digest: Some(Digest::of(&blob)),
        size: Some(blob.len() as u64),
        diff_id: Some(DiffId(Digest::of(&tar))),
    };
    assert_eq!(check(right.clone()), None);
    let error = check(LayerExpectation {
        digest: Some(other.clone()),
        ..right.clone()
    })
    .unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "verify: the layer's digest is {} where the manifest says {other}",
            Digest::of(&blob)
        )
    );
    let error = check(LayerExpectation {
        diff_id: Some(DiffId(other.clone())),
        ..right.clone()
    });
    assert!(matches!(error, Some(LayerError::DiffId { .. })));
    let error = check(LayerExpectation {
        size: Some(9),
        ..right
    })
    .unwrap();
    assert!(
        error.to_string().contains("where the manifest says 9"),
        "{error}"
    );
}

#[test]
fn sha512_digests_are_checked_as_such() {
    let tar = sample();
    let mut hasher = lamina_image::digest::Hasher::new(lamina_image::digest::Algorithm::Sha512);
    hasher.update(&tar);
    let digest = hasher.finish();
    let expectation = LayerExpectation {
        digest: Some(digest.clone()),
        diff_id: Some(DiffId(Digest::of(&tar))),
        size: None,
    };
    let (_, outcome) = read_with(&tar, 4096, Limits::default(), expectation);
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.summary.digest, digest);
}

#[test]
fn truncated_layers_say_where() {
    let tar = sample();
    let blob = gzip(&tar);
    let error = error_of(&blob[..blob.len() / 2]);
    assert!(
        matches!(
            error,
            LayerError::Truncated {
                step: Step::Inflate,
                ..
            }
        ),
        "{error}"
    );
    let zstd = zstd(&tar);
    let error = error_of(&zstd[..zstd.len() / 2]);
    assert!(
        matches!(
            error,
            LayerError::Truncated {
                step: Step::Inflate,
                ..
            }
        ),
        "{error}"
    );
    let error = error_of(&tar[..100_000]);
    assert!(
        matches!(&error, LayerError::Truncated { step: Step::Tar, path: Some(path), .. }
            if *path == LayerPath::from("usr/bin/big")),
        "{error}"
    );
    assert!(error.to_string().contains("usr/bin/big"), "{error}");
    // With the size known, the transfer is what is wrong.
    let expectation = LayerExpectation {
        size: Some(blob.len() as u64),
        ..Default::default()
    };
    let (_, outcome) = read_with(&blob[..1000], 100, Limits::default(), expectation);
    assert!(matches!(
        outcome.error,
        Some(LayerError::Size { actual: 1000, .. })
    ));
}

#[test]
fn corrupt_layers_say_where() {
    let tar = sample();
    let mut blob = gzip(&tar);
    let middle = blob.len() / 2;
    blob[middle..middle + 64].fill(0xff);
    // What inflates to nonsense is caught by the next header.
    let error = error_of(&blob);
    assert!(matches!(error.step(), Step::Inflate | Step::Tar), "{error}");
    let mut bad = tar.clone();
    bad[512 + 148] ^= 1;
    let LayerError::Tar {
        problem: TarProblem::Checksum,
        unpacked: 512,
    } = error_of(&bad)
    else {
        panic!()
    };
    // A flipped bit that inflates well is found by the CRC when there is no digest.
    let mut stored = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    stored.write_all(&tar).unwrap();
    let mut stored = stored.finish().unwrap();
    stored[200_000] ^= 1;
    let error = error_of(&stored);
    assert!(error.to_string().contains("CRC-32"), "{error}");
    // When the whole blob is fed, the cause is the digest.
    let expectation = LayerExpectation {
        digest: Some(Digest::of(b"x")),
        size: Some(blob.len() as u64),
        diff_id: None,
    };
    let mut recorder = Recorder::default();
    let mut reader = lamina_image::layer::LayerReader::new(expectation, Limits::default());
    let _ = reader.feed(&blob, &mut recorder);
    let error = reader.finish(&mut recorder).error.unwrap();
    assert!(
        matches!(
            error,
            LayerError::Digest {
                consequence: Some(_),
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn what_is_no_layer_is_named() {
    let check = |bytes: &[u8], part: &str| {
        let error = error_of(bytes).to_string();
        assert!(error.contains(part), "{error}");
    };
    let mut page = b"<html><body>Sign in to continue</body></html>".to_vec();
    check(&page.clone(), "<html>");
    page.resize(2000, b' ');
    check(&page, "<html>");
    check(b"{\"errors\":[]}", "{\\\"errors");
    check(b"BZh91AY&SY0123456789", "bzip2");
    check(b"\xfd7zXZ\0\0\x04abcdef", "xz");
    check(b"\x1f\x8b\x08", "ends early");
    check(
        b"\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        "gzip header",
    );
}

#[test]
fn nothing_at_all_is_an_empty_layer() {
    for bytes in [&b""[..], &[0; 1024], &gzip(&[0; 1024]), &gzip(b"")] {
        let (recorder, outcome) = read(bytes);
        assert_eq!((recorder.entries.len(), outcome.error), (0, None));
    }
}

fn header(path: &str, kind: u8, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn entry(path: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(path, kind, content.len() as u64).as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut content = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        content.extend_from_slice(format!("{length} {key}=").as_bytes());
        content.extend_from_slice(value);
        content.push(b'\n');
    }
    entry("pax", b'x', &content)
}

#[test]
fn odd_paths_stay_inside() {
    let tar = [
        entry("./a", b'0', b"1"),
        entry("/b", b'0', b"2"),
        entry("../../c", b'0', b"3"),
        entry("d//e/./f", b'0', b"4"),
        entry("old-directory/", 0, b""),
        entry("./", b'5', b""),
        entry("", b'0', b"nameless"),
        vec![0; 1024],
    ]
    .concat();
    let (recorder, outcome) = read(&tar);
    assert_eq!(
        recorder.paths(),
        ["a", "b", "c", "d/e/f", "old-directory", ""]
    );
    assert_eq!(recorder.entries[4].0.kind, EntryKind::Directory);
    assert!(matches!(
        outcome.summary.warnings[..],
        [
            LayerWarning::ParentComponent { .. },
            LayerWarning::EmptyPath { .. },
        ]
    ));
}

#[test]
fn pax_headers_override_and_keep_to_their_entry() {
    let long = "x/".repeat(200) + "file";
    let tar = [
        pax(&[
            ("path", long.as_bytes()),
            ("size", b"3"),
            ("uid", b"3000000"),
            ("gid", b"5"),
            ("mtime", b"-1.5"),
            ("SCHILY.xattr.user.x", b"a\n\0b"),
        ]),
        {
            let mut bytes = header("short", b'0', 0).as_bytes().to_vec();
            bytes.extend_from_slice(b"abc");
            bytes.resize(1024, 0);
            bytes
        },
        entry("next", b'0', b"n"),
        entry("global", b'g', b"11 path=zz\n"),
        entry("after", b'0', b""),
        vec![0; 1024],
    ]
    .concat();
    let recorder = entries_of(&tar);
    let (first, content) = &recorder.entries[0];
    assert_eq!(first.path, LayerPath::from(long.as_str()));
    assert_eq!(
        (first.uid, first.gid, first.modified, first.size),
        (3_000_000, 5, -2, 3)
    );
    assert_eq!(content.as_deref(), Some(&b"abc"[..]));
    assert_eq!(recorder.paths()[1..], ["next", "after"]);
    assert_eq!(recorder.entries[1].0.uid, 0);
}

#[test]
fn whiteouts_are_recognised_and_aufs_files_left_out() {
    let tar = [
        entry("a/.wh.b", b'0', b""),
        entry("a/.wh..wh..opq", b'0', b""),
        entry(".wh..wh.plnk", b'5', b""),
        entry(".wh..wh.aufs", b'0', b""),
        entry("a/.wh.", b'0', b""),
        entry("a/.wh", b'0', b"kept"),
        vec![0; 1024],
    ]
    .concat();
    let recorder = entries_of(&tar);
    let found: Vec<_> = recorder
        .entries
        .iter()
        .map(|(entry, _)| (entry.path.to_string(), entry.kind.clone()))
        .collect();
    assert_eq!(
        found,
        [
            ("a/b".into(), EntryKind::Whiteout),
            ("a".into(), EntryKind::Opaque),
            ("a/.wh".into(), EntryKind::File),
        ]
    );
}

#[test]
fn what_follows_the_end_is_not_extracted() {
    let one = layer().file("one", "1").tar();
    let two = layer().file("two", "2").tar();
    let (recorder, outcome) = read(&[one.clone(), two.clone()].concat());
    assert_eq!(recorder.paths(), ["one"]);
    assert!(matches!(
        outcome.summary.warnings[..],
        [LayerWarning::DataAfterEnd { .. }]
    ));
    let both = [one.clone(), two].concat();
    assert_eq!(outcome.summary.diff_id, Some(DiffId(Digest::of(&both))));
    // One zero block is none of the end.
    let lone = [
        &entry("a", b'0', b"")[..],
        &[0; 512],
        &entry("b", b'0', b""),
    ]
    .concat();
    let (recorder, outcome) = read(&lone);
    assert_eq!(recorder.paths(), ["a", "b"]);
    assert_eq!(outcome.error, None);
    assert!(matches!(
        outcome.summary.warnings[..],
        [
            LayerWarning::LoneZeroBlock { .. },
            LayerWarning::NoEndMarker,
        ]
    ));
}

#[test]
fn sparse_files_are_unrolled() {
    // PAX 1.0: the map lies before the data.
    let mut data = b"2\n5\n3\n20\n2\n".to_vec();
    data.resize(512, 0);
    data.extend_from_slice(b"abcde");
    let records: &[(&str, &[u8])] = &[
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"sparse"),
        ("GNU.sparse.realsize", b"30"),
    ];
    let new = [pax(records), entry("GNUSparseFile.0/sparse", b'0', &data)].concat();
    // PAX 0.1.
    let records: &[(&str, &[u8])] = &[
        ("GNU.sparse.size", b"30"),
        ("GNU.sparse.map", b"5,3,20,2"),
        ("GNU.sparse.name", b"sparse"),
    ];
    let old = [pax(records), entry("x", b'0', b"abcde")].concat();
    // PAX 0.0.
    let records: &[(&str, &[u8])] = &[
        ("GNU.sparse.size", b"30"),
        ("GNU.sparse.numblocks", b"2"),
        ("GNU.sparse.offset", b"5"),
        ("GNU.sparse.numbytes", b"3"),
        ("GNU.sparse.offset", b"20"),
        ("GNU.sparse.numbytes", b"2"),
    ];
    let oldest = [pax(records), entry("sparse", b'0', b"abcde")].concat();
    let mut expect = [0; 30];
    expect[5..8].copy_from_slice(b"abc");
    expect[20..22].copy_from_slice(b"de");
    for tar in [new.clone(), old, oldest] {
        let tar = [tar, entry("next", b'0', b"n"), vec![0; 1024]].concat();
        let recorder = entries_of(&tar);
        assert_eq!(recorder.paths(), ["sparse", "next"]);
        assert_eq!(recorder.entries[0].0.size, 30);
        assert_eq!(recorder.content("sparse"), Some(&expect[..]));
        assert_eq!(recorder.content("next"), Some(&b"n"[..]));
    }
    // A map that does not fit its data.
    let records: &[(&str, &[u8])] = &[("GNU.sparse.size", b"30"), ("GNU.sparse.map", b"25,30")];
    let bad = [
        pax(records),
        entry("x", b'0', b"abcde"),
        entry("next", b'0', b"n"),
    ]
    .concat();
    let (recorder, outcome) = read(&[bad, vec![0; 1024]].concat());
    assert_eq!(recorder.content("next"), Some(&b"n"[..]));
    assert!(matches!(
        outcome.summary.warnings[..],
        [LayerWarning::BadSparseMap { .. }]
    ));
    // A claim of exabytes.
    let records: &[(&str, &[u8])] = &[
        ("GNU.sparse.size", b"999999999999999"),
        ("GNU.sparse.map", b"0,5"),
    ];
    let huge = [
        pax(records),
        entry("x", b'0', b"abcde"),
        entry("next", b'0', b"n"),
    ]
    .concat();
    let (recorder, outcome) = read(&[huge, vec![0; 1024]].concat());
    assert_eq!(recorder.paths(), ["x", "next"]);
    assert!(matches!(
        outcome.summary.warnings[..],
        [LayerWarning::SparseTooLarge { .. }]
    ));
}

#[test]
fn each_limit_is_named_when_passed() {
    let tar = sample();
    let check = |limits: Limits, expect: LimitName| {
        let (_, outcome) = read_with(&gzip(&tar), 4096, limits, LayerExpectation::default());
        let error = outcome.error.unwrap();
        assert!(
            matches!(error, LayerError::Limit { limit, .. } if limit == expect),
            "{expect:?}: {error}"
        );
    };
    let limits = Limits::default;
    check(
        Limits {
            uncompressed_bytes: 10_000,
            ..limits()
        },
        LimitName::UncompressedBytes,
    );
    check(
        Limits {
            expansion_ratio: 1,
            ratio_applies_from: 1000,
            ..limits()
        },
        LimitName::ExpansionRatio,
    );
    check(
        Limits {
            entries: 2,
            ..limits()
        },
        LimitName::Entries,
    );

    let long = "y".repeat(600);
    let tar = [
        pax(&[("path", long.as_bytes())]),
        entry("a", b'0', b"1"),
        vec![0; 1024],
    ]
    .concat();
    let read = |limits| read_with(&tar, 4096, limits, LayerExpectation::default());
    let (_, outcome) = read(Limits {
        extended_header_bytes: 100,
        ..limits()
    });
    assert!(matches!(
        outcome.error,
        Some(LayerError::Limit {
            limit: LimitName::ExtendedHeaderBytes,
            ..
        })
    ));
    let (recorder, outcome) = read(Limits {
        path_bytes: 100,
        ..limits()
    });
    assert_eq!(recorder.entries.len(), 0);
    assert!(matches!(
        outcome.summary.warnings[..],
        [LayerWarning::PathTooLong { bytes: 600, .. }]
    ));
    let (_, outcome) = read(Limits {
        path_bytes: 100,
        warnings: 0,
        ..limits()
    });
    assert_eq!(
        (
            outcome.summary.warnings.len(),
            outcome.summary.warnings_dropped
        ),
        (0, 1)
    );

    let records: &[(&str, &[u8])] = &[("GNU.sparse.size", b"9"), ("GNU.sparse.map", b"0,1,5,1")];
    let sparse = [pax(records), entry("x", b'0', b"ab"), vec![0; 1024]].concat();
    let read = |limits| read_with(&sparse, 4096, limits, LayerExpectation::default()).1;
    let outcome = read(Limits {
        sparse_segments: 1,
        ..limits()
    });
    assert!(matches!(
        outcome.summary.warnings[..],
        [LayerWarning::BadSparseMap { .. }]
    ));
    let outcome = read(Limits {
        sparse_bytes: 8,
        ..limits()
    });
    assert!(matches!(
        outcome.summary.warnings[..],
        [LayerWarning::SparseTooLarge { .. }]
    ));

    let limits = Limits {
        zstd_window_bytes: 1024,
        ..limits()
    };
    let (_, outcome) = read_with(&zstd(&sample()), 4096, limits, LayerExpectation::default());
    assert_eq!(outcome.error.unwrap().step(), Step::Inflate);
}

/// A terabyte of zeros, as gzip members of a gibibyte each and as one zstd frame of repeated blocks.
#[test]
fn bombs_end_quickly() {
    let mut start = header("zeros", b'0', 0);
    start.set_size(1 << 40);
    start.set_cksum();
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    member.write_all(&vec![0; 16 << 20]).unwrap();
    let member = member.finish().unwrap();
    // Even the fastest level makes more of zeros than the limit.
    let fastest = (16 << 20) / gzip(&vec![0; 16 << 20]).len();
    assert!(fastest > 90, "{fastest}");
    let head = gzip(start.as_bytes());
    let limits = Limits {
        ratio_applies_from: 64 << 20,
        ..Limits::default()
    };
    let mut recorder = NoContent;
    let mut reader =
        lamina_image::layer::LayerReader::new(LayerExpectation::default(), limits.clone());
    reader.feed(&head, &mut recorder).unwrap();
    let mut fed = 0;
    while reader.feed(&member, &mut recorder).is_ok() {
        fed += 1;
        assert!(fed < 10);
    }
    let error = reader.finish(&mut recorder).error.unwrap();
    assert!(error.to_string().contains("decompression bomb"), "{error}");

    // A zstd frame: header with a window of 128 KiB, then blocks of 128 KiB of one repeated byte.
    let mut frame = b"\x28\xb5\x2f\xfd\x00\x38".to_vec();
    let block = (131_072_u32 << 3) | (1 << 1);
    for _ in 0..2000 {
        frame.extend_from_slice(&block.to_le_bytes()[..3]);
        frame.push(0);
    }
    let mut reader = lamina_image::layer::LayerReader::new(LayerExpectation::default(), limits);
    let error = reader.feed(&frame, &mut recorder).unwrap_err();
    assert!(error.to_string().contains("decompression bomb"), "{error}");
}

struct NoContent;

impl lamina_image::layer::EntrySink for NoContent {
    fn entry(&mut self, _: &lamina_image::layer::Entry) -> lamina_image::layer::Claim {
        lamina_image::layer::Claim::Skip
    }

    fn data(&mut self, _: &[u8]) {}

    fn end(&mut self) {}
}
