//! JSON in columns: what stands at one place of every object of a list stands together.
//!
//! A place is a path of keys without the indexes of lists, e.g. `findings[].epss.score`. What stands
//! there is written as its kinds, then its numbers, then its texts; texts that come again are said
//! once, and dates, CVE and GHSA numbers and digests are written as what they are. What comes out is
//! a third of the JSON and compresses far better. It knows nothing of reports: fields that a newer
//! Lamina adds travel like all others.

use jiff::civil::Date;
use serde_json::{Map, Number, Value};

use super::LinkError;
use crate::limits::{MAX_LINK_DEPTH, MAX_LINK_VALUES, MAX_REPORT_BYTES};

/// The day from which dates are counted.
const FIRST_DAY: Date = jiff::civil::date(1999, 1, 1);

/// The letters and digits of a GHSA id.
const GHSA_ALPHABET: &[u8] = b"23456789cfghjmpqrvwx";

/// Ends a text; within one, it and [`ESCAPE`] are escaped. A line feed, so that the dictionary, in
/// which the compressor finds what is common, is a text file.
const END: u8 = b'\n';
const ESCAPE: u8 = 1;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INTEGER: u8 = 3;
const LARGE: u8 = 4;
const DECIMAL: u8 = 5;
const TEXT: u8 = 6;
const LIST: u8 = 7;
const OBJECT: u8 = 8;
const KINDS: u8 = 9;

const PLAIN: u8 = 0;
const DATE: u8 = 1;
const CVE: u8 = 2;
const GHSA: u8 = 3;
const DIGEST: u8 = 4;
const CLASSES: u8 = 5;

/// Writes a value.
pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_place(&[value], &mut out);
    out
}

/// Reads what [`write`] wrote, and nothing more or less.
pub(super) fn read(bytes: &[u8]) -> Result<Value, LinkError> {
    let mut reader = Reader {
        rest: bytes,
        values: MAX_LINK_VALUES,
        text: MAX_REPORT_BYTES,
    };
    let value = reader.place(1, 0)?.pop().ok_or(LinkError::Damaged)?;
    if !reader.rest.is_empty() {
        return Err(LinkError::Damaged);
    }
    Ok(value)
}

/// Reads a number that [`write_varint`] wrote, and answers what follows it.
pub(super) fn read_varint(bytes: &[u8]) -> Result<(usize, &[u8]), LinkError> {
    let mut reader = Reader {
        rest: bytes,
        values: 0,
        text: 0,
    };
    let number = reader.varint()?;
    Ok((number, reader.rest))
}

fn write_place(values: &[&Value], out: &mut Vec<u8>) {
    let kinds: Vec<u8> = values.iter().map(|value| kind(value)).collect();
    write_tags(&kinds, KINDS, out);
    let integers: Vec<i64> = values
        .iter()
        .filter(|value| kind(value) == INTEGER)
        .filter_map(|value| value.as_i64())
        .collect();
    write_integers(&integers, out);
    for large in values.iter().filter(|value| kind(value) == LARGE) {
        let bytes = large.as_u64().unwrap_or_default().to_le_bytes();
        out.extend_from_slice(&bytes);
    }
    write_decimals(values, out);
    let texts: Vec<&str> = values.iter().filter_map(|value| value.as_str()).collect();
    write_texts(&texts, out);

    let lists: Vec<&Vec<Value>> = values.iter().filter_map(|value| value.as_array()).collect();
    if !lists.is_empty() {
        let lengths: Vec<i64> = lists.iter().map(|list| signed(list.len())).collect();
        write_integers(&lengths, out);
        let elements: Vec<&Value> = lists.into_iter().flatten().collect();
        if !elements.is_empty() {
            write_place(&elements, out);
        }
    }
    let objects: Vec<&Map<String, Value>> = values
        .iter()
        .filter_map(|value| value.as_object())
        .collect();
    if !objects.is_empty() {
        write_objects(&objects, out);
    }
}

