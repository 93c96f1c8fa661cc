//! Reads a BoltDB file: buckets of keys and values in a B+ tree, <https://github.com/etcd-io/bbolt>.
//!
//! The file is an array of pages. Pages 0 and 1 are *meta* pages with a checksum; the valid one of
//! the later transaction names the page of the root bucket. A *branch* page leads to others, a *leaf*
//! page holds keys and values, a value that is marked so is a bucket: the number of its root page, or
//! nought and then a leaf page inline. A page may run over into the ones behind it. Numbers are in the
//! byte order of the machine that wrote it, here little-endian. There is no document of the format but
//! the code: `page.go`, `meta.go`, `bucket.go`.
//!
//! No crate that reads it without mapping a file and without `unsafe` is kept up (2026-11).
//!
//! The file is hostile. Offsets are checked, a walk is at most [`MAX_BOLT_DEPTH`] pages deep, and all
//! walks together show at most [`MAX_BOLT_READS`] times the bytes of the file: trees that share or
//! loop pages, and elements that lie over each other, end with an error.

use std::cell::Cell;

use crate::limits::{MAX_BOLT_DEPTH, MAX_BOLT_READS};

const MAGIC: u32 = 0xed0c_daed;
const VERSION: u32 = 2;
const PAGE_HEADER: usize = 16;
const ELEMENT: usize = 16;
/// Bytes of a meta page's content that its checksum covers.
const META_SUMMED: usize = 56;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const META: u16 = 4;
/// The flag of a leaf element whose value is a bucket.
const IS_BUCKET: u32 = 1;

/// A database, held whole.
#[derive(Debug)]
pub(crate) struct Bolt<'a> {
    bytes: &'a [u8],
    page_size: usize,
    pages: u64,
    root: u64,
    /// Bytes that walks may still show.
    left: Cell<u64>,
}

/// Why a database cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BoltError {
    /// Neither meta page is whole.
    #[error("it is no BoltDB file, or both of its first pages are damaged")]
    NoMeta,
    /// There are fewer pages than it says.
    #[error("it breaks off: it has {have} pages of {want}")]
    Short {
        /// Whole pages in it.
        have: u64,
        /// Pages that it says it has.
        want: u64,
    },
    /// A pointer leads out of the file, or to a page of another kind.
    #[error("page {0} is not a page of a bucket")]
    Page(u64),
    /// Keys or values reach beyond their page.
    #[error("the elements of page {0} are damaged")]
    Element(u64),
    /// More pages deep than any tree is.
    #[error("page {0} is deeper than {MAX_BOLT_DEPTH} pages")]
    Deep(u64),
    /// Pages are used many times over.
    #[error("its trees share pages or run in circles")]
    Circle,
}

/// A bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket<'a, 'b> {
    bolt: &'b Bolt<'a>,
    root: Root<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Root<'a> {
    Page(u64),
    Inline(&'a [u8]),
}

/// What lies under a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item<'a, 'b> {
    /// Bytes.
    Value(&'a [u8]),
    /// A bucket.
    Bucket(Bucket<'a, 'b>),
}

