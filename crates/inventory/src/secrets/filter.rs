//! Finds keywords in bytes, fast.
//!
//! Most bytes of an image hold no keyword, so the cost is that of saying no. Every second position is
//! looked at: three bytes there are hashed into a table of 64 Ki bits (8 KiB, so it stays in the first
//! level cache), and four such answers are joined before there is a branch. A keyword of four bytes or
//! more has three bytes at one of two neighbouring positions, whatever its own position is. Where the
//! table says perhaps, four bytes are looked up exactly, and then the keyword is compared.
//!
//! An Aho-Corasick automaton reads every byte and waits for each answer before it can ask for the next;
//! its packed prefilters are for x86-64 and AArch64 only, and for fewer patterns. `docs/performance.md`
//! compares the two.

/// Positions asked about at once.
const BLOCK: usize = 8;

/// Bytes needed to answer for a block: the last window begins at its last byte.
const SEEN: usize = 16;

/// Bits of a table, as the power of two.
const TABLE_BITS: u32 = 16;

type Table = [u64; 1 << (TABLE_BITS - 6)];

/// The bytes that may follow a keyword of three, to make it one of four.
const FOLLOWING: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-+/.$=";

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyword {
    /// The bytes, three or more.
    pub(crate) word: &'static [u8],
    /// Whether letters match in any case.
    pub(crate) ignore_case: bool,
}

/// A set of keywords, ready to be looked for.
pub(crate) struct Filter {
    /// Which three bytes are worth a closer look.
    grams: Box<Table>,
    /// Which four bytes are.
    windows: Box<Table>,
    /// Which keyword has those four bytes where, sorted.
    index: Vec<(u32, Place)>,
    keywords: Vec<Keyword>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    keyword: usize,
    offset: usize,
}

/// The four bytes at a position, the first of them lowest.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the upper bytes are not asked for"
)]
fn four_at(all: u128, at: usize) -> u32 {
    (all >> (8 * at)) as u32
}

/// The three bytes at a position.
#[inline(always)]
fn three_at(all: u128, at: usize) -> u32 {
    four_at(all, at) & 0xFF_FFFF
}

/// Whether there is one in a table.
#[inline(always)]
fn bit(table: &Table, key: u32) -> u64 {
    let hash = key.wrapping_mul(0x9E37_79B1) >> (32 - TABLE_BITS);
    let word = table.get((hash >> 6) as usize).copied();
    word.unwrap_or_default() >> (hash & 63)
}

fn set(table: &mut Table, key: u32) {
    let hash = key.wrapping_mul(0x9E37_79B1) >> (32 - TABLE_BITS);
    if let Some(word) = table.get_mut((hash >> 6) as usize) {
        *word |= 1 << (hash & 63);
    }
}

/// How often a byte is met in text, roughly: the rarest part of a keyword is the one to look for.
fn commonness(byte: u8, ignore_case: bool) -> u32 {
    match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b' ' => 12,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b'h' => 9,
        b'a'..=b'z' => 6,
        b'A'..=b'Z' if ignore_case => commonness(byte.to_ascii_lowercase(), false),
        b'A'..=b'Z' => 4,
        b'0'..=b'9' | b'_' | b'-' | b'/' | b'.' | b':' | b'"' => 5,
        _ => 2,
    }
}

impl Filter {
    /// Prepares keywords.
    pub(crate) fn new(keywords: Vec<Keyword>) -> Self {
        let mut filter = Self {
            grams: Box::new([0; 1 << (TABLE_BITS - 6)]),
            windows: Box::new([0; 1 << (TABLE_BITS - 6)]),
            index: Vec::new(),
            keywords: Vec::new(),
        };
        for (number, keyword) in (0..).zip(&keywords) {
            if let Ok(three) = <[u8; 3]>::try_from(keyword.word) {
                for next in FOLLOWING {
                    let [a, b, c] = three;
                    filter.add(
                        [a, b, c, *next],
                        keyword.ignore_case,
                        Place {
                            keyword: number,
                            offset: 0,
                        },
                    );
                }
                continue;
            }
            let cost = |window: &[u8]| -> u32 {
                window
                    .iter()
                    .map(|byte| commonness(*byte, keyword.ignore_case))
                    .sum()
            };
            let rarest = (0..)
                .zip(keyword.word.windows(4))
                .min_by_key(|(_, window)| cost(window));
            if let Some((offset, window)) = rarest
                && let Ok(window) = <[u8; 4]>::try_from(window)
            {
                filter.add(
                    window,
                    keyword.ignore_case,
                    Place {
                        keyword: number,
                        offset,
                    },
                );
            }
        }
        filter.index.sort_unstable();
        filter.index.dedup();
        filter.keywords = keywords;
        filter
    }

