//! Container images as bytes: references, digests, manifests, configs, layers and the file tree.
//!
//! This crate is a function of bytes. It opens no file, asks no registry and knows no clock: chunks
//! are pushed in, events and values come out. Formats follow the OCI image specification 1.1, the
//! Docker image specification 1.2 and POSIX/GNU/PAX tar; each module names what it implements.

pub mod archive;
pub mod config;
pub mod digest;
pub mod layer;
pub mod limits;
pub mod manifest;
pub mod path;
pub mod platform;
pub mod reference;
pub mod tree;
