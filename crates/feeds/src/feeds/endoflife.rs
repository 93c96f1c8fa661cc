//! How long releases are looked after: <https://endoflife.date/docs/api/v1/>.
//!
//! - API 1, `…/api/v1/products/full`: all products, or `…/products/<product>`: one.
//! - The older API, `…/api/<product>.json`: the releases of one product, whose name only the path has.
//!   It has no names for people; where both tell of a product, API 1 is heard.
//!
//! Of the several ends that it knows, security support for everybody (`eol`) and extended support
//! (`eoes`, `extendedSupport`), which may cost, are kept. The end of active support is not: security
//! fixes go on after it.

use lamina_advisories::lifecycle::{Product, Release};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use lamina_advisories::record::Day;

use super::{Feed, FeedError, Input, LIFECYCLE, file_and_folder};
use crate::{archive::decompressed, builder::Builder, limits::MAX_JSON_BYTES, location::Location};

pub(super) struct EndOfLife;

/// Distributions, languages and programs whose releases are fetched one by one where there is no list.
const PRODUCTS: &[&str] = &[
    "almalinux",
    "alpine-linux",
    "amazon-corretto",
    "amazon-linux",
    "centos",
    "centos-stream",
    "debian",
    "dotnet",
    "eclipse-temurin",
    "fedora",
    "go",
    "kubernetes",
    "mongodb",
    "mysql",
    "nginx",
    "nodejs",
    "openjdk-builds-from-oracle",
    "opensuse",
    "oracle-jdk",
    "oracle-linux",
    "php",
    "postgresql",
    "python",
    "redis",
    "rhel",
    "rocky-linux",
    "ruby",
    "rust",
    "sles",
    "ubuntu",
];

impl Feed for EndOfLife {
    fn id(&self) -> &'static str {
        LIFECYCLE
    }

    fn name(&self) -> &'static str {
        "endoflife.date"
    }

    fn url(&self) -> &'static str {
        "https://endoflife.date/api/v1/products/full"
    }

    fn licence(&self) -> &'static str {
        "MIT"
    }

    /// All products at once; from a mirror without API 1, those that images are made of, one by one.
    fn locations(&self, _today: Day) -> Vec<Location> {
        let products = Location::new("https://endoflife.date/api/v1/products", "products.json");
        vec![products.listing()]
    }

    fn listed(
        &self,
        _listing: &Location,
        content: Option<&[u8]>,
    ) -> Result<Vec<Location>, FeedError> {
        if content.is_some() {
            return Ok(vec![Location::new(self.url(), "products/full.json")]);
        }
        let product = |name: &&str| {
            let url = format!("https://endoflife.date/api/{name}.json");
            Location::new(url, format!("eol/{name}.json")).optional()
        };
        Ok(PRODUCTS.iter().map(product).collect())
    }

    fn claims(&self, path: &str) -> bool {
        let (file, folder) = file_and_folder(path);
        let is_old =
            file.ends_with(".json") && (folder == "eol" || path.contains("endoflife.date/api/"));
        is_old
            || (folder == "products" && matches!(file, "full" | "full.json"))
            || path.contains("endoflife.date/api/v1/products/")
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let json: Value = serde_json::from_reader(decompressed(&mut input, MAX_JSON_BYTES)?)?;
        match json {
            Value::Array(cycles) => self.read_old(path, cycles, out),
            Value::Object(mut answer) => {
                let products = match answer.remove("result") {
                    Some(Value::Array(products)) => products,
                    Some(product @ Value::Object(_)) => vec![product],
                    _ => return Err(FeedError::Foreign("JSON, but no answer of endoflife.date")),
                };
                if let Some(Value::String(date)) = answer.get("generated_at") {
                    out.dated(self, date);
                }
                for product in products {
                    self.read_product(path, product, out);
                }
            }
            _ => return Err(FeedError::Foreign("JSON, but no answer of endoflife.date")),
        }
        Ok(())
    }
}

impl EndOfLife {
    fn read_old(&self, path: &str, cycles: Vec<Value>, out: &mut Builder) {
        let (file, _) = file_and_folder(path);
        let name = file.strip_suffix(".json").unwrap_or(file);
        let mut releases = Vec::new();
        for cycle in cycles {
            out.count(self);
            match Cycle::deserialize(&cycle) {
                Ok(cycle) => releases.push(cycle.release()),
                Err(_) => self.skip_release(path, name, &cycle, out),
            }
        }
        // Whatever API 1 says of the product came first or comes later, and is kept.
        out.product_unless_known(Product {
            name: name.to_owned(),
            label: name.to_owned(),
            releases,
        });
    }

