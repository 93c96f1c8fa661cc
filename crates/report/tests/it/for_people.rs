//! CSV, Markdown and the badge: whole, and harmless whatever an image names its things.

use lamina_policy::Policy;
use lamina_report::{
    formats::{self, Judged},
    model::Report,
};
use quick_xml::{Reader, events::Event};

use crate::sample;

fn render(format: &str, report: &Report) -> String {
    let policy = Policy::parse("fail-on: high").unwrap();
    let judged = Judged::new(report, &policy, sample::now());
    formats::by_id(format).unwrap().render(&judged)
}

/// Lines and fields, as RFC 4180 has them.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut fields, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(std::mem::take(&mut field)),
            '\r' if !is_quoted => {
                assert_eq!(letters.next(), Some('\n'));
                fields.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut fields));
            }
            letter => field.push(letter),
        }
    }
    assert!(!is_quoted && field.is_empty() && fields.is_empty());
    lines
}

#[test]
fn csv_has_a_line_for_each_finding_and_as_many_fields_as_its_header() {
    for report in [sample::report(), sample::odd(), sample::empty()] {
        let lines = csv(&render("csv", &report));
        assert_eq!(lines.len(), report.findings.len() + 1);
        assert!(lines.iter().all(|line| line.len() == lines[0].len()));
        for field in lines.iter().flatten() {
            assert!(!field.starts_with(['=', '+', '-', '@', '\t']), "{field}");
        }
    }
    let lines = csv(&render("csv", &sample::report()));
    let column = |name: &str| lines[0].iter().position(|column| column == name).unwrap();
    let first = &lines[1];
    assert_eq!(first[column("id")], "CVE-2021-44228");
    assert_eq!(first[column("version")], "2.14.1");
    assert_eq!(first[column("epss")], "0.94358");
    assert_eq!(first[column("policy")], "fails");
    assert_eq!(first[column("base_image")], "no");
}

#[test]
fn markdown_is_no_markup_of_an_image() {
    let mut report = sample::report();
    let evil = "x | y\n# z <script>alert(1)</script> [a](javascript:b) https://evil.example @team";
    report.image.name = evil.to_owned();
    report.packages[4].name = evil.to_owned();
    report.packages[4].version = evil.to_owned();
    report.issues[0].title = evil.to_owned();
    report.issues[0].place.file = Some(evil.to_owned());
    report.findings[0].fixed_in = vec![evil.to_owned()];
    report.warnings[0].message = evil.to_owned();
    report.layers[2].created_by = evil.to_owned();
    let text = render("markdown", &report);
    // What is left of it without what a backslash takes the meaning of.
    let mut bare = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            letter => bare.push(letter),
        }
    }
    assert!(bare.contains("script") && bare.contains("javascript"));
    for markup in [
        "<",
        ">",
        "](javascript",
        "https://evil",
        "@team",
        "| y",
        "# z",
    ] {
        assert!(!bare.contains(markup), "{markup} is in {bare}");
    }
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let bars = line.replace("\\|", "").matches('|').count();
        assert!([3, 6, 7, 5].contains(&bars), "{line}");
    }
}

#[test]
fn markdown_fits_in_a_comment() {
    let mut report = sample::report();
    let finding = report.findings[0].clone();
    report.findings = vec![finding; 3000];
    let text = render("markdown", &report);
    assert!(text.contains("and 2850 more"), "{text:.200}");
    assert!(text.len() < 65_536, "{}", text.len());
}

#[test]
fn the_badge_is_svg_without_anything_from_elsewhere() {
    let check = |report: &Report, expect: &str| {
        let svg = render("badge", report);
        assert!(
            svg.contains(&format!("aria-label=\"lamina: {expect}\"")),
            "{svg}"
        );
        assert_eq!(
            svg.matches("http").count(),
            1,
            "the name space alone: {svg}"
        );
        let mut reader = Reader::from_str(&svg);
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Start(element) | Event::Empty(element) => {
                    let name =
                        String::from_utf8_lossy(element.name().as_ref().as_ref()).into_owned();
                    let known = ["svg", "title", "rect", "path", "g", "text"];
                    assert!(known.contains(&name.as_str()), "{name}");
                }
                _ => {}
            }
        }
    };
    check(&sample::report(), "fails: 1 critical, 2 negligible");
    let mut report = sample::report();
    report.findings.clear();
    report.issues.clear();
    check(&report, "passes: no findings");
    report.database = None;
    check(&report, "fails: not matched");
    report.image.name = "</svg><script>".to_owned();
    check(&report, "fails: not matched");
}
