//! Markdown of advisories as HTML that is safe to show: text of others, so no raw HTML, no images
//! (they would be fetched), no links but to the web.

use pulldown_cmark::{Alignment, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::links::safe_url;

/// Longest text that is rendered, in bytes; the longest advisory on OSV has about 60 kB.
pub const MAX_MARKDOWN_BYTES: usize = 256 << 10;

/// Renders a text.
pub fn render(text: &str) -> String {
    let mut end = text.len().min(MAX_MARKDOWN_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    let mut open_links = Vec::new();
    let events = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH)
        .filter_map(|event| match event {
            Event::Html(_) | Event::InlineHtml(_) => None,
            Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => None,
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
            Event::Start(Tag::Link { dest_url, .. }) => {
                let url = safe_url(&dest_url).map(escape);
                open_links.push(url.is_some());
                url.map(|url| {
                    Event::InlineHtml(CowStr::from(format!(
                        "<a href=\"{url}\" target=\"_blank\" rel=\"noopener noreferrer\">"
                    )))
                })
            }
            Event::End(TagEnd::Link) => open_links
                .pop()
                .unwrap_or_default()
                .then_some(Event::InlineHtml(CowStr::Borrowed("</a>"))),
            // Alignment would be a `style` attribute, which the page's policy forbids.
            Event::Start(Tag::Table(columns)) => Some(Event::Start(Tag::Table(vec![
                Alignment::None;
                columns.len()
            ]))),
            // The drawer's own headings are h2 and h3.
            Event::Start(Tag::Heading { level, .. }) => Some(Event::Start(Tag::Heading {
                level: demote(level),
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            })),
            Event::End(TagEnd::Heading(level)) => Some(Event::End(TagEnd::Heading(demote(level)))),
            other => Some(other),
        });
    let mut out = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut out, events);
    out
}

fn demote(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 | HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_text_and_web_links_comes_through() {
        let check = |text: &str, expect: &str| assert_eq!(render(text).trim(), expect, "{text}");
        check("a *b* `c`", "<p>a <em>b</em> <code>c</code></p>");
        check("<script>alert(1)</script>", "");
        check("a <b onclick=x>b</b>", "<p>a b</p>");
        check("[x](javascript:alert(1))", "<p>x</p>");
        check("![alt](https://tracker.example/x.png)", "<p>alt</p>");
        check(
            "[x](https://a.example/?a=1&b=%22)",
            "<p><a href=\"https://a.example/?a=1&amp;b=%22\" target=\"_blank\" rel=\"noopener noreferrer\">x</a></p>",
        );
        check(
            "<https://a.example>",
            "<p><a href=\"https://a.example\" target=\"_blank\" rel=\"noopener noreferrer\">https://a.example</a></p>",
        );
        check("# Title", "<h4>Title</h4>");
        check("a < b & c", "<p>a &lt; b &amp; c</p>");
        check(
            "```html\n<img src=x onerror=y>\n```",
            "<pre><code class=\"language-html\">&lt;img src=x onerror=y&gt;\n</code></pre>",
        );
        check(
            "[a [b](javascript:x) c](https://a.example)",
            "<p>[a b c](https://a.example)</p>",
        );
    }

    #[test]
    fn tables_have_no_style_of_their_own() {
        let html = render("| a | b |\n|:-:|--:|\n| 1 | 2 |\n");
        assert!(
            html.contains("<td>1</td>") && !html.contains("style"),
            "{html}"
        );
    }

    #[test]
    fn a_text_too_long_is_cut_between_characters() {
        let text = "é".repeat(MAX_MARKDOWN_BYTES);
        assert!(render(&text).len() <= MAX_MARKDOWN_BYTES + 16);
    }
}
