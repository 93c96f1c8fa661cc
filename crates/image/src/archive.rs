//! Images in one file: what `docker save`, `skopeo`, `kaniko`, `ctr export`, `crane` and `umoci`
//! write, each also compressed with gzip or zstd.
//!
//! An archive is read in one pass and never held: a member whose first bytes are those of a layer
//! streams through a [`LayerReader`] of its own into a sink that the caller makes, small JSON members
//! are kept, the rest goes past. Which member is which layer of which image is known at the end
//! only, because `manifest.json` may come last: [`ArchiveContents`] tells.
//!
//! Layouts: Docker's image specification 1.0 to 1.2 (`manifest.json`, `<id>/layer.tar`, also as
//! links), the OCI image layout 1.1 (`index.json`, `blobs/`), and both in one file as Docker 25 and
//! containerd write them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    config::{ConfigError, ImageConfig},
    digest::{DiffId, Digest, Hasher},
    layer::{
        Claim, Codec, Entry, EntryKind, EntrySink, LayerError, LayerExpectation, LayerOutcome,
        LayerReader, LayerSummary,
        inflate::{self, Decoder, Unpacked},
        places::Places,
        tar::{self, TarReader},
    },
    limits::{
        Limits, MAX_ARCHIVE_MEMBERS, MAX_ARCHIVE_METADATA_BYTES, MAX_CONFIG_BYTES, MAX_INDEX_DEPTH,
        MAX_LAYERS,
    },
    manifest::{
        Descriptor, Document, ImageIndex, ImageManifest, ManifestError, Role, parse_json, text_of,
    },
    path::LayerPath,
    platform::Platform,
    reference::Reference,
};

/// Receives the layers of an archive, in the order in which they lie there.
pub trait ArchiveSink {
    /// What receives one layer's entries.
    type Layer: EntrySink;

    /// Where the layer that begins next lies in the archive, once that is unpacked.
    fn layer_place(&mut self, _member: &LayerPath, _offset: u64) {}

    /// A layer begins. `size` is the member's length in bytes.
    fn layer_start(&mut self, member: &LayerPath, size: u64) -> Self::Layer;

    /// The layer is over, or as far as it goes.
    fn layer_end(&mut self, member: &LayerPath, layer: Self::Layer, outcome: LayerOutcome);
}

/// Why a file is no archive of images, or gives no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file itself cannot be read as a tar archive.
    #[error("the archive cannot be read")]
    Unreadable(#[source] LayerError),
    /// A tar archive of something else.
    #[error("the archive holds no image: there is neither a manifest.json nor an index.json in it")]
    NoManifest,
    /// A container's files, not an image.
    #[error(
        "the archive is a file system (as \"docker export\" writes), not an image; use \"docker \
         save\""
    )]
    FileSystem,
    /// What Docker wrote before version 1.10.
    #[error(
        "the archive has no manifest.json: it is incomplete, or was written by a Docker older than \
         1.10; load it into a current Docker and save it again"
    )]
    TooOld,
    /// `manifest.json` or `index.json` is there but lists nothing.
    #[error("the archive's {member} lists no image")]
    Empty {
        /// Which.
        member: &'static str,
    },
    /// `manifest.json` or `index.json` is a directory.
    #[error("the archive's {member} is a folder, not a file")]
    Folder {
        /// Which.
        member: &'static str,
    },
    /// A member cannot be read.
    #[error("the archive's {member:?} cannot be read")]
    Manifest {
        /// Which.
        member: LayerPath,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// An image's config cannot be read.
    #[error("the archive's {member:?} cannot be read")]
    Config {
        /// Which.
        member: LayerPath,
        /// Why.
        #[source]
        source: ConfigError,
    },
    /// Something that is named is not there.
    #[error("the archive's {what} {member:?} is missing")]
    Missing {
        /// What it is.
        what: &'static str,
        /// Where it should be.
        member: LayerPath,
    },
    /// Something is not what its digest says.
    #[error("the digest of the archive's {member:?} is {actual} where {expected} is named")]
    Digest {
        /// Which.
        member: LayerPath,
        /// The digest by which it is named.
        expected: Digest,
        /// Its digest.
        actual: Digest,
    },
    /// A limit of [`crate::limits`] was passed.
    #[error("the archive has more than {limit} {what}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// There are several images, and none was named.
    #[error("the archive holds several images; name one of them: {}", .names.join(", "))]
    WhichImage {
        /// Their names.
        names: Vec<String>,
    },
    /// There is no image of that name.
    #[error("the archive holds no image {wanted:?}; it holds {}", .names.join(", "))]
    NoSuchImage {
        /// What was asked for.
        wanted: String,
        /// What there is.
        names: Vec<String>,
    },
    /// There is no image for that platform.
    #[error("the archive holds no image for {wanted}; it holds {}", .offered.join(", "))]
    NoSuchPlatform {
        /// What was asked for.
        wanted: Platform,
        /// What there is.
        offered: Vec<String>,
    },
}

