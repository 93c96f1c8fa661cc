//! CISA's catalogue of known exploited vulnerabilities (KEV): <https://www.cisa.gov/known-exploited-vulnerabilities-catalog>,
//! one JSON file with a [schema](https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities_schema.json).
//!
//! Of several files the newest counts.

use lamina_advisories::record::{Day, Exploited};
use serde::Deserialize;
use serde_json::Value;

use super::{Feed, FeedError, Input, KEV, file_and_folder};
use crate::{archive::decompressed, builder::Builder, limits::MAX_JSON_BYTES, location::Location};

pub(super) struct Kev;

impl Feed for Kev {
    fn id(&self) -> &'static str {
        KEV
    }

    fn name(&self) -> &'static str {
        "CISA KEV"
    }

    fn url(&self) -> &'static str {
        "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
    }

    fn licence(&self) -> &'static str {
        "CC0-1.0"
    }

    fn locations(&self, _today: Day) -> Vec<Location> {
        vec![Location::new(
            self.url(),
            "known_exploited_vulnerabilities.json",
        )]
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        matches!(
            file,
            "known_exploited_vulnerabilities.json" | "known_exploited_vulnerabilities.json.gz"
        )
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let catalogue: Catalogue =
            serde_json::from_reader(decompressed(&mut input, MAX_JSON_BYTES)?)?;
        let date = catalogue.released.as_deref();
        if let Some(date) = date.filter(|date| !out.begins(self, date)) {
            out.skip(self.id(), "left out: older than another file", path, date);
            return Ok(());
        }
        for item in catalogue.vulnerabilities {
            out.count(self);
            let listed = Listed::deserialize(&item).ok();
            let read = listed.and_then(|listed| Some((listed.exploited()?, listed.cve)));
            match read {
                Some((exploited, cve)) => out.exploited(cve.trim(), exploited),
                None => {
                    out.skip(self.id(), "unreadable: entry", path, &item.to_string());
                }
            }
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
struct Catalogue {
    #[serde(rename = "dateReleased", default)]
    released: Option<String>,
    vulnerabilities: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    #[serde(rename = "cveID")]
    cve: String,
    #[serde(rename = "dateAdded")]
    added: String,
    #[serde(rename = "dueDate", default)]
    due: Option<String>,
    #[serde(rename = "knownRansomwareCampaignUse", default)]
    ransomware: Option<String>,
}

impl Listed {
    fn exploited(&self) -> Option<Exploited> {
        Some(Exploited {
            added: Day::parse(&self.added)?,
            due: self.due.as_deref().and_then(Day::parse),
            by_ransomware: self.ransomware.as_deref() == Some("Known"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_say_since_when_and_whether_ransomware_uses_them() {
        let check = |json: &str, expect: Option<(&str, Option<&str>, bool)>| {
            let listed: Listed = serde_json::from_str(json).unwrap();
            let got = listed.exploited().map(|exploited| {
                let due = exploited.due.map(|due| due.to_string());
                (exploited.added.to_string(), due, exploited.by_ransomware)
            });
            let expect =
                expect.map(|(added, due, by)| (added.to_owned(), due.map(str::to_owned), by));
            assert_eq!(got, expect, "{json}");
        };
        check(
            r#"{"cveID":"CVE-1-1","dateAdded":"2026-08-07","dueDate":"2026-08-10",
               "knownRansomwareCampaignUse":"Known","new":1}"#,
            Some(("2026-08-07", Some("2026-08-10"), true)),
        );
        check(
            r#"{"cveID":"CVE-1-1","dateAdded":"2026-08-07","knownRansomwareCampaignUse":"Unknown"}"#,
            Some(("2026-08-07", None, false)),
        );
        check(r#"{"cveID":"CVE-1-1","dateAdded":"soon"}"#, None);
    }
}