impl<'a> Bolt<'a> {
    /// Finds the valid meta page of the later transaction.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, BoltError> {
        // Where the second one is depends on the size of a page, which a damaged first does not say.
        let sizes = (0..=15).map(|power| 1024_usize << power);
        let metas = std::iter::once(0)
            .chain(sizes)
            .filter_map(|offset| meta(bytes, offset).map(|meta| (offset, meta)));
        let meta = metas
            .filter(|(offset, meta)| *offset == 0 || *offset == meta.page_size)
            .max_by_key(|(_, meta)| meta.transaction)
            .map(|(_, meta)| meta)
            .ok_or(BoltError::NoMeta)?;
        let have = to_u64(bytes.len() / meta.page_size);
        if have < meta.pages {
            return Err(BoltError::Short {
                have,
                want: meta.pages,
            });
        }
        Ok(Self {
            bytes,
            page_size: meta.page_size,
            pages: meta.pages,
            root: meta.root,
            left: Cell::new(to_u64(bytes.len()).saturating_mul(MAX_BOLT_READS)),
        })
    }

    /// The bucket of all others.
    pub(crate) fn root(&self) -> Bucket<'a, '_> {
        Bucket {
            bolt: self,
            root: Root::Page(self.root),
        }
    }

    fn spend(&self, bytes: usize) -> Result<(), BoltError> {
        let left = self.left.get().checked_sub(to_u64(bytes));
        self.left.set(left.ok_or(BoltError::Circle)?);
        Ok(())
    }

    fn page(&self, number: u64) -> Result<Page<'a>, BoltError> {
        let wrong = BoltError::Page(number);
        // The first two are meta pages.
        if !(2..self.pages).contains(&number) {
            return Err(wrong);
        }
        let start = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_mul(self.page_size))
            .ok_or(wrong)?;
        let rest = self.bytes.get(start..).ok_or(wrong)?;
        let more = u32_at(rest, 12).ok_or(wrong)?;
        let length = usize::try_from(more)
            .ok()
            .and_then(|more| more.checked_add(1))
            .and_then(|pages| pages.checked_mul(self.page_size))
            .ok_or(wrong)?;
        let bytes = rest.get(..length).ok_or(wrong)?;
        if u64_at(bytes, 0) != Some(number) {
            return Err(wrong);
        }
        Page::of(bytes, number)
    }
}

impl<'a, 'b> Bucket<'a, 'b> {
    fn of(bolt: &'b Bolt<'a>, value: &'a [u8], page: u64) -> Result<Self, BoltError> {
        let damaged = BoltError::Element(page);
        let root = u64_at(value, 0).ok_or(damaged)?;
        let root = if root == 0 {
            // Behind the number of the page is a counter.
            Root::Inline(value.get(16..).ok_or(damaged)?)
        } else {
            Root::Page(root)
        };
        Ok(Self { bolt, root })
    }

    fn first_page(&self) -> Result<Page<'a>, BoltError> {
        match self.root {
            Root::Page(number) => self.bolt.page(number),
            Root::Inline(bytes) => Page::of(bytes, 0),
        }
    }

    /// All keys and what lies under them, in the order of keys. Ends after an error.
    pub(crate) fn entries(&self) -> Entries<'a, 'b> {
        Entries {
            bolt: self.bolt,
            start: Some(*self),
            stack: Vec::new(),
        }
    }

    /// What lies under a key.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Item<'a, 'b>>, BoltError> {
        let mut page = self.first_page()?;
        for _ in 0..MAX_BOLT_DEPTH {
            // The elements before `low` have keys that are not above the one that is sought.
            let (mut low, mut high) = (0, page.count);
            while low < high {
                let middle = low + (high - low) / 2;
                if page.key(middle)? <= key {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            let Some(position) = low.checked_sub(1) else {
                return Ok(None);
            };
            if page.is_branch {
                page = self.bolt.page(page.child(position)?)?;
            } else {
                let (found, item) = page.item(self.bolt, position)?;
                return Ok((found == key).then_some(item));
            }
        }
        Err(BoltError::Deep(page.number))
    }

    /// The bucket under a key; `None` if there is none, or a value.
    pub(crate) fn bucket(&self, key: &[u8]) -> Result<Option<Self>, BoltError> {
        Ok(match self.get(key)? {
            Some(Item::Bucket(bucket)) => Some(bucket),
            _ => None,
        })
    }
}

/// The walk through a bucket.
#[derive(Debug)]
pub(crate) struct Entries<'a, 'b> {
    bolt: &'b Bolt<'a>,
    /// The bucket, before the first step.
    start: Option<Bucket<'a, 'b>>,
    /// Pages from the root down, each with its next element.
    stack: Vec<(Page<'a>, usize)>,
}

impl<'a, 'b> Entries<'a, 'b> {
    fn enter(&mut self, page: Page<'a>) -> Result<(), BoltError> {
        if self.stack.len() >= MAX_BOLT_DEPTH {
            return Err(BoltError::Deep(page.number));
        }
        self.stack.push((page, 0));
        Ok(())
    }

