//! Encrypted reports that this browser uploaded, and links to such.

use serde::{Deserialize, Serialize};

use crate::browser;

/// Where they are kept.
const KEY: &str = "lamina.uploads";

/// How many are remembered.
const MOST: usize = 100;

/// A report that this browser uploaded. The key that opens it is in its link alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its id on the server.
    pub id: String,
    /// What deletes it.
    pub token: String,
    /// Until when the server keeps it, in seconds since 1970.
    pub expires: u64,
    /// The image's name.
    pub name: String,
}

/// Those that are still kept, newest first.
pub fn kept(now: u64) -> Vec<Upload> {
    let uploads = browser::setting(KEY).and_then(|json| serde_json::from_str(&json).ok());
    current(uploads.unwrap_or_default(), now)
}

/// Remembers one.
pub fn remember(upload: Upload, now: u64) {
    let mut uploads = kept(now);
    uploads.insert(0, upload);
    uploads.truncate(MOST);
    keep(&uploads);
}

/// Forgets one.
pub fn forget(id: &str, now: u64) {
    let mut uploads = kept(now);
    uploads.retain(|upload| upload.id != id);
    keep(&uploads);
}

fn keep(uploads: &[Upload]) {
    let json = serde_json::to_string(uploads).unwrap_or_default();
    browser::keep_setting(KEY, (!uploads.is_empty()).then_some(&*json));
}

fn current(mut uploads: Vec<Upload>, now: u64) -> Vec<Upload> {
    uploads.retain(|upload| upload.expires > now);
    uploads
}

/// The text after `#s=` of a link.
pub fn link_text(id: &str, key: &[u8]) -> String {
    format!("{id}.{}", encode(key))
}

/// Id and key of the text after `#s=`; `None` if it is cut off.
pub fn parse_link(text: &str) -> Option<(String, Vec<u8>)> {
    let (id, key) = text.split_once('.')?;
    let is_id = id.len() == 22 && id.bytes().all(is_letter);
    let key = decode(key)?;
    (is_id && key.len() == crate::platform::seal::KEY_BYTES).then(|| (id.to_owned(), key))
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// URL-safe base64 without padding (RFC 4648, section 5), of a key: the crate for it is not in the first
/// load.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 6 {
            held -= 6;
            text.push(letter(bits >> held));
        }
    }
    if held > 0 {
        text.push(letter(bits << (6 - held)));
    }
    text
}

fn letter(bits: u32) -> char {
    let index = usize::try_from(bits & 63).unwrap_or_default();
    char::from(ALPHABET.get(index).copied().unwrap_or_default())
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held).to_le_bytes()[0]);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_and_a_damaged_one_does_not() {
        let key: Vec<u8> = (0..32).map(|number| 251 - number * 7).collect();
        let id = "AbCdEfGhIjKlMnOpQr-_12";
        let text = link_text(id, &key);
        assert_eq!(parse_link(&text), Some((id.to_owned(), key)));
        let check = |text: &str| assert_eq!(parse_link(text), None, "{text}");
        check("");
        check(id);
        check(&text[..text.len() - 2]);
        check(&format!("{text}AA"));
        check(&text.replace('A', "/"));
        check(&format!("../{}", &text[3..]));
    }

    #[test]
    fn keys_are_written_as_others_write_them() {
        assert_eq!(encode(b"\xfb\xff\x00"), "-_8A");
        assert_eq!(encode(b"f"), "Zg");
        assert_eq!(decode("Zm8").unwrap(), b"fo");
    }

    #[test]
    fn what_has_expired_is_forgotten() {
        let upload = |expires| Upload {
            expires,
            ..Upload::default()
        };
        assert_eq!(current(vec![upload(10), upload(20)], 10), [upload(20)]);
    }
}
