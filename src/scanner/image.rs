//! Scans an image on a registry: manifest and config here, layers in the pool, the report in one
//! worker.

use std::{cell::RefCell, rc::Rc};

use futures::{StreamExt as _, channel::mpsc, stream::FuturesUnordered};
use js_sys::Uint8Array;
use lamina_image::{
    config::ImageConfig,
    digest::Digest,
    limits::MAX_INDEX_DEPTH,
    manifest::{Document, ImageManifest},
    platform::Platform,
    reference::Reference,
};
use lamina_registry::{
    BlobFetch, Credentials, Options, PullError, Remedy, Resolve, Resolved, Session, Tags,
    error::tags_in_words, relay::Routes,
};
use lamina_scan::{
    layer::describe,
    plan::{Found, Plan},
};

use super::{
    Heard, LayerProgress, LayerStart, OnEvent, RawDocument, ScanEvent, ScanFailure, ScanHandle,
    ScanOptions, cancelled, server, so_far::SoFar, statistics,
};
use crate::{
    platform::{
        self,
        registry::{Client, now},
        routes,
        store::{self, Table},
    },
    state::{
        language::{fill, t},
        network_log,
    },
    worker::protocol::{Event, JoinTask, LayerFigures, LayerTask, RegistryWay, Task},
};

pub(super) async fn scan(
    text: &str,
    options: &ScanOptions,
    scan: &ScanHandle,
    on_event: &OnEvent,
) -> Result<super::Scanned, ScanFailure> {
    let reference = Reference::parse(text).map_err(|error| ScanFailure {
        step: "reference".to_owned(),
        message: error.to_string(),
        advice: t("write it as Docker does: registry/name:tag").to_owned(),
        wants_login: false,
    })?;
    let client = open(&reference, options).await?;
    let routes = Rc::clone(&client.routes);
    let result = pull(&client, &reference, options, scan, on_event).await;
    routes::save(&routes.borrow());
    result
}

async fn pull(
    client: &Client,
    reference: &Reference,
    options: &ScanOptions,
    scan: &ScanHandle,
    on_event: &OnEvent,
) -> Result<super::Scanned, ScanFailure> {
    on_event(ScanEvent::Step(fill(
        t("asking {host} for the manifest"),
        &[("host", client.session.endpoint().authority())],
    )));
    let (found, manifest) = manifest_of(client, reference, options).await?;
    on_event(ScanEvent::Step(t("asking for the config").to_owned()));
    let config = config_of(client, reference, &manifest).await?;
    let plan = Plan::of_manifest(found, &manifest, &config);
    name_blobs(&plan);
    if scan.is_cancelled() {
        return Err(cancelled());
    }
    on_event(ScanEvent::Resolved {
        image: Box::new(plan.image.clone()),
        layers: plan
            .layers
            .iter()
            .map(|layer| LayerStart {
                digest: layer
                    .digest
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                size: layer.size,
                created_by: layer.created_by.clone(),
            })
            .collect(),
        base: plan.base.clone(),
    });
    let (figures, analyses) = layers_of(client, reference, &plan, options, scan, on_event).await?;
    if !options.is_beside {
        super::LAYERS.set(Some(super::Layers::Registry(Box::new(RegistryWay {
            session: client.session.snapshot(),
            routes: client.routes.borrow().clone(),
            repository: reference.repository().to_owned(),
        }))));
    }
    on_event(ScanEvent::Step(t("matching advisories").to_owned()));
    let task = Task::Join(Box::new(JoinTask {
        plan,
        layers: figures,
    }));
    super::report_of(super::run(task, None, analyses, scan), |_| {}).await
}

/// Tells the log of requests which blob is which layer.
fn name_blobs(plan: &Plan) {
    for (layer, planned) in plan.layers.iter().enumerate() {
        if let Some(digest) = &planned.digest {
            network_log::name_blob(&digest.to_string(), &format!("layer {layer}"));
        }
    }
}

async fn open(reference: &Reference, options: &ScanOptions) -> Result<Client, ScanFailure> {
    let credentials = options
        .login
        .clone()
        .map(|(username, password)| Credentials::Password { username, password });
    let registry_options = Options {
        plain_http: server().await.plain_http,
        samples: format!("{}samples", platform::base_url()).parse().ok(),
        jitter_permille: 500,
    };
    let session = Session::open(reference.registry(), credentials, &registry_options)
        .map_err(|error| pull_failure("registry", &error))?;
    Ok(Client {
        session,
        routes: Rc::new(RefCell::new(routes::load())),
    })
}