    fn step(&mut self) -> Result<Option<(&'a [u8], Item<'a, 'b>)>, BoltError> {
        if let Some(bucket) = self.start.take() {
            let page = bucket.first_page()?;
            self.enter(page)?;
        }
        while let Some((page, next)) = self.stack.last_mut() {
            let (page, position) = (*page, *next);
            *next += 1;
            if position >= page.count {
                self.stack.pop();
            } else if page.is_branch {
                self.bolt.spend(ELEMENT)?;
                let child = self.bolt.page(page.child(position)?)?;
                self.enter(child)?;
            } else {
                let (_, value) = page.key_and_rest(position)?;
                let length = page.value_length(position)?.min(value.len());
                self.bolt.spend(ELEMENT + length)?;
                return page.item(self.bolt, position).map(Some);
            }
        }
        Ok(None)
    }
}

impl<'a, 'b> Iterator for Entries<'a, 'b> {
    type Item = Result<(&'a [u8], Item<'a, 'b>), BoltError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.stack.clear();
        }
        step.transpose()
    }
}

/// A branch or leaf page, with what it runs over into.
#[derive(Clone, Copy, Debug)]
struct Page<'a> {
    bytes: &'a [u8],
    /// 0 if it is inline.
    number: u64,
    is_branch: bool,
    count: usize,
}

impl<'a> Page<'a> {
    fn of(bytes: &'a [u8], number: u64) -> Result<Self, BoltError> {
        let wrong = BoltError::Page(number);
        let flags = u16_at(bytes, 8).ok_or(wrong)?;
        let count = usize::from(u16_at(bytes, 10).ok_or(wrong)?);
        let is_branch = flags & BRANCH != 0;
        if !is_branch && flags & LEAF == 0 {
            return Err(wrong);
        }
        if bytes.len() < PAGE_HEADER + ELEMENT * count {
            return Err(BoltError::Element(number));
        }
        Ok(Self {
            bytes,
            number,
            is_branch,
            count,
        })
    }

    /// The key of an element, and what follows it.
    fn key_and_rest(&self, position: usize) -> Result<(&'a [u8], &'a [u8]), BoltError> {
        let damaged = BoltError::Element(self.number);
        let at = PAGE_HEADER + ELEMENT * position;
        // A branch element begins with the place of its key, a leaf element with flags.
        let fields = if self.is_branch { at } else { at + 4 };
        let field = |offset| {
            let value = u32_at(self.bytes, offset).ok_or(damaged)?;
            usize::try_from(value).map_err(|_| damaged)
        };
        let start = at.checked_add(field(fields)?).ok_or(damaged)?;
        let length = field(fields + 4)?;
        let from = self.bytes.get(start..).ok_or(damaged)?;
        from.split_at_checked(length).ok_or(damaged)
    }

    fn key(&self, position: usize) -> Result<&'a [u8], BoltError> {
        self.key_and_rest(position).map(|(key, _)| key)
    }

    fn value_length(&self, position: usize) -> Result<usize, BoltError> {
        let at = PAGE_HEADER + ELEMENT * position;
        let length = u32_at(self.bytes, at + 12).and_then(|length| usize::try_from(length).ok());
        length.ok_or(BoltError::Element(self.number))
    }

    fn child(&self, position: usize) -> Result<u64, BoltError> {
        let at = PAGE_HEADER + ELEMENT * position;
        u64_at(self.bytes, at + 8).ok_or(BoltError::Element(self.number))
    }

    fn item<'b>(
        &self,
        bolt: &'b Bolt<'a>,
        position: usize,
    ) -> Result<(&'a [u8], Item<'a, 'b>), BoltError> {
        let damaged = BoltError::Element(self.number);
        let at = PAGE_HEADER + ELEMENT * position;
        let (key, rest) = self.key_and_rest(position)?;
        let length = self.value_length(position)?;
        let value = rest.get(..length).ok_or(damaged)?;
        let flags = u32_at(self.bytes, at).ok_or(damaged)?;
        let item = if flags & IS_BUCKET == 0 {
            Item::Value(value)
        } else {
            Item::Bucket(Bucket::of(bolt, value, self.number)?)
        };
        Ok((key, item))
    }
}

