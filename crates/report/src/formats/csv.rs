//! CSV: one line for each finding, for spreadsheets and scripts.
//!
//! [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180) in UTF-8: lines end in CR LF, a header first,
//! fields with commas, quotes or line ends in quotes. Names come from images: a field that a spreadsheet
//! would take for a formula has an apostrophe before it, as
//! [OWASP](https://owasp.org/www-community/attacks/CSV_Injection) advises.

use super::{Format, Judged};
use crate::{
    standing::{Standing, why_in_words},
    text::clean,
};
use lamina_policy::Level;

/// The format `csv`.
#[derive(Clone, Copy, Debug)]
pub struct Csv;

/// The header. Columns are added at the end, never moved.
const COLUMNS: [&str; 22] = [
    "severity",
    "id",
    "aliases",
    "package",
    "version",
    "kind",
    "purl",
    "status",
    "fixed_in",
    "cvss_score",
    "cvss_vector",
    "epss",
    "epss_percentile",
    "known_exploited_since",
    "published",
    "layer",
    "layer_digest",
    "base_image",
    "file",
    "title",
    "policy",
    "policy_reason",
];

impl Format for Csv {
    fn id(&self) -> &'static str {
        "csv"
    }

    fn media_type(&self) -> &'static str {
        "text/csv; charset=utf-8; header=present"
    }

    fn extension(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "CSV: one line for each finding, for spreadsheets and scripts"
    }

    fn render(&self, judged: &Judged<'_>) -> String {
        let report = judged.report;
        let standing = Standing::of(&judged.verdict, report);
        let base = report.base.as_ref().map(|base| base.layers);
        let mut out = String::new();
        line(&mut out, &COLUMNS.map(str::to_owned));
        for (finding, stand) in report.findings.iter().zip(&standing.findings) {
            let package = report.packages.get(finding.package);
            let of_package = |read: fn(&crate::model::Package) -> &str| {
                package.map_or_else(String::new, |package| read(package).to_owned())
            };
            let layer = package.and_then(|package| report.layers.get(package.layer));
            let is_of_base = package
                .zip(base)
                .map(|(package, base)| package.layer < base);
            let (policy, reason) = match (stand.level, stand.why) {
                (Level::Failed | Level::Warned, _) => {
                    let rule = stand.rule.and_then(|rule| judged.verdict.rules.get(rule));
                    let word = if stand.level == Level::Failed {
                        "fails"
                    } else {
                        "warns"
                    };
                    let rule = rule.map(|rule| rule.rule.to_string());
                    (word, rule.unwrap_or_default())
                }
                (Level::Passed, Some(why)) => ("does not count", why_in_words(why, judged)),
                (Level::Passed, None) => ("passes", String::new()),
            };
            let number = |number: Option<f64>| {
                let number = number.filter(|number| number.is_finite());
                number.map_or_else(String::new, |number| number.to_string())
            };
            line(
                &mut out,
                &[
                    finding.severity.word().to_owned(),
                    finding.id.clone(),
                    finding.aliases.join(" "),
                    of_package(|package| &package.name),
                    of_package(|package| &package.version),
                    of_package(|package| package.kind.word()),
                    of_package(|package| &package.purl),
                    finding.status.words().to_owned(),
                    finding.fixed_in.join(" "),
                    number(finding.score),
                    finding.cvss.clone().unwrap_or_default(),
                    number(finding.epss.map(|epss| epss.score)),
                    number(finding.epss.map(|epss| epss.percentile)),
                    finding
                        .kev
                        .as_ref()
                        .map(|kev| kev.added.clone())
                        .unwrap_or_default(),
                    finding.published.clone().unwrap_or_default(),
                    package.map_or_else(String::new, |package| package.layer.to_string()),
                    layer
                        .and_then(|layer| layer.digest.clone())
                        .unwrap_or_default(),
                    match is_of_base {
                        Some(true) => "yes",
                        Some(false) => "no",
                        None => "",
                    }
                    .to_owned(),
                    of_package(|package| &package.file),
                    finding.title.clone().unwrap_or_default(),
                    policy.to_owned(),
                    reason,
                ],
            );
        }
        out
    }
}

fn line(out: &mut String, fields: &[String; COLUMNS.len()]) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&quoted(field));
    }
    out.push_str("\r\n");
}

/// A field, harmless and in quotes where it must be.
fn quoted(text: &str) -> String {
    let mut text = clean(text);
    // A minus begins a formula too, but no number of ours is below zero.
    if text.trim_start().starts_with(['=', '+', '-', '@']) {
        text.insert(0, '\'');
    }
    if text.contains([',', '"', ';']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_or_breaks_its_line() {
        let check = |text: &str, expect: &str| assert_eq!(quoted(text), expect);
        check("CVE-2024-1", "CVE-2024-1");
        check("a,b", "\"a,b\"");
        check("say \"x\"", "\"say \"\"x\"\"\"");
        check("a\r\nb", "a  b");
        check("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\"");
        check("@SUM(A1)", "'@SUM(A1)");
        check("-1+1", "'-1+1");
        check("+1", "'+1");
        check("\t=1", "' =1");
        check("", "");
    }
}
