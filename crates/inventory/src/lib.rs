//! What is in an image, and where each thing came from.
//!
//! [`layer_scan::LayerScan`] receives the entries of one layer, lets the analysers of [`kinds`] read the
//! files they claim, and ends as a [`analysis::LayerAnalysis`]: the layer's file tree and its
//! [`facts`], which is what the layer cache keeps. [`merge::merge`] joins the analyses of a stack of
//! layers into a [`merge::Inventory`]. Facts only: which advisory applies is `lamina-advisories`'
//! business, whether it matters is `lamina-policy`'s.

pub mod analyser;
pub mod analysis;
pub mod facts;
pub mod kinds;
pub mod layer_scan;
pub mod limits;
pub mod merge;
pub mod path_list;
pub mod purl;
pub mod severity;
mod text;
