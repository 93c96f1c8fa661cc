//! `lamina bases`: a list of known base images, from registries and archives.
//!
//! Of each image manifest and config are read, and no layer: the chain id of its top layer follows
//! from the config. `lamina scan` and the page look into the list to tell where an image's base ends
//! (docs/inventory.md).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{IsTerminal as _, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, stream};
use lamina_image::{
    archive::{ArchiveImage, ArchiveReader, ArchiveSink},
    config::ImageConfig,
    digest::Digest,
    layer::{Claim, Entry, EntrySink, LayerOutcome},
    limits::{Limits, MAX_INDEX_DEPTH},
    manifest::{Document, ImageIndex, ImageManifest, Role},
    path::LayerPath,
    platform::Platform,
    reference::Reference,
};
use lamina_inventory::{
    known_bases::{FILE_NAME, KnownBase, KnownBases},
    limits::{MAX_KNOWN_BASES, MAX_KNOWN_BASES_BYTES},
};
use lamina_registry::Session;

use crate::{
    credentials::RegistryArgs,
    db::{Signer, replace},
    limits::{BASE_LIST_BYTES, BASES_AT_ONCE, IMAGES_OF_REFERENCE},
    transport::Transport,
};

/// Name of the list's signature, beside it.
pub(crate) const SIGNATURE: &str = "bases.json.minisig";

/// Arguments of `lamina bases`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Images that others are built on: `debian:12`, `ghcr.io/owner/base:1`.
    #[arg(value_name = "REF")]
    pub references: Vec<String>,

    /// A file with one reference a line; what follows a `#` is not read.
    #[arg(long, value_name = "FILE")]
    pub from: Vec<PathBuf>,

    /// An archive (`docker save`, OCI layout) whose images are added under the names that they have in
    /// it.
    #[arg(long, value_name = "FILE")]
    pub archive: Vec<PathBuf>,

    /// A platform to add, of images that have several: `linux/arm64`. All of them if none is named.
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Vec<Platform>,

    /// The file to write. Beside an advisory database it is `bases.json`.
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,

    /// Adds to what the file holds. Tags move on: images that were built on what a tag named before
    /// are known by the older entries.
    #[arg(long)]
    pub append: bool,

    /// A secret key of `lamina db keygen` to sign the list with. Who trusts a database by its key takes
    /// the list beside it only if the same key signed it.
    #[arg(long, value_name = "FILE")]
    pub sign_with: Option<PathBuf>,

    /// How to reach the registries.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// Runs the command. What can be read is written; the exit status is 1 if something could not.
///
/// # Errors
/// When nothing is asked for, or the file cannot be read or written.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let signer = args.sign_with.as_deref().map(Signer::open).transpose()?;
    let mut texts = args.references.clone();
    for file in &args.from {
        texts.extend(references_in(file)?);
    }
    if texts.is_empty() && args.archive.is_empty() {
        bail!("no image is named: give references, --from FILE or --archive FILE");
    }
    let mut bases = match args.append {
        true => read_list(&args.out)?,
        false => Vec::new(),
    };
    let before = bases.len();
    let is_shown = std::io::stderr().is_terminal();
    let clear = if is_shown { "\r\x1b[K" } else { "" };
    let mut failed = 0_usize;
    let mut take = |what: &str, found: anyhow::Result<Vec<KnownBase>>| match found {
        Ok(found) => bases.extend(found),
        Err(error) => {
            failed += 1;
            eprintln!("{clear}error: {}: {error:#}", printable(what));
        }
    };
    for path in &args.archive {
        let (file, platforms) = (path.clone(), args.platform.clone());
        let found = tokio::task::spawn_blocking(move || of_archive(&file, &platforms)).await?;
        take(&path.display().to_string(), found);
    }
    let transport = Transport::new()?;
    let sessions = Sessions::open(&args.registry, &texts)?;
    let (transport, sessions, platforms) = (&transport, &sessions, &args.platform);
    let mut answers = stream::iter(&texts)
        .map(|text| async move {
            let found = of_reference(transport, sessions, text, platforms).await;
            (text, found)
        })
        .buffered(BASES_AT_ONCE);
    let mut done = 0_usize;
    while let Some((text, found)) = answers.next().await {
        done += 1;
        if is_shown {
            eprint!("{clear}{done}/{} {}", texts.len(), printable(text));
        }
        take(text, found);
    }
    eprint!("{clear}");
    drop(answers);

    let list = KnownBases::new(bases);
    if list.bases().len() > MAX_KNOWN_BASES {
        bail!(
            "the list would have {} entries, more than {MAX_KNOWN_BASES}",
            list.bases().len()
        );
    }
    let text = list.render();
    let signature = signer
        .map(|signer| signer.sign_with(text.as_bytes(), "lamina known bases"))
        .transpose()?;
    let signature = signature.as_ref().map(String::as_bytes);
    store(&args.out, text.as_bytes(), signature)
        .with_context(|| format!("writing {}", args.out.display()))?;
    let names: BTreeSet<&str> = list.bases().iter().map(|base| base.name.as_str()).collect();
    println!(
        "{}: {} images of {} names, {} before",
        args.out.display(),
        list.bases().len(),
        names.len(),
        before
    );
    if failed > 0 {
        eprintln!(
            "{failed} of {} could not be read",
            texts.len() + args.archive.len()
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// The references in a file.
fn references_in(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = read(path, BASE_LIST_BYTES)?;
    let text = String::from_utf8(text).with_context(|| format!("reading {}", path.display()))?;
    let lines = text.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default().trim();
        (!line.is_empty()).then(|| line.to_owned())
    });
    Ok(lines.collect())
}