struct Meta {
    page_size: usize,
    root: u64,
    pages: u64,
    transaction: u64,
}

fn meta(bytes: &[u8], offset: usize) -> Option<Meta> {
    let page = bytes.get(offset..)?;
    if u16_at(page, 8)? & META == 0 {
        return None;
    }
    let meta = page.get(PAGE_HEADER..)?;
    let page_size = usize::try_from(u32_at(meta, 8)?).ok()?;
    let is_meta = u32_at(meta, 0)? == MAGIC
        && u32_at(meta, 4)? == VERSION
        && page_size.is_power_of_two()
        && page_size >= 1024
        && u64_at(meta, META_SUMMED)? == fnv1a(meta.get(..META_SUMMED)?);
    is_meta.then_some(())?;
    Some(Meta {
        page_size,
        root: u64_at(meta, 16)?,
        pages: u64_at(meta, 40)?,
        transaction: u64_at(meta, 48)?,
    })
}

fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// FNV-1a, 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array(bytes, offset).map(u64::from_le_bytes)
}

/// Writes what the tests read.
#[cfg(test)]
#[allow(
    clippy::cast_possible_truncation,
    reason = "the tests' own files are small"
)]
pub(crate) mod testing {
    use super::*;

    const PAGE: usize = 1024;

    /// Buckets of buckets of values.
    pub(crate) type Tree = Vec<(&'static str, Node)>;

    #[derive(Clone, Debug)]
    pub(crate) enum Node {
        Value(String),
        Bucket(Tree),
        /// A bucket of its own page.
        Paged(Tree),
    }

    pub(crate) fn value(text: &str) -> Node {
        Node::Value(text.to_owned())
    }

    /// A file of the tree, with a branch page above the root's leaf.
    pub(crate) fn write(tree: &Tree) -> Vec<u8> {
        let mut pages = vec![vec![0; PAGE], vec![0; PAGE]];
        let leaf = page_of(tree, &mut pages);
        let first = tree.first().map_or("", |(key, _)| key);
        let branch = branch(&[(first, leaf)]);
        let root = push(branch, &mut pages);
        finish(pages, root)
    }

    pub(crate) fn finish(mut pages: Vec<Vec<u8>>, root: u64) -> Vec<u8> {
        let count = pages.iter().map(|page| page.len() / PAGE).sum::<usize>() as u64;
        for number in 0..2 {
            let mut meta = Vec::new();
            for value in [MAGIC, VERSION, PAGE as u32, 0] {
                meta.extend(value.to_le_bytes());
            }
            for value in [root, 0, 0, count, number] {
                meta.extend(value.to_le_bytes());
            }
            meta.extend(fnv1a(&meta).to_le_bytes());
            let page = &mut pages[number as usize];
            page[..8].copy_from_slice(&number.to_le_bytes());
            page[8..10].copy_from_slice(&META.to_le_bytes());
            page[PAGE_HEADER..PAGE_HEADER + meta.len()].copy_from_slice(&meta);
        }
        pages.concat()
    }

    pub(crate) fn branch(children: &[(&str, u64)]) -> Vec<u8> {
        let mut page = header(BRANCH, children.len());
        let mut data: Vec<u8> = Vec::new();
        for (position, (key, child)) in children.iter().enumerate() {
            let place = ELEMENT * (children.len() - position) + data.len();
            page.extend((place as u32).to_le_bytes());
            page.extend((key.len() as u32).to_le_bytes());
            page.extend(child.to_le_bytes());
            data.extend(key.as_bytes());
        }
        page.extend(data);
        page
    }

    fn header(flags: u16, count: usize) -> Vec<u8> {
        let mut page = vec![0; 8];
        page.extend(flags.to_le_bytes());
        page.extend((count as u16).to_le_bytes());
        page.extend([0; 4]);
        page
    }

    pub(crate) fn push(mut page: Vec<u8>, pages: &mut Vec<Vec<u8>>) -> u64 {
        let number = pages.iter().map(|page| page.len() / PAGE).sum::<usize>() as u64;
        page.resize(page.len().next_multiple_of(PAGE), 0);
        let more = (page.len() / PAGE - 1) as u32;
        page[..8].copy_from_slice(&number.to_le_bytes());
        page[12..16].copy_from_slice(&more.to_le_bytes());
        pages.push(page);
        number
    }

    pub(crate) fn page_of(tree: &Tree, pages: &mut Vec<Vec<u8>>) -> u64 {
        let page = leaf(tree, pages);
        push(page, pages)
    }

    fn leaf(tree: &Tree, pages: &mut Vec<Vec<u8>>) -> Vec<u8> {
        let mut page = header(LEAF, tree.len());
        let mut data: Vec<u8> = Vec::new();
        for (position, (key, node)) in tree.iter().enumerate() {
            let (flags, value) = match node {
                Node::Value(text) => (0, text.clone().into_bytes()),
                Node::Bucket(tree) => {
                    let inline = leaf(tree, pages);
                    (IS_BUCKET, [vec![0; 16], inline].concat())
                }
                Node::Paged(tree) => {
                    let number = page_of(tree, pages);
                    (
                        IS_BUCKET,
                        [number.to_le_bytes().to_vec(), vec![0; 8]].concat(),
                    )
                }
            };
            let place = ELEMENT * (tree.len() - position) + data.len();
            for field in [flags, place as u32, key.len() as u32, value.len() as u32] {
                page.extend(field.to_le_bytes());
            }
            data.extend(key.as_bytes());
            data.extend(value);
        }
        page.extend(data);
        page
    }
}

#[cfg(test)]
#[allow(
    clippy::cast_possible_truncation,
    reason = "the tests' own files are small"
)]
mod tests {
    use proptest::prelude::*;