/// Objects: which sets of keys there are, which object has which, then one place for each key.
fn write_objects(objects: &[&Map<String, Value>], out: &mut Vec<u8>) {
    let mut shapes: Vec<Vec<&str>> = Vec::new();
    let mut shape_of = Vec::with_capacity(objects.len());
    for object in objects {
        let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
        keys.sort_unstable();
        let known = shapes.iter().position(|shape| *shape == keys);
        let index = known.unwrap_or_else(|| {
            shapes.push(keys);
            shapes.len() - 1
        });
        shape_of.push(signed(index));
    }
    let mut keys: Vec<&str> = shapes.iter().flatten().copied().collect();
    keys.sort_unstable();
    keys.dedup();
    write_varint(keys.len(), out);
    for key in &keys {
        write_text(key, out);
    }
    write_varint(shapes.len(), out);
    // The first shape as it is, every other one as what differs from the one before.
    let mut before = vec![true; keys.len()];
    for shape in &shapes {
        let has: Vec<bool> = keys
            .iter()
            .map(|key| shape.binary_search(key).is_ok())
            .collect();
        let differs: Vec<usize> = (0..keys.len())
            .filter(|index| has.get(*index) != before.get(*index))
            .collect();
        write_varint(differs.len(), out);
        for index in differs {
            write_varint(index, out);
        }
        before = has;
    }
    write_integers(&shape_of, out);
    for key in keys {
        let values: Vec<&Value> = objects
            .iter()
            .filter_map(|object| object.get(key))
            .collect();
        write_place(&values, out);
    }
}

/// Small numbers, of which often all are the same: `most` stands for "not all".
fn write_tags(tags: &[u8], most: u8, out: &mut Vec<u8>) {
    match tags.first() {
        None => {}
        Some(first) if tags.iter().all(|tag| tag == first) => out.push(*first),
        Some(_) => {
            out.push(most);
            out.extend_from_slice(tags);
        }
    }
}

/// Numbers, as they are or as steps from one to the next, whichever is shorter; the lowest bytes of all
/// of them, then the next ones.
fn write_integers(numbers: &[i64], out: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    let plain: Vec<u64> = numbers.iter().map(|number| zigzag(*number)).collect();
    let mut before = 0_i64;
    let steps: Vec<u64> = numbers
        .iter()
        .map(|number| {
            let step = number.wrapping_sub(before);
            before = *number;
            zigzag(step)
        })
        .collect();
    let (is_steps, chosen) = if cost(&steps) < cost(&plain) {
        (1, steps)
    } else {
        (0, plain)
    };
    let most = chosen.iter().copied().max().unwrap_or_default();
    let width = (64 - most.leading_zeros()).div_ceil(8);
    out.push(u8::try_from(width << 1).unwrap_or_default() | is_steps);
    for plane in 0..width {
        let bytes = chosen
            .iter()
            .map(|number| (number >> (8 * plane)).to_le_bytes()[0]);
        out.extend(bytes);
    }
}

/// About the bits that the numbers' bytes take: their entropy, one place of bytes after the other.
fn cost(numbers: &[u64]) -> u64 {
    let mut bits = 0.0_f64;
    let total = f64::from(u32::try_from(numbers.len()).unwrap_or(u32::MAX));
    for plane in 0..8 {
        let mut counts = [0_u32; 256];
        for number in numbers {
            let byte = (number >> (8 * plane)).to_le_bytes()[0];
            if let Some(count) = counts.get_mut(usize::from(byte)) {
                *count += 1;
            }
        }
        for count in counts.into_iter().filter(|count| *count > 0) {
            let count = f64::from(count);
            // 4 bits for each distinct byte that has to be learnt.
            bits += count * (total / count).log2() + 4.0;
        }
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and only compared"
    )]
    let bits = bits as u64;
    bits
}