/// What a list holds; nothing if there is none yet.
fn read_list(path: &Path) -> anyhow::Result<Vec<KnownBase>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let list = known(path)?;
    Ok(list.bases().to_vec())
}

/// The list in a file.
///
/// # Errors
/// If it is not there, or is none.
pub(crate) fn known(path: &Path) -> anyhow::Result<KnownBases> {
    let bytes = read(path, MAX_KNOWN_BASES_BYTES as u64)?;
    KnownBases::parse(&bytes).with_context(|| format!("reading {}", path.display()))
}

fn read(path: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
        .with_context(|| format!("reading {}", path.display()))?;
    if bytes.len() as u64 > limit {
        bail!("{} has more than {limit} bytes", path.display());
    }
    Ok(bytes)
}

/// Writes a list, and its signature beside it or none: one of an older list does not fit.
pub(crate) fn store(out: &Path, list: &[u8], signature: Option<&[u8]>) -> std::io::Result<()> {
    let file_name = out.file_name().unwrap_or_default().to_string_lossy();
    let beside = out.with_file_name(match file_name.as_ref() {
        FILE_NAME => SIGNATURE.to_owned(),
        other => format!("{other}.minisig"),
    });
    replace(out, list)?;
    match signature {
        Some(signature) => replace(&beside, signature),
        None => match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

/// A session with each registry, or why there is none.
struct Sessions(BTreeMap<String, Result<Session, String>>);

impl Sessions {
    /// Opens those that the references need. A password is for one registry: it is not shown to
    /// another, nor read twice.
    fn open(args: &RegistryArgs, texts: &[String]) -> anyhow::Result<Self> {
        let references = texts.iter().filter_map(|text| Reference::parse(text).ok());
        let registries: BTreeSet<String> = references
            .map(|reference| reference.registry().to_owned())
            .collect();
        if args.username.is_some() && registries.len() > 1 {
            bail!(
                "--username is for one registry, and these are on {}: log in with `docker login`, or \
                 name those of one registry at a time",
                registries.len()
            );
        }
        let open = |registry: &str| -> anyhow::Result<Session> {
            let credentials = args.credentials(registry)?;
            Ok(Session::open(registry, credentials, &args.options())?)
        };
        let sessions = registries.into_iter().map(|registry| {
            let session = open(&registry).map_err(|error| format!("{error:#}"));
            (registry, session)
        });
        Ok(Self(sessions.collect()))
    }

    fn of(&self, reference: &Reference) -> anyhow::Result<&Session> {
        match self.0.get(reference.registry()) {
            Some(Ok(session)) => Ok(session),
            Some(Err(problem)) => bail!("{problem}"),
            None => bail!("there is no session with {}", reference.registry()),
        }
    }
}

/// All images of a reference, or those of `platforms`.
async fn of_reference(
    transport: &Transport,
    sessions: &Sessions,
    text: &str,
    platforms: &[Platform],
) -> anyhow::Result<Vec<KnownBase>> {
    let reference = Reference::parse(text)?;
    let session = sessions.of(&reference)?;
    let repository = reference.repository();
    let mut found = Vec::new();
    // What is still to be asked for, and how deep in indexes it is named.
    let mut waiting = vec![(reference.identifier(), 0_usize)];
    let mut asked = BTreeSet::new();
    while let Some((identifier, depth)) = waiting.pop() {
        if !asked.insert(identifier.clone()) {
            continue;
        }
        if asked.len() > IMAGES_OF_REFERENCE {
            bail!("it has more than {IMAGES_OF_REFERENCE} manifests");
        }
        let resolved = transport.resolve(session, repository, &identifier).await?;
        let document = Document::parse(&resolved.body, resolved.media_type.as_deref())
            .with_context(|| format!("reading the manifest {identifier}"))?;
        match document {
            Document::Image(manifest) => {
                let digest = &manifest.config.digest;
                let bytes = transport.fetch_config(session, repository, digest).await?;
                let config = ImageConfig::parse(&bytes)
                    .with_context(|| format!("reading the config of {identifier}"))?;
                found.push(of_image(&reference, &resolved.digest, &manifest, &config)?);
            }
            Document::Index(_) if depth > MAX_INDEX_DEPTH => {
                bail!("its indexes are nested too deep");
            }
            Document::Index(index) => {
                let named = named_by(&index, platforms);
                waiting.extend(named.map(|digest| (digest.to_string(), depth + 1)));
            }
        }
    }
    if found.is_empty() {
        bail!("it has no image for the platforms that are asked for");
    }
    Ok(found)
}

/// What an index names: images of these platforms (of all, if none is named), and further indexes.
fn named_by<'a>(
    index: &'a ImageIndex,
    platforms: &'a [Platform],
) -> impl Iterator<Item = &'a Digest> {
    let is_wanted = |offered: Option<&Platform>| {
        platforms.is_empty()
            || offered.is_none_or(|offered| platforms.iter().any(|wanted| is_same(wanted, offered)))
    };
    index
        .entries
        .iter()
        .filter(move |entry| match entry.role {
            Role::Image => is_wanted(entry.descriptor.platform.as_ref()),
            Role::Index => true,
            _ => false,
        })
        .map(|entry| &entry.descriptor.digest)
}

