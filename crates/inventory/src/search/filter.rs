//! Finds keywords in bytes, fast.
//!
//! Most bytes of an image hold no keyword, so the cost is that of saying no. Every second position is
//! looked at: three bytes there are hashed into a table of 256 Ki bits, and four such answers are joined.
//! A keyword of four bytes or more has three bytes at one of two neighbouring positions, whatever its own
//! position is. Where the table says perhaps, four bytes are looked up, and then the keyword is compared.
//! Of a keyword it is the four bytes that are rarest in text that are looked for.
//!
//! An Aho-Corasick automaton reads every byte, and waits for each answer before it can ask for the next;
//! its packed prefilters are for x86-64 and AArch64 only, and for fewer patterns. Over 120 MB of sources
//! this filter took a third of the time of `aho-corasick`'s DFA (November 2026, on a busy machine: 1,230 against 430 MB/s on
//! x86-64, 910 against 330 MB/s in node's WebAssembly), and 64 KiB of tables instead of 1.1 MiB. Half of those
//! sources were also counted to choose the rarest parts, which flatters the filter somewhat.
//!
//! Measured again with the strings of all analysers (567, on 30 November 2026, a busy machine): the DFA has
//! 1.7 MB and takes 3.3 times as long in ELF files, 1.9 times in JavaScript, 3.5 times in other files; the
//! contiguous NFA has 0.2 MB and takes 6 to 9 times as long. What it does to a whole scan is in
//! docs/inventory.md. `how_fast` in the tests of `search.rs` measures it anew.

/// Positions asked about at once.
const BLOCK: usize = 8;

/// Bytes needed to answer for a block: the last window begins at its last byte.
const SEEN: usize = 16;

/// Bytes of the shortest keyword of a [`SparseFilter`]: wherever it begins, four of its bytes begin at a
/// multiple of [`BLOCK`].
pub(super) const SPARSE_BYTES: usize = BLOCK + 3;

/// Blocks that are sorted out together: 4 KiB of text, which is then still at hand.
const BLOCKS: usize = 512;

/// Bits of a table, as the power of two.
const TABLE_BITS: u32 = 18;

type Table = [u64; 1 << (TABLE_BITS - 6)];

/// The bytes that may follow a keyword of three, to make it one of four.
pub(super) const FOLLOWING: &[u8] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-+/.$=";

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Keyword {
    /// The bytes, three or more.
    pub(super) word: Box<[u8]>,
    /// Whether letters match in any case that people write: `token`, `TOKEN`, `Token`; an upper-case letter
    /// in the word stands for the start of another.
    pub(super) ignore_case: bool,
}

/// A set of keywords, ready to be looked for.
pub(super) struct Filter {
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

/// The bytes of a block and those behind it; behind the end there are zeros, which are in no keyword.
#[inline(always)]
fn seen_at(text: &[u8], at: usize) -> u128 {
    let rest = text.get(at..).unwrap_or_default();
    match rest.first_chunk::<SEEN>() {
        Some(seen) => u128::from_le_bytes(*seen),
        None => {
            let mut seen = [0; SEEN];
            for (byte, given) in seen.iter_mut().zip(rest) {
                *byte = *given;
            }
            u128::from_le_bytes(seen)
        }
    }
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

/// The lower half.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the upper bytes are not asked for"
)]
fn low_of(eight: u64) -> u32 {
    eight as u32
}

/// Where four bytes are in a table.
#[inline(always)]
fn place_of_four(key: u32) -> (usize, u32) {
    let hash = key.wrapping_mul(0x9E37_79B1) >> (32 - TABLE_BITS);
    ((hash >> 6) as usize, hash & 63)
}

/// Where the first three of four bytes are in a table: the factor shifts the fourth out.
#[inline(always)]
fn place_of_three(key: u32) -> (usize, u32) {
    let hash = key.wrapping_mul(0x9E37_79B1 << 8) >> (32 - TABLE_BITS);
    ((hash >> 6) as usize, hash & 63)
}

/// Whether there is one at a place of a table, in the lowest bit.
#[inline(always)]
fn bit(table: &Table, (word, bit): (usize, u32)) -> u64 {
    table.get(word).copied().unwrap_or_default() >> bit
}

fn set(table: &mut Table, (word, bit): (usize, u32)) {
    if let Some(word) = table.get_mut(word) {
        *word |= 1 << bit;
    }
}

