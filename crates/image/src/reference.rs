//! Image references as Docker writes them: `nginx`, `ghcr.io/a/b:1`, `localhost:5000/x@sha256:…`.
//!
//! The grammar is that of `distribution/reference` (the library that Docker, containerd and the
//! registries share), with its Docker Hub defaults. Unlike it, an error says which bytes are wrong
//! and what to write instead, so that the page can underline them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::digest::{Algorithm, Digest};

/// The registry that a name without one means.
pub const DEFAULT_REGISTRY: &str = "docker.io";
/// Docker Hub's old name, which still means it.
const HUB_ALIAS: &str = "index.docker.io";
const OFFICIAL_PREFIX: &str = "library/";
const DEFAULT_TAG: &str = "latest";
/// Bytes of a repository's name, by the grammar.
const MAX_REPOSITORY_BYTES: usize = 255;
/// Characters of a tag, by the grammar.
const MAX_TAG_BYTES: usize = 128;

/// Names an image in a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// What is wrong with the text of a reference, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ReferenceError {
    /// Byte offset of what is wrong.
    pub offset: usize,
    /// Bytes from there that are wrong; 0 where something is missing.
    pub length: usize,
    /// What is wrong.
    pub problem: ReferenceProblem,
}

/// The ways in which a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceProblem {
    /// Nothing was given.
    #[error("no image is named; write one such as \"nginx:1.25\"")]
    Empty,
    /// A URL was given.
    #[error("an image is not named by a URL; leave out {0:?}")]
    Scheme(String),
    /// White space within.
    #[error("an image name holds no spaces; remove it")]
    Space,
    /// The repository has upper-case letters.
    #[error("a repository is written in lower case; write {0:?}")]
    UpperCase(String),
    /// A character that a repository cannot have.
    #[error("{0:?} cannot stand in a repository; use a-z, 0-9, '.', '_', '-' and '/'")]
    RepositoryCharacter(char),
    /// A separator where a letter or digit must stand.
    #[error("each part of a repository begins and ends with a letter or digit; remove {0:?}")]
    Separator(String),
    /// `//`, or a slash at the end.
    #[error("a part of the repository is missing at the slash")]
    EmptyComponent,
    /// The repository is longer than the grammar allows.
    #[error("the repository is longer than {MAX_REPOSITORY_BYTES} characters; shorten it")]
    RepositoryTooLong,
    /// The name is 64 hexadecimal digits, which Docker takes for an image id.
    #[error("64 hexadecimal digits are an image id, not a name; name the repository it lies in")]
    ImageId,
    /// The registry's host is malformed.
    #[error("{0:?} is not a registry's host name")]
    Registry(String),
    /// The port is not a number that fits.
    #[error("the registry's port must be a number from 1 to 65535")]
    Port,
    /// Nothing after the colon.
    #[error("a tag is missing after the colon; write one, or leave out the colon")]
    EmptyTag,
    /// A character that a tag cannot have.
    #[error("{0:?} cannot stand in a tag here; use letters, digits, '_', '.' and '-'")]
    TagCharacter(char),
    /// The tag is longer than the grammar allows.
    #[error("the tag is longer than {MAX_TAG_BYTES} characters; shorten it")]
    TagTooLong,
    /// Nothing after the `@`.
    #[error("a digest is missing after the '@'; write \"sha256:\" and 64 hexadecimal digits")]
    EmptyDigest,
    /// The digest's algorithm is not known.
    #[error("{0:?} is not a digest algorithm; write \"sha256:\" and 64 hexadecimal digits")]
    DigestAlgorithm(String),
    /// The digest has the wrong length.
    #[error("the digest has {found} hexadecimal digits where {algorithm} has {expected}")]
    DigestLength {
        /// The algorithm named.
        algorithm: &'static str,
        /// How many digits it has.
        expected: usize,
        /// How many were written.
        found: usize,
    },
    /// A character in the digest that is no lower-case hexadecimal digit.
    #[error("{0:?} is not a lower-case hexadecimal digit")]
    DigestCharacter(char),
}

