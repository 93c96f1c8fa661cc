//! A real `docker-registry`, filled by `skopeo`.

use std::{fmt::Write as _, path::Path, process::Command};

use super::process::{Process, free_port};

/// The running registry.
#[derive(Debug)]
pub(crate) struct Registry {
    process: Process,
    pub(crate) port: u16,
    login: Option<(String, String)>,
    _folder: tempfile::TempDir,
}

impl Registry {
    /// Open to everyone.
    pub(crate) async fn start() -> Self {
        Self::launch(None).await
    }

    /// Wants a user and a password, by Basic authentication.
    pub(crate) async fn with_login(user: &str, password: &str) -> Self {
        Self::launch(Some((user.to_owned(), password.to_owned()))).await
    }

    async fn launch(login: Option<(String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut config = format!(
            "version: 0.1\nlog:\n  level: info\n  accesslog:\n    disabled: false\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            folder.path().join("data").display()
        );
        if let Some((user, password)) = &login {
            let users = run(Command::new("htpasswd").args(["-Bbn", user, password]));
            let file = folder.path().join("users");
            std::fs::write(&file, users).unwrap();
            write!(
                config,
                "auth:\n  htpasswd:\n    realm: lamina-tests\n    path: {}\n",
                file.display()
            )
            .unwrap();
        }
        let path = folder.path().join("config.yml");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path);
        let mut process = Process::start("docker-registry", command);
        process.listens(port).await;
        Self {
            process,
            port,
            login,
            _folder: folder,
        }
    }

    /// `localhost:<port>`, as one writes it in a reference.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Pushes an OCI archive under `name:tag`.
    pub(crate) fn push(&self, archive: &Path, name: &str) {
        let mut command = Command::new("skopeo");
        command.args([
            "copy",
            "--quiet",
            "--all",
            "--insecure-policy",
            "--dest-tls-verify=false",
        ]);
        if let Some((user, password)) = &self.login {
            command.arg(format!("--dest-creds={user}:{password}"));
        }
        command
            .arg(format!("oci-archive:{}", archive.display()))
            .arg(format!("docker://{}/{name}", self.host()));
        run(&mut command);
    }

    /// The requests it has answered, as `GET /v2/… 200`, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.process
            .log()
            .lines()
            .filter_map(|line| {
                let (_, rest) = line.split_once("] \"")?;
                let (request, rest) = rest.split_once('"')?;
                let (method, rest_of_request) = request.split_once(' ')?;
                let path = rest_of_request.split(' ').next()?;
                let status = rest.split_whitespace().next()?;
                Some(format!("{method} {path} {status}"))
            })
            .collect()
    }

    /// How many blobs have been asked for.
    pub(crate) fn blob_requests(&self) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.starts_with("GET ") && request.contains("/blobs/sha256:"))
            .count()
    }
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
