//! The gate's page: what it decided lately, reports, metrics. No script, nothing from elsewhere.

use std::{fmt, fmt::Write as _, sync::OnceLock};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderName, StatusCode, header},
    response::Response,
};
use jiff::Timestamp;
use lamina_image::digest::Digest;
use lamina_policy::Level;
use lamina_report::formats::{self, Judged};
use serde_json::json;

use super::{Gate, events::Event, repository_of};
use crate::{csp, database, transport};

/// Findings that a report's page lists; the rest is in its JSON.
const FINDINGS: usize = 300;

/// Characters of a digest that tell images apart: `sha256:` and twelve digits.
const SHORT_DIGEST: usize = 19;

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:light-dark(#f7f8f8,#14181b);--surface:light-dark(#fff,#1b2024);\
--ink:light-dark(#1f272c,#e6eaec);--soft:light-dark(#56626a,#a3adb3);--edge:light-dark(#d9dee1,#333b41);\
--accent:light-dark(#2b4c9b,#9db8f5);--bad:light-dark(#a3161c,#ff9a94);--good:light-dark(#17663a,#7fd6a0);\
--warn:light-dark(#7a4c00,#f0c36b)}\
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);\
font:15px/1.5 Inter,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans',Arial,sans-serif}\
main{max-width:90rem;margin:0 auto;padding:1.5rem clamp(1rem,3vw,3rem) 4rem}\
h1{font:600 1.9rem/1.2 'Iowan Old Style',Charter,'Source Serif 4',Georgia,serif;margin:.2em 0}\
h2{font-size:1.05rem;margin:2.2rem 0 .6rem}p{margin:.3rem 0;max-width:70ch}a{color:var(--accent)}\
.soft{color:var(--soft)}.scroll{overflow-x:auto;background:var(--surface);border:1px solid var(--edge);border-radius:8px}\
table{border-collapse:collapse;width:100%;font-size:.87rem}\
th,td{text-align:left;padding:.5rem .75rem;vertical-align:top;border-top:1px solid var(--edge)}\
thead th{border-top:0;color:var(--soft);font-weight:550;white-space:nowrap}\
td.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
code{font:.82rem/1.4 'SF Mono','Cascadia Mono',Menlo,Consolas,'Noto Sans Mono',monospace;overflow-wrap:anywhere}\
.tag{display:inline-block;padding:0 .5em;border:1px solid;border-radius:99px;font-weight:600;white-space:nowrap}\
.bad{color:var(--bad)}.good{color:var(--good)}.warn{color:var(--warn)}\
ul{margin:.2rem 0;padding-left:1.1rem}dl{display:flex;flex-wrap:wrap;gap:.4rem 2.2rem;margin:1rem 0}\
dt{color:var(--soft);font-size:.8rem}dd{margin:0;font-weight:550}.why{min-width:22rem}.image{min-width:15rem}";

/// Text that stays text in HTML.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Marks that turn the direction of text around stay out.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

fn policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| {
        format!(
            "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
            csp::base64_sha256(STYLE.as_bytes())
        )
    })
}

fn respond(status: StatusCode, media_type: &'static str, body: String) -> Response {
    let content_policy = match media_type.starts_with("text/html") {
        true => policy(),
        false => csp::DATA,
    };
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, media_type)
        .header(header::CACHE_CONTROL, "no-store")
        .header(
            HeaderName::from_static("content-security-policy"),
            content_policy,
        )
        .header(HeaderName::from_static("x-content-type-options"), "nosniff")
        .header(HeaderName::from_static("referrer-policy"), "no-referrer")
        .header(HeaderName::from_static("x-frame-options"), "DENY")
        .body(Body::from(body))
        .unwrap_or_default()
}

fn html(status: StatusCode, title: &str, refresh: bool, content: &str) -> Response {
    let refresh = match refresh {
        true => "<meta http-equiv=\"refresh\" content=\"5\">",
        false => "",
    };
    let title = Escaped(title);
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">{refresh}<title>{title}</title>\
         <style>{STYLE}</style></head><body><main>{content}</main></body></html>\n"
    );
    respond(status, "text/html; charset=utf-8", page)
}

/// `GET /`.
pub(crate) async fn root() -> Response {
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(header::LOCATION, "/gate")
        .body(Body::empty())
        .unwrap_or_default()
}

/// `GET /gate/healthz`.
pub(crate) async fn health() -> Response {
    respond(
        StatusCode::OK,
        "text/plain; charset=utf-8",
        "ok\n".to_owned(),
    )
}

