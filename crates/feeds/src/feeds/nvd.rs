//! NVD 2.0, for severities only: <https://nvd.nist.gov/feeds/json/cve/2.0/>, a file per year, or pages
//! of the API.
//!
//! A CVE's own advisories are read elsewhere; here its CVSS vectors are, which complete records that
//! have none. NVD's analysis (`Primary`) is preferred to others', newer versions of CVSS to older.

use lamina_advisories::{
    rating::{NVD, Rating},
    record::Day,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::decompressed,
    builder::Builder,
    limits::MAX_JSON_BYTES,
    location::{Checksum, Location},
};

/// The first year with a file; it has the older CVEs, too.
const FIRST_YEAR: u32 = 2002;

pub(super) struct Nvd;

impl Feed for Nvd {
    fn id(&self) -> &'static str {
        "nvd"
    }

    fn name(&self) -> &'static str {
        "NVD"
    }

    fn url(&self) -> &'static str {
        "https://nvd.nist.gov/feeds/json/cve/2.0"
    }

    fn licence(&self) -> &'static str {
        "public domain"
    }

    /// Beside each year stands a small file with its checksum.
    fn locations(&self, today: Day) -> Vec<Location> {
        (FIRST_YEAR..=today.year())
            .map(|year| {
                let path = format!("nvdcve-2.0-{year}.meta");
                Location::new(format!("{}/{path}", self.url()), path).listing()
            })
            .collect()
    }

    fn listed(
        &self,
        listing: &Location,
        content: Option<&[u8]>,
    ) -> Result<Vec<Location>, FeedError> {
        let stem = |text: &str| {
            text.strip_suffix(".meta")
                .map(|stem| format!("{stem}.json.gz"))
        };
        let (Some(url), Some(path)) = (stem(&listing.url), stem(&listing.path)) else {
            return Err(FeedError::Listing("no .meta"));
        };
        let text = content.map(String::from_utf8_lossy).unwrap_or_default();
        let sha256 = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("sha256:"));
        // A year that has just begun may have no file.
        let mut location = Location::new(url, path).optional();
        if let Some(sha256) = sha256 {
            location.checksum = Checksum::inflated(sha256);
        }
        Ok(vec![location])
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        let is_json = file.ends_with(".json") || file.ends_with(".json.gz");
        is_json && (file.starts_with("nvdcve-2.0-") || file.starts_with("nvd-api-2.0"))
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let page: Page = serde_json::from_reader(decompressed(&mut input, MAX_JSON_BYTES)?)?;
        for item in page.vulnerabilities {
            out.count(self);
            match Item::deserialize(&item) {
                Ok(item) => self.convert(item.cve, path, out),
                Err(error) => {
                    let id = item.pointer("/cve/id").and_then(Value::as_str);
                    let what = format!("{}: {error}", id.unwrap_or("?"));
                    out.skip(self.id(), "unreadable: CVE", path, &what);
                }
            }
        }
        Ok(())
    }
}

impl Nvd {
    fn convert(&self, cve: Cve, path: &str, out: &mut Builder) {
        if cve.status.as_deref() == Some("Rejected") {
            out.skip(self.id(), "left out: rejected", path, &cve.id);
            return;
        }
        let versions = [
            cve.metrics.v40,
            cve.metrics.v31,
            cve.metrics.v30,
            cve.metrics.v2,
        ];
        let best = versions.into_iter().find_map(|mut metrics| {
            metrics.sort_by_key(|metric| metric.kind.as_deref() != Some("Primary"));
            metrics
                .into_iter()
                .find_map(|metric| Rating::from_vector(NVD, &metric.data.vector))
        });
        match best {
            Some(rating) => out.rate(&cve.id, rating),
            None => out.skip(self.id(), "left out: no CVSS vector", path, &cve.id),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    vulnerabilities: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Item {
    cve: Cve,
}

#[derive(Debug, Deserialize)]
struct Cve {
    id: String,
    #[serde(rename = "vulnStatus")]
    status: Option<String>,
    #[serde(default)]
    metrics: Metrics,
}

#[derive(Debug, Default, Deserialize)]
struct Metrics {
    #[serde(rename = "cvssMetricV40", default)]
    v40: Vec<Metric>,
    #[serde(rename = "cvssMetricV31", default)]
    v31: Vec<Metric>,
    #[serde(rename = "cvssMetricV30", default)]
    v30: Vec<Metric>,
    #[serde(rename = "cvssMetricV2", default)]
    v2: Vec<Metric>,
}

#[derive(Debug, Deserialize)]
struct Metric {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "cvssData")]
    data: CvssData,
}

#[derive(Debug, Deserialize)]
struct CvssData {
    #[serde(rename = "vectorString", default)]
    vector: String,
}
