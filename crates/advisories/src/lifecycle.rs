//! How long releases are looked after.
//!
//! One shard, of the kind `lifecycle` and with the key [`KEY`], holds them as JSON. The facts are
//! <https://endoflife.date>'s, and so are the names of products.

use serde::{Deserialize, Serialize};

use crate::{
    index::ShardKind,
    record::Day,
    shard::{
        Shard, ShardError, ShardMeta, section,
        writer::{TooLarge, assemble, number},
    },
};

/// Key of the shard.
pub const KEY: &str = "lifecycle";

/// A product: a distribution, a language, a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its name on endoflife.date, e.g. `debian`, `python`.
    pub name: String,
    /// Its name for people.
    pub label: String,
    /// Its releases, newest first.
    pub releases: Vec<Release>,
}

/// A release of a product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its name, e.g. `12`, `3.19`.
    pub name: String,
    /// Its codename, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
    /// When it came out, `2023-06-10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<String>,
    /// The last day of security support for everybody, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// The last day of extended support, which may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_ends: Option<String>,
    /// It is over, though nobody says since when.
    #[serde(default)]
    pub is_over: bool,
}

impl Release {
    /// Whether support for everybody was over on a day.
    pub fn is_over_on(&self, day: Day) -> bool {
        match self.ends.as_deref().and_then(Day::parse) {
            Some(end) => end < day,
            None => self.is_over,
        }
    }
}

/// Writes the shard. Products are sorted.
///
/// # Errors
/// If it would be too large to be read.
pub fn write_lifecycles(
    date: Option<String>,
    mut products: Vec<Product>,
) -> Result<(Vec<u8>, ShardMeta), TooLarge> {
    products.sort_by(|a, b| a.name.cmp(&b.name));
    let meta = ShardMeta {
        key: KEY.to_owned(),
        kind: ShardKind::Lifecycle,
        records: number(products.iter().map(|product| product.releases.len()).sum()),
        packages: number(products.len()),
        source_date: date,
        ..ShardMeta::default()
    };
    let json = serde_json::to_vec(&products).map_err(|_| TooLarge {
        key: KEY.to_owned(),
    })?;
    let bytes = assemble(&meta, &[(section::LIFECYCLES, json)])?;
    Ok((bytes, meta))
}

impl Shard {
    /// The products of a lifecycle shard.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn lifecycles(&self) -> Result<Vec<Product>, ShardError> {
        serde_json::from_slice(self.lifecycle_bytes()).map_err(ShardError::Meta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifecycles_read_back_and_say_when_they_end() {
        let release = |name: &str, ends: Option<&str>, is_over| Release {
            name: name.to_owned(),
            ends: ends.map(str::to_owned),
            is_over,
            ..Release::default()
        };
        let products = vec![Product {
            name: "debian".to_owned(),
            label: "Debian".to_owned(),
            releases: vec![
                release("12", Some("2026-06-10"), false),
                release("3.0", None, true),
                release("sid", None, false),
            ],
        }];
        let (bytes, meta) = write_lifecycles(None, products.clone()).unwrap();
        assert_eq!((meta.packages, meta.records), (1, 3));
        let read = Shard::open(bytes).unwrap().lifecycles().unwrap();
        assert_eq!(read, products);
        let day = |text| Day::parse(text).unwrap();
        let over = |day: Day| {
            let releases = read.iter().flat_map(|product| &product.releases);
            releases
                .map(|release| release.is_over_on(day))
                .collect::<Vec<_>>()
        };
        assert_eq!(over(day("2026-06-10")), [false, true, false]);
        assert_eq!(over(day("2026-06-11")), [true, true, false]);
    }
}
