//! The hash database of Berkeley DB, `Packages`, as Red Hat's distributions used it up to RHEL 8.
//!
//! Format: the page layouts of
//! <https://github.com/berkeleydb/libdb/blob/v5.3.28/src/dbinc/db_page.h>, versions 5 to 10 of hash
//! databases, in the byte order of the machine that wrote it. A page has a head of 26 bytes:
//!
//! | byte | what |
//! |---|---|
//! | 8 | the number of the page |
//! | 16 | the next page of its chain |
//! | 20 | how many items; two bytes for each follow the head and say where it begins |
//! | 22 | on an overflow page, how many bytes it has |
//! | 25 | its type |
//!
//! Items grow from the page's end and come in pairs of key (the number of a header) and header. One
//! that is longer than about a quarter of a page lies in a chain of overflow pages.
//!
//! All pages are looked at in turn rather than bucket by bucket: what a damaged index would hide is
//! found, and no walk can go in circles. Freed pages have another type.

use super::{Found, Visit};
use crate::limits::MAX_RPM_HEADER_BYTES;

const HASH_MAGIC: u32 = 0x0006_1561;
const BTREE_MAGIC: u32 = 0x0005_3162;

const HEAD_BYTES: usize = 26;

/// Pages of items; unsorted ones are what versions before 4.6 wrote.
const HASH: u8 = 13;
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;

/// An item whose bytes follow.
const INLINE: u8 = 1;
/// An item that lies in overflow pages.
const OFF_PAGE: u8 = 3;

/// Whether it is a database of Berkeley DB, by its first bytes.
pub(super) fn is_bdb(bytes: &[u8]) -> bool {
    ByteOrder::of(bytes).is_some()
}

/// Shows every header.
pub(super) fn read(bytes: &[u8], visit: Visit<'_>) {
    let database = match Database::open(bytes) {
        Ok(database) => database,
        Err(problem) => return visit(Found::Problem(problem.to_owned())),
    };
    let pages = bytes.len().div_ceil(database.page_size);
    let mut reader = Reader {
        database,
        seen: vec![false; pages],
        joined: Vec::new(),
    };
    for number in 1..pages {
        reader.read_page(number, visit);
    }
}

#[derive(Clone, Copy)]
enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    fn of(bytes: &[u8]) -> Option<Self> {
        [Self::Little, Self::Big].into_iter().find(|order| {
            let magic = order.u32(bytes, 12);
            matches!(magic, Some(HASH_MAGIC | BTREE_MAGIC))
        })
    }

    fn u16(self, bytes: &[u8], at: usize) -> Option<usize> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        let number = match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        };
        Some(usize::from(number))
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }

    fn length(self, bytes: &[u8], at: usize) -> Option<usize> {
        usize::try_from(self.u32(bytes, at)?).ok()
    }
}

struct Database<'a> {
    bytes: &'a [u8],
    page_size: usize,
    order: ByteOrder,
}

impl<'a> Database<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let order = ByteOrder::of(bytes).ok_or("it is not a database of Berkeley DB")?;
        if order.u32(bytes, 12) != Some(HASH_MAGIC) {
            return Err("it is a B-tree of Berkeley DB, which rpm does not keep headers in");
        }
        let page_size = order.length(bytes, 20).unwrap_or_default();
        if !page_size.is_power_of_two() || !(512..=1 << 16).contains(&page_size) {
            return Err("its pages have no possible size");
        }
        // Neither is used by rpm, and both change where things lie on a page.
        let (cipher, flags) = (bytes.get(24), bytes.get(26));
        if cipher.is_none_or(|cipher| *cipher != 0) || flags.is_none_or(|flags| flags & 1 != 0) {
            return Err("it is encrypted or has checksums");
        }
        Ok(Self {
            bytes,
            page_size,
            order,
        })
    }

    /// A page and where it begins. The last one may be cut short.
    fn page(&self, number: usize) -> Option<(usize, &'a [u8])> {
        let start = number.checked_mul(self.page_size)?;
        let end = start.checked_add(self.page_size)?.min(self.bytes.len());
        Some((start, self.bytes.get(start..end)?))
    }
}