/// Asks for the manifest, through indexes down to one image.
async fn manifest_of(
    client: &Client,
    reference: &Reference,
    options: &ScanOptions,
) -> Result<(Found, ImageManifest), ScanFailure> {
    let failed = |message: String, advice: &str| ScanFailure {
        step: "manifest".to_owned(),
        message,
        advice: advice.to_owned(),
        wants_login: false,
    };
    let wanted: Option<Platform> = options
        .platform
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error| failed(format!("{error}"), t("write it as linux/amd64")))?;
    let mut found = Found {
        name: reference.familiar(),
        ..Found::default()
    };
    let mut identifier = reference.identifier();
    for _ in 0..=MAX_INDEX_DEPTH {
        let resolved = resolve(client, reference, &identifier).await?;
        let document =
            Document::parse(&resolved.body, resolved.media_type.as_deref()).map_err(|error| {
                failed(
                    describe(&error),
                    t("check the reference: only container images can be scanned"),
                )
            })?;
        match document {
            Document::Image(manifest) => {
                found.digest = Some(resolved.digest);
                return Ok((found, manifest));
            }
            Document::Index(index) => {
                if found.platforms.is_empty() {
                    found.platforms = index.platforms().iter().map(ToString::to_string).collect();
                }
                found.index_digest.get_or_insert(resolved.digest);
                let chosen = index.choose(wanted.as_ref()).map_err(|error| {
                    failed(error.to_string(), t("choose one of these platforms"))
                })?;
                identifier = chosen.digest.to_string();
            }
        }
    }
    Err(failed(
        "indexes are nested too deep".to_owned(),
        t("name one image of it by its digest"),
    ))
}

async fn resolve(
    client: &Client,
    reference: &Reference,
    identifier: &str,
) -> Result<Resolved, ScanFailure> {
    let operation = Resolve::new(&client.session, reference.repository(), identifier, now());
    let error = match client.run(operation).await {
        Ok(resolved) => return Ok(resolved),
        Err(error) => error,
    };
    let mut failure = pull_failure("manifest", &error);
    if error.remedy() == Remedy::ListTags {
        let tags = Tags::new(&client.session, reference.repository(), now());
        if let Ok(tags) = client.run(tags).await {
            failure.advice = tags_in_words(identifier, &tags);
        }
    }
    Err(failure)
}

async fn config_of(
    client: &Client,
    reference: &Reference,
    manifest: &ImageManifest,
) -> Result<ImageConfig, ScanFailure> {
    let digest = &manifest.config.digest;
    network_log::name_blob(&digest.to_string(), "config");
    let key = format!("config {digest}");
    let kept = store::get(Table::Layers, &key)
        .await
        .filter(|bytes| Digest::of(bytes) == *digest);
    let bytes = match kept {
        Some(bytes) => bytes,
        None => {
            let fetch = BlobFetch::config(&client.session, reference.repository(), digest, now());
            let bytes = client
                .run(fetch)
                .await
                .map_err(|error| pull_failure("config", &error))?;
            store::put(Table::Layers, &key, &bytes, "").await;
            bytes
        }
    };
    ImageConfig::parse(&bytes).map_err(|error| ScanFailure {
        step: "config".to_owned(),
        message: describe(&error),
        advice: t("the image's config is damaged; it must be pushed again").to_owned(),
        wants_login: false,
    })
}

/// A document by its digest: kept, or asked for again.
pub(super) async fn document(
    way: Option<RegistryWay>,
    kind: RawDocument,
    digest: &str,
) -> Result<String, String> {
    let digest: Digest = digest.parse().map_err(|error| format!("{error}"))?;
    let kept = match kind {
        RawDocument::Config => store::get(Table::Layers, &format!("config {digest}")).await,
        RawDocument::Manifest => None,
    };
    let bytes = match (kept.filter(|bytes| Digest::of(bytes) == digest), way) {
        (Some(bytes), _) => bytes,
        (None, Some(way)) => {
            let client = Client {
                session: Session::restore(way.session),
                routes: Rc::new(RefCell::new(way.routes)),
            };
            let (session, repository) = (&client.session, &way.repository);
            let answer = match kind {
                RawDocument::Config => {
                    let fetch = BlobFetch::config(session, repository, &digest, now());
                    client.run(fetch).await
                }
                RawDocument::Manifest => {
                    let resolve = Resolve::new(session, repository, &digest.to_string(), now());
                    client.run(resolve).await.map(|resolved| resolved.body)
                }
            };
            answer.map_err(|error| format!("{}; {}", describe(&*error.kind), error.advice()))?
        }
        (None, None) => {
            return Err(
                "it is asked of the registry again, and this report is not of an image that was scanned from one in this tab"
                    .to_owned(),
            );
        }
    };
    String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())
}

