//! Digests, and the three things an image names by digest: blobs, layers as they are unpacked, and
//! stacks of layers.
//!
//! Grammar and algorithms: OCI image specification 1.1, "Descriptors", section "Digests".

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, digest::common::hazmat::SerializableState as _};

/// The hash algorithms that the OCI image specification registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Algorithm {
    /// The name before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// A content digest such as `sha256:9f86…`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest {
    algorithm: Algorithm,
    hex: Box<str>,
}

/// Why a text is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// There is no colon in it.
    #[error("no algorithm in digest {0:?}")]
    NoAlgorithm(String),
    /// The algorithm is none that the specification registers.
    #[error("unknown digest algorithm {0:?}")]
    UnknownAlgorithm(String),
    /// Not the right number of lower-case hexadecimal digits.
    #[error("digest {0:?} is not {1} lower-case hexadecimal digits")]
    BadHex(String, usize),
}

impl Digest {
    /// The SHA-256 digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hexadecimal digits, lower case.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The first twelve digits, as Docker shows them.
    pub fn short(&self) -> &str {
        self.hex.get(..12).unwrap_or(&self.hex)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, hex) = text
            .split_once(':')
            .ok_or_else(|| DigestError::NoAlgorithm(text.chars().take(80).collect()))?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => {
                return Err(DigestError::UnknownAlgorithm(
                    name.chars().take(40).collect(),
                ));
            }
        };
        let is_hex = hex
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hex.len() != algorithm.hex_len() || !is_hex {
            return Err(DigestError::BadHex(
                text.chars().take(160).collect(),
                algorithm.hex_len(),
            ));
        }
        Ok(Self {
            algorithm,
            hex: hex.into(),
        })
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The digest of a layer's *uncompressed* tar. Never the digest of the blob.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiffId(pub Digest);

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identifies a stack of layers: OCI image specification, "Layer ChainID".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(pub Digest);

impl ChainId {
    /// The chain id of each prefix of `diff_ids`, lowest first.
    pub fn chain(diff_ids: &[DiffId]) -> Vec<ChainId> {
        let mut chain: Vec<ChainId> = Vec::with_capacity(diff_ids.len());
        for diff_id in diff_ids {
            let next = match chain.last() {
                None => diff_id.0.clone(),
                Some(below) => Digest::of(format!("{} {}", below.0, diff_id.0).as_bytes()),
            };
            chain.push(ChainId(next));
        }
        chain
    }
}

/// Computes a digest of bytes that arrive in pieces.
#[derive(Clone, Debug)]
pub struct Hasher {
    state: State,
    length: u64,
    /// The state after each [`PART_BYTES`], if they are wanted.
    states: Option<Vec<PartState>>,
}

/// Bytes after which the state of a digest is noted: see [`PartState`].
pub const PART_BYTES: u64 = 1 << 20;

/// SHA-256's eight words after a number of whole parts, little endian.
///
/// A digest is computed part by part, from one such state to the next (FIPS 180-4, 6.2.2). Who keeps
/// the states of a digest that was right can check any part alone: to find other bytes that lead from
/// one state to the next is as hard as to find a collision.
pub type PartState = [u8; 32];

#[derive(Clone, Debug)]
enum State {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Starts a digest.
    pub fn new(algorithm: Algorithm) -> Self {
        Self {
            state: match algorithm {
                Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
                Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
            },
            length: 0,
            states: None,
        }
    }

    /// Starts a digest that notes its state after each [`PART_BYTES`]; only SHA-256 has any.
    pub fn with_states(algorithm: Algorithm) -> Self {
        Self {
            states: (algorithm == Algorithm::Sha256).then(Vec::new),
            ..Self::new(algorithm)
        }
    }