/// Reads one archive.
pub struct ArchiveReader<S: ArchiveSink> {
    decoder: Decoder,
    tar: TarReader,
    members: Members<S>,
    error: Option<LayerError>,
}

/// What an archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveContents {
    /// The images that can be read, in the archive's order.
    pub images: Vec<ArchiveImage>,
    /// Images that cannot, and why.
    pub broken: Vec<ArchiveError>,
    /// The archive broke off or is damaged; what was read before counts.
    pub problem: Option<LayerError>,
    /// The JSON members, as they lie there: see [`ArchiveImage::documents`].
    pub members: BTreeMap<LayerPath, Vec<u8>>,
}

/// What a JSON member of an archive is to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentRole {
    /// Docker's list of images, `manifest.json`.
    List,
    /// An OCI index: `index.json`, or one that it names.
    Index,
    /// The image's manifest.
    Manifest,
    /// The image's config.
    Config,
}

/// One image of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveImage {
    /// Its names, as written: `nginx:1.25`, `docker.io/library/nginx:1.25`, or a tag alone.
    pub names: Vec<String>,
    /// For which platform it is, by its index or its config.
    pub platform: Option<Platform>,
    /// Its manifest and the manifest's digest, if the archive has one.
    pub manifest: Option<(Digest, ImageManifest)>,
    /// The digest of its config: Docker's image id.
    pub config_digest: Digest,
    /// Its config.
    pub config: ImageConfig,
    /// Its layers, lowest first.
    pub layers: Vec<ArchiveLayer>,
    /// What cannot be trusted about it: members that are not what their digest says.
    pub problems: Vec<ArchiveError>,
    /// The members that describe it, from the outermost on: keys of [`ArchiveContents::members`].
    pub documents: Vec<(DocumentRole, LayerPath)>,
}

/// One layer of an image in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveLayer {
    /// The member that was handed to the [`ArchiveSink`]; `None` if it is missing.
    pub member: Option<LayerPath>,
    /// Where it should lie.
    pub named: LayerPath,
    /// The blob's descriptor, if there is a manifest.
    pub descriptor: Option<Descriptor>,
    /// The diff id that the config names.
    pub diff_id: Option<DiffId>,
    /// What was found out while reading.
    pub summary: Option<LayerSummary>,
    /// Why it cannot be trusted or is incomplete.
    pub error: Option<LayerError>,
}

impl<S: ArchiveSink> ArchiveReader<S> {
    /// Starts an archive. The limits are those of each layer in it.
    pub fn new(limits: Limits) -> Self {
        let outer = Limits {
            entries: MAX_ARCHIVE_MEMBERS,
            ..limits.clone()
        };
        Self {
            decoder: Decoder::new(limits.zstd_window_bytes, true),
            tar: TarReader::new(outer),
            members: Members::new(limits),
            error: None,
        }
    }

