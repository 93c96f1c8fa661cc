//! Text from an image or a database, made fit to be shown.

use crate::model::{Finding, Issue, Package, Report, Status};

/// Text without control characters: it must not steer a terminal, begin a line, nor turn the order of
/// what follows around.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || is_bidi_control(c) {
                ' '
            } else {
                c
            }
        })
        .collect()
}

/// The characters by which Unicode's bidirectional algorithm (UAX #9) is told what to do. Names and versions
/// have no use for them, but to look like others.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same, of at most `most` characters; what is cut off is shown by `…`.
pub(crate) fn short(text: &str, most: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= most {
        return text;
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Where to read about a vulnerability, by one of its ids; `None` for an id that no address can be
/// made of.
pub(crate) fn advisory_url(id: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if id.is_empty() || id.len() > 100 || !id.bytes().all(is_plain) {
        return None;
    }
    Some(if id.starts_with("CVE-") {
        format!("https://nvd.nist.gov/vuln/detail/{id}")
    } else if id.starts_with("GHSA-") {
        format!("https://github.com/advisories/{id}")
    } else {
        format!("https://osv.dev/vulnerability/{id}")
    })
}

/// The layer in words: `layer 2, COPY app /srv`; `None` if there is no such layer.
pub(crate) fn layer(report: &Report, index: usize) -> Option<String> {
    let layer = report.layers.get(index)?;
    let step = short(&layer.created_by, 120);
    Some(match step.trim() {
        "" => format!("layer {index}"),
        step => format!("layer {index}, {step}"),
    })
}

/// A package in words: `libssl3 3.0.11-1`.
pub(crate) fn package(package: Option<&Package>) -> String {
    match package {
        Some(package) if package.version.is_empty() => short(&package.name, 200),
        Some(package) => format!(
            "{} {}",
            short(&package.name, 200),
            short(&package.version, 100)
        ),
        None => "a package".to_owned(),
    }
}

/// Whether and where a finding is fixed, in a few words.
pub(crate) fn fix(finding: &Finding) -> String {
    match finding.status {
        Status::Fixed if !finding.fixed_in.is_empty() => {
            format!("fixed in {}", short(&finding.fixed_in.join(", "), 200))
        }
        status => status.words().to_owned(),
    }
}

/// The id that a finding is shown by.
pub(crate) fn id(finding: &Finding) -> String {
    let ids = [&finding.id, &finding.evidence.record];
    let id = ids.into_iter().find(|id| !id.trim().is_empty());
    id.map_or_else(|| "unnamed".to_owned(), |id| short(id, 200))
}

/// Where an issue is: the file, or the part of the config.
pub(crate) fn place(issue: &Issue) -> String {
    let place = &issue.place;
    match (&place.file, &place.config) {
        (Some(file), _) => clean(file),
        (None, Some(config)) => format!("config, {}", clean(config)),
        (None, None) => "the image".to_owned(),
    }
}

/// Bytes in words: `1.5 MB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for next in units {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// Text that Markdown shows as it is.
pub(crate) fn markdown_of(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '`'
                | '*'
                | '_'
                | '{'
                | '}'
                | '['
                | ']'
                | '('
                | ')'
                | '<'
                | '>'
                | '#'
                | '|'
                | '~'
                | '&'
                | '!'
                | '@'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text for a cell of a Markdown table, or anywhere in its text. Addresses in it do not become links.
pub(crate) fn cell(text: &str) -> String {
    let text = markdown_of(&clean(text));
    text.replace("://", "\\://").replace("www.", "www\\.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_characters() {
        assert_eq!(short("äöü", 3), "äöü");
        assert_eq!(short("äöüß", 3), "äö…");
        assert_eq!(short("a\u{1b}[31m\nb", 20), "a [31m b");
        assert_eq!(short("exe\u{202e}gpj", 20), "exe gpj");
    }

    #[test]
    fn a_cell_of_markdown_has_no_links_and_no_markup() {
        assert_eq!(cell("a|b\n<i>"), "a\\|b \\<i\\>");
        assert_eq!(cell("https://a www.b"), "https\\://a www\\.b");
    }

    #[test]
    fn addresses_are_made_of_ids_alone() {
        let check = |id: &str, expect: Option<&str>| {
            assert_eq!(advisory_url(id).as_deref(), expect);
        };
        check(
            "CVE-2024-1",
            Some("https://nvd.nist.gov/vuln/detail/CVE-2024-1"),
        );
        check(
            "GHSA-a-b-c",
            Some("https://github.com/advisories/GHSA-a-b-c"),
        );
        check("DSA-1-1", Some("https://osv.dev/vulnerability/DSA-1-1"));
        check("CVE-1/../../x", None);
        check("x) [y](", None);
        check("", None);
    }
}