/// Parts of our keywords that 100 MB of text and programs have more than 40,000 times, more than 10,000
/// times, and more than 2,500 times; and what each weighs. Counted in November 2026.
const COMMON: [(u32, &str); 3] = [
    (
        200,
        concat!(
            " re| se|abl|ack|ali|and|arg|ass|ate|ati|ble|cal|cod|com|con|cti|dat|end|ens|ent|er |ere|ess|est|",
            "ext|fil|for|ile|in |ind|ine|ing|int|ion|ist|ite|ith|lin|lue|mat|nte|ode|one|ons|ope|pre|pro|pti|",
            "res|ret|ser|str|tat|ted|ter|tes|tio|tor|tra|ult|ure|use|ver",
        ),
    ),
    (
        50,
        concat!(
            " en| lo| op| pr|.co|: s|_de|_in|_ke|_li|_pa|_se|_st|_to|ace|ach|age|ail|ain|ake|ale|an |ant|app|",
            "are|ari|ark|ars|art|ary|ase|ast|ata|atc|att|aul|aut|bas|bit|boo|bui|cac|cen|ces|chi|cke|clo|cor|",
            "cou|cre|cur|d: |dec|den|des|dge|din|dis|doc|e_s|ear|eck|eco|ed_|edi|egi|ele|en_|enc|er_|erm|ero|",
            "erv|et_|eta|eve|fac|fig|fla|gen|ger|gin|glo|har|her|hin|hou|htt|ice|ide|ign|ild|in_|ina|ink|ity|",
            "ive|ken|ker|ket|key|kin|lab|lag|las|le_|lea|lib|lic|loa|lse|mac|man|mar|mes|min|n o|n_t|nce|nd_|",
            "nde|ner|ng_|nin|nod|non|nt_|nti|nto|ntr|nts|ock|odu|off|oin|oke|oll|on_|onf|ont|ord|org|ori|ost|",
            "oun|pac|pat|pen|pla|pos|pri|put|rai|rap|rce|red|ree|reg|rge|ria|rit|riv|rop|rte|ry |sca|sec|ses|",
            "sha|sig|sio|soc|ss |sse|ssi|st_|ste|sto|sul|sys|t_s|tab|tai|tch|te_|tem|ten|tex|th_|tho|tok|tre|",
            "try|tte|ttp|ty_|uct|uil|unt|url|vau|ven|wil|wit|wor",
        ),
    ),
    (
        12,
        concat!(
            " \"s|\": |---|.st|1.0|: \"|://|_ac|_ba|_cl|_la|_or|_te|a p|abi|abs|acc|acr|ady|air|alg|alt|ana|ap:|",
            "api|asi|at_|avi|bar|box|bra|c_e|cce|ce.|ce_|cel|cip|ck_|cka|cks|cle|cli|cry|ct.|d_a|d_i|dd_|dev|",
            "dit|dop|dro|duc|e.c|e_a|e_d|e_o|e_p|e_t|ec |ec_|ecu|eda|ede|em_|emi|ems|er-|erc|erd|esh|exa|ey_|",
            "eys|ffi|fic|ge_|ged|gge|gic|gis|git|gre|gro|hel|hon|hoo|hor|hub|ian|ick|ico|ida|ien|ify|ike|ili|",
            "ino|ipp|isc|it.|itt|iva|iza|joi|kag|ked|lac|lar|lba|le-|lev|lgo|lia|lie|lif|lim|llb|lli|log|lso|",
            "lta|mai|mak|me_|mis|mon|n d|n e|n l|n p|n r|nar|ncr|nd:|net|now|nsu|nt-|nva|o l|oat|ocs|ogg|oli|",
            "olo|oma|onc|ong|ook|op_|ops|or_|ora|ous|pag|pas|pid|pod|ppl|ppo|ps:|pte|r l|r_p|r_t|rag|ral|raw|",
            "rco|re_|rer|rl |roa|rol|ron|rsa|rve|rvi|ry:|ryp|s.s|s:/|s_e|s_s|s_t|sa_|sag|sco|sh |shi|sib|sla|",
            "sph|ss_|ssa|st.|sts|sum|t_a|tac|tad|tea|thu|tit|tli|tly|tp:|tpa|tps|tse|tty|uen|uri|uth|vat|ve_|",
            "vic|vis|wan|way|xff|ypi|ypt|yst|zat",
        ),
    ),
];

