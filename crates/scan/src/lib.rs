//! The journey of an image, from bytes to report.
//!
//! Two drivers walk it, the page's workers and the native program; both do the I/O between these
//! steps:
//!
//! 1. [`plan::Plan`]: what manifest and config say, before a layer is read;
//! 2. [`layer::LayerJob`]: one layer's bytes, pushed in, become a [`layer::LayerResult`];
//! 3. [`join::Joined`]: all layers together give the report of what is in the image;
//! 4. [`matching`]: the report says what shards of the advisory database it needs, and with them what is
//!    vulnerable; later once more, with a newer database.

pub mod archive;
pub mod join;
pub mod layer;
pub mod matching;
pub mod plan;
