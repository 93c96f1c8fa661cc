//! Release builds embed the page, the database and the samples: they are built again when these
//! change. Debug builds read them from disk.

#![allow(
    clippy::disallowed_methods,
    reason = "a build script looks at files and the environment"
)]

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    for folder in ["../../dist", "../../demo/out/db", "../../demo/out/samples"] {
        // A path that is absent would make every build a new one.
        if Path::new(folder).exists() {
            println!("cargo:rerun-if-changed={folder}");
        }
    }
}
