//! What is in an image, and where each thing came from.
//!
//! Analysers read the files of one layer and note [`facts`]; [`merge`] joins the facts of a stack of
//! layers into an [`merge::Inventory`]. Facts only: which advisory applies is `lamina-advisories`'
//! business, whether it matters is `lamina-policy`'s.

pub mod analyser;
pub mod facts;
pub mod severity;