    /// Goes on with SHA-256 after `parts` whole parts.
    pub fn resume(state: &PartState, parts: u64) -> Option<Self> {
        let mut serialized = sha2::Sha256::new().serialize();
        let (words, rest) = serialized.split_at_mut_checked(size_of::<PartState>())?;
        words.copy_from_slice(state);
        let blocks = parts.checked_mul(PART_BYTES / 64)?;
        rest.first_chunk_mut::<8>()?
            .copy_from_slice(&blocks.to_le_bytes());
        Some(Self {
            state: State::Sha256(sha2::Sha256::deserialize(&serialized).ok()?),
            length: parts.checked_mul(PART_BYTES)?,
            states: Some(Vec::new()),
        })
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let Some(mut states) = self.states.take() else {
            return self.add(bytes);
        };
        let mut rest = bytes;
        loop {
            let left = PART_BYTES - self.length % PART_BYTES;
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            let Some((part, after)) = rest.split_at_checked(left) else {
                break;
            };
            self.add(part);
            states.extend(self.part_state());
            rest = after;
        }
        self.add(rest);
        self.states = Some(states);
    }

    /// The digest of all bytes added.
    pub fn finish(self) -> Digest {
        self.finish_with_states().0
    }

    /// The same with the states after each part since it was started or resumed.
    pub fn finish_with_states(self) -> (Digest, Vec<PartState>) {
        let (algorithm, hex) = match self.state {
            State::Sha256(hasher) => (Algorithm::Sha256, to_hex(&hasher.finalize())),
            State::Sha512(hasher) => (Algorithm::Sha512, to_hex(&hasher.finalize())),
        };
        let digest = Digest {
            algorithm,
            hex: hex.into(),
        };
        (digest, self.states.unwrap_or_default())
    }

    /// Bytes added, those before it was resumed included.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The states noted since it was started or resumed.
    pub fn states(&self) -> &[PartState] {
        self.states.as_deref().unwrap_or_default()
    }

    fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        match &mut self.state {
            State::Sha256(hasher) => hasher.update(bytes),
            State::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn part_state(&self) -> Option<PartState> {
        match &self.state {
            State::Sha256(hasher) => hasher.serialize().first_chunk().copied(),
            State::Sha512(_) => None,
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| DIGITS.get(usize::from(nibble)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_nothing_is_the_known_one() {
        let digest = Digest::of(b"");
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let check = |text: &str| assert!(text.parse::<Digest>().is_err(), "{text}");
        check("");
        check("sha256");
        check("sha256:");
        check("md5:d41d8cd98f00b204e9800998ecf8427e");
        check("sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855");
        check("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8550");
    }

    #[test]
    fn chain_ids_follow_the_specification() {
        let a = DiffId(Digest::of(b"a"));
        let b = DiffId(Digest::of(b"b"));
        let chain = ChainId::chain(&[a.clone(), b.clone()]);
        assert_eq!(chain[0].0, a.0);
        assert_eq!(chain[1].0, Digest::of(format!("{a} {b}").as_bytes()));
    }

    #[test]
    fn a_part_is_checked_from_the_state_before_it() {
        let part = usize::try_from(PART_BYTES).unwrap();
        let bytes: Vec<u8> = (0..part * 2 + 77)
            .map(|at| u8::try_from(at * at % 251).unwrap())
            .collect();
        let mut whole = Hasher::with_states(Algorithm::Sha256);
        bytes.chunks(100_003).for_each(|piece| whole.update(piece));
        let (digest, states) = whole.finish_with_states();
        assert_eq!(digest, Digest::of(&bytes));
        assert_eq!(states.len(), 2);

        let mut second = Hasher::resume(&states[0], 1).unwrap();
        second.update(&bytes[part..part * 2]);
        assert_eq!(second.states(), &states[1..]);
        assert_eq!(second.length(), PART_BYTES * 2);
        second.update(&bytes[part * 2..]);
        assert_eq!(second.finish(), digest, "the end is checked by the digest");

        let mut other = Hasher::resume(&states[0], 1).unwrap();
        other.update(&bytes[part + 1..=part * 2]);
        assert_ne!(other.states(), &states[1..]);
        assert!(Hasher::with_states(Algorithm::Sha512).states.is_none());
    }
}