/// Decimal fractions: the digits, with as many behind the point as the longest one has.
fn write_decimals(values: &[&Value], out: &mut Vec<u8>) {
    let mut texts: Vec<String> = Vec::new();
    for value in values.iter().filter(|value| kind(value) == DECIMAL) {
        texts.push(format!("{}", value.as_f64().unwrap_or_default()));
    }
    if texts.is_empty() {
        return;
    }
    let scale = texts
        .iter()
        .map(|text| text.split_once('.').map_or(0, |(_, behind)| behind.len()))
        .max()
        .unwrap_or_default();
    let digits: Option<Vec<i64>> = texts
        .iter()
        .map(|text| {
            scaled(text, scale)
                .filter(|_| !(text.starts_with('-') && scaled(text, scale) == Some(0)))
        })
        .collect();
    match digits.filter(|_| scale < 255) {
        Some(digits) => {
            out.push(u8::try_from(scale).unwrap_or_default());
            write_integers(&digits, out);
        }
        None => {
            out.push(255);
            for value in values.iter().filter(|value| kind(value) == DECIMAL) {
                out.extend_from_slice(&value.as_f64().unwrap_or_default().to_le_bytes());
            }
        }
    }
}

/// `0.25` with three digits behind the point: 250.
fn scaled(text: &str, scale: usize) -> Option<i64> {
    let (before, behind) = text.split_once('.').unwrap_or((text, ""));
    let zeros = scale.checked_sub(behind.len())?;
    format!("{before}{behind}{}", "0".repeat(zeros))
        .parse()
        .ok()
}

/// Texts: which one each is, then those that are new.
fn write_texts(texts: &[&str], out: &mut Vec<u8>) {
    if texts.is_empty() {
        return;
    }
    let mut known = std::collections::HashMap::new();
    let mut new = Vec::new();
    let references: Vec<i64> = texts
        .iter()
        .map(|text| {
            let next = new.len();
            let index = *known.entry(*text).or_insert_with(|| {
                new.push(*text);
                next
            });
            if index == next {
                0
            } else {
                signed(index).saturating_add(1)
            }
        })
        .collect();
    write_integers(&references, out);
    let classes: Vec<u8> = new.iter().map(|text| class(text)).collect();
    write_tags(&classes, CLASSES, out);
    let of = |wanted: u8| new.iter().filter(move |text| class(text) == wanted);
    for text in of(PLAIN) {
        write_text(text, out);
    }
    let days: Vec<i64> = of(DATE).filter_map(|text| day(text)).collect();
    write_integers(&days, out);
    let numbers: Vec<(i64, i64)> = of(CVE).filter_map(|text| cve(text)).collect();
    let (years, numbers): (Vec<i64>, Vec<i64>) = numbers.into_iter().unzip();
    write_integers(&years, out);
    write_integers(&numbers, out);
    for text in of(GHSA) {
        let bytes = ghsa(text).unwrap_or_default().to_le_bytes();
        out.extend_from_slice(bytes.get(..7).unwrap_or_default());
    }
    for text in of(DIGEST) {
        out.extend_from_slice(&digest(text).unwrap_or_default());
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            END => out.extend_from_slice(&[ESCAPE, 2]),
            ESCAPE => out.extend_from_slice(&[ESCAPE, ESCAPE]),
            byte => out.push(byte),
        }
    }
    out.push(END);
}

pub(super) fn write_varint(number: usize, out: &mut Vec<u8>) {
    let mut number = number;
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => NULL,
        Value::Bool(false) => FALSE,
        Value::Bool(true) => TRUE,
        Value::Number(number) if number.is_i64() => INTEGER,
        Value::Number(number) if number.is_u64() => LARGE,
        Value::Number(_) => DECIMAL,
        Value::String(_) => TEXT,
        Value::Array(_) => LIST,
        Value::Object(_) => OBJECT,
    }
}

