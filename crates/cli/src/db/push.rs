//! `lamina db push`: a database to a registry, as an OCI artifact.

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lamina_advisories::{index, signature};
use lamina_image::digest::Digest;
use lamina_registry::{BlobPush, ManifestPush, PullError};

use super::{
    oci::{self, Descriptor, EMPTY_BYTES, MANIFEST, Manifest},
    table::bytes,
};
use crate::{
    credentials::RegistryArgs,
    database::{Database, TrustArgs},
    limits::DOWNLOADS_AT_ONCE,
    transport::{Transport, now},
};

/// Publishes a database as an OCI artifact; what the registry has already is not sent again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The database: a folder, or an archive of `lamina db export`.
    db: PathBuf,
    /// Where to: `oci://registry/repository:tag`.
    to: String,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Some(name) = args.to.strip_prefix("oci://") else {
        bail!("{:?} is not oci://registry/repository:tag", args.to);
    };
    let database = Database::open(Some(&args.db), &args.trust)?;
    let (reference, session) = oci::open(name, &args.registry)?;
    let repository = reference.repository();
    let transport = Transport::new()?;

    // What is not whole is not published, and nothing of it.
    let mut layers = Vec::new();
    for name in [index::FILE_NAME, signature::FILE_NAME] {
        if let Some(bytes) = database.file(name)? {
            layers.push(Descriptor::new(
                name,
                Digest::of(&bytes),
                bytes.len() as u64,
            ));
        }
    }
    for entry in &database.index.shards {
        database
            .shard(entry)
            .map_err(|problem| anyhow::anyhow!("shard {:?}: {problem}", entry.key))?;
        layers.push(Descriptor::new(
            &entry.path(),
            entry.digest.clone(),
            entry.size,
        ));
    }
    let mut seen = BTreeSet::new();
    layers.retain(|layer| seen.insert(layer.digest.to_string()));
    let manifest = Manifest::new(&database.index.built_at, layers);
    let json = manifest.to_json()?;

    let push = |digest: Digest, bytes: Vec<u8>| {
        let push = BlobPush::new(&session, repository, &digest, Arc::from(bytes), now());
        transport.run(push)
    };
    push(Digest::of(EMPTY_BYTES), EMPTY_BYTES.to_vec())
        .await
        .map_err(advise)?;
    let sent: Vec<u64> = stream::iter(&manifest.layers)
        .map(|layer| {
            let (database, push) = (&database, &push);
            async move {
                let path = layer.title();
                let content = database
                    .file(path)?
                    .with_context(|| format!("{path} is gone"))?;
                let is_sent = push(layer.digest.clone(), content).await.map_err(advise)?;
                anyhow::Ok(if is_sent { layer.size } else { 0 })
            }
        })
        .buffer_unordered(DOWNLOADS_AT_ONCE)
        .try_collect()
        .await?;
    let digest = Digest::of(&json);
    let tag = reference.identifier();
    transport
        .run(ManifestPush::new(
            &session,
            repository,
            &tag,
            MANIFEST,
            Arc::from(json),
            now(),
        ))
        .await
        .map_err(advise)?;
    println!(
        "pushed {} files, {} of {}\n{}@{digest}",
        sent.iter().filter(|size| **size > 0).count(),
        bytes(sent.iter().sum()),
        bytes(manifest.layers.iter().map(|layer| layer.size).sum()),
        args.to
    );
    Ok(ExitCode::SUCCESS)
}

fn advise(error: PullError) -> anyhow::Error {
    let advice = error.advice();
    anyhow::Error::new(error).context(advice)
}
