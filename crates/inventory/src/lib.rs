//! What is in an image, and where each thing came from.
//!
//! [`layer_scan::LayerScan`] receives the entries of one layer, lets the analysers of [`kinds`] read the
//! files they claim, and ends as a [`analysis::LayerAnalysis`]: the layer's file tree and its
//! [`facts`], which is what the layer cache keeps. [`merge::merge`] joins the analyses of a stack of
//! layers into a [`merge::Inventory`]. Facts only: which advisory applies is `lamina-advisories`'
//! business, whether it matters is `lamina-policy`'s.
//!
//! ```
//! use lamina_image::{
//!     layer::{LayerExpectation, LayerReader},
//!     limits::Limits,
//!     tree::MergedTree,
//! };
//! use lamina_inventory::{analysis::LayerAnalysis, layer_scan::LayerScan, merge::merge};
//!
//! # let base = lamina_testkit::layer()
//! #     .file("etc/os-release", "ID=alpine\nVERSION_ID=3.19\n")
//! #     .file("lib/apk/db/installed", "P:musl\nV:1.2.4-r2\nA:x86_64\n")
//! #     .gzip();
//! # let top = lamina_testkit::layer()
//! #     .file("lib/apk/db/installed", "P:musl\nV:1.2.4-r2\nA:x86_64\n\nP:zlib\nV:1.3-r2\nA:x86_64\n")
//! #     .gzip();
//! let analyse = |blob: &[u8]| {
//!     let mut scan = LayerScan::new();
//!     let mut reader = LayerReader::new(LayerExpectation::default(), Limits::default());
//!     for chunk in blob.chunks(64 << 10) {
//!         reader.feed(chunk, &mut scan).expect("a whole layer");
//!     }
//!     assert_eq!(reader.finish(&mut scan).error, None);
//!     scan.finish()
//! };
//! let layers = [analyse(&base), analyse(&top)];
//! let layers: Vec<&LayerAnalysis> = layers.iter().collect();
//! let trees: Vec<_> = layers.iter().map(|layer| &layer.tree).collect();
//! let inventory = merge(&layers, &MergedTree::merge(&trees));
//!
//! let told: Vec<_> = inventory.packages.iter().map(|p| (p.purl.as_str(), p.introduced_in)).collect();
//! assert_eq!(told, [
//!     ("pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19", 0),
//!     ("pkg:apk/alpine/zlib@1.3-r2?arch=x86_64&distro=alpine-3.19", 1),
//! ]);
//! ```

pub mod accounts;
pub mod analyser;
pub mod analysis;
pub mod base;
pub mod config;
mod deb822;
mod declared;
pub mod elf;
pub mod facts;
mod json;
pub mod kinds;
pub mod known_bases;
pub mod layer_scan;
pub mod licences;
pub mod limits;
pub mod merge;
pub mod path_list;
mod places;
pub mod purl;
pub mod secrets;
pub mod severity;
pub mod sqlite;
mod text;
mod toml_file;
mod window;
mod yaml_lines;
mod zip;
