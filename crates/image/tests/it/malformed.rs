//! Other projects' odd archives, and random bytes: never a panic, the same whatever the chunks, and
//! where `tar` can read an archive, the same as it.

use std::io::Read as _;

use lamina_image::{
    layer::{EntryKind, LayerExpectation},
    limits::Limits,
    path::LayerPath,
};
use lamina_testkit::shared;
use proptest::prelude::*;

use crate::support::{open, open_in_chunks, read, read_with};

fn archives() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = shared("fixtures/malformed") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut todo = vec![folder];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn odd_archives_are_read_the_same_in_any_chunks() {
    for (name, bytes) in archives() {
        let whole = read(&bytes);
        for chunk in [1, 100, 512, 1000] {
            let limits = Limits::default();
            let again = read_with(&bytes, chunk, limits, LayerExpectation::default());
            assert_eq!(again, whole, "{name} in chunks of {chunk}");
        }
        let _ = open(&bytes);
    }
}

type File = (LayerPath, u64, Option<Vec<u8>>);

/// `path size content` as the `tar` crate has it; `None` if it cannot read the archive.
fn by_tar(bytes: &[u8]) -> Option<Vec<File>> {
    let mut archive = tar::Archive::new(bytes);
    let mut found = Vec::new();
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        let kind = entry.header().entry_type();
        let path = LayerPath::from_bytes(&entry.path_bytes());
        let is_known = kind.is_file()
            || kind.is_dir()
            || kind.is_symlink()
            || kind.is_hard_link()
            || kind.is_gnu_sparse()
            || kind.is_contiguous()
            || kind.is_character_special()
            || kind.is_block_special()
            || kind.is_fifo();
        if !is_known || (path.is_root() && !kind.is_dir()) {
            continue;
        }
        let is_file = kind.is_file() || kind.is_gnu_sparse() || kind.is_contiguous();
        let is_directory = entry.path_bytes().last() == Some(&b'/');
        let mut content = Vec::new();
        if is_file && !is_directory {
            if entry.size() > 1 << 20 {
                found.push((path, entry.size(), None));
                continue;
            }
            entry.read_to_end(&mut content).ok()?;
            found.push((path, entry.size(), Some(content)));
        } else {
            found.push((path, 0, None));
        }
    }
    Some(found)
}

/// Archives where we differ from the `tar` crate on purpose.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "gnu-incremental.tar",
        "GNU's dump directories are directories",
    ),
    (
        "gnu-long-nul.tar",
        "a name ends at its first NUL, as for every runtime",
    ),
    (
        "pax-nul-path.tar",
        "a name ends at its first NUL, as for every runtime",
    ),
    (
        "hdr-only.tar",
        "v7 and star headers have devices and links too",
    ),
    (
        "pax-nil-sparse-data.tar",
        "tar does not know PAX sparse files",
    ),
    (
        "pax-nil-sparse-hole.tar",
        "tar does not know PAX sparse files",
    ),
    ("pax-sparse-big.tar", "tar does not know PAX sparse files"),
];

#[test]
fn archives_are_read_as_by_another_reader() {
    let mut compared = 0;
    for (name, bytes) in archives() {
        let Some(expected) = by_tar(&bytes) else {
            continue;
        };
        let (recorder, outcome) = read(&bytes);
        if outcome.error.is_some() || DIFFERENT.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let found: Vec<_> = recorder
            .entries
            .iter()
            .map(|(entry, content)| {
                let is_large = entry.size > 1 << 20;
                let content = (!is_large && entry.kind == EntryKind::File)
                    .then(|| content.clone().unwrap_or_default());
                (entry.path.clone(), entry.size, content)
            })
            .collect();
        assert_eq!(found, expected, "{name}");
        compared += 1;
    }
    assert!(compared == 0 || compared > 40, "{compared}");
}

/// Go's own results for its test archives, where they are no errors.
#[test]
fn archives_that_go_refuses_are_refused() {
    const REFUSED: &[&str] = &[
        "issue10968.tar",
        "issue11169.tar",
        "issue12435.tar",
        "neg-size.tar",
        "pax-bad-hdr-file.tar",
        "pax-bad-hdr-large.tar.bz2",
        "pax-path-hdr.tar",
        // Cut off on purpose: only the header of a 16 GiB file is there.
        "writer-big.tar",
        "writer-big-long.tar",
        // No archives at all.
        "small.txt",
        "small2.txt",
        "README.md",
    ];
    for (name, bytes) in archives() {
        let error = read(&bytes).1.error;
        assert_eq!(
            error.is_some(),
            REFUSED.contains(&name.as_str()),
            "{name}: {error:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..3000), chunk in 1..700_usize) {
        for magic in [&b""[..], b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00", b"\x28\xb5\x2f\xfd", b"{", b"BZh"] {
            let bytes = [magic, &bytes].concat();
            let whole = read(&bytes);
            let again = read_with(&bytes, chunk, Limits::default(), LayerExpectation::default());
            prop_assert_eq!(&whole, &again);
            let _ = open_in_chunks(&bytes, chunk);
        }
    }

    #[test]
    fn damaged_archives_never_panic(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        chunk in 1..5000_usize,
    ) {
        let archives = archives();
        if archives.is_empty() {
            return Ok(());
        }
        let mut bytes = which.get(&archives).1.clone();
        bytes.truncate(200_000);
        if bytes.is_empty() {
            return Ok(());
        }
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        // Make the checksums right again, so that the damage is looked at.
        for block in bytes.chunks_exact_mut(512) {
            let is_header = block[257..262] == *b"ustar";
            if is_header {
                block[148..156].fill(b' ');
                let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let whole = read(&bytes);
        let again = read_with(&bytes, chunk, Limits::default(), LayerExpectation::default());
        prop_assert_eq!(&whole, &again);
        let zipped = lamina_testkit::gzip(&bytes);
        let (recorder, _) = read(&zipped);
        prop_assert_eq!(recorder, whole.0);
        let _ = open_in_chunks(&bytes, chunk);
    }
}
