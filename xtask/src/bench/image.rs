//! The large image, and the registry that serves it.

use std::{
    fs::File,
    io::{BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use sha2::Digest as _;

use crate::{
    demo::{digest_of, hex},
    shell,
};

/// Layers besides the base, and bytes of files in each.
const LAYERS: usize = 4;
const LAYER_BYTES: u64 = 245_000_000;
/// Larger files are left out: one of them would be half a layer.
const FILE_BYTES: u64 = 128_000_000;
/// Larger packages are left out: one of them would be the image.
const PACKAGE_BYTES: u64 = 400_000_000;

/// The image on disk.
#[derive(Debug)]
pub(crate) struct Image {
    /// Layers as they are served.
    pub(crate) blobs: Vec<PathBuf>,
    pub(crate) compressed: u64,
    pub(crate) uncompressed: u64,
}

/// Builds the image as an OCI layout under `folder/layout`, once.
pub(crate) fn ensure(folder: &Path) -> Result<Image> {
    let layout = folder.join("layout");
    let summary = folder.join("image-3.json");
    if !summary.is_file() {
        println!("   building it from this machine's files (a few minutes, once)");
        let _ = std::fs::remove_dir_all(&layout);
        let _ = std::fs::remove_dir_all(folder.join("registry"));
        std::fs::create_dir_all(layout.join("blobs/sha256"))?;
        let built = build(&layout)?;
        std::fs::write(&summary, serde_json::to_vec(&built)?)?;
    }
    let built: serde_json::Value = serde_json::from_slice(&std::fs::read(&summary)?)?;
    let blobs: Vec<PathBuf> = built["blobs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|digest| digest.as_str())
        .map(|digest| layout.join("blobs").join(digest.replace(':', "/")))
        .collect();
    let mut compressed = 0;
    for blob in &blobs {
        compressed += std::fs::metadata(blob)?.len();
    }
    Ok(Image {
        blobs,
        compressed,
        uncompressed: built["uncompressed"].as_u64().unwrap_or_default(),
    })
}

fn build(layout: &Path) -> Result<serde_json::Value> {
    let lists = choose()?;
    let mut layers = Vec::new();
    let mut diff_ids = Vec::new();
    let mut history = Vec::new();
    let mut blobs = Vec::new();
    let mut uncompressed = 0;
    for (index, list) in lists.iter().enumerate() {
        let layer = pack(layout, list).with_context(|| format!("packing layer {index}"))?;
        uncompressed += layer.tar_size;
        layers.push(json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": layer.digest,
            "size": layer.size,
        }));
        diff_ids.push(layer.diff_id);
        history.push(json!({ "created": "2024-01-01T00:00:00Z", "created_by": format!("COPY part {index} of this machine") }));
        blobs.push(layer.digest);
    }
    let put = |value: &serde_json::Value| -> Result<(String, usize)> {
        let bytes = serde_json::to_vec(value)?;
        let digest = digest_of(&bytes);
        std::fs::write(layout.join("blobs").join(digest.replace(':', "/")), &bytes)?;
        Ok((digest, bytes.len()))
    };
    let (config, config_size) = put(&json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": history,
    }))?;
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let (manifest, size) = put(&json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": config_size },
        "layers": layers,
    }))?;
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{ "mediaType": media_type, "digest": manifest, "size": size }],
    });
    std::fs::write(layout.join("index.json"), serde_json::to_vec(&index)?)?;
    std::fs::write(
        layout.join("oci-layout"),
        br#"{"imageLayoutVersion":"1.0.0"}"#,
    )?;
    Ok(json!({ "blobs": blobs, "uncompressed": uncompressed }))
}