    /// Takes the next bytes of the archive.
    ///
    /// # Errors
    /// Once, when it cannot be read on; [`ArchiveReader::finish`] then gives what there was.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut S) -> Result<(), ArchiveError> {
        if self.error.is_some() {
            return Ok(());
        }
        let mut out = Out {
            tar: &mut self.tar,
            members: &mut self.members,
            sink,
        };
        self.decoder.feed(bytes, &mut out).map_err(|error| {
            self.error = Some(error.clone());
            ArchiveError::Unreadable(error)
        })
    }

    /// Whether the archive itself is not compressed: its members then lie in the file as they are.
    pub fn is_plain(&self) -> bool {
        self.decoder.codec() == Some(Codec::Tar)
    }

    /// The archive is over: tells which images are in it.
    ///
    /// # Errors
    /// When there is none, and why.
    pub fn finish(mut self, sink: &mut S) -> Result<ArchiveContents, ArchiveError> {
        if self.error.is_none() {
            let mut out = Out {
                tar: &mut self.tar,
                members: &mut self.members,
                sink,
            };
            let result = self.decoder.finish(&mut out);
            self.error = result.and_then(|()| self.tar.finish().map(drop)).err();
        }
        self.members.end_member(sink);
        let Members {
            store, over_limit, ..
        } = self.members;
        let mut contents = match store.contents() {
            Ok(contents) => contents,
            // The image may be in the part that is missing.
            Err(error) => {
                return Err(match (self.error, over_limit) {
                    (Some(problem), _) => ArchiveError::Unreadable(problem),
                    (None, Some(limit)) => limit,
                    (None, None) => error,
                });
            }
        };
        contents.problem = self.error;
        contents.broken.extend(over_limit);
        Ok(contents)
    }
}

impl ArchiveContents {
    /// The image to look at: by name if one is wanted, for a platform if one is wanted (else
    /// `linux/amd64` if there are several).
    ///
    /// # Errors
    /// When there is none, or several to choose from: then they are listed.
    pub fn choose(
        &self,
        name: Option<&str>,
        platform: Option<&Platform>,
    ) -> Result<&ArchiveImage, ArchiveError> {
        let mut images: Vec<&ArchiveImage> = self.images.iter().collect();
        if images.is_empty() {
            return Err(self
                .broken
                .first()
                .cloned()
                .unwrap_or(ArchiveError::NoManifest));
        }
        if let Some(name) = name {
            images.retain(|image| image.is_named(name));
            if images.is_empty() {
                return Err(ArchiveError::NoSuchImage {
                    wanted: name.to_owned(),
                    names: self.images.iter().map(ArchiveImage::name).collect(),
                });
            }
        }
        if let Some(platform) = platform {
            let offered = images.iter().filter_map(|i| i.platform.as_ref());
            let offered: Vec<String> = offered.map(ToString::to_string).collect();
            images = best_for(&images, platform);
            if images.is_empty() {
                return Err(ArchiveError::NoSuchPlatform {
                    wanted: platform.clone(),
                    offered,
                });
            }
        } else if images.len() > 1 {
            let default = best_for(&images, &Platform::linux_amd64());
            if !default.is_empty() {
                images = default;
            }
        }
        match images.as_slice() {
            [only] => Ok(only),
            several => Err(ArchiveError::WhichImage {
                names: several.iter().map(|image| image.name()).collect(),
            }),
        }
    }
}

impl ArchiveImage {
    /// A name to show: the first, or the start of the image's id.
    pub fn name(&self) -> String {
        self.names
            .first()
            .cloned()
            .unwrap_or_else(|| self.config_digest.short().to_owned())
    }

    /// Whether `name` is one of its names, in whatever form they are written, or begins its id.
    pub fn is_named(&self, name: &str) -> bool {
        let wanted = Reference::parse(name).ok();
        let is_id = name.len() >= 12 && self.config_digest.hex().starts_with(name);
        is_id
            || self.names.iter().any(|own| {
                own == name || (wanted.is_some() && Reference::parse(own).ok() == wanted)
            })
    }
}

