//! Feed files as they are published: compressed, or as a tar of many records.

use std::io::{self, BufRead as _, BufReader, Read};

use crate::{
    feeds::{FeedError, Input},
    limits::{MAX_ARCHIVE_BYTES, MAX_ARCHIVE_MEMBERS},
};

const BUFFER_BYTES: usize = 256 << 10;

#[derive(Clone, Copy)]
enum Format {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

/// Ends of names, first bytes, and the format.
const FORMATS: &[(&[&str], &[u8], Format)] = &[
    (&[".gz", ".tgz"], b"\x1f\x8b", Format::Gzip),
    (&[".bz2"], b"BZh", Format::Bzip2),
    (&[".xz"], b"\xfd7zXZ\0", Format::Xz),
    (&[".zst"], b"\x28\xb5\x2f\xfd", Format::Zstd),
];

/// The bytes of a file, decompressed if the end of its name says that it is compressed, or its first
/// bytes do where the name says nothing (some mirrors keep a compressed file under the bare name); and
/// no more than `limit` of them.
///
/// # Errors
/// If it does not begin as its name says.
pub(crate) fn decompressed<'a>(
    input: &'a mut Input<'_>,
    limit: u64,
) -> Result<Box<dyn Read + 'a>, FeedError> {
    let path = input.path;
    let mut buffered = BufReader::with_capacity(BUFFER_BYTES, &mut *input.content);
    let named = FORMATS
        .iter()
        .find(|(ends, _, _)| ends.iter().any(|end| path.ends_with(end)));
    let format = match named {
        Some((_, _, format)) => Some(*format),
        None => {
            let start = buffered.fill_buf()?;
            let begun = FORMATS
                .iter()
                .find(|(_, magic, _)| start.starts_with(magic));
            begun.map(|(_, _, format)| *format)
        }
    };
    let plain: Box<dyn Read + 'a> = match format {
        Some(Format::Gzip) => Box::new(flate2::read::MultiGzDecoder::new(buffered)),
        Some(Format::Bzip2) => Box::new(bzip2::read::MultiBzDecoder::new(buffered)),
        Some(Format::Xz) => Box::new(lzma_rust2::XzReader::new(buffered, true)),
        Some(Format::Zstd) => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(buffered);
            Box::new(decoder.map_err(io::Error::other)?)
        }
        None => Box::new(buffered),
    };
    Ok(Box::new(BufReader::with_capacity(
        BUFFER_BYTES,
        plain.take(limit),
    )))
}

/// Gives each file of a tar, which may be compressed, to `see`: its path in the archive, its size, its bytes.
///
/// # Errors
/// If it is no tar, breaks off, or is larger than any feed; or what `see` returns.
pub(crate) fn each_member(
    mut input: Input<'_>,
    mut see: impl FnMut(&str, u64, &mut dyn Read) -> Result<(), FeedError>,
) -> Result<(), FeedError> {
    let reader = decompressed(&mut input, MAX_ARCHIVE_BYTES)?;
    let mut archive = tar::Archive::new(reader);
    for (number, entry) in archive.entries()?.enumerate() {
        if number >= MAX_ARCHIVE_MEMBERS {
            return Err(FeedError::Limit {
                what: "members",
                limit: MAX_ARCHIVE_MEMBERS as u64,
            });
        }
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let size = entry.size();
        see(&path, size, &mut entry)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use super::*;

    fn tar() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in [("a/1.json", "one"), ("a/2.json", "two")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder
                .append_data(&mut header, path, content.as_bytes())
                .unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn members(path: &str, bytes: Vec<u8>) -> Result<Vec<String>, FeedError> {
        let mut found = Vec::new();
        let input = Input {
            path,
            content: &mut Cursor::new(bytes),
        };
        each_member(input, |path, size, reader| {
            let mut text = String::new();
            reader.read_to_string(&mut text)?;
            found.push(format!("{path} {size} {text}"));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn members_are_read_however_the_tar_is_compressed() {
        let expect = ["a/1.json 3 one", "a/2.json 3 two"];
        let plain = tar();
        assert_eq!(members("a.tar", plain.clone()).unwrap(), expect);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(members("a.tar.gz", gzip.clone()).unwrap(), expect);
        assert_eq!(members("a.tgz", gzip.clone()).unwrap(), expect);
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(&plain).unwrap();
        assert_eq!(
            members("a.tar.bz2", bzip2.finish().unwrap()).unwrap(),
            expect
        );
        let options = lzma_rust2::XzOptions::default();
        let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        xz.write_all(&plain).unwrap();
        assert_eq!(members("a.tar.xz", xz.finish().unwrap()).unwrap(), expect);
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        let zstd = ruzstd::encoding::compress_to_vec(plain.as_slice(), level);
        assert_eq!(members("a.tar.zst", zstd).unwrap(), expect);

        // Under a bare name, by the first bytes.
        assert_eq!(members("a", gzip.clone()).unwrap(), expect);

        let half = gzip.get(..gzip.len() / 2).unwrap().to_vec();
        assert!(members("a.tar.gz", half).is_err());
        for path in ["a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar.zst"] {
            assert!(members(path, b"no archive".to_vec()).is_err(), "{path}");
        }
    }
}