/// `GET /gate/metrics`.
pub(crate) async fn metrics(State(gate): State<Gate>) -> Response {
    let checker = &gate.0.checker;
    let days = transport::clock()
        .ok()
        .and_then(|now| database::age_in_days(&checker.database().index, now));
    let text = checker.metrics.render(checker.store.counts(), days);
    respond(
        StatusCode::OK,
        "text/plain; version=0.0.4; charset=utf-8",
        text,
    )
}

/// `GET /gate/events.json`.
pub(crate) async fn events(State(gate): State<Gate>) -> Response {
    let body = json!({ "events": gate.0.events.list(), "dry_run": gate.0.args.dry_run });
    respond(StatusCode::OK, "application/json", format!("{body}\n"))
}

/// `GET /gate`.
pub(crate) async fn list(State(gate): State<Gate>) -> Response {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_list(&mut out, &gate);
    html(StatusCode::OK, "Lamina gate", true, &out)
}

fn write_list(out: &mut String, gate: &Gate) -> fmt::Result {
    let events = gate.0.events.list();
    let checker = &gate.0.checker;
    let database = checker.database();
    let now = transport::clock().unwrap_or(Timestamp::UNIX_EPOCH);
    write!(out, "<h1>The gate</h1>")?;
    if gate.0.args.dry_run {
        write!(
            out,
            "<p class=\"warn\"><strong>Dry run:</strong> nothing is refused.</p>"
        )?;
    }
    if database.is_samples {
        write!(
            out,
            "<p class=\"warn\">Only the sample images' advisories are asked: start the gate with \
             <code>--db</code>.</p>"
        )?;
    } else if let Some(warning) = database.warning(now) {
        write!(
            out,
            "<p class=\"warn\"><strong>Warning:</strong> {}</p>",
            Escaped(&warning)
        )?;
    }
    let sum = |is: &dyn Fn(&Event) -> bool| -> u64 {
        events
            .iter()
            .filter(|event| is(event))
            .map(|event| event.count)
            .sum()
    };
    let (memory, folder) = checker.store.counts();
    write!(out, "<dl>")?;
    for (name, value) in [
        ("Let through", sum(&|event| event.allowed).to_string()),
        ("Refused", sum(&|event| !event.allowed).to_string()),
        ("Images scanned", checker.metrics.scan_count().to_string()),
        (
            "Reports kept",
            format!("{memory} in memory, {folder} on disk"),
        ),
        ("Advisory database", database.describe(now)),
    ] {
        write!(
            out,
            "<div><dt>{name}</dt><dd>{}</dd></div>",
            Escaped(&value)
        )?;
    }
    write!(out, "</dl><h2>Decisions</h2>")?;
    if events.is_empty() {
        write!(
            out,
            "<p class=\"soft\">Nothing was pulled through this gate yet.</p>"
        )?;
    } else {
        write_events(out, &events)?;
    }
    write!(
        out,
        "<h2>Policies</h2><div class=\"scroll\"><table><thead><tr><th>Repositories</th><th>Policy</th>\
         <th>Fails at</th><th>Exceptions</th></tr></thead>"
    )?;
    for (pattern, named) in gate.0.policies.describe() {
        write!(
            out,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Escaped(&pattern),
            Escaped(&named.name),
            Escaped(&String::from(named.policy.fail_on)),
            named.policy.exceptions.len()
        )?;
    }
    write!(out, "</table></div><h2>Registries behind it</h2><ul>")?;
    for upstream in gate.0.upstreams.all() {
        write!(
            out,
            "<li>{} <span class=\"soft\"><code>{}</code></span></li>",
            Escaped(&upstream.name),
            Escaped(&upstream.url.to_string())
        )?;
    }
    write!(
        out,
        "</ul><p class=\"soft\"><a href=\"/gate/metrics\">Metrics</a>, \
         <a href=\"/gate/events.json\">decisions as JSON</a>. This page loads itself again every five \
         seconds.</p>"
    )
}