/// Analyses all layers, largest first, and answers figures and encoded analyses in their order.
async fn layers_of(
    client: &Client,
    reference: &Reference,
    plan: &Plan,
    options: &ScanOptions,
    scan: &ScanHandle,
    on_event: &OnEvent,
) -> Result<(Vec<LayerFigures>, Vec<Uint8Array>), ScanFailure> {
    let mut order: Vec<usize> = (0..plan.layers.len()).collect();
    order.sort_by_key(|layer| {
        std::cmp::Reverse(plan.layers.get(*layer).map_or(0, |planned| planned.size))
    });
    let found = SoFar::begin(plan, scan, on_event);
    let read = |layer: usize, is_fresh: bool| {
        let planned = plan.layers.get(layer);
        let refusal = planned.and_then(|planned| planned.refusal.clone());
        let digest = planned.and_then(|planned| planned.digest.clone());
        let heard = match (planned, digest, refusal) {
            (Some(planned), Some(digest), None) => {
                let task = Task::Layer(Box::new(LayerTask {
                    layer,
                    session: client.session.snapshot(),
                    routes: client.routes.borrow().clone(),
                    repository: reference.repository().to_owned(),
                    digest,
                    size: planned.size,
                    diff_id: planned.diff_id.clone(),
                    is_fresh,
                }));
                Ok(super::run(task, None, Vec::new(), scan))
            }
            (_, _, refusal) => Err(refusal.unwrap_or_else(|| "it has no digest".to_owned())),
        };
        let on_event = Rc::clone(on_event);
        let routes = Rc::clone(&client.routes);
        let found = found.clone();
        async move {
            let done = match heard {
                Ok(heard) => layer_of(layer, heard, &routes, &on_event).await,
                Err(refusal) => (
                    failed_figures(refusal),
                    Uint8Array::new_with_length(0),
                    false,
                ),
            };
            let (figures, analysis, is_cached) = done;
            on_event(ScanEvent::LayerDone {
                layer,
                progress: LayerProgress {
                    layer,
                    read: figures.compressed_bytes,
                    unpacked: figures.uncompressed_bytes,
                    files: figures.files,
                    packages: figures.packages,
                },
                is_cached,
                error: figures.error.clone(),
            });
            found.note(layer, &figures, &analysis);
            (layer, figures, analysis)
        }
    };
    let (again, mut asked) = mpsc::unbounded();
    scan.0.borrow_mut().again = Some(again);
    let mut waiting: FuturesUnordered<_> = order
        .into_iter()
        .map(|layer| read(layer, options.is_fresh))
        .collect();
    let mut done: Vec<Option<(LayerFigures, Uint8Array)>> = vec![None; plan.layers.len()];
    while !waiting.is_empty() {
        futures::select! {
            (layer, figures, analysis) = waiting.select_next_some() => {
                if let Some(place) = done.get_mut(layer) {
                    *place = Some((figures, analysis));
                }
            }
            layer = asked.select_next_some() => {
                // Only one that failed, and is not read again already.
                let place = done.get_mut(layer);
                let failed = place.filter(|place| {
                    place.as_ref().is_some_and(|(figures, _)| figures.error.is_some())
                });
                if let Some(place) = failed {
                    *place = None;
                    on_event(ScanEvent::LayerAgain(layer));
                    waiting.push(read(layer, true));
                }
            }
        }
    }
    scan.0.borrow_mut().again = None;
    found.end();
    if scan.is_cancelled() {
        return Err(cancelled());
    }
    let nothing = || {
        (
            failed_figures("cancelled".to_owned()),
            Uint8Array::new_with_length(0),
        )
    };
    Ok(done
        .into_iter()
        .map(|done| done.unwrap_or_else(nothing))
        .unzip())
}

async fn layer_of(
    layer: usize,
    mut heard: futures::channel::mpsc::UnboundedReceiver<Heard>,
    routes: &RefCell<Routes>,
    on_event: &OnEvent,
) -> (LayerFigures, Uint8Array, bool) {
    let nothing = || Uint8Array::new_with_length(0);
    while let Some((event, buffers, serial)) = heard.next().await {
        match event {
            Event::Progress(progress) => {
                on_event(ScanEvent::Layer(LayerProgress { layer, ..progress }));
            }
            Event::LayerDone {
                figures,
                is_cached,
                memory_bytes,
                routes: learned,
            } => {
                statistics::worker_memory(serial, memory_bytes);
                *routes.borrow_mut() = learned;
                let analysis = buffers.into_iter().next().unwrap_or_else(nothing);
                return (figures, analysis, is_cached);
            }
            Event::Failed(failure) => {
                let message = format!("{}; {}", failure.message, failure.advice);
                return (failed_figures(message), nothing(), false);
            }
            _ => {}
        }
    }
    (failed_figures("cancelled".to_owned()), nothing(), false)
}

fn failed_figures(error: String) -> LayerFigures {
    LayerFigures {
        error: Some(error),
        ..LayerFigures::default()
    }
}

fn pull_failure(step: &str, error: &PullError) -> ScanFailure {
    ScanFailure {
        step: format!("{step}, asked of {}", error.registry),
        message: describe(&*error.kind),
        advice: error.advice(),
        wants_login: error.remedy() == Remedy::LogIn,
    }
}