impl ArchiveImage {
    /// Adds what `other`, a second description of the same image, knows better.
    fn join(&mut self, other: ArchiveImage) {
        let is_whole = |image: &Self| image.layers.iter().all(|layer| layer.member.is_some());
        if !is_whole(self) && is_whole(&other) {
            self.layers = other.layers;
        }
        // Where a whole name is known, a tag alone says nothing more.
        if !other.names.is_empty() {
            self.names.retain(|name| name.contains(['/', ':']));
        }
        for name in other.names {
            if !self.is_named(&name) {
                self.names.push(name);
            }
        }
        for document in other.documents {
            if !self.documents.contains(&document) {
                self.documents.push(document);
            }
        }
        self.documents.sort_by_key(|(role, _)| *role);
    }
}

fn best_for<'a>(images: &[&'a ArchiveImage], wanted: &Platform) -> Vec<&'a ArchiveImage> {
    let rank = |image: &ArchiveImage| wanted.rank_of(image.platform.as_ref()?);
    let best = images.iter().filter_map(|image| rank(image)).min();
    images
        .iter()
        .copied()
        .filter(|image| best.is_some() && rank(image) == best)
        .collect()
}

struct Out<'a, S: ArchiveSink> {
    tar: &'a mut TarReader,
    members: &'a mut Members<S>,
    sink: &'a mut S,
}

impl<S: ArchiveSink> Unpacked for Out<'_, S> {
    fn piece(&mut self, bytes: &[u8], compressed: u64, _codec: Codec) -> Result<(), LayerError> {
        // A layer within sees unpacked bytes alone; only here is it seen how few they came from.
        let unpacked = self.tar.position() + bytes.len() as u64;
        self.members.limits.check_ratio(compressed, unpacked)?;
        let mut into = Into {
            members: self.members,
            sink: self.sink,
        };
        self.tar.feed(bytes, &mut into)
    }
}

struct Into<'a, S: ArchiveSink> {
    members: &'a mut Members<S>,
    sink: &'a mut S,
}

/// The member that is being read, and those that were.
struct Members<S: ArchiveSink> {
    limits: Limits,
    current: Current<S>,
    /// Where the current member's content begins.
    content_at: u64,
    store: Store,
    over_limit: Option<ArchiveError>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one, and it lives for a whole layer"
)]
enum Current<S: ArchiveSink> {
    None,
    /// Too little was seen to know what it is.
    Sniffing {
        path: LayerPath,
        size: u64,
        head: Vec<u8>,
    },
    Held {
        path: LayerPath,
        bytes: Vec<u8>,
    },
    Layer {
        path: LayerPath,
        reader: LayerReader,
        layer: S::Layer,
    },
}

/// What is kept of an archive.
#[derive(Default)]
struct Store {
    held: BTreeMap<LayerPath, Vec<u8>>,
    held_bytes: usize,
    layers: BTreeMap<LayerPath, LayerOutcome>,
    links: BTreeMap<LayerPath, LayerPath>,
    folders: BTreeSet<LayerPath>,
}

/// Bytes that tell what a member is: a tar header.
const HEAD_BYTES: usize = 512;

impl<S: ArchiveSink> EntrySink for Into<'_, S> {
    fn place(&mut self, _: u64, content: u64) {
        self.members.content_at = content;
    }

    fn entry(&mut self, entry: &Entry) -> Claim {
        self.members.end_member(self.sink);
        let store = &mut self.members.store;
        match &entry.kind {
            EntryKind::File => {
                self.members.current = Current::Sniffing {
                    path: entry.path.clone(),
                    size: entry.size,
                    head: Vec::with_capacity(HEAD_BYTES),
                };
                return Claim::Take;
            }
            EntryKind::Symlink { target } => {
                let target = match (target.first(), entry.path.parent()) {
                    (Some(b'/'), _) | (_, None) => LayerPath::from_bytes(target),
                    (_, Some(parent)) => parent.join(target),
                };
                store.links.insert(entry.path.clone(), target);
            }
            EntryKind::HardLink { target } => {
                store.links.insert(entry.path.clone(), target.clone());
            }
            EntryKind::Directory => {
                store.folders.insert(entry.path.clone());
            }
            EntryKind::Special | EntryKind::Whiteout | EntryKind::Opaque => {}
        }
        Claim::Skip
    }

    fn data(&mut self, bytes: &[u8]) {
        self.members.data(bytes, self.sink);
    }

    fn end(&mut self) {
        self.members.decide(self.sink, &[]);
        self.members.end_member(self.sink);
    }
}

