//! What a journey stands on: the program, a browser, registries.

pub(crate) mod browser;
pub(crate) mod crafted;
pub(crate) mod front;
pub(crate) mod lamina;
pub(crate) mod process;
pub(crate) mod registry;
pub(crate) mod witness;

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
};

use futures::FutureExt as _;

use self::{browser::Browser, lamina::Lamina};

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where tests may write.
pub(crate) fn scratch() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A sample as an archive, e.g. `shop-1.0.docker.tar`. Built once by `cargo xtask demo --archives`.
pub(crate) fn archive(name: &str) -> PathBuf {
    let folder = root().join("demo/out/archives");
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "no {}: run `cargo xtask demo --archives demo/out/archives`",
        path.display()
    );
    path
}

/// Runs a journey in a browser of its own. If it fails, a screenshot and the page's console are kept
/// and shown.
pub(crate) fn journey<F>(name: &str, walk: F)
where
    F: AsyncFnOnce(&Lamina, &Browser),
{
    journey_with(name, &[], walk);
}

/// The same, where the relay may reach some registries on this machine.
pub(crate) fn journey_with<F>(name: &str, allowed: &[String], walk: F)
where
    F: AsyncFnOnce(&Lamina, &Browser),
{
    journey_through(name, Lamina::start(allowed), walk);
}

/// The same, through a program that the journey starts itself.
pub(crate) fn journey_through<F>(name: &str, lamina: impl Future<Output = Lamina>, walk: F)
where
    F: AsyncFnOnce(&Lamina, &Browser),
{
    block_on(async {
        let lamina = lamina.await;
        let browser = Browser::start().await;
        let result = AssertUnwindSafe(walk(&lamina, &browser))
            .catch_unwind()
            .await;
        if let Err(panic) = result {
            browser.keep_evidence(name).await;
            eprintln!("--- log of `lamina serve`:\n{}", lamina.log());
            std::panic::resume_unwind(panic);
        }
        browser.assert_no_panic().await;
    });
}

/// Runs a future on a runtime of its own, which ends with it.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    // The process may hold a TLS stack without a default provider (feature unification).
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