    fn add(&mut self, window: [u8; 4], ignore_case: bool, place: Place) {
        for cases in 0..16_u8 {
            let mut variant = window;
            for (number, byte) in (0..).zip(&mut variant) {
                if ignore_case && cases >> number & 1 == 1 {
                    byte.make_ascii_uppercase();
                } else if ignore_case {
                    byte.make_ascii_lowercase();
                }
            }
            let key = u32::from_le_bytes(variant);
            set(&mut self.grams, key & 0xFF_FFFF);
            set(&mut self.grams, key >> 8);
            set(&mut self.windows, key);
            self.index.push((key, place));
            if !ignore_case {
                break;
            }
        }
    }

    /// Calls `found` with each keyword and where it starts, if the four bytes it is known by start in
    /// `from..to`. In the order of those four bytes, which is nearly that of the keywords.
    pub(crate) fn find(
        &self,
        text: &[u8],
        from: usize,
        to: usize,
        mut found: impl FnMut(usize, usize),
    ) {
        let mut at = from;
        while at < to {
            let rest = text.get(at..).unwrap_or_default();
            let mut last = [0; SEEN];
            let seen = match rest.first_chunk::<SEEN>() {
                Some(seen) => seen,
                None => {
                    // The end: zeros are in no keyword.
                    for (byte, given) in last.iter_mut().zip(rest) {
                        *byte = *given;
                    }
                    &last
                }
            };
            let all = u128::from_le_bytes(*seen);
            let bits = bit(&self.grams, three_at(all, 1))
                | bit(&self.grams, three_at(all, 3))
                | bit(&self.grams, three_at(all, 5))
                | bit(&self.grams, three_at(all, 7));
            if bits & 1 == 1 {
                self.look(text, all, at, to, &mut found);
            }
            at += BLOCK;
        }
    }

    /// Looks at each window of a block.
    #[cold]
    fn look(
        &self,
        text: &[u8],
        all: u128,
        at: usize,
        to: usize,
        found: &mut impl FnMut(usize, usize),
    ) {
        for number in 0..BLOCK.min(to.saturating_sub(at)) {
            let window = four_at(all, number);
            if bit(&self.windows, window) & 1 == 1 {
                self.look_at(text, window, at + number, found);
            }
        }
    }

    fn look_at(&self, text: &[u8], window: u32, at: usize, found: &mut impl FnMut(usize, usize)) {
        let first = self.index.partition_point(|(key, _)| *key < window);
        let places = self.index.get(first..).unwrap_or_default().iter();
        for (_, place) in places.take_while(|(key, _)| *key == window) {
            let Some(start) = at.checked_sub(place.offset) else {
                continue;
            };
            let Some(keyword) = self.keywords.get(place.keyword) else {
                continue;
            };
            let there = text.get(start..start + keyword.word.len());
            let is_there = there.is_some_and(|there| match keyword.ignore_case {
                true => there.eq_ignore_ascii_case(keyword.word),
                false => there == keyword.word,
            });
            if is_there {
                found(place.keyword, start);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: &[(&[u8], bool)] = &[
        (b"ghp_", false),
        (b"SG.", false),
        (b"password", true),
        (b"-----BEGIN RSA PRIV", false),
        (b"api_key", true),
        (b"pass", true),
    ];

    fn filter() -> Filter {
        Filter::new(
            WORDS
                .iter()
                .map(|(word, ignore_case)| Keyword {
                    word,
                    ignore_case: *ignore_case,
                })
                .collect(),
        )
    }

    fn found(text: &[u8], from: usize, to: usize) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        filter().find(text, from, to, |keyword, start| all.push((start, keyword)));
        all.sort_unstable();
        all
    }

    /// The slow way.
    fn expected(text: &[u8]) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        for start in 0..text.len() {
            let rest = &text[start..];
            for (number, (word, ignore_case)) in WORDS.iter().enumerate() {
                let there = rest.get(..word.len()).is_some_and(|there| {
                    there == *word || *ignore_case && there.eq_ignore_ascii_case(word)
                });
                let follows =
                    word.len() > 3 || rest.get(3).is_some_and(|next| FOLLOWING.contains(next));
                if there && follows {
                    all.push((start, number));
                }
            }
        }
        all
    }

    #[test]
    fn a_keyword_is_found_at_every_position() {
        for before in 0..40 {
            for after in 0..20 {
                for (word, _) in WORDS {
                    let text = [
                        b".".repeat(before).as_slice(),
                        word,
                        b"x".repeat(after).as_slice(),
                    ]
                    .concat();
                    assert_eq!(found(&text, 0, text.len()), expected(&text), "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn keywords_are_found_as_the_slow_way_does(
            words in prop::collection::vec(prop::sample::select(vec![
                "gh", "ghp", "_", "SG", ".", "S", "pass", "PassWord", "api", "_KEY", "-", "-----BEGIN RSA ", "PRIV", "\0", "é",
            ]), 0..40),
            split in 0_usize..200,
        ) {
            let text = words.concat().into_bytes();
            prop_assert_eq!(found(&text, 0, text.len()), expected(&text));
            let split = split.min(text.len());
            let mut parts = found(&text, 0, split);
            parts.extend(found(&text, split, text.len()));
            parts.sort_unstable();
            prop_assert_eq!(parts, expected(&text));
        }
    }
}