impl<S: ArchiveSink> Members<S> {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            current: Current::None,
            content_at: 0,
            store: Store::default(),
            over_limit: None,
        }
    }

    fn data(&mut self, bytes: &[u8], sink: &mut S) {
        match &mut self.current {
            Current::None => {}
            Current::Held { bytes: held, .. } => held.extend_from_slice(bytes),
            Current::Layer { reader, layer, .. } => {
                // An error is kept by the reader and comes with the outcome.
                let _ = reader.feed(bytes, layer);
            }
            Current::Sniffing { head, .. } => {
                let (taken, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES - head.len()));
                head.extend_from_slice(taken);
                if head.len() == HEAD_BYTES {
                    self.decide(sink, rest);
                }
            }
        }
    }

    /// Tells by its head what a member is; `rest` is what came with the head.
    fn decide(&mut self, sink: &mut S, rest: &[u8]) {
        let (path, size, head) = match std::mem::replace(&mut self.current, Current::None) {
            Current::Sniffing { path, size, head } => (path, size, head),
            other => {
                self.current = other;
                return;
            }
        };
        if is_layer(&path, &head) {
            let expectation = LayerExpectation {
                digest: blob_digest(&path),
                size: Some(size),
                diff_id: None,
            };
            sink.layer_place(&path, self.content_at);
            let mut layer = sink.layer_start(&path, size);
            let mut reader = LayerReader::new(expectation, self.limits.clone());
            let _ = reader.feed(&head, &mut layer);
            let _ = reader.feed(rest, &mut layer);
            self.current = Current::Layer {
                path,
                reader,
                layer,
            };
        } else if is_list(&path) || is_json(&head) {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let total = self.store.held_bytes.saturating_add(size);
            if size > MAX_CONFIG_BYTES || total > MAX_ARCHIVE_METADATA_BYTES {
                self.over_limit = Some(ArchiveError::Limit {
                    what: "bytes of JSON",
                    limit: if size > MAX_CONFIG_BYTES {
                        MAX_CONFIG_BYTES as u64
                    } else {
                        MAX_ARCHIVE_METADATA_BYTES as u64
                    },
                });
                return;
            }
            self.store.held_bytes = total;
            let mut bytes = head;
            bytes.extend_from_slice(rest);
            self.current = Current::Held { path, bytes };
        }
    }

    fn end_member(&mut self, sink: &mut S) {
        match std::mem::replace(&mut self.current, Current::None) {
            Current::None | Current::Sniffing { .. } => {}
            Current::Held { path, bytes } => {
                self.store.held.insert(path, bytes);
            }
            Current::Layer {
                path,
                reader,
                mut layer,
            } => {
                let outcome = reader.finish(&mut layer);
                let kept = LayerOutcome {
                    summary: outcome.summary.clone(),
                    error: outcome.error.clone(),
                    places: Places::default(),
                };
                sink.layer_end(&path, layer, outcome);
                self.store.layers.insert(path, kept);
            }
        }
    }
}

fn is_layer(path: &LayerPath, head: &[u8]) -> bool {
    let name = path.file_name();
    let is_named_so = [&b".tar"[..], b".tar.gz", b".tgz", b".tar.zst"]
        .iter()
        .any(|ending| name.ends_with(ending));
    let is_blob = path.as_bytes().starts_with(b"blobs/");
    // macOS puts its own data beside each file, as `._name`.
    !name.starts_with(b"._")
        && (inflate::is_compressed(head)
            || tar::is_header(head)
            || is_named_so
            || (is_blob && inflate::is_unsupported(head)))
}

/// What lists the images is kept whatever it holds, to say what is wrong with it.
fn is_list(path: &LayerPath) -> bool {
    matches!(path.as_bytes(), b"index.json" | b"manifest.json")
}

fn is_json(head: &[u8]) -> bool {
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let start = start.trim_ascii_start();
    matches!(start.first(), Some(b'{' | b'[' | b'<')) || start.starts_with(b"null")
}

