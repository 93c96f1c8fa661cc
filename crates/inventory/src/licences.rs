//! Stated licences as SPDX expressions, and what kind of licence each is.
//!
//! Package managers have a dozen spellings for one licence: Debian's short names (`GPL-2+`, `Expat`;
//! <https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>), Fedora's old ones (`GPLv2+`,
//! `ASL 2.0`), classifiers of PyPI, long names and addresses in Maven's POMs, R's `GPL (>= 2)`. What is
//! known becomes an expression of the SPDX specification, annex D
//! (<https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/>); where one part is not known
//! there is none, rather than one that claims too much.
//!
//! Two names have no SPDX identifier but one meaning, and become references: `LicenseRef-BSD` (one of
//! the BSD licences, nobody says which) and `LicenseRef-public-domain`. An exception that is not named
//! (Fedora's `GPLv2+ with exceptions`) is left out: without it the licence is stricter, not milder.

pub mod files;
mod names;
pub mod texts;

use crate::limits::{MAX_LICENCE_DEPTH, MAX_LICENCE_PARTS};

/// A licence as stated, and what that means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Licence {
    /// As the package states it.
    pub stated: String,
    /// The SPDX expression; `None` if a part of it is not known.
    pub expression: Option<String>,
    /// What kind it is: of several that all hold the strictest, of a choice the mildest.
    pub category: Category,
}

/// Kinds of licence, the mildest first, as Google's licenseclassifier and Trivy sort them
/// (`unencumbered`, `permissive` and `notice`, `reciprocal`, `restricted`, `forbidden`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// No rights are kept.
    PublicDomain,
    /// Keep the notice.
    Permissive,
    /// Changes to the files of the work itself must be given away.
    WeakCopyleft,
    /// What is made of it must be given away under the same licence.
    StrongCopyleft,
    /// Even where it only runs for others over a network.
    NetworkCopyleft,
    /// Not free: no commerce, no changes, or not without payment.
    Proprietary,
    /// Not known.
    #[default]
    Unknown,
}

impl Category {
    /// The kebab-case word.
    pub fn word(self) -> &'static str {
        match self {
            Self::PublicDomain => "public-domain",
            Self::Permissive => "permissive",
            Self::WeakCopyleft => "weak-copyleft",
            Self::StrongCopyleft => "strong-copyleft",
            Self::NetworkCopyleft => "network-copyleft",
            Self::Proprietary => "proprietary",
            Self::Unknown => "unknown",
        }
    }
}

/// Reads a stated licence.
pub fn normalise(stated: &str) -> Licence {
    let stated = stated.trim();
    let mut licence = Licence {
        stated: stated.to_owned(),
        ..Licence::default()
    };
    if names::is_proprietary(stated) {
        licence.category = Category::Proprietary;
        return licence;
    }
    let Some(node) = parse(stated) else {
        return licence;
    };
    let mut text = String::new();
    node.render(&mut text, false);
    // What we say is SPDX is what SPDX's own grammar takes.
    if spdx::Expression::parse(&text).is_ok() {
        licence.category = node.category();
        licence.expression = Some(text);
    }
    licence
}

