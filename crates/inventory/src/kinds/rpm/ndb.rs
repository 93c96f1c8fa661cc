//! rpm's own database, `Packages.db`, as SUSE uses it.
//!
//! Format: <https://github.com/rpm-software-management/rpm/blob/master/lib/backend/ndb/rpmpkg.c>. All
//! numbers are little-endian. Pages of slots come first, and say in which blocks of 16 bytes each
//! header lies:
//!
//! | what | bytes |
//! |---|---|
//! | file header, in place of the first two slots | `RpmP`, version, generation, pages of slots, next number; 12 more |
//! | slot | `Slot`, number of the package (0: free), first block, blocks |
//! | before a header | `BlbS`, number of the package, generation, length |
//! | after it, up to a block's end | Adler-32, length, `BlbE` |

use super::{Found, Visit};
use crate::limits::MAX_RPM_HEADER_BYTES;

/// The first bytes of every such database.
pub(super) const MAGIC: &[u8; 4] = b"RpmP";

const PAGE_BYTES: usize = 4096;
const BLOCK_BYTES: usize = 16;
const SLOT_BYTES: usize = 16;
const HEAD_BYTES: usize = 16;

/// Shows every header.
pub(super) fn read(bytes: &[u8], visit: Visit<'_>) {
    let pages = number(bytes, 12).unwrap_or_default();
    let slots_end = usize::try_from(pages).ok();
    let slots_end = slots_end.and_then(|pages| pages.checked_mul(PAGE_BYTES));
    let slots = slots_end.and_then(|end| bytes.get(2 * SLOT_BYTES..end));
    let slots = slots.unwrap_or_else(|| {
        visit(Found::Problem("it breaks off within its slots".to_owned()));
        bytes.get(2 * SLOT_BYTES..).unwrap_or_default()
    });
    // Headers do not lie over each other: together they are no longer than the file.
    let mut left = bytes.len();
    for (index, slot) in slots.chunks_exact(SLOT_BYTES).enumerate() {
        let index = index + 2;
        if !slot.starts_with(b"Slot") {
            visit(Found::Problem(format!("slot {index} is damaged")));
            continue;
        }
        let package = number(slot, 4).unwrap_or_default();
        if package == 0 {
            continue;
        }
        let Some((start, header, is_whole)) = header(bytes, slot, package) else {
            let problem = format!("the header of slot {index} is damaged");
            visit(Found::Problem(problem));
            continue;
        };
        let Some(rest) = left.checked_sub(header.len()) else {
            visit(Found::Problem("headers lie over each other".to_owned()));
            return;
        };
        left = rest;
        if !is_whole {
            let problem = format!("the header of slot {index} has no end");
            visit(Found::Problem(problem));
        }
        visit(Found::Header {
            bytes: header,
            place: format!("NDB slot {index}, header at byte {start}"),
        });
    }
}

/// The header of a slot, where it begins, and whether its end is where it should be.
fn header<'a>(bytes: &'a [u8], slot: &[u8], package: u32) -> Option<(usize, &'a [u8], bool)> {
    let block = usize::try_from(number(slot, 8)?).ok()?;
    let head_at = block.checked_mul(BLOCK_BYTES)?;
    let head = bytes.get(head_at..)?;
    if !head.starts_with(b"BlbS") || number(head, 4)? != package {
        return None;
    }
    let length = usize::try_from(number(head, 12)?).ok()?;
    if length > MAX_RPM_HEADER_BYTES {
        return None;
    }
    let rest = head.get(HEAD_BYTES..)?;
    // Of a file that breaks off, what is there.
    let header = rest.get(..length).unwrap_or(rest);
    let end = (HEAD_BYTES + length + 12).next_multiple_of(BLOCK_BYTES);
    let is_whole = head.get(end - 4..end) == Some(b"BlbE");
    Some((head_at + HEAD_BYTES, header, is_whole))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}
