//! The exceptions of a policy as an OpenVEX document.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamina_image::digest::Digest;
use serde::Serialize;

use super::product::written_purl;
use crate::{
    exceptions::Exception,
    policy::Policy,
    subject::Subject,
    verdict::{Target, Verdict, Why},
};

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "@id")]
    id: String,
    author: &'a str,
    timestamp: String,
    version: u32,
    tooling: &'static str,
    statements: Vec<Statement<'a>>,
}

#[derive(Serialize)]
struct Statement<'a> {
    vulnerability: Vulnerability<'a>,
    timestamp: String,
    products: Vec<Product<'a>>,
    status: &'static str,
    impact_statement: String,
}

#[derive(Serialize)]
struct Vulnerability<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    aliases: &'a [String],
}

#[derive(Serialize)]
struct Product<'a> {
    #[serde(rename = "@id")]
    id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subcomponents: Vec<Product<'a>>,
}

/// The exceptions of a policy that keep findings of an image from counting, as OpenVEX 0.2.0: one
/// statement `not_affected` for each vulnerability and exception, with the reason as its impact
/// statement, about the packages in this image that have it. `None` if no exception does.
///
/// An exception is not the same as "not affected": who exports it says so. Secrets, misconfigurations
/// and licences have no place in VEX and are left out; so are findings in packages without a purl. The
/// product is the image by its purl without a repository ([`super::image_names`] has the reason), or,
/// if its name is no reference, each package by itself.
pub fn export(
    policy: &Policy,
    subject: &Subject<'_>,
    verdict: &Verdict,
    author: &str,
    now: Timestamp,
) -> Option<String> {
    let image = written_purl(subject.image.name, subject.image.digest);
    // Findings in the order of the verdict, which is that of the report.
    let mut packages: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    let mut first_of: BTreeMap<(&str, usize), usize> = BTreeMap::new();
    for left_out in &verdict.left_out {
        if let (Target::Finding(index), Why::Exception(exception)) = (left_out.what, left_out.why)
            && let Some(finding) = subject.findings.get(index)
            && !finding.at.purl.is_empty()
        {
            let first = *first_of.entry((finding.id, exception)).or_insert(index);
            packages.entry((first, exception)).or_default().push(index);
        }
    }
    let mut statements = Vec::new();
    for ((first, exception), findings) in &packages {
        let (Some(finding), Some(exception)) = (
            subject.findings.get(*first),
            policy.exceptions.get(*exception),
        ) else {
            continue;
        };
        let findings = findings
            .iter()
            .filter_map(|index| subject.findings.get(*index));
        let mut purls: Vec<&str> = findings.map(|finding| finding.at.purl).collect();
        purls.sort_unstable();
        purls.dedup();
        let purls = purls.into_iter().map(|id| Product {
            id,
            subcomponents: Vec::new(),
        });
        let products = match &image {
            Some(id) => vec![Product {
                id,
                subcomponents: purls.collect(),
            }],
            None => purls.collect(),
        };
        statements.push(Statement {
            vulnerability: Vulnerability {
                name: finding.id,
                aliases: finding.aliases,
            },
            timestamp: now.to_string(),
            products,
            status: "not_affected",
            impact_statement: impact(exception),
        });
    }
    if statements.is_empty() {
        return None;
    }
    let mut document = Document {
        context: "https://openvex.dev/ns/v0.2.0",
        id: String::new(),
        author: if author.trim().is_empty() {
            "unknown"
        } else {
            author
        },
        timestamp: now.to_string(),
        version: 1,
        tooling: concat!("lamina ", env!("CARGO_PKG_VERSION")),
        statements,
    };
    // The specification's place for documents of those who have none of their own; the same bytes get
    // the same name.
    let digest = Digest::of(serde_json::to_string(&document).ok()?.as_bytes());
    document.id = format!("https://openvex.dev/docs/public/vex-{}", digest.hex());
    let mut text = serde_json::to_string_pretty(&document).ok()?;
    text.push('\n');
    Some(text)
}

/// Why the finding is accepted, by whom and until when.
fn impact(exception: &Exception) -> String {
    let reason = exception.reason.as_deref().map(str::trim);
    let reason = reason.filter(|reason| !reason.is_empty());
    let mut text = reason
        .unwrap_or("accepted by an exception of the policy that gives no reason")
        .to_owned();
    let by = exception
        .author
        .as_ref()
        .map(|author| format!("by {author}"));
    let until = exception.expires.as_ref().map(|day| format!("until {day}"));
    let more: Vec<String> = by.into_iter().chain(until).collect();
    if !more.is_empty() {
        text.push_str(" (accepted ");
        text.push_str(&more.join(" "));
        text.push(')');
    }
    text
}
