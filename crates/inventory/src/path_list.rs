//! Many paths in little memory.

use lamina_image::path::LayerPath;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::MAX_OWNED_PATH_BYTES;

/// Paths, front-coded: each entry is how many bytes it shares with the one before, and the rest.
///
/// The file lists of a package manager are sorted, so that a path of 60 bytes takes about 20.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PathList {
    /// Per path: LEB128 of the shared length, LEB128 of the length of the rest, the rest.
    bytes: Vec<u8>,
}

/// Collects a [`PathList`].
#[derive(Clone, Debug, Default)]
pub struct PathListBuilder {
    list: PathList,
    last: Vec<u8>,
}

/// Goes through a [`PathList`].
#[derive(Clone, Debug)]
pub struct Paths<'a> {
    rest: &'a [u8],
    last: Vec<u8>,
}

impl PathList {
    /// The paths, in the order in which they were added.
    pub fn iter(&self) -> Paths<'_> {
        Paths {
            rest: &self.bytes,
            last: Vec::new(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes of memory that it takes.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

impl<'a> IntoIterator for &'a PathList {
    type Item = LayerPath;
    type IntoIter = Paths<'a>;

    fn into_iter(self) -> Paths<'a> {
        self.iter()
    }
}

impl<P: AsRef<[u8]>> FromIterator<P> for PathList {
    fn from_iter<I: IntoIterator<Item = P>>(paths: I) -> Self {
        let mut builder = PathListBuilder::default();
        for path in paths {
            builder.push(path.as_ref());
        }
        builder.finish()
    }
}

impl PathListBuilder {
    /// Adds a path. Answers whether it was short enough to be added.
    pub fn push(&mut self, path: &[u8]) -> bool {
        if path.len() > MAX_OWNED_PATH_BYTES {
            return false;
        }
        let both = self.last.iter().zip(path);
        let shared = both.take_while(|(last, new)| last == new).count();
        let rest = path.get(shared..).unwrap_or_default();
        write_number(&mut self.list.bytes, shared);
        write_number(&mut self.list.bytes, rest.len());
        self.list.bytes.extend_from_slice(rest);
        self.last.truncate(shared);
        self.last.extend_from_slice(rest);
        true
    }

    /// Bytes that the paths take so far.
    pub(crate) fn bytes(&self) -> usize {
        self.list.bytes.len()
    }

    /// The list.
    pub fn finish(mut self) -> PathList {
        self.list.bytes.shrink_to_fit();
        self.list
    }
}

impl Paths<'_> {
    /// The next path as it was added, and how many bytes of it are those of the one before.
    pub(crate) fn advance(&mut self) -> Option<(&[u8], usize)> {
        let shared = read_number(&mut self.rest)?;
        let length = read_number(&mut self.rest)?;
        let (new, rest) = self.rest.split_at_checked(length)?;
        if shared > self.last.len() || shared + new.len() > MAX_OWNED_PATH_BYTES {
            // Only a damaged list can say so.
            self.rest = &[];
            return None;
        }
        self.rest = rest;
        self.last.truncate(shared);
        self.last.extend_from_slice(new);
        Some((&self.last, shared))
    }
}

impl Iterator for Paths<'_> {
    type Item = LayerPath;

    fn next(&mut self) -> Option<LayerPath> {
        let (path, _) = self.advance()?;
        Some(LayerPath::from_bytes(path))
    }
}

impl std::fmt::Debug for PathList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for PathList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.bytes)
    }
}

impl<'de> Deserialize<'de> for PathList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = PathList;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of paths")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<PathList, E> {
                Ok(PathList {
                    bytes: bytes.to_vec(),
                })
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<PathList, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(PathList { bytes })
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

fn write_number(out: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn read_number(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    for shift in [0, 7, 14] {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_come_back_as_they_went_in() {
        let paths = ["usr/bin/a", "usr/bin/ab", "usr/lib", "", "etc", "etc"];
        let list: PathList = paths.iter().collect();
        let back: Vec<LayerPath> = list.iter().collect();
        assert_eq!(back, paths.map(LayerPath::from));
    }

    #[test]
    fn sorted_lists_take_little_room() {
        let paths: Vec<String> = (0..1000)
            .map(|i| format!("usr/lib/python3/dist-packages/package/module_{i:04}.py"))
            .collect();
        let list: PathList = paths.iter().collect();
        assert!(list.memory_bytes() < 10_000, "{}", list.memory_bytes());
    }

    #[test]
    fn too_long_a_path_is_refused() {
        let mut builder = PathListBuilder::default();
        assert!(!builder.push(&[b'a'; MAX_OWNED_PATH_BYTES + 1]));
        assert!(builder.finish().is_empty());
    }

    proptest! {
        #[test]
        fn any_paths_come_back(paths in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..40)) {
            let list: PathList = paths.iter().collect();
            let back: Vec<LayerPath> = list.iter().collect();
            let expect: Vec<LayerPath> = paths.iter().map(|path| LayerPath::from_bytes(path)).collect();
            prop_assert_eq!(back, expect);
        }

        #[test]
        fn damaged_lists_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let list = PathList { bytes };
            prop_assert!(list.iter().count() <= 200);
        }
    }
}