impl Reference {
    /// Reads a reference as `docker pull` does: Docker Hub, `library/` and `latest` are filled in.
    ///
    /// # Errors
    /// Says which bytes are wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(error(0, 0, ReferenceProblem::Empty));
        }
        for scheme in ["docker://", "https://", "http://", "oci://"] {
            if text
                .get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            {
                let written = text.get(..scheme.len()).unwrap_or_default().to_owned();
                return Err(error(0, scheme.len(), ReferenceProblem::Scheme(written)));
            }
        }
        if let Some((offset, space)) = text.char_indices().find(|(_, c)| c.is_whitespace()) {
            return Err(error(offset, space.len_utf8(), ReferenceProblem::Space));
        }
        if is_image_id(text) {
            return Err(error(0, text.len(), ReferenceProblem::ImageId));
        }

        let (host, rest, rest_at) = split_registry(text);
        let (rest, digest) = match rest.split_once('@') {
            Some((before, digest)) => {
                let at = rest_at + before.len() + 1;
                (before, Some(parse_digest(digest, at)?))
            }
            None => (rest, None),
        };
        let (name, tag) = match rest.split_once(':') {
            Some((name, tag)) => {
                check_tag(tag, rest_at + name.len() + 1)?;
                (name, Some(tag.to_owned()))
            }
            None => (rest, None),
        };
        if let Some(host) = host {
            check_registry(host)?;
        }
        check_repository(name, rest_at)?;

        let registry = match host {
            None | Some(HUB_ALIAS) => DEFAULT_REGISTRY,
            Some(host) => host,
        };
        let repository = if registry == DEFAULT_REGISTRY && !name.contains('/') {
            format!("{OFFICIAL_PREFIX}{name}")
        } else {
            name.to_owned()
        };
        if repository.len() > MAX_REPOSITORY_BYTES {
            return Err(error(
                rest_at,
                name.len(),
                ReferenceProblem::RepositoryTooLong,
            ));
        }
        let tag = match (&tag, &digest) {
            (None, None) => Some(DEFAULT_TAG.to_owned()),
            _ => tag,
        };
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag,
            digest,
        })
    }

    /// The registry's host, with the port if one was written; `docker.io` for Docker Hub.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository within the registry, such as `library/nginx`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `None` if only a digest was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was written. It decides what is pulled, whatever the tag says.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What stands in a manifest's URL: the digest if there is one, else the tag.
    pub fn identifier(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => DEFAULT_TAG.to_owned(),
        }
    }

    /// The same image, named by `digest` alone.
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// The same repository with another tag.
    ///
    /// # Errors
    /// When `tag` is no tag; the offset counts within `tag`.
    pub fn with_tag(&self, tag: &str) -> Result<Self, ReferenceError> {
        check_tag(tag, 0)?;
        Ok(Self {
            tag: Some(tag.to_owned()),
            digest: None,
            ..self.clone()
        })
    }

    /// The short form that Docker prints: without `docker.io/`, `library/` and `:latest`.
    pub fn familiar(&self) -> String {
        let mut text = if self.registry == DEFAULT_REGISTRY {
            // Docker keeps `library/` before a name that itself has a slash.
            match self.repository.strip_prefix(OFFICIAL_PREFIX) {
                Some(name) if !name.contains('/') => name.to_owned(),
                _ => self.repository.clone(),
            }
        } else {
            format!("{}/{}", self.registry, self.repository)
        };
        match (&self.tag, &self.digest) {
            (Some(tag), None) if tag == DEFAULT_TAG => {}
            (Some(tag), _) => {
                text.push(':');
                text.push_str(tag);
            }
            (None, _) => {}
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(&digest.to_string());
        }
        text
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        Self::parse(&text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

fn error(offset: usize, length: usize, problem: ReferenceProblem) -> ReferenceError {
    ReferenceError {
        offset,
        length,
        problem,
    }
}

fn is_image_id(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Docker's rule: what stands before the first slash is a registry if it has a dot or a colon, is
/// `localhost`, or has an upper-case letter (which no repository can have).
fn split_registry(text: &str) -> (Option<&str>, &str, usize) {
    if let Some((host, rest)) = text.split_once('/') {
        let is_registry = host.contains(['.', ':'])
            || host == "localhost"
            || host.chars().any(char::is_uppercase);
        // `name@sha256:…/x` and `name:tag/x` are mistakes in the digest or tag, not registries.
        if is_registry && !host.contains('@') {
            return (Some(host), rest, host.len() + 1);
        }
    }
    (None, text, 0)
}

fn check_registry(host: &str) -> Result<(), ReferenceError> {
    let wrong = |offset, length| {
        let written = host.chars().take(80).collect();
        error(offset, length, ReferenceProblem::Registry(written))
    };
    let (name, port) = if let Some(rest) = host.strip_prefix('[') {
        let Some((address, after)) = rest.split_once(']') else {
            return Err(wrong(0, host.len()));
        };
        let is_address = !address.is_empty()
            && address
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b':');
        if !is_address || !(after.is_empty() || after.starts_with(':')) {
            return Err(wrong(0, host.len()));
        }
        (None, after.strip_prefix(':'))
    } else {
        match host.split_once(':') {
            Some((name, port)) => (Some(name), Some(port)),
            None => (Some(host), None),
        }
    };
    if let Some(port) = port {
        let is_port = !port.is_empty()
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port > 0);
        if !is_port {
            let offset = host.len() - port.len();
            return Err(error(offset, port.len(), ReferenceProblem::Port));
        }
    }
    let mut offset = 0;
    for label in name.into_iter().flat_map(|name| name.split('.')) {
        let is_label = !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_label {
            return Err(wrong(offset, label.len()));
        }
        offset += label.len() + 1;
    }
    Ok(())
}

fn check_repository(name: &str, at: usize) -> Result<(), ReferenceError> {
    if let Some((offset, first)) = name.char_indices().find(|(_, c)| c.is_uppercase()) {
        let length = name
            .get(offset..)
            .unwrap_or_default()
            .chars()
            .take_while(|c| c.is_uppercase())
            .map(char::len_utf8)
            .sum::<usize>()
            .max(first.len_utf8());
        let lower = name.chars().take(80).collect::<String>().to_lowercase();
        return Err(error(
            at + offset,
            length,
            ReferenceProblem::UpperCase(lower),
        ));
    }
    let allowed = |c: &char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/');
    if let Some((offset, c)) = name.char_indices().find(|(_, c)| !allowed(c)) {
        return Err(error(
            at + offset,
            c.len_utf8(),
            ReferenceProblem::RepositoryCharacter(c),
        ));
    }
    let mut offset = at;
    for component in name.split('/') {
        if component.is_empty() {
            return Err(error(offset, 0, ReferenceProblem::EmptyComponent));
        }
        check_component(component, offset)?;
        offset += component.len() + 1;
    }
    Ok(())
}

/// Letters and digits, with separators between them: one dot, one or two underscores, any dashes.
fn check_component(component: &str, at: usize) -> Result<(), ReferenceError> {
    let is_separator = |c: char| matches!(c, '.' | '_' | '-');
    let mut rest = component;
    let mut offset = 0;
    while let Some(start) = rest.find(is_separator) {
        let tail = rest.get(start..).unwrap_or_default();
        let length = tail.find(|c: char| !is_separator(c)).unwrap_or(tail.len());
        let separator = tail.get(..length).unwrap_or_default();
        let is_inside = offset + start > 0 && length < tail.len();
        let is_allowed =
            matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-');
        if !is_inside || !is_allowed {
            return Err(error(
                at + offset + start,
                length,
                ReferenceProblem::Separator(separator.to_owned()),
            ));
        }
        rest = tail.get(length..).unwrap_or_default();
        offset += start + length;
    }
    Ok(())
}

fn check_tag(tag: &str, at: usize) -> Result<(), ReferenceError> {
    if tag.is_empty() {
        return Err(error(at, 0, ReferenceProblem::EmptyTag));
    }
    for (offset, c) in tag.char_indices() {
        let is_allowed =
            c.is_ascii_alphanumeric() || c == '_' || (offset > 0 && matches!(c, '.' | '-'));
        if !is_allowed {
            return Err(error(
                at + offset,
                c.len_utf8(),
                ReferenceProblem::TagCharacter(c),
            ));
        }
    }
    if tag.len() > MAX_TAG_BYTES {
        return Err(error(at, tag.len(), ReferenceProblem::TagTooLong));
    }
    Ok(())
}

fn parse_digest(text: &str, at: usize) -> Result<Digest, ReferenceError> {
    if text.is_empty() {
        return Err(error(at, 0, ReferenceProblem::EmptyDigest));
    }
    let (name, hex) = text.split_once(':').unwrap_or((text, ""));
    let (algorithm, expected) = match name {
        "sha256" => (Algorithm::Sha256, 64),
        "sha512" => (Algorithm::Sha512, 128),
        _ => {
            let written = name.chars().take(40).collect();
            return Err(error(
                at,
                name.len(),
                ReferenceProblem::DigestAlgorithm(written),
            ));
        }
    };
    let hex_at = at + name.len() + 1;
    if let Some((offset, c)) = hex
        .char_indices()
        .find(|(_, c)| !matches!(c, '0'..='9' | 'a'..='f'))
    {
        return Err(error(
            hex_at + offset,
            c.len_utf8(),
            ReferenceProblem::DigestCharacter(c),
        ));
    }
    text.parse().map_err(|_| {
        error(
            hex_at.min(at + text.len()),
            hex.len(),
            ReferenceProblem::DigestLength {
                algorithm: algorithm.name(),
                expected,
                found: hex.len(),
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    /// The known cases of `distribution/reference`'s `TestParseDockerRef`, `TestParseReferenceWith…`
    /// and `TestParseRepositoryInfo`.
    #[test]
    fn references_are_completed_as_docker_does() {
        let check = |text: &str, canonical: &str, familiar: &str| {
            let reference = Reference::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!(reference.to_string(), canonical, "{text}");
            assert_eq!(reference.familiar(), familiar, "{text}");
            assert_eq!(Reference::parse(canonical).as_ref(), Ok(&reference));
            assert_eq!(Reference::parse(familiar), Ok(reference));
        };
        check("nginx", "docker.io/library/nginx:latest", "nginx");
        check("nginx:1.25", "docker.io/library/nginx:1.25", "nginx:1.25");
        check("library/nginx", "docker.io/library/nginx:latest", "nginx");
        check(
            "index.docker.io/library/nginx",
            "docker.io/library/nginx:latest",
            "nginx",
        );
        check("docker.io/nginx", "docker.io/library/nginx:latest", "nginx");
        check("fooo/bar", "docker.io/fooo/bar:latest", "fooo/bar");
        check(
            "library/foo/bar",
            "docker.io/library/foo/bar:latest",
            "library/foo/bar",
        );
        check("localhost/x", "localhost/x:latest", "localhost/x");
        check(
            "localhost:5000/x",
            "localhost:5000/x:latest",
            "localhost:5000/x",
        );
        check(
            "127.0.0.1:5000/x:y",
            "127.0.0.1:5000/x:y",
            "127.0.0.1:5000/x:y",
        );
        check("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x");
        check(
            "[2001:db8::1]/repo",
            "[2001:db8::1]/repo:latest",
            "[2001:db8::1]/repo",
        );
        check("FOO/bar", "FOO/bar:latest", "FOO/bar");
        check("a.b/c", "a.b/c:latest", "a.b/c");
        check("xn--n3h.com/m", "xn--n3h.com/m:latest", "xn--n3h.com/m");
    }

    #[test]
    fn digests_decide_and_tags_are_kept() {
        let text = format!("ghcr.io/a/b:1.0@sha256:{HEX}");
        let reference = Reference::parse(&text).unwrap();
        assert_eq!(reference.registry(), "ghcr.io");
        assert_eq!(reference.repository(), "a/b");
        assert_eq!(reference.tag(), Some("1.0"));
        assert_eq!(reference.identifier(), format!("sha256:{HEX}"));
        assert_eq!(reference.to_string(), text);
        let reference = Reference::parse(&format!("nginx@sha256:{HEX}")).unwrap();
        assert_eq!(reference.tag(), None);
        assert_eq!(
            reference.to_string(),
            format!("docker.io/library/nginx@sha256:{HEX}")
        );
    }

    #[test]
    fn names_with_odd_but_allowed_separators() {
        let check = |text: &str| assert!(Reference::parse(text).is_ok(), "{text}");
        check("docker/docker");
        check("a__b/c--d");
        check("foo_bar.com:8080");
        check("asdf.com/foo-bar_baz__qux.x/0");
        check("b.gcr.io/test.example.com/my-app:test.example.com");
        check("foo.com:8080/bar:_tag-.x");
        check("a-a/a-a");
        check(&format!("a/{}", "b".repeat(240)));
        check(&format!("x:{}", "t".repeat(128)));
    }

    #[test]
    fn errors_point_at_the_wrong_bytes() {
        let check = |text: &str, offset: usize, length: usize, part: &str| {
            let error = Reference::parse(text).expect_err(text);
            assert_eq!((error.offset, error.length), (offset, length), "{text}");
            assert!(error.to_string().contains(part), "{text}: {error}");
        };
        check("", 0, 0, "no image");
        check("https://ghcr.io/a", 0, 8, "leave out \"https://\"");
        check("ngi nx", 3, 1, "no spaces");
        check("Nginx", 0, 1, "write \"nginx\"");
        check("ghcr.io/Acme/App", 8, 1, "lower case");
        check("a/b?c", 3, 1, "'?'");
        check("nginx:", 6, 0, "tag is missing");
        check("nginx:1:2", 7, 1, "':'");
        check("nginx:-a", 6, 1, "'-'");
        check("nginx@", 6, 0, "digest is missing");
        check("nginx@sha256", 12, 0, "0 hexadecimal digits");
        check("nginx@sha256:abcd", 13, 4, "4 hexadecimal digits");
        check("nginx@md5:abcd", 6, 3, "not a digest algorithm");
        check(
            &format!("nginx@sha256:{}", HEX.to_uppercase()),
            14,
            1,
            "'F'",
        );
        check(HEX, 0, 64, "image id");
        check("a//b", 2, 0, "missing");
        check("a/b/", 4, 0, "missing");
        check("a/-b", 2, 1, "remove \"-\"");
        check("a/b..c", 3, 2, "remove \"..\"");
        check("a___b", 1, 3, "remove \"___\"");
        check("-foo/bar", 0, 1, "remove \"-\"");
        check("foo/bar-", 7, 1, "remove \"-\"");
        check("-foo.bar/x", 0, 4, "host name");
        check("localhost:x/y", 10, 1, "port");
        check("localhost:99999/y", 10, 5, "port");
        check("[fe80::1%25eth0]/x", 0, 16, "host name");
        check("nginx:täg", 7, 2, "'ä'");
        check(&format!("a/{}", "b".repeat(256)), 0, 258, "shorten");
        check(&format!("x:{}", "t".repeat(129)), 2, 129, "shorten");
    }
}
