//! `lamina serve`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    process::{Process, free_port},
    root,
};

/// The running program.
#[derive(Debug)]
pub(crate) struct Lamina {
    process: Process,
    /// Where it keeps encrypted reports.
    pub(crate) shares: tempfile::TempDir,
    /// Where the page is, without a slash at the end.
    pub(crate) url: String,
}

impl Lamina {
    /// Starts it with the page in `dist` and what is under `demo/out`.
    pub(crate) async fn start(allowed: &[String]) -> Self {
        Self::start_with(allowed, &root().join("demo/out/db")).await
    }

    /// The same with another advisory database.
    pub(crate) async fn start_with(allowed: &[String], database: &Path) -> Self {
        Self::start_saying(allowed, database, &[]).await
    }

    /// The same, lending relay and database to a page that comes from elsewhere.
    pub(crate) async fn lending_to(origin: &str, allowed: &[String]) -> Self {
        let database = root().join("demo/out/db");
        Self::start_saying(allowed, &database, &["--allow-page", origin]).await
    }

    /// The same with a database that must be signed by a key.
    pub(crate) async fn start_signed(database: &Path, key: &str) -> Self {
        Self::start_saying(&[], database, &["--db-key", key]).await
    }

    /// The same with the page in another folder.
    pub(crate) async fn start_at(page: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new(program());
        command
            .current_dir(root())
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--page"])
            .arg(page)
            .args(["--samples", "demo/out/samples", "--db", "demo/out/db"]);
        let shares = tempfile::tempdir().unwrap();
        command.arg("--shares").arg(shares.path());
        let mut process = Process::start("lamina", command);
        process.listens(port).await;
        Self {
            process,
            shares,
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    async fn start_saying(allowed: &[String], database: &Path, more: &[&str]) -> Self {
        for (path, what) in [
            ("dist/index.html", "page"),
            ("demo/out/samples/catalog.json", "samples"),
        ] {
            assert!(
                root().join(path).is_file(),
                "no {path}: the {what} is not built; run `cargo xtask build`"
            );
        }
        let port = free_port();
        let mut command = Command::new(program());
        let shares = tempfile::tempdir().unwrap();
        command
            .current_dir(root())
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .args(["--page", "dist", "--samples", "demo/out/samples", "--db"])
            .arg(database)
            .arg("--shares")
            .arg(shares.path());
        command.args(more);
        for host in allowed {
            command.args(["--allow-registry", host]);
        }
        let mut process = Process::start("lamina", command);
        process.listens(port).await;
        Self {
            process,
            shares,
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}

/// The built program: `$LAMINA_PROGRAM`, or the one beside the tests.
pub(crate) fn program() -> PathBuf {
    let path = std::env::var_os("LAMINA_PROGRAM").map_or_else(
        || {
            let test = std::env::current_exe().unwrap();
            // target/<profile>/deps/e2e-…
            test.ancestors().nth(2).unwrap().join("lamina")
        },
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "no {}: run `cargo build --package lamina`, or set LAMINA_PROGRAM",
        path.display()
    );
    path
}