/// The digest in `blobs/sha256/<hex>`.
fn blob_digest(path: &LayerPath) -> Option<Digest> {
    let (algorithm, hex) = path.as_str()?.strip_prefix("blobs/")?.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

fn blob_path(digest: &Digest) -> LayerPath {
    let (name, hex) = (digest.algorithm().name(), digest.hex());
    LayerPath::from(format!("blobs/{name}/{hex}").as_str())
}

impl Store {
    fn contents(self) -> Result<ArchiveContents, ArchiveError> {
        let mut contents = ArchiveContents {
            images: Vec::new(),
            broken: Vec::new(),
            problem: None,
            members: BTreeMap::new(),
        };
        let index = self.read("index.json");
        let list = self.read("manifest.json");
        if let Some(bytes) = index {
            self.read_index(bytes, &mut contents);
        }
        if let Some(bytes) = list {
            self.read_list(bytes, &mut contents);
        }
        if contents.images.is_empty() && contents.broken.is_empty() {
            return Err(self.why_nothing(index.is_some(), list.is_some()));
        }
        // What one of the two lists describes well, the other need not.
        if contents.images.is_empty()
            && let Some(error) = contents.broken.first()
        {
            return Err(error.clone());
        }
        contents.members = self.held;
        Ok(contents)
    }

    fn why_nothing(&self, has_index: bool, has_list: bool) -> ArchiveError {
        let is_folder = |name: &str| self.folders.contains(&LayerPath::from(name));
        if has_list {
            return ArchiveError::Empty {
                member: "manifest.json",
            };
        }
        if has_index {
            return ArchiveError::Empty {
                member: "index.json",
            };
        }
        for member in ["index.json", "manifest.json"] {
            if is_folder(member) {
                return ArchiveError::Folder { member };
            }
        }
        if self.held.contains_key(&LayerPath::from("repositories")) {
            return ArchiveError::TooOld;
        }
        let has = |name: &str| {
            let path = LayerPath::from(name);
            self.folders.contains(&path) || self.links.contains_key(&path)
        };
        if has("etc") && (has("usr") || has("bin")) {
            return ArchiveError::FileSystem;
        }
        ArchiveError::NoManifest
    }

    /// A JSON member, through links; also if the archive was made one folder up (`./x/index.json`
    /// is not looked for: that is no layout that any tool writes).
    fn read(&self, name: &str) -> Option<&[u8]> {
        let path = self.member(&LayerPath::from(name))?;
        self.held.get(&path).map(Vec::as_slice)
    }

    /// The same, or the name itself.
    fn path_of(&self, path: &LayerPath) -> LayerPath {
        self.member(path).unwrap_or_else(|| path.clone())
    }

    /// The member that a name leads to through links.
    fn member(&self, path: &LayerPath) -> Option<LayerPath> {
        let mut path = path.clone();
        for _ in 0..8 {
            if self.held.contains_key(&path) || self.layers.contains_key(&path) {
                return Some(path);
            }
            path = self.links.get(&path)?.clone();
        }
        None
    }

    /// The OCI layout.
    fn read_index(&self, bytes: &[u8], contents: &mut ArchiveContents) {
        let member = LayerPath::from("index.json");
        match Document::parse(bytes, None) {
            Ok(Document::Index(index)) => {
                let above = [(DocumentRole::Index, self.path_of(&member))];
                self.read_entries(&index, &[], &above, contents);
            }
            Ok(Document::Image(manifest)) => {
                let documents = vec![(DocumentRole::Manifest, self.path_of(&member))];
                let digest = Digest::of(bytes);
                add(contents, self.oci_image(digest, manifest, None, documents));
            }
            Err(source) => contents
                .broken
                .push(ArchiveError::Manifest { member, source }),
        }
    }

    fn read_entries(
        &self,
        index: &ImageIndex,
        outer_names: &[String],
        above: &[(DocumentRole, LayerPath)],
        contents: &mut ArchiveContents,
    ) {
        let mut missing = Vec::new();
        let before = contents.images.len();
        for entry in &index.entries {
            let descriptor = &entry.descriptor;
            if !matches!(entry.role, Role::Image | Role::Index) {
                continue;
            }
            let mut names = names_of(descriptor);
            if names.is_empty() {
                names = outer_names.to_vec();
            }
            let path = blob_path(&descriptor.digest);
            let Some(bytes) = self.held.get(&path) else {
                missing.push(ArchiveError::Missing {
                    what: "manifest",
                    member: path,
                });
                continue;
            };
            let problem = verify(&path, bytes, &descriptor.digest);
            match Document::parse(bytes, Some(&descriptor.media_type)) {
                // The outermost is one of those above.
                Ok(Document::Index(index)) if above.len() <= MAX_INDEX_DEPTH => {
                    let mut documents = above.to_vec();
                    documents.push((DocumentRole::Index, path));
                    self.read_entries(&index, &names, &documents, contents);
                }
                Ok(Document::Index(_)) => contents.broken.push(ArchiveError::Limit {
                    what: "nested indexes",
                    limit: MAX_INDEX_DEPTH as u64,
                }),
                Ok(Document::Image(manifest)) => {
                    let platform = descriptor.platform.clone();
                    let digest = descriptor.digest.clone();
                    let mut documents = above.to_vec();
                    documents.push((DocumentRole::Manifest, path));
                    let mut image = self.oci_image(digest, manifest, platform, documents);
                    if let Ok(image) = &mut image {
                        image.names = names;
                        image.problems.extend(problem);
                    }
                    add(contents, image);
                }
                // An attestation or a signature that its index did not mark.
                Err(ManifestError::Artifact { .. }) => {}
                Err(source) => contents.broken.push(ArchiveError::Manifest {
                    member: path,
                    source,
                }),
            }
        }
        // `docker save` of one platform keeps the index of all of them.
        if contents.images.len() == before {
            contents.broken.extend(missing);
        }
    }

    fn oci_image(
        &self,
        digest: Digest,
        manifest: ImageManifest,
        platform: Option<Platform>,
        mut documents: Vec<(DocumentRole, LayerPath)>,
    ) -> Result<ArchiveImage, ArchiveError> {
        let path = blob_path(&manifest.config.digest);
        let bytes = self.held.get(&path).ok_or(ArchiveError::Missing {
            what: "image config",
            member: path.clone(),
        })?;
        let problem = verify(&path, bytes, &manifest.config.digest);
        documents.push((DocumentRole::Config, path.clone()));
        let config = ImageConfig::parse(bytes).map_err(|source| ArchiveError::Config {
            member: path,
            source,
        })?;
        let layers = manifest
            .layers
            .iter()
            .enumerate()
            .map(|(index, descriptor)| {
                self.layer(
                    blob_path(&descriptor.digest),
                    Some(descriptor.clone()),
                    config.diff_ids.get(index).cloned(),
                )
            })
            .collect();
        Ok(ArchiveImage {
            names: Vec::new(),
            platform: platform.or_else(|| config.platform.clone()),
            config_digest: manifest.config.digest.clone(),
            manifest: Some((digest, manifest)),
            config,
            layers,
            problems: problem.into_iter().collect(),
            documents,
        })
    }

    /// Docker's `manifest.json`.
    fn read_list(&self, bytes: &[u8], contents: &mut ArchiveContents) {
        let member = LayerPath::from("manifest.json");
        let list = match parse_json(bytes, MAX_CONFIG_BYTES) {
            Ok(Value::Array(list)) => list,
            Ok(_) => Vec::new(),
            Err(source) => {
                contents
                    .broken
                    .push(ArchiveError::Manifest { member, source });
                return;
            }
        };
        for item in &list {
            match self.docker_image(item) {
                Ok(image) => {
                    // The same image may be in the OCI index too, which knows more of it but not
                    // always its names.
                    let id = &image.config_digest;
                    let known = contents.images.iter_mut();
                    match known.into_iter().find(|known| known.config_digest == *id) {
                        Some(known) => known.join(image),
                        None => contents.images.push(image),
                    }
                }
                Err(error) => contents.broken.push(error),
            }
        }
    }

    fn docker_image(&self, item: &Value) -> Result<ArchiveImage, ArchiveError> {
        let texts = |name| -> Vec<String> {
            match item.get(name) {
                Some(Value::Array(list)) => list
                    .iter()
                    .filter_map(|text| text.as_str().map(str::to_owned))
                    .collect(),
                _ => Vec::new(),
            }
        };
        let named = LayerPath::from(text_of(item, "Config").unwrap_or_default().as_str());
        let missing = || ArchiveError::Missing {
            what: "image config",
            member: named.clone(),
        };
        let path = self.member(&named).ok_or_else(missing)?;
        let bytes = self.held.get(&path).ok_or_else(missing)?;
        let problem = blob_digest(&path).and_then(|digest| verify(&path, bytes, &digest));
        let list = self.path_of(&LayerPath::from("manifest.json"));
        let documents = vec![
            (DocumentRole::List, list),
            (DocumentRole::Config, path.clone()),
        ];
        let config = ImageConfig::parse(bytes).map_err(|source| ArchiveError::Config {
            member: path,
            source,
        })?;
        let layers = texts("Layers");
        if layers.len() > MAX_LAYERS {
            return Err(ArchiveError::Limit {
                what: "layers",
                limit: MAX_LAYERS as u64,
            });
        }
        let layers = layers
            .iter()
            .enumerate()
            .map(|(index, named)| {
                self.layer(
                    LayerPath::from(named.as_str()),
                    None,
                    config.diff_ids.get(index).cloned(),
                )
            })
            .collect();
        Ok(ArchiveImage {
            names: texts("RepoTags"),
            platform: config.platform.clone(),
            manifest: None,
            config_digest: Digest::of(bytes),
            config,
            layers,
            problems: problem.into_iter().collect(),
            documents,
        })
    }

    fn layer(
        &self,
        named: LayerPath,
        descriptor: Option<Descriptor>,
        diff_id: Option<DiffId>,
    ) -> ArchiveLayer {
        let member = self
            .member(&named)
            .filter(|member| self.layers.contains_key(member));
        let outcome = member.as_ref().and_then(|member| self.layers.get(member));
        let summary = outcome.map(|outcome| outcome.summary.clone());
        let mut error = outcome.and_then(|outcome| outcome.error.clone());
        let actual = summary.as_ref().and_then(|summary| summary.diff_id.clone());
        if error.is_none()
            && let (Some(expected), Some(actual)) = (&diff_id, actual)
            && *expected != actual
        {
            error = Some(LayerError::DiffId {
                expected: expected.clone(),
                actual,
            });
        }
        ArchiveLayer {
            member,
            named,
            descriptor,
            diff_id,
            summary,
            error,
        }
    }
}

fn add(contents: &mut ArchiveContents, image: Result<ArchiveImage, ArchiveError>) {
    match image {
        Ok(image) => match contents
            .images
            .iter_mut()
            .find(|known| known.manifest.is_some() && known.manifest == image.manifest)
        {
            // One image under two names is listed twice.
            Some(known) => known.names.extend(image.names),
            None => contents.images.push(image),
        },
        Err(error) => contents.broken.push(error),
    }
}

fn names_of(descriptor: &Descriptor) -> Vec<String> {
    // containerd writes the whole name; OCI's own annotation is most often the tag alone.
    [
        "io.containerd.image.name",
        "org.opencontainers.image.ref.name",
    ]
    .iter()
    .find_map(|key| descriptor.annotations.get(*key))
    .cloned()
    .into_iter()
    .collect()
}

/// What is wrong if `bytes` are not what `digest` names.
fn verify(path: &LayerPath, bytes: &[u8], digest: &Digest) -> Option<ArchiveError> {
    let mut hasher = Hasher::new(digest.algorithm());
    hasher.update(bytes);
    let actual = hasher.finish();
    (actual != *digest).then(|| ArchiveError::Digest {
        member: path.clone(),
        expected: digest.clone(),
        actual,
    })
}