/// How likely a window is in text: the rarest part of a keyword is the one to look for.
fn commonness(window: &[u8]) -> u32 {
    let lower = window.to_ascii_lowercase();
    let of_three = |three: &[u8]| {
        let is_in = |list: &str| list.split('|').any(|common| common.as_bytes() == three);
        let found = COMMON.iter().find(|(_, list)| is_in(list));
        found.map_or(1, |(weight, _)| *weight)
    };
    lower.windows(3).map(of_three).sum()
}

/// The ways to write a window in which case does not matter: lower, upper, and each letter that starts a
/// word as either. `starts` says which letters do.
fn cases(window: [u8; 4], starts: [bool; 4]) -> Vec<[u8; 4]> {
    let mut all = vec![window.map(|byte| byte.to_ascii_uppercase())];
    for choice in 0..16_u8 {
        let mut variant = window.map(|byte| byte.to_ascii_lowercase());
        for (number, (byte, starts)) in (0..).zip(variant.iter_mut().zip(starts)) {
            if starts && choice >> number & 1 == 1 {
                byte.make_ascii_uppercase();
            }
        }
        all.push(variant);
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether a letter of a keyword starts a word: `accessToken` has two, and `access_token` too.
fn starts_word(word: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| word.get(before));
    before.is_none_or(|before| !before.is_ascii_alphanumeric())
        || word.get(at).is_some_and(u8::is_ascii_uppercase)
}

impl Filter {
    /// Prepares keywords.
    pub(super) fn new(keywords: Vec<Keyword>) -> Self {
        let mut filter = Self {
            grams: Box::new([0; 1 << (TABLE_BITS - 6)]),
            windows: Box::new([0; 1 << (TABLE_BITS - 6)]),
            index: Vec::new(),
            keywords: Vec::new(),
        };
        for (number, keyword) in (0..).zip(&keywords) {
            if let Ok(three) = <[u8; 3]>::try_from(&*keyword.word) {
                for next in FOLLOWING {
                    let [a, b, c] = three;
                    filter.add(
                        [a, b, c, *next],
                        Place {
                            keyword: number,
                            offset: 0,
                        },
                    );
                }
                continue;
            }
            let windows = (0..).zip(keyword.word.windows(4));
            let rarest = windows.min_by_key(|(_, window)| commonness(window));
            let Some((offset, window)) = rarest else {
                continue;
            };
            let Ok(window) = <[u8; 4]>::try_from(window) else {
                continue;
            };
            let place = Place {
                keyword: number,
                offset,
            };
            if keyword.ignore_case {
                let starts = std::array::from_fn(|at| starts_word(&keyword.word, offset + at));
                for variant in cases(window, starts) {
                    filter.add(variant, place);
                }
            } else {
                filter.add(window, place);
            }
        }
        filter.index.sort_unstable();
        filter.index.dedup();
        filter.keywords = keywords;
        filter
    }

    fn add(&mut self, window: [u8; 4], place: Place) {
        let key = u32::from_le_bytes(window);
        set(&mut self.grams, place_of_three(key));
        set(&mut self.grams, place_of_three(key >> 8));
        set(&mut self.windows, place_of_four(key));
        self.index.push((key, place));
    }

    /// Calls `found` with each keyword and where it starts, if the four bytes it is known by start in
    /// `from..to`. In the order of those four bytes, which is nearly that of the keywords.
    ///
    /// Candidates are written down and sorted out later, without a branch that depends on the text: one in
    /// ten blocks is a candidate, and as many mispredicted branches would cost more than all the rest.
    pub(super) fn find(
        &self,
        text: &[u8],
        from: usize,
        to: usize,
        mut found: impl FnMut(usize, usize),
    ) {
        let mut at = from;
        let mut maybe = [0; BLOCKS];
        let mut likely = [0; BLOCKS];
        while at < to {
            let end = to.min(at + BLOCKS * BLOCK);
            let maybe = self.first_stage(text, at, end, &mut maybe);
            let likely = self.second_stage(text, maybe, &mut likely);
            for block in likely {
                self.look(text, *block, to, &mut found);
            }
            at = end;
        }
    }

    /// The blocks of a stretch that hold three bytes of a keyword.
    fn first_stage<'a>(
        &self,
        text: &[u8],
        from: usize,
        to: usize,
        out: &'a mut [usize; BLOCKS],
    ) -> &'a [usize] {
        let grams = &*self.grams;
        let mut count = 0;
        let mut note = |at: usize, bits: u64| {
            if let Some(slot) = out.get_mut(count) {
                *slot = at;
            }
            count += usize::from(bits & 1 == 1);
        };
        // As many blocks as have another behind them, each byte read once: in WebAssembly this is a fifth
        // faster than to read what a block needs anew.
        let (eights, _) = text.get(from..).unwrap_or_default().as_chunks::<BLOCK>();
        let mut eights = eights.iter().map(|eight| u64::from_le_bytes(*eight));
        let mut now = eights.next().unwrap_or_default();
        let mut at = from;
        for next in eights.take((to - from) / BLOCK) {
            let bits = bit(grams, place_of_three(low_of(now >> 8)))
                | bit(grams, place_of_three(low_of(now >> 24)))
                | bit(grams, place_of_three(low_of(now >> 40)))
                | bit(grams, place_of_three(low_of(now >> 56 | next << 8)));
            note(at, bits);
            now = next;
            at += BLOCK;
        }
        for at in (at..to).step_by(BLOCK) {
            let all = seen_at(text, at);
            let bits = bit(grams, place_of_three(four_at(all, 1)))
                | bit(grams, place_of_three(four_at(all, 3)))
                | bit(grams, place_of_three(four_at(all, 5)))
                | bit(grams, place_of_three(four_at(all, 7)));
            note(at, bits);
        }
        out.get(..count).unwrap_or_default()
    }

    /// Those of them that hold the four bytes of a keyword.
    fn second_stage<'a>(
        &self,
        text: &[u8],
        blocks: &[usize],
        out: &'a mut [usize; BLOCKS],
    ) -> &'a [usize] {
        let windows = &*self.windows;
        let mut count = 0;
        for at in blocks {
            let all = seen_at(text, *at);
            let bits = (0..BLOCK).fold(0, |bits, number| {
                bits | bit(windows, place_of_four(four_at(all, number)))
            });
            if let Some(slot) = out.get_mut(count) {
                *slot = *at;
            }
            count += usize::from(bits & 1 == 1);
        }
        out.get(..count).unwrap_or_default()
    }

    /// Looks at each window of a block.
    fn look(&self, text: &[u8], at: usize, to: usize, found: &mut impl FnMut(usize, usize)) {
        let all = seen_at(text, at);
        for number in 0..BLOCK.min(to.saturating_sub(at)) {
            let window = four_at(all, number);
            if bit(&self.windows, place_of_four(window)) & 1 == 1 {
                self.look_at(text, window, at + number, found);
            }
        }
    }

    fn look_at(&self, text: &[u8], window: u32, at: usize, found: &mut impl FnMut(usize, usize)) {
        for place in places_of(&self.index, window) {
            let Some(start) = at.checked_sub(place.offset) else {
                continue;
            };
            let Some(keyword) = self.keywords.get(place.keyword) else {
                continue;
            };
            let there = text.get(start..start + keyword.word.len());
            let is_there = there.is_some_and(|there| match keyword.ignore_case {
                true => there.eq_ignore_ascii_case(&keyword.word),
                false => *there == *keyword.word,
            });
            if is_there {
                found(place.keyword, start);
            }
        }
    }
}