fn class(text: &str) -> u8 {
    if day(text).is_some() {
        DATE
    } else if cve(text).is_some() {
        CVE
    } else if ghsa(text).is_some() {
        GHSA
    } else if digest(text).is_some() {
        DIGEST
    } else {
        PLAIN
    }
}

/// Days since [`FIRST_DAY`], if the text is a date and would be written so.
fn day(text: &str) -> Option<i64> {
    if text.len() != 10 {
        return None;
    }
    let date: Date = text.parse().ok()?;
    let days = i64::from(FIRST_DAY.until(date).ok()?.get_days());
    (day_text(days).as_deref() == Some(text)).then_some(days)
}

fn day_text(days: i64) -> Option<String> {
    let span = jiff::Span::new().try_days(days).ok()?;
    Some(FIRST_DAY.checked_add(span).ok()?.to_string())
}

/// Year and number of a CVE id, if the text is one and would be written so.
fn cve(text: &str) -> Option<(i64, i64)> {
    let (year, number) = text.strip_prefix("CVE-")?.split_once('-')?;
    let (year, number) = (year.parse().ok()?, number.parse().ok()?);
    (cve_text(year, number) == text).then_some((year, number))
}

fn cve_text(year: i64, number: i64) -> String {
    format!("CVE-{year}-{number:04}")
}

/// The twelve letters of a GHSA id as one number.
fn ghsa(text: &str) -> Option<u64> {
    let letters = text.strip_prefix("GHSA-")?.as_bytes();
    if letters.len() != 14 {
        return None;
    }
    let mut number = 0_u64;
    for (index, letter) in letters.iter().enumerate() {
        if matches!(index, 4 | 9) {
            if *letter != b'-' {
                return None;
            }
            continue;
        }
        let digit = GHSA_ALPHABET.iter().position(|known| known == letter)?;
        number = number.checked_mul(20)?.checked_add(digit as u64)?;
    }
    Some(number)
}

fn ghsa_text(mut number: u64) -> Option<String> {
    let mut letters = Vec::new();
    for _ in 0..12 {
        let digit = usize::try_from(number % 20).ok()?;
        letters.push(char::from(*GHSA_ALPHABET.get(digit)?));
        number /= 20;
    }
    let mut text = "GHSA".to_owned();
    for (index, letter) in letters.into_iter().rev().enumerate() {
        if index % 4 == 0 {
            text.push('-');
        }
        text.push(letter);
    }
    Some(text)
}

/// The bytes of a SHA-256 digest.
fn digest(text: &str) -> Option<[u8; 32]> {
    let hex = text.strip_prefix("sha256:")?.as_bytes();
    let mut bytes = [0; 32];
    if hex.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        let digit = |letter: Option<&u8>| match letter? {
            letter @ b'0'..=b'9' => Some(letter - b'0'),
            letter @ b'a'..=b'f' => Some(letter - b'a' + 10),
            _ => None,
        };
        *byte = (digit(pair.first())? << 4) | digit(pair.get(1))?;
    }
    Some(bytes)
}