struct Reader<'a> {
    database: Database<'a>,
    /// By page: whether a header lies there already.
    seen: Vec<bool>,
    /// A header joined from its pages. Its memory is used again.
    joined: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn read_page(&mut self, number: usize, visit: Visit<'_>) {
        let Some((start, page)) = self.database.page(number) else {
            return;
        };
        if !matches!(page.get(25), Some(&(HASH | HASH_UNSORTED))) {
            return;
        }
        let order = self.database.order;
        let count = order.u16(page, 20).unwrap_or_default();
        let mut end = self.database.page_size;
        let mut key = &[][..];
        for index in 0..count {
            // Each item ends where the one before it begins, so that no byte is in two.
            let begin = order.u16(page, HEAD_BYTES + 2 * index);
            let item = begin.and_then(|begin| Some((begin, page.get(begin..end)?)));
            let Some((begin, item)) = item else {
                let problem = format!("item {index} of page {number} is damaged");
                return visit(Found::Problem(problem));
            };
            end = begin;
            if index % 2 == 0 {
                key = item;
                continue;
            }
            // Under the number 0 rpm keeps the number of the last header.
            if key == [INLINE, 0, 0, 0, 0] {
                continue;
            }
            let place = (number, start + begin);
            if let Err(problem) = self.read_item(item, place, visit) {
                let problem = format!("item {index} of page {number} {problem}");
                visit(Found::Problem(problem));
            }
        }
    }

    fn read_item(
        &mut self,
        item: &[u8],
        (page, byte): (usize, usize),
        visit: Visit<'_>,
    ) -> Result<(), &'static str> {
        match item.split_first() {
            Some((&INLINE, header)) => visit(Found::Header {
                bytes: header,
                place: format!("Berkeley DB page {page}, header at byte {}", byte + 1),
            }),
            Some((&OFF_PAGE, _)) => {
                let order = self.database.order;
                let first = order.length(item, 4).ok_or("is cut short")?;
                let length = order.length(item, 8).ok_or("is cut short")?;
                let start = self.join(first, length)?;
                visit(Found::Header {
                    bytes: &self.joined,
                    place: format!("Berkeley DB page {page}, header from byte {start} on"),
                });
            }
            // Several headers under one number: rpm does not ask for that.
            _ => return Err("is of no kind that rpm writes"),
        }
        Ok(())
    }

    /// Joins a chain of overflow pages. Answers where its bytes begin.
    fn join(&mut self, first: usize, length: usize) -> Result<usize, &'static str> {
        if length > MAX_RPM_HEADER_BYTES {
            return Err("is longer than any header that is read");
        }
        let order = self.database.order;
        self.joined.clear();
        let mut number = first;
        while self.joined.len() < length {
            let seen = self.seen.get_mut(number).ok_or("leads out of the file")?;
            if std::mem::replace(seen, true) {
                return Err("lies where another one does");
            }
            let (_, page) = self.database.page(number).ok_or("leads out of the file")?;
            if page.get(25) != Some(&OVERFLOW) {
                return Err("leads to a page of another type");
            }
            let bytes = order.u16(page, 22).unwrap_or_default();
            let bytes = page.get(HEAD_BYTES..).and_then(|body| body.get(..bytes));
            let bytes = bytes.ok_or("breaks off")?;
            if bytes.is_empty() {
                return Err("breaks off");
            }
            self.joined.extend_from_slice(bytes);
            number = order.length(page, 16).unwrap_or_default();
            if number == 0 {
                break;
            }
        }
        if self.joined.len() < length {
            return Err("breaks off");
        }
        self.joined.truncate(length);
        Ok(first * self.database.page_size + HEAD_BYTES)
    }
}