    fn read_product(&self, path: &str, product: Value, out: &mut Builder) {
        let product: NewProduct = match NewProduct::deserialize(&product) {
            Ok(product) => product,
            Err(error) => {
                out.count(self);
                let what = format!("{error}: {product}");
                out.skip(self.id(), "unreadable: product", path, &what);
                return;
            }
        };
        let mut releases = Vec::new();
        for release in product.releases {
            out.count(self);
            match NewRelease::deserialize(&release) {
                Ok(release) => releases.push(release.release()),
                Err(_) => self.skip_release(path, &product.name, &release, out),
            }
        }
        out.product(Product {
            label: product.label.unwrap_or_else(|| product.name.clone()),
            name: product.name,
            releases,
        });
    }

    fn skip_release(&self, path: &str, product: &str, release: &Value, out: &mut Builder) {
        let what = format!("{product} {release}");
        out.skip(self.id(), "unreadable: release", path, &what);
    }
}

/// A release in the older API. An end is a day, or whether it is past.
#[derive(Debug, Deserialize)]
struct Cycle {
    #[serde(deserialize_with = "text_or_number")]
    cycle: String,
    #[serde(default)]
    codename: Option<String>,
    #[serde(rename = "releaseDate", default)]
    released: Option<String>,
    #[serde(default)]
    eol: Value,
    #[serde(rename = "extendedSupport", default)]
    extended: Value,
}

impl Cycle {
    fn release(self) -> Release {
        let day = |end: &Value| end.as_str().map(str::to_owned);
        Release {
            name: self.cycle,
            codename: self.codename,
            released: self.released,
            ends: day(&self.eol),
            extended_ends: day(&self.extended),
            is_over: self.eol == Value::Bool(true),
        }
    }
}

#[derive(Debug, Deserialize)]
struct NewProduct {
    name: String,
    #[serde(default)]
    label: Option<String>,
    releases: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct NewRelease {
    name: String,
    #[serde(default)]
    codename: Option<String>,
    #[serde(rename = "releaseDate", default)]
    released: Option<String>,
    #[serde(rename = "isEol", default)]
    is_over: Option<bool>,
    #[serde(rename = "eolFrom", default)]
    ends: Option<String>,
    #[serde(rename = "eoesFrom", default)]
    extended_ends: Option<String>,
}

impl NewRelease {
    fn release(self) -> Release {
        // With a day, whether it is over is for the reader to say: its today is not the feed's.
        let is_over = self.ends.is_none() && self.is_over == Some(true);
        Release {
            name: self.name,
            codename: self.codename,
            released: self.released,
            ends: self.ends,
            extended_ends: self.extended_ends,
            is_over,
        }
    }
}

fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("neither text nor number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(release: Release, expect: [Option<&str>; 4], is_over: bool) {
        let got = [
            Some(release.name.as_str()),
            release.codename.as_deref(),
            release.ends.as_deref(),
            release.extended_ends.as_deref(),
        ];
        assert_eq!((got, release.is_over), (expect, is_over));
    }

    #[test]
    fn ends_are_days_or_whether_they_are_past() {
        let old = |json: &str| serde_json::from_str::<Cycle>(json).unwrap().release();
        check(
            old(
                r#"{"cycle":"12","codename":"Bookworm","eol":"2026-07-11","extendedSupport":"2028-06-30","lts":false}"#,
            ),
            [
                Some("12"),
                Some("Bookworm"),
                Some("2026-07-11"),
                Some("2028-06-30"),
            ],
            false,
        );
        check(
            old(r#"{"cycle":2,"codename":null,"eol":true,"extendedSupport":false}"#),
            [Some("2"), None, None, None],
            true,
        );
        check(
            old(r#"{"cycle":"3","eol":false}"#),
            [Some("3"), None, None, None],
            false,
        );
        let new = |json: &str| serde_json::from_str::<NewRelease>(json).unwrap().release();
        check(
            new(
                r#"{"name":"24.04","codename":"Noble Numbat","label":"24.04","releaseDate":"2024-04-25","isLts":true,
                   "isEoas":false,"eoasFrom":"2029-05-31","isEol":true,"eolFrom":"2029-05-31","eoesFrom":"2036-05-31",
                   "latest":null,"custom":null}"#,
            ),
            [
                Some("24.04"),
                Some("Noble Numbat"),
                Some("2029-05-31"),
                Some("2036-05-31"),
            ],
            false,
        );
        check(
            new(r#"{"name":"1","isEol":true}"#),
            [Some("1"), None, None, None],
            true,
        );
    }
}