/// Whether a platform is the one that is asked for; without a variant, any variant of it is.
fn is_same(wanted: &Platform, offered: &Platform) -> bool {
    wanted.os == offered.os
        && wanted.architecture == offered.architecture
        && (wanted.variant.is_none() || wanted.variant == offered.variant)
}

fn of_image(
    reference: &Reference,
    digest: &Digest,
    manifest: &ImageManifest,
    config: &ImageConfig,
) -> anyhow::Result<KnownBase> {
    let mut base = of_config(&manifest.config.digest, manifest.layers.len(), config)?;
    // Docker's short form, without tag and digest.
    let bare = reference.with_tag("latest")?;
    bare.familiar().clone_into(&mut base.name);
    base.tag = reference.tag().map(str::to_owned);
    base.digest = Some(digest.to_string());
    Ok(base)
}

/// What a config says; the name is not in it.
fn of_config(digest: &Digest, layers: usize, config: &ImageConfig) -> anyhow::Result<KnownBase> {
    let chain = config.chain_ids();
    if chain.len() != layers {
        bail!(
            "the config names {} layers, the manifest {layers}",
            chain.len()
        );
    }
    let top = chain.last().context("it has no layers")?;
    Ok(KnownBase {
        platform: config
            .platform
            .as_ref()
            .map_or_else(|| "unknown".to_owned(), ToString::to_string),
        chain_id: top.0.to_string(),
        layers,
        config: Some(digest.to_string()),
        created: config.created.clone(),
        ..KnownBase::default()
    })
}

/// Reads the layers of an archive, which its members' digests need, and keeps nothing of them.
struct NoLayers;

impl ArchiveSink for NoLayers {
    type Layer = Nothing;

    fn layer_start(&mut self, _: &LayerPath, _: u64) -> Nothing {
        Nothing
    }

    fn layer_end(&mut self, _: &LayerPath, _: Nothing, _: LayerOutcome) {}
}

/// Takes no content.
struct Nothing;

impl EntrySink for Nothing {
    fn entry(&mut self, _: &Entry) -> Claim {
        Claim::Skip
    }

    fn data(&mut self, _: &[u8]) {}

    fn end(&mut self) {}
}

/// The images of an archive.
fn of_archive(path: &Path, platforms: &[Platform]) -> anyhow::Result<Vec<KnownBase>> {
    let mut file = File::open(path)?;
    let mut reader = ArchiveReader::new(Limits::default());
    let mut chunk = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut chunk)?;
        let bytes = chunk.get(..length).unwrap_or_default();
        // `finish` tells what is wrong, with what could be read before.
        if bytes.is_empty() || reader.feed(bytes, &mut NoLayers).is_err() {
            break;
        }
    }
    let contents = reader.finish(&mut NoLayers)?;
    let mut found = Vec::new();
    for image in &contents.images {
        let is_wanted = platforms.is_empty()
            || image
                .platform
                .as_ref()
                .is_some_and(|offered| platforms.iter().any(|wanted| is_same(wanted, offered)));
        if is_wanted {
            found.extend(of_archived(path, image)?);
        }
    }
    if found.is_empty() {
        bail!("there is no image for the platforms that are asked for in it");
    }
    Ok(found)
}

/// An image of an archive, under each of its names; under the archive's if it has none.
fn of_archived(path: &Path, image: &ArchiveImage) -> anyhow::Result<Vec<KnownBase>> {
    let mut base = of_config(&image.config_digest, image.layers.len(), &image.config)?;
    if let Some(platform) = &image.platform {
        base.platform = platform.to_string();
    }
    base.digest = image
        .manifest
        .as_ref()
        .map(|(digest, _)| digest.to_string());
    let named: Vec<KnownBase> = image
        .names
        .iter()
        .filter_map(|name| {
            // A tag alone, as OCI layouts have it, names nothing.
            let reference = name
                .contains([':', '/'])
                .then(|| Reference::parse(name).ok())??;
            let bare = reference.with_tag("latest").ok()?;
            Some(KnownBase {
                name: bare.familiar(),
                tag: reference.tag().map(str::to_owned),
                ..base.clone()
            })
        })
        .collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name: String = stem.chars().filter(|c| !c.is_control()).collect();
    Ok(vec![KnownBase {
        name,
        tag: image.names.first().cloned(),
        ..base
    }])
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
