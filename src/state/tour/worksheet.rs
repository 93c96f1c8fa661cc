//! The worksheet: every chapter with its step, the reader's own results, and room for answers.

use super::{Chapter, Done, Progress};
use crate::state::{counts, markdown as prose, words};

/// As Markdown.
pub fn markdown(chapters: &[Chapter], progress: &Progress) -> String {
    let mut out = String::from(
        "# Worksheet: container images, scanned and judged\n\nName: ______________________\n\nDate: ______________________\n",
    );
    for (index, chapter) in chapters.iter().enumerate() {
        out.push_str(&format!("\n## {}. {}\n", index + 1, chapter.title));
        for card in &chapter.cards {
            out.push_str(&format!("\n{card}\n"));
        }
        let mark = if progress.has(chapter) { 'x' } else { ' ' };
        out.push_str(&format!("\n- [{mark}] **Step:** {}\n", chapter.step));
        if let Some(done) = progress.done.get(&chapter.file) {
            out.push_str(&format!("  - Result: {}\n", result(done)));
        }
        for question in &chapter.questions {
            out.push_str(&format!(
                "\n**{question}**\n\n\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\n"
            ));
        }
    }
    out
}

/// As one file to print.
pub fn html(chapters: &[Chapter], progress: &Progress) -> String {
    let mut out = String::from(HEAD);
    for (index, chapter) in chapters.iter().enumerate() {
        let title = escape(&chapter.title);
        out.push_str(&format!("<section><h2>{}. {title}</h2>", index + 1));
        for card in &chapter.cards {
            out.push_str(&prose::render(card));
        }
        let mark = if progress.has(chapter) {
            '\u{2611}'
        } else {
            '\u{2610}'
        };
        let step = escape(&chapter.step);
        out.push_str(&format!("<div class=\"step\"><p><span class=\"box\">{mark}</span> <strong>Step:</strong> {step}</p>"));
        if let Some(done) = progress.done.get(&chapter.file) {
            out.push_str(&format!(
                "<p class=\"result\">Result: {}</p>",
                escape(&result(done))
            ));
        }
        out.push_str("</div>");
        for question in &chapter.questions {
            let question = escape(question);
            out.push_str(&format!("<p class=\"question\">{question}</p><div class=\"line\"></div><div class=\"line\"></div>"));
        }
        out.push_str("</section>");
    }
    out.push_str("</main></body></html>\n");
    out
}

/// What was on show when the step was done, in a line.
pub fn result(done: &Done) -> String {
    let when = words::time(&done.at);
    let Some(passed) = done.passed else {
        return format!("done {when}");
    };
    let verdict = if passed { "passes" } else { "fails" };
    let present: Vec<String> = counts::present(&done.counts)
        .map(|(severity, count)| format!("{count} {}", severity.word()))
        .collect();
    let findings = match present.is_empty() {
        true => "no findings".to_owned(),
        false => present.join(", "),
    };
    format!(
        "{} {verdict} (fail at {}): {findings}; done {when}",
        done.image, done.fail_on
    )
}

/// A file of its own, on paper: no colours of the page, whose tokens it does not have.
const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Worksheet: container images, scanned and judged</title><style>\
body{font:12pt/1.5 Georgia,serif;max-width:42rem;margin:2rem auto;padding:0 1rem}\
h1,h2{font-weight:400;line-height:1.2}h2{margin-top:2.5rem}code{font-size:.9em}\
table{border-collapse:collapse}td,th{border:1px solid;padding:.2rem .5rem;text-align:left;vertical-align:top}\
.step{border:1px solid;padding:.2rem 1rem;margin:1.5rem 0}.box{font-size:1.2em}.question{font-weight:700}\
.line{border-bottom:1px solid;height:2.2rem}section{break-inside:auto}.step,.question,h2{break-inside:avoid;break-after:avoid}\
</style></head><body><main><h1>Worksheet: container images, scanned and judged</h1><p>Name</p><div class=\"line\"></div><p>Date</p><div class=\"line\"></div>";

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tour() -> (Vec<Chapter>, Progress) {
        let chapter = |file: &str, title: &str| Chapter {
            file: file.to_owned(),
            title: title.to_owned(),
            step: "Press <Enter>".to_owned(),
            questions: vec!["Which layer?".to_owned()],
            cards: vec!["Some *text*".to_owned()],
            ..Chapter::default()
        };
        let mut progress = Progress::default();
        progress.done.insert(
            "02.md".to_owned(),
            Done {
                at: "2026-11-30T18:00:00Z".to_owned(),
                image: "shop:1.0 <b>".to_owned(),
                passed: Some(false),
                counts: [4, 0, 7, 0, 0, 0],
                fail_on: "high".to_owned(),
            },
        );
        (
            vec![chapter("01.md", "First"), chapter("02.md", "A & B")],
            progress,
        )
    }

    #[test]
    fn a_worksheet_has_every_step_and_the_results_of_those_that_are_done() {
        let (chapters, progress) = tour();
        let text = markdown(&chapters, &progress);
        for part in [
            "## 1. First\n\nSome *text*\n\n- [ ] **Step:** Press <Enter>\n",
            "## 2. A & B\n",
            "- [x] **Step:** Press <Enter>\n  - Result: shop:1.0 <b> fails (fail at high): 4 critical, 7 medium; done ",
            "**Which layer?**",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
    }

    #[test]
    fn a_printed_worksheet_holds_no_markup_of_its_texts() {
        let (chapters, progress) = tour();
        let html = html(&chapters, &progress);
        for part in [
            "<h2>2. A &amp; B</h2><p>Some <em>text</em></p>",
            "Press &lt;Enter&gt;",
            "Result: shop:1.0 &lt;b&gt; fails",
        ] {
            assert!(html.contains(part), "no {part:?} in\n{html}");
        }
        assert!(!html.contains("<script"));
    }

    #[test]
    fn a_result_without_a_report_says_when() {
        let done = Done {
            at: "2026-11-30T18:00:00Z".to_owned(),
            ..Done::default()
        };
        assert!(result(&done).starts_with("done "), "{}", result(&done));
    }
}