/// Where the keywords are that have those four bytes, in a sorted index.
fn places_of(index: &[(u32, Place)], window: u32) -> impl Iterator<Item = Place> {
    let first = index.partition_point(|(key, _)| *key < window);
    let places = index.get(first..).unwrap_or_default().iter();
    let places = places.take_while(move |(key, _)| *key == window);
    places.map(|(_, place)| *place)
}

/// A few long keywords, ready to be looked for: it looks once every eight bytes.
pub(super) struct SparseFilter {
    /// Which four bytes are worth a closer look.
    windows: Box<Table>,
    /// Which keyword has those four bytes where, sorted.
    index: Vec<(u32, Place)>,
    keywords: Vec<Box<[u8]>>,
}

impl SparseFilter {
    /// Prepares keywords. Those shorter than [`SPARSE_BYTES`] are not found.
    pub(super) fn new(keywords: Vec<Box<[u8]>>) -> Self {
        let mut windows: Box<Table> = Box::new([0; 1 << (TABLE_BITS - 6)]);
        let mut index = Vec::new();
        for (number, keyword) in (0..).zip(&keywords) {
            if keyword.len() < SPARSE_BYTES {
                continue;
            }
            for (offset, window) in (0..BLOCK).zip(keyword.windows(4)) {
                let Ok(window) = <[u8; 4]>::try_from(window) else {
                    continue;
                };
                let key = u32::from_le_bytes(window);
                set(&mut windows, place_of_four(key));
                let place = Place {
                    keyword: number,
                    offset,
                };
                index.push((key, place));
            }
        }
        index.sort_unstable();
        Self {
            windows,
            index,
            keywords,
        }
    }

