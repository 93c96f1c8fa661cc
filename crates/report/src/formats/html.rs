//! HTML: the report page with its data, in one file that needs nothing else.
//!
//! The page's build makes the shell, a page with all its modules in it and one placeholder. [`fill`]
//! puts the report there as JSON in a `<script type="application/json" id="lamina-report">`, which no
//! browser runs; the page reads it when it starts.

use crate::link::SharedReport;

/// Where the report goes in the shell.
pub const PLACEHOLDER: &str = "<!--lamina-report-->";

/// Fills a shell with a report. `None` if it has no placeholder or several: then it is no shell.
pub fn fill(shell: &str, shared: &SharedReport) -> Option<String> {
    let (before, after) = shell.split_once(PLACEHOLDER)?;
    if after.contains(PLACEHOLDER) {
        return None;
    }
    let json = serde_json::to_string(shared).ok()?;
    let element = format!(
        "<script type=\"application/json\" id=\"lamina-report\">{}</script>",
        escaped(&json)
    );
    Some([before, &element, after].concat())
}

/// JSON that ends no script element and begins no comment in one. `<`, `>` and `&` stand only in
/// strings in JSON, where an escape means the same; so do U+2028 and U+2029, which old JavaScript takes
/// for line ends.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use lamina_policy::Policy;

    use super::*;
    use crate::model::Report;

    const SHELL: &str =
        "<!doctype html><title>x</title><!--lamina-report--><script src=\"a\"></script>";

    fn shared(name: &str) -> SharedReport {
        let report: Report = serde_json::from_value(serde_json::json!({
            "format": 1, "scanned_at": "", "scanner": "",
            "image": {
                "name": name, "digest": null, "index_digest": null, "config_digest": null,
                "platform": "", "platforms": [], "created": null, "history": [],
                "config": {
                    "user": "", "env": [], "entrypoint": [], "cmd": [], "working_dir": "",
                    "exposed_ports": [], "volumes": [], "labels": [], "stop_signal": null,
                },
            },
            "layers": [], "distribution": null, "packages": [], "findings": [], "database": null,
            "warnings": [],
        }))
        .unwrap();
        SharedReport {
            report,
            policy: Policy::default(),
            vex: Vec::new(),
        }
    }

    /// What a browser takes for the content of the element.
    fn content(html: &str) -> &str {
        let (_, rest) = html.split_once("id=\"lamina-report\">").unwrap();
        rest.split_once("</script").unwrap().0
    }

    #[test]
    fn whatever_a_report_says_it_stays_in_its_element() {
        let check = |name: &str| {
            let shared = shared(name);
            let html = fill(SHELL, &shared).unwrap();
            let json = content(&html);
            assert!(
                !json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']),
                "{json}"
            );
            assert_eq!(serde_json::from_str::<SharedReport>(json).unwrap(), shared);
            assert!(html.ends_with("<script src=\"a\"></script>"));
            assert_eq!(html.matches("<script").count(), 2);
        };
        check("nginx");
        check("</script><script>alert(1)</script>");
        check("</SCRIPT ><!--<script>");
        check("]]><!--lamina-report-->&lt;\u{2028}\u{2029}\u{0}\"\\");
    }

    #[test]
    fn what_is_no_shell_is_not_filled() {
        assert_eq!(fill("<!doctype html>", &shared("a")), None);
        let twice = format!("{PLACEHOLDER}{PLACEHOLDER}");
        assert_eq!(fill(&twice, &shared("a")), None);
    }
}