fn write_events(out: &mut String, events: &[Event]) -> fmt::Result {
    write!(
        out,
        "<div class=\"scroll\"><table><thead><tr><th>Last time (UTC)</th><th>Decision</th><th>Image</th>\
         <th>Why</th><th>Scan</th><th>Times</th></tr></thead>"
    )?;
    for event in events {
        use super::Outcome::{NotJudged, Passed};
        let judgement = &event.judgement;
        let (class, word) = match (event.allowed, judgement.outcome) {
            (true, Passed) => ("good", "✓ let through"),
            (true, NotJudged) => ("soft", "– let through"),
            (true, _) => ("warn", "! let through"),
            (false, _) => ("bad", "✕ refused"),
        };
        let time = event
            .time
            .get(..19)
            .unwrap_or(&event.time)
            .replace('T', " ");
        write!(
            out,
            "<tr><td class=\"num\">{}</td><td><span class=\"tag {class}\">{word}</span><br>\
             <span class=\"soft\">{}{}</span></td><td class=\"image\"><code>{}</code><br>",
            Escaped(&time),
            judgement.outcome.words(),
            if event.kind == "admission" {
                ", admission"
            } else {
                ""
            },
            Escaped(&judgement.image),
        )?;
        let digest = Escaped(&judgement.digest);
        let short: String = judgement.digest.chars().take(SHORT_DIGEST).collect();
        let short = Escaped(&short);
        match judgement.has_report {
            true => write!(
                out,
                "<a href=\"/gate/reports/{digest}\"><code>{short}</code></a>"
            )?,
            false => write!(
                out,
                "<code class=\"soft\" title=\"{digest}\">{short}</code>"
            )?,
        }
        write!(out, "</td><td class=\"why\">{}", Escaped(&judgement.reason))?;
        if !judgement.worst.is_empty() {
            write!(out, "<ul>")?;
            for worst in &judgement.worst {
                write!(out, "<li>{}</li>", Escaped(worst))?;
            }
            write!(out, "</ul>")?;
        }
        if let Some(policy) = &judgement.policy {
            write!(out, "<div class=\"soft\">policy {}</div>", Escaped(policy))?;
        }
        let scan = judgement
            .scan_ms
            .map(|millis| format!("{millis} ms"))
            .unwrap_or_default();
        write!(
            out,
            "</td><td class=\"num\">{scan}</td><td class=\"num\">{}</td></tr>",
            event.count
        )?;
    }
    write!(out, "</table></div>")
}

/// `GET /gate/reports/<digest>`, and `.json`.
pub(crate) async fn report(State(gate): State<Gate>, Path(name): Path<String>) -> Response {
    let (digest, is_json) = match name.strip_suffix(".json") {
        Some(digest) => (digest, true),
        None => (name.as_str(), false),
    };
    let kept = match digest.parse::<Digest>() {
        Ok(digest) => gate.0.checker.kept(&digest.to_string()).await,
        Err(_) => None,
    };
    let Some(kept) = kept else {
        let content = "<h1>No such report</h1><p>It may have been forgotten to make room. Pull the \
                       image again, or read <a href=\"/gate\">what was decided lately</a>.</p>";
        return html(StatusCode::NOT_FOUND, "No such report", false, content);
    };
    let rendered = tokio::task::spawn_blocking(move || {
        let report = &kept.report;
        let repository = repository_of(&report.image.name);
        let short = repository.split_once('/').map_or("", |(_, path)| path);
        let named = gate.0.policies.of(&[&repository, short]);
        let now = transport::clock().unwrap_or(Timestamp::UNIX_EPOCH);
        let judged = gate.0.policies.judge(report, &named.policy, now);
        if is_json {
            let format = formats::by_id("json");
            return format
                .map(|format| format.render(&judged))
                .unwrap_or_default();
        }
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = write_report(&mut out, &judged, &named.name);
        out
    })
    .await;
    match rendered {
        Ok(body) if is_json => respond(StatusCode::OK, "application/json", body),
        Ok(content) => html(StatusCode::OK, "Report – Lamina gate", false, &content),
        Err(_) => html(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Report",
            false,
            "<h1>No report</h1>",
        ),
    }
}