    use super::{
        testing::{Node, branch, finish, page_of, push, value, write},
        *,
    };

    /// All values, each under its path; at most so many, since the walk is the test's own.
    fn all(bytes: &[u8]) -> Result<Vec<String>, BoltError> {
        let bolt = Bolt::open(bytes)?;
        let mut found = Vec::new();
        let mut open = vec![(String::new(), bolt.root())];
        while let Some((path, bucket)) = open.pop() {
            for entry in bucket.entries() {
                let (key, item) = entry?;
                let path = format!("{path}/{}", String::from_utf8_lossy(key));
                match item {
                    Item::Value(value) => {
                        found.push(format!("{path} {}", String::from_utf8_lossy(value)));
                    }
                    Item::Bucket(bucket) => open.push((path, bucket)),
                }
                if open.len() + found.len() > 1000 {
                    return Ok(found);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    fn sample() -> Vec<u8> {
        write(&vec![
            ("a", value("1")),
            (
                "b",
                Node::Bucket(vec![("x", value("2")), ("y", value("3"))]),
            ),
            (
                "c",
                Node::Paged(vec![
                    ("deep", Node::Bucket(vec![("z", value("4"))])),
                    ("long", Node::Value("5".repeat(3000))),
                ]),
            ),
        ])
    }

    #[test]
    fn buckets_are_read_inline_in_pages_of_their_own_and_over_several() {
        let bytes = sample();
        let long = format!("/c/long {}", "5".repeat(3000));
        assert_eq!(
            all(&bytes).unwrap(),
            ["/a 1", "/b/x 2", "/b/y 3", "/c/deep/z 4", long.as_str()]
        );
        let bolt = Bolt::open(&bytes).unwrap();
        let root = bolt.root();
        let bucket = root.bucket(b"b").unwrap().unwrap();
        assert!(matches!(bucket.get(b"y").unwrap(), Some(Item::Value(b"3"))));
        for key in [&b""[..], b"w", b"xx", b"z"] {
            assert!(bucket.get(key).unwrap().is_none());
        }
        assert!(root.bucket(b"a").unwrap().is_none());
    }

    #[test]
    fn of_two_first_pages_the_later_whole_one_counts() {
        let mut bytes = sample();
        bytes[20] ^= 1;
        assert_eq!(all(&bytes).unwrap().len(), 5);
        bytes[20] ^= 1;
        bytes[1024 + 40] ^= 1;
        assert_eq!(all(&bytes).unwrap().len(), 5);
        bytes[20] ^= 1;
        assert_eq!(all(&bytes), Err(BoltError::NoMeta));
        assert_eq!(all(b"SQLite format 3"), Err(BoltError::NoMeta));
        let bytes = sample();
        let cut = &bytes[..bytes.len() - 1];
        assert!(matches!(all(cut), Err(BoltError::Short { .. })));
    }

    #[test]
    fn circles_end() {
        // A branch that leads to itself.
        let mut pages = vec![vec![0; 1024], vec![0; 1024]];
        let root = push(branch(&[("a", 2)]), &mut pages);
        assert_eq!(all(&finish(pages, root)), Err(BoltError::Deep(2)));

        // One below the other.
        let mut pages = vec![vec![0; 1024], vec![0; 1024]];
        let mut page = page_of(&vec![], &mut pages);
        for _ in 0..MAX_BOLT_DEPTH {
            page = push(branch(&[("a", page)]), &mut pages);
        }
        assert_eq!(all(&finish(pages, page)), Err(BoltError::Deep(2)));

        // Branches of 50 times the same page below, three deep: 125,000 leaves in four pages.
        let mut pages = vec![vec![0; 1024], vec![0; 1024]];
        let mut page = page_of(&vec![], &mut pages);
        for _ in 0..3 {
            let children: Vec<(&str, u64)> = (0..50).map(|_| ("a", page)).collect();
            page = push(branch(&children), &mut pages);
        }
        assert_eq!(all(&finish(pages, page)), Err(BoltError::Circle));

        // Fifty elements with the same value, walked through again and again.
        let tree = vec![("a", value(&"x".repeat(900)))];
        let mut pages = vec![vec![0; 1024], vec![0; 1024]];
        let root = page_of(&tree, &mut pages);
        let mut page = pages.remove(2);
        page[10..12].copy_from_slice(&50_u16.to_le_bytes());
        for position in 0..50_usize {
            let at = PAGE_HEADER + ELEMENT * position;
            let place = (PAGE_HEADER + ELEMENT - at.min(PAGE_HEADER + ELEMENT)) as u32;
            for (field, number) in [0, place, 0, 100].into_iter().enumerate() {
                let number: u32 = number;
                page[at + 4 * field..][..4].copy_from_slice(&number.to_le_bytes());
            }
        }
        pages.push(page);
        let bytes = finish(pages, root);
        let bolt = Bolt::open(&bytes).unwrap();
        let mut shown = 0;
        let end = (0..1000).find_map(|_| {
            let walk = bolt.root().entries().inspect(|_| shown += 1);
            walk.filter_map(Result::err).next()
        });
        assert_eq!(end, Some(BoltError::Circle));
        assert!(shown < 500, "{shown}");

        // Out of the file, to a meta page, and to the middle of a long one.
        for child in [0, 1, 99, u64::MAX] {
            let mut pages = vec![vec![0; 1024], vec![0; 1024]];
            let root = push(branch(&[("a", child)]), &mut pages);
            assert_eq!(all(&finish(pages, root)), Err(BoltError::Page(child)));
        }
    }

    proptest! {
        #[test]
        fn damage_is_an_error_and_never_more(
            changes in prop::collection::vec((2048..8192_usize, any::<u8>()), 1..8),
        ) {
            let mut bytes = sample();
            for (place, byte) in changes {
                if let Some(old) = bytes.get_mut(place) {
                    *old = byte;
                }
            }
            let _ = all(&bytes);
        }
    }
}
