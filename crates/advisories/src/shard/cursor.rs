//! Reads the primitives of the shard format from untrusted bytes.

/// A place in bytes. Every read checks that the bytes are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    }

    pub(super) fn usize(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }

    /// LEB128 of at most 32 bits.
    pub(super) fn varint(&mut self) -> Option<u32> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.u8()?;
            let bits = u32::from(byte & 0x7f);
            let shifted = bits << shift;
            if shifted >> shift != bits {
                return None;
            }
            value |= shifted;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A varint, or 0 where the record ends: what older writers left out is nothing.
    pub(super) fn varint_or_end(&mut self) -> Option<u32> {
        if self.rest.is_empty() {
            return Some(0);
        }
        self.varint()
    }

    /// Bytes preceded by their number.
    pub(super) fn prefixed(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        self.take(length)
    }

    /// UTF-8 preceded by the number of its bytes.
    pub(super) fn str(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.prefixed()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_more_than_32_bits_are_refused() {
        let check = |bytes: &[u8], expect| assert_eq!(Cursor::new(bytes).varint(), expect);
        check(&[0], Some(0));
        check(&[0x7f], Some(127));
        check(&[0x80, 1], Some(128));
        check(&[0xff, 0xff, 0xff, 0xff, 0x0f], Some(u32::MAX));
        check(&[0xff, 0xff, 0xff, 0xff, 0x1f], None);
        check(&[0x80, 0x80, 0x80, 0x80, 0x80, 0], None);
        check(&[0x80], None);
        check(&[], None);
    }
}
