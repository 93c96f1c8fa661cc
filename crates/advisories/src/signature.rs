//! The signature of an index: Ed25519 in [minisign](https://jedisct1.github.io/minisign/)'s format.
//!
//! It is detached ([`FILE_NAME`], beside the index) and over the exact bytes of the index, which names
//! every shard by digest. Whoever reads a database has the keys that it trusts from elsewhere: a key that
//! comes with the database proves nothing.

use minisign_verify::{Error, PublicKey, Signature};

/// File name of the signature.
pub const FILE_NAME: &str = "index.json.minisig";

/// Bytes of a signature file. Minisign's have about 300.
pub const MAX_BYTES: usize = 4096;

/// Why an index is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A key that is trusted is none.
    #[error("{0:?} is no minisign public key")]
    Key(String),
    /// The signature is none.
    #[error("the signature of the index cannot be read: it is not in minisign's format")]
    Format,
    /// It is by a key that is not trusted.
    #[error("the index is signed with another key than the ones that are trusted")]
    UnknownKey,
    /// It is by a trusted key, but of other bytes.
    #[error("the signature does not fit the index: one of them was changed")]
    Wrong,
}

/// Checks that one of the trusted keys signed an index, and returns that key.
///
/// A key is the second line of minisign's `.pub` file, or the whole file.
///
/// # Errors
/// If none did.
pub fn verify<'a>(
    index: &[u8],
    signature: &str,
    keys: impl IntoIterator<Item = &'a str>,
) -> Result<&'a str, SignatureError> {
    if signature.len() > MAX_BYTES {
        return Err(SignatureError::Format);
    }
    let signature = Signature::decode(signature).map_err(|_| SignatureError::Format)?;
    let mut problem = SignatureError::UnknownKey;
    for text in keys {
        let key = PublicKey::from_base64(text.trim()).or_else(|_| PublicKey::decode(text));
        let key = key.map_err(|_| SignatureError::Key(text.chars().take(80).collect()))?;
        match key.verify(index, &signature, false) {
            Ok(()) => return Ok(text),
            Err(Error::UnexpectedKeyId) => {}
            Err(_) => problem = SignatureError::Wrong,
        }
    }
    Err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with the `minisign` program, for the word `test`; the example of minisign's own documentation.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1633700835\tfile:test\tprehashed
wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==";
    const OTHER_KEY: &str = "RWTAPRjWNLGdJLC9sJ8UfVvXJfdFOxZPEXtXpY5Y1sTHHY1pe9vEzxi+";

    #[test]
    fn an_index_is_trusted_by_its_signature_alone() {
        let whole_file = format!("untrusted comment: minisign public key\n{KEY}\n");
        assert_eq!(verify(b"test", SIGNATURE, [KEY]), Ok(KEY));
        assert_eq!(verify(b"test", SIGNATURE, [OTHER_KEY, KEY]), Ok(KEY));
        assert!(verify(b"test", SIGNATURE, [whole_file.as_str()]).is_ok());
        let refuses = |index: &[u8], signature: &str, keys: &[&str], expect| {
            let result = verify(index, signature, keys.iter().copied());
            assert_eq!(result, Err(expect));
        };
        refuses(b"Test", SIGNATURE, &[KEY], SignatureError::Wrong);
        refuses(b"test", SIGNATURE, &[OTHER_KEY], SignatureError::UnknownKey);
        refuses(b"test", SIGNATURE, &[], SignatureError::UnknownKey);
        let changed = SIGNATURE.replace("file:test", "file:tesT");
        refuses(b"test", &changed, &[KEY], SignatureError::Wrong);
        refuses(b"test", "hello", &[KEY], SignatureError::Format);
        refuses(
            b"test",
            &"x".repeat(MAX_BYTES + 1),
            &[KEY],
            SignatureError::Format,
        );
        let no_key = SignatureError::Key("none".to_owned());
        refuses(b"test", SIGNATURE, &["none"], no_key);
    }
}