/// What kind of licence an SPDX identifier names.
pub fn category(id: &str) -> Category {
    names::category(id)
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// An identifier, and the exception with it.
    Name(String, Option<&'static str>),
    /// All of them.
    And(Vec<Node>),
    /// One of them.
    Or(Vec<Node>),
}

impl Node {
    fn join(mut nodes: Vec<Node>, all: bool) -> Option<Node> {
        if nodes.len() < 2 {
            return nodes.pop();
        }
        let mut flat: Vec<Node> = Vec::new();
        for node in nodes {
            let below = match node {
                Node::And(below) if all => below,
                Node::Or(below) if !all => below,
                node => vec![node],
            };
            for node in below {
                if !flat.contains(&node) {
                    flat.push(node);
                }
            }
        }
        match flat.len() {
            1 => flat.pop(),
            _ if all => Some(Node::And(flat)),
            _ => Some(Node::Or(flat)),
        }
    }

    fn render(&self, out: &mut String, is_within: bool) {
        let (nodes, word) = match self {
            Node::Name(id, exception) => {
                out.push_str(id);
                if let Some(exception) = exception {
                    out.push_str(" WITH ");
                    out.push_str(exception);
                }
                return;
            }
            Node::And(nodes) => (nodes, " AND "),
            Node::Or(nodes) => (nodes, " OR "),
        };
        if is_within {
            out.push('(');
        }
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 {
                out.push_str(word);
            }
            node.render(out, true);
        }
        if is_within {
            out.push(')');
        }
    }

    fn category(&self) -> Category {
        match self {
            // An exception lets what is linked with it be.
            Node::Name(id, Some(_)) if category(id) == Category::StrongCopyleft => {
                Category::WeakCopyleft
            }
            Node::Name(id, _) => category(id),
            Node::And(nodes) => nodes.iter().map(Node::category).max().unwrap_or_default(),
            Node::Or(nodes) => nodes.iter().map(Node::category).min().unwrap_or_default(),
        }
    }
}

/// A piece of a stated licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Open,
    Close,
    And,
    Or,
    With,
    Text(&'a str),
}

fn parse(stated: &str) -> Option<Node> {
    let text = names::join_or_later(stated);
    // Most of all: the whole is one name, whatever words are in it.
    if let Some(node) = name(&text) {
        return Some(node);
    }
    let tokens = tokens(&text);
    if tokens.len() > MAX_LICENCE_PARTS {
        return None;
    }
    let mut rest = tokens.as_slice();
    let node = any_of(&mut rest, 0)?;
    rest.is_empty().then_some(node)
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut start = 0;
    // Operators are words, or characters of their own.
    for (offset, word) in pieces(text) {
        let token = match word {
            "(" => Token::Open,
            ")" => Token::Close,
            "&" | "&&" | "," | ";" => Token::And,
            "|" | "||" | "/" => Token::Or,
            word if word.eq_ignore_ascii_case("and") => Token::And,
            word if word.eq_ignore_ascii_case("or") => Token::Or,
            word if word.eq_ignore_ascii_case("with") || word == "w/" => Token::With,
            word => {
                // Words that stand beside each other are one name, as they are in the text.
                let is_joined = matches!(tokens.last(), Some(Token::Text(_)));
                if !is_joined {
                    start = offset;
                }
                let name = text.get(start..offset + word.len()).unwrap_or(word);
                if is_joined {
                    tokens.pop();
                }
                Token::Text(name)
            }
        };
        tokens.push(token);
    }
    tokens
}

/// Words, brackets and the operators that are characters, and where they are.
fn pieces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_single = |byte: u8| matches!(byte, b'(' | b')' | b',' | b';' | b'&' | b'|');
    let mut offset = 0;
    std::iter::from_fn(move || {
        let rest = text.get(offset..)?;
        let trimmed = rest.trim_start();
        offset += rest.len() - trimmed.len();
        let first = *trimmed.as_bytes().first()?;
        let ends = |byte: u8| byte.is_ascii_whitespace() || is_single(byte);
        let length = match is_single(first) {
            true => 1,
            false => trimmed.bytes().position(ends).unwrap_or(trimmed.len()),
        };
        let piece = trimmed.get(..length).filter(|piece| !piece.is_empty())?;
        let place = offset;
        offset += length;
        Some((place, piece))
    })
}

