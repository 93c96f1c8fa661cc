//! The page's module keeps its relocations, by which `wasm-split` cuts it (`xtask/src/page.rs`).

#![allow(
    clippy::disallowed_methods,
    reason = "a build script looks at the environment"
)]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo:rustc-link-arg-bin=lamina-page=--emit-relocs");
    }
}