fn write_report(out: &mut String, judged: &Judged<'_>, policy: &str) -> fmt::Result {
    let (report, verdict) = (judged.report, &judged.verdict);
    let digest = report.image.digest.as_deref().unwrap_or_default();
    let (class, word) = match verdict.passed {
        true => ("good", "✓ passes"),
        false => ("bad", "✕ fails"),
    };
    write!(
        out,
        "<p><a href=\"/gate\">The gate</a></p><h1>{}</h1><p><code>{}</code></p>\
         <p><span class=\"tag {class}\">{word}</span> the policy {} \
         <span class=\"soft\">as of {}</span></p>",
        Escaped(&report.image.name),
        Escaped(digest),
        Escaped(policy),
        Escaped(&judged.now.to_string()),
    )?;
    let count = |name: &str, value: String| format!("<div><dt>{name}</dt><dd>{value}</dd></div>");
    let distribution = report.distribution.as_ref();
    let database = report.database.as_ref();
    write!(
        out,
        "<dl>{}{}{}{}{}{}</dl>",
        count("Platform", Escaped(&report.image.platform).to_string()),
        count(
            "Distribution",
            Escaped(distribution.map_or("none", |found| &found.name)).to_string()
        ),
        count("Layers", report.layers.len().to_string()),
        count("Packages", report.packages.len().to_string()),
        count("Findings", report.findings.len().to_string()),
        count(
            "Advisories of",
            Escaped(database.map_or("none", |found| &found.built_at)).to_string()
        ),
    )?;
    write!(
        out,
        "<p><a href=\"/gate/reports/{0}.json\">The whole report as JSON</a></p><h2>Rules</h2>\
         <div class=\"scroll\"><table><thead><tr><th>Rule</th><th>Outcome</th><th>Why</th></tr></thead>",
        Escaped(digest)
    )?;
    for rule in &verdict.rules {
        let (class, word) = match rule.outcome {
            Level::Passed => ("good", "✓ passes"),
            Level::Warned => ("warn", "! warns"),
            Level::Failed => ("bad", "✕ fails"),
        };
        write!(
            out,
            "<tr><td><code>{}</code></td><td><span class=\"tag {class}\">{word}</span></td><td>{}</td></tr>",
            Escaped(&rule.rule),
            Escaped(&rule.reason)
        )?;
    }
    write!(out, "</table></div><h2>Findings</h2>")?;
    if report.findings.is_empty() {
        write!(out, "<p class=\"soft\">None.</p>")?;
    } else {
        write!(
            out,
            "<div class=\"scroll\"><table><thead><tr><th>Severity</th><th>Vulnerability</th>\
             <th>Package</th><th>Fixed in</th><th>Layer</th><th>Counts</th></tr></thead>"
        )?;
    }
    let left_out: std::collections::BTreeSet<usize> = verdict
        .left_out
        .iter()
        .filter_map(|left_out| match left_out.what {
            lamina_policy::Target::Finding(index) => Some(index),
            lamina_policy::Target::Issue(_) => None,
        })
        .collect();
    for (index, finding) in report.findings.iter().enumerate().take(FINDINGS) {
        let package = report.packages.get(finding.package);
        let fixed = match finding.fixed_in.first() {
            Some(version) => Escaped(version).to_string(),
            None => format!("<span class=\"soft\">{}</span>", finding.status.words()),
        };
        write!(
            out,
            "<tr><td>{}</td><td><code>{}</code><br><span class=\"soft\">{}</span></td><td>{} {}</td>\
             <td>{fixed}</td><td class=\"num\">{}</td><td>{}</td></tr>",
            Escaped(finding.severity.word()),
            Escaped(&finding.id),
            Escaped(finding.title.as_deref().unwrap_or_default()),
            Escaped(package.map_or("", |package| &package.name)),
            Escaped(package.map_or("", |package| &package.version)),
            package
                .map(|package| package.layer.to_string())
                .unwrap_or_default(),
            if left_out.contains(&index) {
                "left out"
            } else {
                "yes"
            },
        )?;
    }
    if !report.findings.is_empty() {
        write!(out, "</table></div>")?;
    }
    let more = report.findings.len().saturating_sub(FINDINGS);
    if more > 0 {
        write!(out, "<p class=\"soft\">{more} more are in the JSON.</p>")?;
    }
    if !report.issues.is_empty() {
        write!(out, "<h2>Secrets and misconfigurations</h2><ul>")?;
        for issue in report.issues.iter().take(FINDINGS) {
            let file = issue
                .place
                .file
                .as_deref()
                .or(issue.place.config.as_deref());
            write!(
                out,
                "<li>{}: {} <span class=\"soft\"><code>{}</code></span></li>",
                Escaped(issue.severity.word()),
                Escaped(&issue.title),
                Escaped(file.unwrap_or_default())
            )?;
        }
        write!(out, "</ul>")?;
    }
    if !report.warnings.is_empty() {
        write!(out, "<h2>What is missing</h2><ul>")?;
        for warning in report.warnings.iter().take(FINDINGS) {
            write!(out, "<li>{}</li>", Escaped(&warning.message))?;
        }
        write!(out, "</ul>")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_an_image_stays_text() {
        let check = |text: &str, expect: &str| assert_eq!(Escaped(text).to_string(), expect);
        check(
            "<script>\"&'\u{1b}\u{202e}x",
            "&lt;script&gt;&quot;&amp;&#39; x",
        );
        check("ünïcode", "ünïcode");
    }

    #[test]
    fn the_style_is_the_one_that_may_apply() {
        assert!(policy().starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!STYLE.contains("url(") && !STYLE.contains("</"));
    }
}