fn any_of(tokens: &mut &[Token<'_>], depth: usize) -> Option<Node> {
    let mut nodes = vec![all_of(tokens, depth)?];
    while let Some((Token::Or, rest)) = tokens.split_first() {
        *tokens = skip_operators(rest);
        nodes.push(all_of(tokens, depth)?);
    }
    Node::join(nodes, false)
}

fn all_of(tokens: &mut &[Token<'_>], depth: usize) -> Option<Node> {
    let mut nodes = vec![one(tokens, depth)?];
    while let Some((Token::And, rest)) = tokens.split_first() {
        *tokens = skip_operators(rest);
        // `MIT, BSD and ISC,` ends with an operator.
        if tokens.is_empty() {
            break;
        }
        nodes.push(one(tokens, depth)?);
    }
    Node::join(nodes, true)
}

/// `, and` is one operator; `and/or` does not occur as two.
fn skip_operators<'t, 'a>(mut tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    while let Some((Token::And, rest)) = tokens.split_first() {
        tokens = rest;
    }
    tokens
}

fn one(tokens: &mut &[Token<'_>], depth: usize) -> Option<Node> {
    let (first, rest) = tokens.split_first()?;
    *tokens = rest;
    let node = match first {
        Token::Open if depth < MAX_LICENCE_DEPTH => {
            let node = any_of(tokens, depth + 1)?;
            let (Token::Close, rest) = tokens.split_first()? else {
                return None;
            };
            *tokens = rest;
            node
        }
        Token::Text(text) => names_of(text)?,
        _ => return None,
    };
    let Some((Token::With, rest)) = tokens.split_first() else {
        return Some(node);
    };
    let (Token::Text(exception), rest) = rest.split_first()? else {
        return None;
    };
    *tokens = rest;
    Some(match node {
        Node::Name(id, None) => {
            let exception = names::exception(exception, &id);
            Node::Name(id, exception)
        }
        // `CDDL + GPLv2 with classpath exception`: the exception is one of the GPL's.
        Node::Or(nodes) => Node::Or(
            nodes
                .into_iter()
                .map(|node| match node {
                    Node::Name(id, None) if id.starts_with("GPL-") => {
                        let exception = names::exception(exception, &id);
                        Node::Name(id, exception)
                    }
                    node => node,
                })
                .collect(),
        ),
        node => node,
    })
}

/// One name, or several that only spaces or slashes part: `MIT BSD` (Alpine), `MIT/Apache-2.0` (Rust).
fn names_of(text: &str) -> Option<Node> {
    if let Some(node) = name(text) {
        return Some(node);
    }
    let each = |separator: fn(char) -> bool| {
        let parts: Vec<&str> = text
            .split(separator)
            .filter(|part| !part.trim().is_empty())
            .collect();
        if parts.len() < 2 || parts.len() > MAX_LICENCE_PARTS {
            return None;
        }
        parts.into_iter().map(name).collect::<Option<Vec<Node>>>()
    };
    if let Some(nodes) = each(|c| c == '/') {
        return Node::join(nodes, false);
    }
    Node::join(each(char::is_whitespace)?, true)
}

fn name(text: &str) -> Option<Node> {
    let found = names::find(text.trim())?;
    Some(match found.split_once(" WITH ") {
        Some((id, exception)) => {
            let exception = spdx::exception_id(exception)?.name;
            Node::Name(id.to_owned(), Some(exception))
        }
        None if found.contains(" OR ") => {
            let nodes = found
                .split(" OR ")
                .map(|id| Node::Name(id.to_owned(), None));
            Node::Or(nodes.collect())
        }
        None => Node::Name(found, None),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(stated: &str, expect: &str) {
        let found = normalise(stated);
        assert_eq!(
            found.expression.as_deref(),
            (!expect.is_empty()).then_some(expect),
            "{stated:?}"
        );
    }

    #[test]
    fn expressions_stay_what_they_are() {
        for expression in [
            "MIT",
            "Apache-2.0 OR MIT",
            "GPL-2.0-or-later WITH Classpath-exception-2.0",
            "MIT AND (Apache-2.0 OR BSD-3-Clause)",
            "(MIT AND ISC) OR Zlib",
            "LGPL-2.1-or-later AND BSD-2-Clause AND 0BSD AND CC0-1.0",
            "LicenseRef-Fedora-Public-Domain",
        ] {
            check(expression, expression);
        }
    }

    #[test]
    fn old_and_loose_expressions_are_mended() {
        check("GPL-2.0", "GPL-2.0-only");
        check("GPL-2.0+", "GPL-2.0-or-later");
        check("(BSD-3-Clause OR GPL-2.0)", "BSD-3-Clause OR GPL-2.0-only");
        check("mit or apache-2.0", "MIT OR Apache-2.0");
        check("MIT/Apache-2.0", "MIT OR Apache-2.0");
        check("MIT/X11", "MIT");
        check("((MIT))", "MIT");
        check("MIT, MIT", "MIT");
        check("MIT and", "MIT");
        check("MIT, and ISC", "MIT AND ISC");
        check("GPL-2 | GPL-3", "GPL-2.0-only OR GPL-3.0-only");
        check("BSD-2-Clause-FreeBSD", "BSD-2-Clause");
    }

    #[test]
    fn spellings_of_distributions() {
        // Debian.
        check("GPL-2+", "GPL-2.0-or-later");
        check("Expat", "MIT");
        check("BSD-3-clause", "BSD-3-Clause");
        check(
            "LGPL-2.1+, GPL-2+, Expat",
            "LGPL-2.1-or-later AND GPL-2.0-or-later AND MIT",
        );
        check("public-domain", "LicenseRef-public-domain");
        check(
            "GPL-3+ with Bison exception",
            "GPL-3.0-or-later WITH Bison-exception-2.2",
        );
        check("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later");
        check(
            "Artistic or GPL-1+",
            "Artistic-1.0-Perl OR GPL-1.0-or-later",
        );
        // Fedora and Mariner.
        check("GPLv2+ and MIT", "GPL-2.0-or-later AND MIT");
        check("GPLV2+ or LGPLv3+", "GPL-2.0-or-later OR LGPL-3.0-or-later");
        check("ASL 2.0", "Apache-2.0");
        check(
            "(GPLv2+ or LGPLv3+) and GPLv3+",
            "(GPL-2.0-or-later OR LGPL-3.0-or-later) AND GPL-3.0-or-later",
        );
        check("GPLv2+ WITH exceptions", "GPL-2.0-or-later");
        check("BSD and GPLv2", "LicenseRef-BSD AND GPL-2.0-only");
        check("BSD 2-Clause and GPLv2", "BSD-2-Clause AND GPL-2.0-only");
        check("MPLv2.0", "MPL-2.0");
        check("GPL+ AND MIT", "GPL-1.0-or-later AND MIT");
        // Alpine.
        check("GPL2+", "GPL-2.0-or-later");
        check(
            "MIT BSD GPL2+",
            "MIT AND LicenseRef-BSD AND GPL-2.0-or-later",
        );
        // Arch, R.
        check("GPL", "GPL-1.0-or-later");
        check("GPL (>= 2)", "GPL-2.0-or-later");
        check("LGPL (>= 2.1)", "LGPL-2.1-or-later");
    }

    #[test]
    fn spellings_of_language_packages() {
        check("Apache License, Version 2.0", "Apache-2.0");
        check("The Apache Software License, Version 2.0", "Apache-2.0");
        check("Apache License 2.0", "Apache-2.0");
        check("Apache 2", "Apache-2.0");
        check(
            "https://www.apache.org/licenses/LICENSE-2.0.txt",
            "Apache-2.0",
        );
        check("http://opensource.org/licenses/MIT", "MIT");
        check(
            "https://opensource.org/licenses/BSD-3-Clause",
            "BSD-3-Clause",
        );
        check("The MIT License", "MIT");
        check("MIT License", "MIT");
        check("BSD License", "LicenseRef-BSD");
        check("License :: OSI Approved :: MIT License", "MIT");
        check(
            "GNU General Public License v2 or later (GPLv2+)",
            "GPL-2.0-or-later",
        );
        check(
            "GNU Lesser General Public License v3 (LGPLv3)",
            "LGPL-3.0-only",
        );
        check("GNU Affero General Public License v3", "AGPL-3.0-only");
        check(
            "GNU General Public License, version 2 with the GNU Classpath Exception",
            "GPL-2.0-only WITH Classpath-exception-2.0",
        );
        check("Eclipse Public License - v 2.0", "EPL-2.0");
        check("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0");
        check("New BSD License", "BSD-3-Clause");
        check("Revised BSD", "BSD-3-Clause");
        check("Python Software Foundation License", "PSF-2.0");
        check(
            "CDDL + GPLv2 with classpath exception",
            "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0",
        );
        check("ISC License (ISCL)", "ISC");
        check("PHP License", "PHP-3.01");
    }

    #[test]
    fn what_is_not_known_is_not_invented() {
        for stated in [
            "",
            "other",
            "MIT and strange",
            "(MIT OR ISC",
            "MIT OR ISC)",
            "see file",
            "OR",
            "MIT OR",
            "WITH",
            "a WITH b",
        ] {
            check(stated, "");
            assert_eq!(normalise(stated).category, Category::Unknown, "{stated}");
        }
        for stated in [
            "UNLICENSED",
            "SEE LICENSE IN EULA.txt",
            "Proprietary",
            "Commercial",
        ] {
            check(stated, "");
        }
        assert_eq!(normalise("UNLICENSED").category, Category::Proprietary);
        assert_eq!(
            normalise("Other/Proprietary License").category,
            Category::Proprietary
        );
        assert_eq!(
            normalise("SEE LICENSE IN EULA.txt").category,
            Category::Unknown
        );
        check("Unlicense", "Unlicense");
    }

    #[test]
    fn categories_follow_the_expression() {
        let of = |stated: &str| normalise(stated).category;
        assert_eq!(of("MIT"), Category::Permissive);
        assert_eq!(of("CC0"), Category::PublicDomain);
        assert_eq!(of("LGPLv2+"), Category::WeakCopyleft);
        assert_eq!(of("GPLv2+"), Category::StrongCopyleft);
        assert_eq!(of("AGPL-3.0"), Category::NetworkCopyleft);
        assert_eq!(of("MIT OR GPL-2.0"), Category::Permissive);
        assert_eq!(of("MIT AND GPL-2.0"), Category::StrongCopyleft);
        assert_eq!(
            of("GPL-2.0-only WITH Classpath-exception-2.0"),
            Category::WeakCopyleft
        );
        assert_eq!(of("BUSL-1.1"), Category::Proprietary);
        assert_eq!(of("SSPL-1.0"), Category::Proprietary);
        assert_eq!(of("LicenseRef-mine"), Category::Unknown);
    }

    #[test]
    fn nesting_and_length_end() {
        let nested = |depth: usize| format!("{}MIT OR ISC{}", "(".repeat(depth), ")".repeat(depth));
        check(&nested(MAX_LICENCE_DEPTH), "MIT OR ISC");
        check(&nested(MAX_LICENCE_DEPTH + 1), "");
        check(&vec!["MIT"; MAX_LICENCE_PARTS].join(", "), "");
    }

    proptest! {
        #[test]
        fn nothing_panics_and_all_is_spdx(words in prop::collection::vec(prop::sample::select(vec![
            "MIT", "GPL", "v2", "-2", "+", " ", "(", ")", ",", "/", "and", " or ", " with ", "later", "é", "exception",
            "BSD", "2.0", "LicenseRef-", "|", ">= 3", "DocumentRef-a:", "http://", "::", "\u{2028}",
        ]), 0..12)) {
            let found = normalise(&words.concat());
            if let Some(expression) = &found.expression {
                prop_assert!(spdx::Expression::parse(expression).is_ok());
                let again = normalise(expression);
                prop_assert_eq!(again.expression.as_ref(), Some(expression));
            }
        }
    }
}