/// Which files go into which layer: the package database first, then what there is, in order.
fn choose() -> Result<Vec<Vec<PathBuf>>> {
    let base = [
        "/etc/os-release",
        "/etc/debian_version",
        "/usr/lib/os-release",
        "/var/lib/dpkg/status",
        "/var/lib/dpkg/info",
    ];
    let mut first = Vec::new();
    for path in base {
        collect(Path::new(path), &mut first);
    }
    let mut lists = vec![first.into_iter().map(|(path, _)| path).collect()];
    let mut all = Vec::new();
    installed(&mut all)?;
    // For machines with few packages.
    collect(Path::new("/usr"), &mut all);
    let home = std::env::var("HOME").unwrap_or_default();
    for path in [".cargo/registry/src", ".rustup/toolchains"] {
        collect(&Path::new(&home).join(path), &mut all);
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut list = Vec::new();
    let mut bytes = 0;
    for (path, size) in all {
        // Trivy fetches a database when it sees Java archives, and here is no network.
        let is_java = path.extension().is_some_and(|end| end == "jar");
        if is_java || size > FILE_BYTES || !seen.insert(path.clone()) {
            continue;
        }
        list.push(path);
        bytes += size;
        if bytes >= LAYER_BYTES {
            lists.push(std::mem::take(&mut list));
            bytes = 0;
            if lists.len() > LAYERS {
                return Ok(lists);
            }
        }
    }
    bail!(
        "this machine has too few files for an image of {} MB",
        LAYERS as u64 * LAYER_BYTES / 1_000_000
    )
}

/// What Debian's packages installed, package by package, as an image of Debian would hold it.
fn installed(found: &mut Vec<(PathBuf, u64)>) -> Result<()> {
    let mut lists = Vec::new();
    collect(Path::new("/var/lib/dpkg/info"), &mut lists);
    for (list, _) in lists {
        if list.extension().is_none_or(|end| end != "list") {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&list)?).into_owned();
        let mut files = Vec::new();
        for path in text.lines().map(Path::new) {
            if path
                .symlink_metadata()
                .is_ok_and(|metadata| !metadata.is_dir())
            {
                collect(path, &mut files);
            }
        }
        let bytes: u64 = files.iter().map(|(_, size)| size).sum();
        if bytes <= PACKAGE_BYTES {
            found.extend(files);
        }
    }
    Ok(())
}

fn collect(path: &Path, found: &mut Vec<(PathBuf, u64)>) {
    let Ok(metadata) = path.symlink_metadata() else {
        return;
    };
    if metadata.is_dir() {
        let Ok(entries) = std::fs::read_dir(path) else {
            return;
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            collect(&path, found);
        }
    } else if (metadata.is_file() || metadata.is_symlink()) && File::open(path).is_ok() {
        found.push((path.to_owned(), metadata.size()));
    }
}

struct Packed {
    digest: String,
    size: u64,
    diff_id: String,
    tar_size: u64,
}

/// `tar` of the listed files, then `gzip -6`, as most registries hold them.
fn pack(layout: &Path, list: &[PathBuf]) -> Result<Packed> {
    let names = layout.join("names");
    let mut file = File::create(&names)?;
    for path in list {
        use std::os::unix::ffi::OsStrExt as _;
        file.write_all(
            path.strip_prefix("/")
                .unwrap_or(path)
                .as_os_str()
                .as_bytes(),
        )?;
        file.write_all(b"\0")?;
    }
    drop(file);
    let tar = layout.join("layer.tar");
    shell::run("tar --create --directory / --null --no-recursion --numeric-owner --owner=0 --group=0 --mtime=@1700000000 --hard-dereference")
        .arg(format!("--files-from={}", names.display()))
        .arg(format!("--file={}", tar.display()))
        .read()?;
    let (diff_id, tar_size) = digest_of_file(&tar)?;
    shell::run("gzip -6 --no-name --keep --force")
        .arg(&tar)
        .read()?;
    let blob = layout.join("layer.tar.gz");
    let (digest, size) = digest_of_file(&blob)?;
    std::fs::rename(&blob, layout.join("blobs").join(digest.replace(':', "/")))?;
    std::fs::remove_file(tar)?;
    std::fs::remove_file(names)?;
    Ok(Packed {
        digest,
        size,
        diff_id,
        tar_size,
    })
}

fn digest_of_file(path: &Path) -> Result<(String, u64)> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let read = reader.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok((format!("sha256:{}", hex(&hasher.finalize())), size));
        };
        hasher.update(bytes);
        size += read as u64;
    }
}

/// A `docker-registry` that answers browsers across origins. Dropping it ends it.
pub(crate) struct Registry {
    child: Child,
    pub(crate) port: u16,
}

impl Registry {
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let config = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n  headers:\n    Access-Control-Allow-Origin: ['*']\n    Access-Control-Allow-Methods: ['HEAD', 'GET', 'OPTIONS']\n    Access-Control-Allow-Headers: ['Accept', 'Authorization', 'Range']\n    Access-Control-Expose-Headers: ['Docker-Content-Digest', 'Content-Length', 'Content-Range', 'Link', 'WWW-Authenticate']\n",
            folder.join("registry").display()
        );
        let path = folder.join("registry.yml");
        std::fs::write(&path, config)?;
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting docker-registry")?;
        let registry = Self { child, port };
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(registry);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("docker-registry does not listen on {port}")
    }

    pub(crate) fn push(&self, layout: &Path, name: &str) -> Result<()> {
        shell::run("skopeo copy --quiet --insecure-policy --dest-tls-verify=false")
            .arg(format!("oci:{}", layout.display()))
            .arg(format!("docker://localhost:{}/{name}", self.port))
            .read()
            .map(drop)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
