//! Go's order: Semantic Versioning as `golang.org/x/mod/semver` has it, and the versions of the standard library
//! as programs carry them.
//!
//! - Pseudo-versions (`v0.0.0-20240102030405-0123456789ab`) are pre-releases like any other; `+incompatible`
//!   is build metadata and does not count.
//! - `go1.22.1` is `1.22.1`, `go1.22rc1` (and `1.22rc1`) is `1.22.0-rc.1`. What follows a blank, or in a name that
//!   begins with `go` a hyphen, is an experiment or a vendor's suffix and does not count
//!   (<https://go.dev/doc/toolchain#name>).
//! - `(devel)` and `devel …` are no versions.

use std::{borrow::Cow, cmp::Ordering};

use super::{
    VersionError, VersionOrder,
    semver::{SEMVER, plain},
    split_while,
};

pub(crate) struct Go;

impl VersionOrder for Go {
    fn id(&self) -> &'static str {
        "go"
    }

    fn compare(&self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        if let (Some(a), Some(b)) = (plain(a), plain(b)) {
            return Ok(a.cmp(&b));
        }
        let refuse = |version| move |_| VersionError::new("go", version);
        let (semantic_a, semantic_b) = (semantic(a), semantic(b));
        SEMVER
            .compare(&semantic_a, &semantic_a)
            .map_err(refuse(a))?;
        SEMVER.compare(&semantic_a, &semantic_b).map_err(refuse(b))
    }
}

/// A version of the standard library as a semantic one; all others as they are.
fn semantic(version: &str) -> Cow<'_, str> {
    let text = version.trim();
    let text = text.split(' ').next().unwrap_or(text);
    let text = match text.strip_prefix("go") {
        Some(text) => text.split(['-', '+']).next().unwrap_or(text),
        None => text,
    };
    let (numbers, rest) = split_while(text.as_bytes(), |byte| {
        byte.is_ascii_digit() || byte == b'.'
    });
    let (word, number) = split_while(rest, |byte| byte.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    if !numbers.is_empty() && is_number && matches!(word, b"rc" | b"beta") {
        let (numbers, rest) = text.split_at_checked(numbers.len()).unwrap_or((text, ""));
        let (word, number) = rest.split_at_checked(word.len()).unwrap_or((rest, ""));
        return Cow::Owned(format!("{numbers}-{word}.{number}"));
    }
    Cow::Borrowed(text)
}