fn digest_text(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = "sha256:".to_owned();
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn zigzag(number: i64) -> u64 {
    (number.wrapping_shl(1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

/// Reads; every count is paid from what is left to spend, so that a few bytes cannot become many.
struct Reader<'a> {
    rest: &'a [u8],
    values: usize,
    text: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], LinkError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(LinkError::Damaged)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, LinkError> {
        self.take(1)?.first().copied().ok_or(LinkError::Damaged)
    }

    fn spend(&mut self, count: usize) -> Result<(), LinkError> {
        self.values = self.values.checked_sub(count).ok_or(LinkError::TooLarge)?;
        Ok(())
    }

    fn spend_text(&mut self, bytes: usize) -> Result<(), LinkError> {
        self.text = self.text.checked_sub(bytes).ok_or(LinkError::TooLarge)?;
        Ok(())
    }

    /// The values of one place, of which there are so many.
    fn place(&mut self, count: usize, depth: usize) -> Result<Vec<Value>, LinkError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        if depth > MAX_LINK_DEPTH {
            return Err(LinkError::Damaged);
        }
        self.spend(count)?;
        let kinds = self.tags(count, KINDS)?;
        let number = |wanted: u8| kinds.iter().filter(|kind| **kind == wanted).count();
        let mut integers = self.integers(number(INTEGER))?.into_iter();
        let mut large = self.take(number(LARGE).saturating_mul(8))?.chunks_exact(8);
        let mut decimals = self.decimals(number(DECIMAL))?.into_iter();
        let mut texts = self.texts(number(TEXT))?.into_iter();
        let mut lists = self.lists(number(LIST), depth)?.into_iter();
        let mut objects = self.objects(number(OBJECT), depth)?.into_iter();
        let mut values = Vec::with_capacity(count);
        for kind in kinds {
            let value = match kind {
                NULL => Some(Value::Null),
                FALSE => Some(Value::Bool(false)),
                TRUE => Some(Value::Bool(true)),
                INTEGER => integers.next().map(Value::from),
                LARGE => large
                    .next()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(|bytes| Value::from(u64::from_le_bytes(bytes))),
                DECIMAL => decimals.next(),
                TEXT => texts.next().map(Value::String),
                LIST => lists.next(),
                OBJECT => objects.next(),
                _ => None,
            };
            values.push(value.ok_or(LinkError::Damaged)?);
        }
        Ok(values)
    }

    fn tags(&mut self, count: usize, most: u8) -> Result<Vec<u8>, LinkError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let first = self.byte()?;
        if first == most {
            Ok(self.take(count)?.to_vec())
        } else {
            Ok(vec![first; count])
        }
    }

    fn integers(&mut self, count: usize) -> Result<Vec<i64>, LinkError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let head = self.byte()?;
        let (width, is_steps) = (usize::from(head >> 1), head & 1 == 1);
        if width > 8 {
            return Err(LinkError::Damaged);
        }
        let mut numbers = vec![0_u64; count];
        for plane in 0..width {
            for (number, byte) in numbers.iter_mut().zip(self.take(count)?) {
                *number |= u64::from(*byte) << (8 * plane);
            }
        }
        let mut before = 0_i64;
        let unfold = |number: u64| {
            let number = unzigzag(number);
            if is_steps {
                before = before.wrapping_add(number);
                before
            } else {
                number
            }
        };
        Ok(numbers.into_iter().map(unfold).collect())
    }

    /// Integers that count or point: not below zero.
    fn counts(&mut self, count: usize) -> Result<Vec<usize>, LinkError> {
        let numbers = self.integers(count)?.into_iter();
        numbers
            .map(|number| usize::try_from(number).map_err(|_| LinkError::Damaged))
            .collect()
    }

    fn decimals(&mut self, count: usize) -> Result<Vec<Value>, LinkError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let scale = self.byte()?;
        let mut floats = Vec::with_capacity(count);
        if scale == 255 {
            for bytes in self.take(count.saturating_mul(8))?.chunks_exact(8) {
                let bytes = bytes.try_into().map_err(|_| LinkError::Damaged)?;
                floats.push(f64::from_le_bytes(bytes));
            }
        } else {
            for digits in self.integers(count)? {
                let text = format!("{digits}e-{scale}");
                floats.push(text.parse().map_err(|_| LinkError::Damaged)?);
            }
        }
        let numbers = floats
            .into_iter()
            .map(|float| Number::from_f64(float).map(Value::Number));
        numbers.collect::<Option<_>>().ok_or(LinkError::Damaged)
    }

    fn texts(&mut self, count: usize) -> Result<Vec<String>, LinkError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let references = self.counts(count)?;
        let new = references
            .iter()
            .filter(|reference| **reference == 0)
            .count();
        let classes = self.tags(new, CLASSES)?;
        let number = |wanted: u8| classes.iter().filter(|class| **class == wanted).count();
        let mut plain = Vec::new();
        for _ in 0..number(PLAIN) {
            plain.push(self.text()?);
        }
        let mut plain = plain.into_iter();
        let mut days = self.integers(number(DATE))?.into_iter();
        let mut years = self.integers(number(CVE))?.into_iter();
        let mut numbers = self.integers(number(CVE))?.into_iter();
        let mut ghsas = self.take(number(GHSA).saturating_mul(7))?.chunks_exact(7);
        let mut digests = self
            .take(number(DIGEST).saturating_mul(32))?
            .chunks_exact(32);
        let mut known = Vec::with_capacity(new);
        for class in classes {
            let text = match class {
                PLAIN => plain.next(),
                DATE => days.next().and_then(day_text),
                CVE => years
                    .next()
                    .zip(numbers.next())
                    .map(|(year, number)| cve_text(year, number)),
                GHSA => ghsas.next().and_then(|bytes| {
                    let mut whole = [0; 8];
                    whole.get_mut(..7)?.copy_from_slice(bytes);
                    ghsa_text(u64::from_le_bytes(whole))
                }),
                DIGEST => digests.next().map(digest_text),
                _ => None,
            };
            known.push(text.ok_or(LinkError::Damaged)?);
        }
        let mut texts = Vec::with_capacity(count);
        let mut next = 0;
        for reference in references {
            let index = match reference.checked_sub(1) {
                Some(index) if index < next => index,
                Some(_) => return Err(LinkError::Damaged),
                None => {
                    next += 1;
                    next - 1
                }
            };
            let text: &String = known.get(index).ok_or(LinkError::Damaged)?;
            self.spend_text(text.len())?;
            texts.push(text.clone());
        }
        Ok(texts)
    }

    fn text(&mut self) -> Result<String, LinkError> {
        let length = self.rest.iter().position(|byte| *byte == END);
        let raw = self.take(length.ok_or(LinkError::Damaged)?)?;
        self.take(1)?;
        self.spend_text(raw.len())?;
        let mut bytes = Vec::with_capacity(raw.len());
        let mut raw = raw.iter();
        while let Some(byte) = raw.next() {
            bytes.push(match byte {
                &ESCAPE => match raw.next() {
                    Some(2) => END,
                    Some(&ESCAPE) => ESCAPE,
                    _ => return Err(LinkError::Damaged),
                },
                byte => *byte,
            });
        }
        String::from_utf8(bytes).map_err(|_| LinkError::Damaged)
    }

    fn varint(&mut self) -> Result<usize, LinkError> {
        let mut number = 0_usize;
        for shift in (0..28).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(LinkError::Damaged)
    }

    fn lists(&mut self, count: usize, depth: usize) -> Result<Vec<Value>, LinkError> {
        let lengths = self.counts(count)?;
        let mut total = 0_usize;
        for length in &lengths {
            total = total.checked_add(*length).ok_or(LinkError::TooLarge)?;
        }
        let mut elements = self.place(total, depth + 1)?.into_iter();
        let lists = lengths
            .into_iter()
            .map(|length| Value::Array(elements.by_ref().take(length).collect()));
        Ok(lists.collect())
    }

    fn objects(&mut self, count: usize, depth: usize) -> Result<Vec<Value>, LinkError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let key_count = self.varint()?;
        let mut keys = Vec::new();
        for _ in 0..key_count {
            keys.push(self.text()?);
        }
        let shape_count = self.varint()?;
        let mut shapes: Vec<Vec<bool>> = Vec::new();
        let mut before = vec![true; key_count];
        for _ in 0..shape_count {
            self.spend(key_count)?;
            for _ in 0..self.varint()? {
                let index = self.varint()?;
                let has = before.get_mut(index).ok_or(LinkError::Damaged)?;
                *has = !*has;
            }
            shapes.push(before.clone());
        }
        let shape_of = self.counts(count)?;
        let mut objects = vec![Map::new(); count];
        for (index, key) in keys.into_iter().enumerate() {
            let has = |shape: &usize| {
                let shape = shapes.get(*shape)?;
                shape.get(index).copied()
            };
            let holders: Option<Vec<bool>> = shape_of.iter().map(has).collect();
            let holders = holders.ok_or(LinkError::Damaged)?;
            let number = holders.iter().filter(|has| **has).count();
            let mut values = self.place(number, depth + 1)?.into_iter();
            for (object, _) in objects.iter_mut().zip(&holders).filter(|(_, has)| **has) {
                self.spend_text(key.len())?;
                object.insert(key.clone(), values.next().ok_or(LinkError::Damaged)?);
            }
        }
        Ok(objects.into_iter().map(Value::Object).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_value_reads_back() {
        let check = |value: Value| {
            let bytes = write(&value);
            assert_eq!(read(&bytes).unwrap(), value);
        };
        check(json!(null));
        check(json!([
            true,
            false,
            null,
            0,
            -1,
            i64::MIN,
            u64::MAX,
            1.0,
            0.1,
            -0.0,
            1e300,
            9.87654e-5
        ]));
        check(json!([
            "",
            "a",
            "a",
            "\n\u{1}\u{2}",
            "ä",
            "b\n",
            "2024-02-29",
            "2024-02-30",
            "0001-01-01"
        ]));
        check(json!([
            "CVE-2024-0001",
            "CVE-2024-123456",
            "CVE-2024-00001",
            "CVE--1-0001",
            "CVE-+2024-0001"
        ]));
        check(json!([
            "GHSA-jfh8-c2jp-5v3q",
            "GHSA-jfh8-c2jp-5v3a",
            "GHSA-jfh8_c2jp-5v3q",
            "ghsa"
        ]));
        check(json!([
            format!("sha256:{}", "0f".repeat(32)),
            format!("sha256:{}", "0F".repeat(32)),
            "sha256:"
        ]));
        check(json!([{"a": 1}, {"b": [1, 2]}, {"a": null, "b": []}, {}, [{}], [[]], {"a": 2}]));
        check(json!([9.8, 7.5, 10.0, 0.00043]));
    }

    #[test]
    fn what_is_damaged_is_refused_and_never_panics() {
        let value = json!([{"a": [1, "x", "CVE-2024-0001"]}, {"a": [2.5, "x"], "b": {}}]);
        let bytes = write(&value);
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length}");
        }
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[index] ^= 1 << bit;
                let _ = read(&bytes);
            }
        }
    }

    #[test]
    fn few_bytes_do_not_become_many_values() {
        // A list of 2^40 nulls.
        let mut bytes = vec![LIST];
        write_integers(&[1 << 40], &mut bytes);
        bytes.push(NULL);
        assert!(matches!(read(&bytes), Err(LinkError::TooLarge)));
        // One long text, a million times.
        let mut bytes = vec![LIST];
        write_integers(&[1_000_000], &mut bytes);
        bytes.push(TEXT);
        let mut references = vec![1; 1_000_000];
        references[0] = 0;
        write_integers(&references, &mut bytes);
        bytes.push(PLAIN);
        write_text(&"x".repeat(100_000), &mut bytes);
        assert!(matches!(read(&bytes), Err(LinkError::TooLarge)));
        // Lists in lists in lists.
        let mut bytes = Vec::new();
        for _ in 0..100_000 {
            bytes.push(LIST);
            write_integers(&[1], &mut bytes);
        }
        assert!(matches!(read(&bytes), Err(LinkError::Damaged)));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>()
                .prop_filter("finite", |float| float.is_finite())
                .prop_map(Value::from),
            (0_u32..100_000).prop_map(|number| Value::from(f64::from(number) / 1e5)),
            "[a-z\\n\\x01CVE0-9-]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_reads_back(value in any_value()) {
            prop_assert_eq!(read(&write(&value)).unwrap(), value);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }
    }
}
