//! An SVG badge: whether the image passes, and how many findings of the worst severities it has.
//!
//! It asks for no font, image or script from elsewhere, and no text of the image is in it.

use lamina_inventory::severity::Severity;

use super::{Format, Judged};

/// The format `badge`.
#[derive(Clone, Copy, Debug)]
pub struct Badge;

/// Pixels that a character takes in a face of 11 px, about; `textLength` makes it exact.
const CHARACTER_PX: usize = 7;

/// Severities that are counted, as far as there is room.
const MOST_COUNTS: usize = 2;

impl Format for Badge {
    fn id(&self) -> &'static str {
        "badge"
    }

    fn media_type(&self) -> &'static str {
        "image/svg+xml"
    }

    fn extension(&self) -> &'static str {
        "svg"
    }

    fn about(&self) -> &'static str {
        "an SVG badge: whether the image passes, and its worst findings in numbers"
    }

    fn render(&self, judged: &Judged<'_>) -> String {
        let (word, colour) = if judged.verdict.passed {
            ("passes", "#1f6f43")
        } else {
            ("fails", "#a5231c")
        };
        let counts: Vec<String> = Severity::WORST_FIRST
            .iter()
            .filter_map(|severity| {
                let findings = judged.report.findings.iter();
                let count = findings
                    .filter(|finding| finding.severity == *severity)
                    .count();
                (count > 0).then(|| format!("{count} {}", severity.word()))
            })
            .take(MOST_COUNTS)
            .collect();
        let said = if judged.report.database.is_none() {
            format!("{word}: not matched")
        } else if counts.is_empty() {
            format!("{word}: no findings")
        } else {
            format!("{word}: {}", counts.join(", "))
        };
        svg("lamina", &said, colour)
    }
}

/// Both texts are ours: no character in them needs escaping.
fn svg(label: &str, said: &str, colour: &str) -> String {
    let width = |text: &str| text.chars().count() * CHARACTER_PX;
    let (left, right) = (width(label) + 12, width(said) + 12);
    let all = left + right;
    let (label_x, label_px) = (left / 2, width(label));
    let (said_x, said_px) = (left + right / 2, width(said));
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{all}" height="20" role="img" aria-label="{label}: {said}">
<title>{label}: {said}</title>
<rect width="{all}" height="20" rx="3" fill="#33373d"/>
<path d="M{left} 0h{right_straight}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right_straight}z" fill="{colour}"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{label_x}" y="14" textLength="{label_px}">{label}</text>
<text x="{said_x}" y="14" textLength="{said_px}">{said}</text>
</g>
</svg>
"##,
        right_straight = right - 3
    )
}