    /// Calls `found` with each keyword and where it starts, if four of its first eleven bytes start in
    /// `from..to` at a multiple of eight, counted from the start of a stream in which `text` begins at
    /// `offset`. So each is found once, however the stream is cut.
    pub(super) fn find(
        &self,
        text: &[u8],
        offset: u64,
        from: usize,
        to: usize,
        mut found: impl FnMut(usize, usize),
    ) {
        let over = offset.wrapping_add(from as u64) % BLOCK as u64;
        let skip = (0..BLOCK).find(|skip| (over + *skip as u64).is_multiple_of(BLOCK as u64));
        let from = from + skip.unwrap_or_default();
        let windows = &*self.windows;
        let searched = text.get(from..to).unwrap_or_default();
        // Eight at once, without a branch between them.
        let (many, rest) = searched.as_chunks::<{ 8 * BLOCK }>();
        let mut at = from;
        for eight in many {
            let (blocks, _) = eight.as_chunks::<BLOCK>();
            let bits = blocks.iter().fold(0, |bits, block| {
                bits | bit(windows, place_of_four(low_of(u64::from_le_bytes(*block))))
            });
            if bits & 1 == 1 {
                for block in 0..8 {
                    self.look_at(text, at + block * BLOCK, &mut found);
                }
            }
            at += 8 * BLOCK;
        }
        for block in (0..rest.len()).step_by(BLOCK) {
            self.look_at(text, at + block, &mut found);
        }
    }

    fn look_at(&self, text: &[u8], at: usize, found: &mut impl FnMut(usize, usize)) {
        let window = four_at(seen_at(text, at), 0);
        for place in places_of(&self.index, window) {
            let start = at.checked_sub(place.offset);
            let keyword = self.keywords.get(place.keyword);
            let (Some(start), Some(keyword)) = (start, keyword) else {
                continue;
            };
            if text.get(start..).unwrap_or_default().starts_with(keyword) {
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
                    word: (*word).into(),
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
        fn long_keywords_are_found_once_wherever_they_are(
            parts in prop::collection::vec((prop::sample::select(vec!["", "elevenbytes", "\u{1} Go buildinf:", "elevenbyte", "bytes"]), 0_usize..90), 0..12),
            offset in 0_u64..20,
            split in any::<prop::sample::Index>(),
        ) {
            let words: [&[u8]; 2] = [b"elevenbytes", b"\x01 Go buildinf:"];
            let filter = SparseFilter::new(words.map(Box::from).to_vec());
            let text: Vec<u8> = parts.iter().flat_map(|(word, gap)| [word.as_bytes(), &[b'e'; 90][..*gap]].concat()).collect();
            let mut expected = Vec::new();
            for start in 0..text.len() {
                expected.extend((0..2).filter(|word| text[start..].starts_with(words[*word])).map(|word| (start, word)));
            }
            let split = split.index(text.len() + 1);
            let mut all = Vec::new();
            for (from, to) in [(0, split), (split, text.len())] {
                filter.find(&text, offset, from, to, |word, start| all.push((start, word)));
            }
            all.sort_unstable();
            // What begins before the first multiple of eight is found by the window before.
            let first = usize::try_from((8 - offset % 8) % 8).unwrap();
            let found = |start: usize| start + 7 >= first;
            expected.retain(|(start, _)| found(*start));
            prop_assert_eq!(all, expected);
        }

        #[test]
        fn keywords_are_found_as_the_slow_way_does(
            words in prop::collection::vec(prop::sample::select(vec![
                "Pass", "PASSWORD", "gh", "ghp", "_", "SG", ".", "S", "pass", "Password", "api", "_KEY", "-", "-----BEGIN RSA ", "PRIV", "\0", "é",
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
