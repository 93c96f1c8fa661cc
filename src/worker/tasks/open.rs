//! Opens one file of the image that this worker reported on last: reads it again from the registry or
//! the archive, no more of its layer than it takes.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::Uint8Array;
use lamina_image::{
    layer::{
        LayerError,
        checkpoints::Checkpoints,
        extract::{ExtractError, FileOutcome, FileRead, Unpacker, Wanted},
        places::Places,
    },
    limits::Limits,
    path::LayerPath,
    tree::TreeKind,
};
use lamina_registry::{BlobPull, Session};
use lamina_scan::{
    archive::{ArchivePlace, ArchivePlaces, DocumentRole},
    join::Joined,
    layer::describe,
};

use super::files;
use crate::{
    platform::{
        fetch::Body,
        registry::{Client, StreamError, now},
        store::{self, Table},
    },
    scanner::{ArchiveDocument, ArchiveRole},
    state::content::{FileView, FileWay, SHOWN_BYTES, content},
    worker::{
        TaskHandle,
        protocol::{Event, OpenTask, RegistryWay},
    },
};

/// Bytes of an ELF file that are read for its headers: its symbols lie at its end.
const MAX_ELF_BYTES: u64 = 64 << 20;

/// Bytes of places or checkpoints that are kept of one layer.
const MAX_KEPT_BYTES: usize = 12 << 20;

thread_local! {
    /// Where the layers of the archive lie that this worker read last.
    static ARCHIVE: RefCell<Option<ArchivePlaces>> = const { RefCell::new(None) };
}

/// Notes where the layers lie of the image that is reported on now; `None` if a registry has them.
pub(super) fn set_archive(places: Option<ArchivePlaces>) {
    ARCHIVE.set(places);
}

/// Notes where the files of one layer of the archive lie.
pub(super) fn set_places(layer: usize, places: Places) {
    ARCHIVE.with_borrow_mut(|archive| {
        let layers = archive.as_mut().map(|archive| &mut archive.layers);
        if let Some(Some(place)) = layers.and_then(|layers| layers.get_mut(layer)) {
            place.places = places;
        }
    });
}

/// The documents of the image that was read from an archive; `None` if it was not.
pub(super) fn documents() -> Option<Vec<ArchiveDocument>> {
    ARCHIVE.with_borrow(|archive| {
        let documents = archive.as_ref()?.documents.iter();
        let told = documents.map(|document| ArchiveDocument {
            role: match document.role {
                DocumentRole::List => ArchiveRole::List,
                DocumentRole::Index => ArchiveRole::Index,
                DocumentRole::Manifest => ArchiveRole::Manifest,
                DocumentRole::Config => ArchiveRole::Config,
            },
            member: document.member.to_string(),
            text: String::from_utf8_lossy(&document.bytes).into_owned(),
        });
        Some(told.collect())
    })
}

/// Streams the blob of one layer of the archive.
pub(super) async fn stream_layer(
    file: &web_sys::File,
    layer: usize,
    sink: impl FnMut(&[u8]) -> bool,
) -> Result<(), String> {
    let place = ARCHIVE.with_borrow(|archive| {
        let archive = archive.as_ref()?;
        let place = archive.layers.get(layer)?.as_ref()?;
        Some((place.offset, place.size, archive.is_plain))
    });
    let (offset, size, is_plain) = place
        .ok_or("the layer is not in the archive; save the image again, with all its layers")?;
    from_file(file, offset, offset.saturating_add(size), is_plain, sink).await
}

/// The key under which it is kept where the files of a layer lie.
fn places_key(diff_id: &str) -> String {
    format!("places 1 {diff_id}")
}

/// Keeps where the files of a layer lie.
pub(super) async fn keep_places(diff_id: &str, places: &Places) {
    if places.is_empty() {
        return;
    }
    if let Ok(bytes) = postcard::to_stdvec(places)
        && bytes.len() <= MAX_KEPT_BYTES
    {
        store::put(Table::Layers, &places_key(diff_id), &bytes, "").await;
    }
}

async fn load<T: serde::de::DeserializeOwned>(key: &str) -> Option<T> {
    let bytes = store::get(Table::Layers, key).await?;
    postcard::from_bytes(&bytes).ok()
}

/// The file that was asked for, and the layer that it lies in.
struct Located {
    path: LayerPath,
    layer: usize,
    size: u64,
    digest: Option<lamina_image::digest::Digest>,
    diff_id: Option<String>,
    blob: u64,
}

/// Where a layer's bytes come from.
enum Source {
    Registry(Box<RegistryWay>, lamina_image::digest::Digest),
    /// A file of this machine: the offset of the layer in it, its size, and whether the file is not
    /// compressed.
    File(web_sys::File, u64, u64, bool),
}

pub(super) async fn run(task: OpenTask, file: Option<web_sys::File>, handle: &TaskHandle) {
    match open(task, file).await {
        Ok((view, bytes)) => {
            let buffer = Uint8Array::from(bytes.as_slice());
            handle.emit_with(Event::File(Box::new(Ok(view))), &[buffer]);
        }
        Err(message) => handle.emit(Event::File(Box::new(Err(message)))),
    }
}

async fn open(task: OpenTask, file: Option<web_sys::File>) -> Result<(FileView, Vec<u8>), String> {
    let located = super::with_image(|image| locate(image, &task.path, task.layer))
        .ok_or("the layers of this image are not at hand; scan it again")??;
    let place = ARCHIVE.with_borrow(|archive| {
        let archive = archive.as_ref()?;
        let layer = archive.layers.get(located.layer)?.clone()?;
        Some((layer, archive.is_plain))
    });
    let (source, places) = match (file, place, task.registry) {
        (Some(file), Some((place, is_plain)), _) => {
            let ArchivePlace {
                offset,
                size,
                places,
            } = place;
            (Source::File(file, offset, size, is_plain), places)
        }
        (None, _, Some(registry)) => {
            let digest = located
                .digest
                .clone()
                .ok_or("the layer has no digest to ask for")?;
            let places = match &located.diff_id {
                Some(diff_id) => load(&places_key(diff_id)).await,
                None => None,
            };
            (
                Source::Registry(registry, digest),
                places.unwrap_or_default(),
            )
        }
        _ => return Err("the archive is not at hand any more; drop it again".to_owned()),
    };
    let points_key = match &source {
        Source::Registry(_, digest) => Some(format!("points 1 {digest}")),
        Source::File(..) => None,
    };
    let mut points: Checkpoints = match &points_key {
        Some(key) => load(key).await.unwrap_or_default(),
        None => Checkpoints::default(),
    };
    let known = points.len();
    let mut limit = task.limit;
    let mut way = FileWay::default();
    let outcome = loop {
        let wanted = Wanted {
            path: located.path.clone(),
            size: located.size,
            limit,
        };
        let outcome = read(&source, &wanted, &places, &points, &mut way).await?;
        points = outcome.checkpoints.clone();
        let is_elf = outcome.bytes.starts_with(b"\x7fELF");
        if is_elf && outcome.is_cut() && limit < MAX_ELF_BYTES {
            limit = MAX_ELF_BYTES;
            continue;
        }
        break outcome;
    };
    if let Some(key) = points_key.filter(|_| points.len() > known)
        && let Ok(bytes) = postcard::to_stdvec(&points)
        && bytes.len() <= MAX_KEPT_BYTES
    {
        store::put(Table::Layers, &key, &bytes, "").await;
    }
    way.blob = match &source {
        Source::Registry(..) => located.blob,
        Source::File(_, _, size, _) => *size,
    };
    way.is_local = matches!(source, Source::File(..));
    way.is_checked = outcome.is_checked;
    let path = located.path.to_string();
    let entry = &outcome.entry;
    let view = FileView {
        layer: located.layer,
        size: entry.size,
        read: (outcome.bytes.len() as u64).min(task.limit),
        mode: files::mode(entry.mode),
        owner: (entry.uid, entry.gid),
        modified: entry.modified,
        content: match task.limit > SHOWN_BYTES {
            // To be saved, not to be shown.
            true => crate::state::content::Content::default(),
            false => content(&path, &outcome.bytes, entry.size),
        },
        way,
        path,
    };
    let mut bytes = outcome.bytes;
    bytes.truncate(usize::try_from(task.limit).unwrap_or(usize::MAX));
    Ok((view, bytes))
}

/// Finds a file as of a layer, through links.
fn locate(image: &Joined, path: &str, layer: Option<usize>) -> Result<Located, String> {
    let layer = layer.unwrap_or(usize::MAX);
    let tree = image.tree();
    let asked = LayerPath::from(path);
    let missing = || format!("{path} is not in the image");
    let mut node = tree.node(&asked);
    let is_link = node
        .and_then(|node| node.entry_at(layer))
        .is_none_or(|entry| entry.kind == TreeKind::Symlink);
    if is_link {
        let resolved = tree
            .resolve_at(&asked, layer)
            .map_err(|error| format!("{path}: {}", describe(&error)))?;
        node = tree.node(&resolved);
    }
    let node = node.ok_or_else(missing)?;
    let entry = node.entry_at(layer).ok_or_else(missing)?;
    match entry.kind {
        TreeKind::File | TreeKind::HardLink => {}
        kind if kind.is_directory() => return Err(format!("{path} is a directory")),
        _ => {
            return Err(format!(
                "{path} is a device, pipe or socket: it has no content"
            ));
        }
    }
    let (content, layer) = node.content_at(layer).ok_or_else(missing)?;
    let planned = image.plan().layers.get(layer).ok_or_else(missing)?;
    let result = image.layers().get(layer).ok_or_else(missing)?;
    Ok(Located {
        path: content.path(),
        layer,
        size: entry.size,
        digest: planned.digest.clone(),
        diff_id: result.diff_id.clone(),
        blob: planned.size,
    })
}

/// Reads the file: where it should lie, then without the saved points, then from the layer's start
/// without knowing where it lies. What is another than was scanned is not read unchecked.
async fn read(
    source: &Source,
    wanted: &Wanted,
    places: &Places,
    points: &Checkpoints,
    way: &mut FileWay,
) -> Result<FileOutcome, String> {
    let mut attempts = vec![(places.clone(), points.clone())];
    if !points.is_empty() {
        attempts.push((places.clone(), Checkpoints::default()));
    }
    if !places.is_empty() {
        attempts.push((Places::default(), Checkpoints::default()));
    }
    let mut failure = None;
    for (places, points) in attempts {
        if places.is_empty() && matches!(failure, Some(Failure::Other(_))) {
            break;
        }
        let read = FileRead::new(wanted.clone(), places, points, Limits::default());
        match stream(source, read, way).await {
            Ok(outcome) => return Ok(outcome),
            Err(Failure::Transfer(message)) => return Err(message),
            Err(other) => failure = Some(other),
        }
    }
    Err(failure.map_or_else(String::new, Failure::into_words))
}

enum Failure {
    /// The bytes did not come.
    Transfer(String),
    /// They came, and the file is not where it should be in them.
    Content(String),
    /// They came, and are others than were scanned.
    Other(String),
}

impl Failure {
    fn of(error: &ExtractError) -> Self {
        let message = describe(error);
        match error {
            ExtractError::Layer(LayerError::Part { .. }) => Self::Other(message),
            _ => Self::Content(message),
        }
    }

    fn into_words(self) -> String {
        match self {
            Self::Transfer(message) | Self::Content(message) | Self::Other(message) => message,
        }
    }
}

async fn stream(
    source: &Source,
    read: FileRead,
    way: &mut FileWay,
) -> Result<FileOutcome, Failure> {
    let (from, until) = read.range();
    way.is_part = from > 0;
    let read = RefCell::new(read);
    let fetched = Cell::new(0_u64);
    let failure = RefCell::new(None);
    let sink = |bytes: &[u8]| {
        fetched.set(fetched.get() + bytes.len() as u64);
        match read.borrow_mut().feed(bytes) {
            Ok(more) => more,
            Err(error) => {
                failure.replace(Some(Failure::of(&error)));
                false
            }
        }
    };
    match source {
        Source::Registry(registry, digest) => {
            let client = Client {
                session: Session::restore(registry.session.clone()),
                routes: Rc::new(RefCell::new(registry.routes.clone())),
            };
            let mut pull = BlobPull::part(
                &client.session,
                &registry.repository,
                digest,
                (from, until),
                now(),
            );
            let outcome = client.stream_by(&mut pull, sink).await;
            if !pull.is_partial() && from > 0 {
                way.is_range_refused = true;
                fetched.set(fetched.get() + from);
            }
            if let Err(StreamError::Pull(error)) = outcome {
                way.fetched += fetched.get();
                return Err(Failure::Transfer(format!(
                    "{}; {}",
                    describe(&error),
                    error.advice()
                )));
            }
        }
        Source::File(file, offset, size, is_plain) => {
            let end = offset + until.unwrap_or(*size).min(*size);
            from_file(file, offset + from, end, *is_plain, sink)
                .await
                .map_err(Failure::Transfer)?;
        }
    }
    way.fetched += fetched.get();
    if let Some(failure) = failure.into_inner() {
        return Err(failure);
    }
    let outcome = read.into_inner().finish();
    outcome.map_err(|error| Failure::of(&error))
}

/// Streams a part of an archive: of the file itself if it is not compressed.
async fn from_file(
    file: &web_sys::File,
    from: u64,
    end: u64,
    is_plain: bool,
    mut sink: impl FnMut(&[u8]) -> bool,
) -> Result<(), String> {
    let unreadable = |message: String| {
        format!("the browser cannot read the archive ({message}); check that it is still there")
    };
    let stream = if is_plain {
        // Below 2^53: it is a file.
        let part = file.slice_with_f64_and_f64(from as f64, end as f64);
        part.map_err(|error| unreadable(crate::platform::describe(&error)))?
            .stream()
    } else {
        file.stream()
    };
    let mut body = Body::new(&stream, None).map_err(|error| unreadable(error.to_string()))?;
    let mut chunk = Vec::new();
    let mut unpacker = Unpacker::new();
    let mut position = 0_u64;
    loop {
        let more = body
            .next(&mut chunk)
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        let mut goes_on = true;
        if is_plain {
            goes_on = sink(&chunk);
        } else {
            let mut take = |bytes: &[u8]| {
                let at = position;
                position += bytes.len() as u64;
                let skipped = usize::try_from(from.saturating_sub(at)).unwrap_or(usize::MAX);
                let left = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
                let bytes = bytes.get(..left).unwrap_or(bytes);
                let bytes = bytes.get(skipped..).unwrap_or_default();
                if goes_on && !bytes.is_empty() {
                    goes_on = sink(bytes);
                }
            };
            unpacker
                .feed(&chunk, &mut take)
                .map_err(|error| describe(&error))?;
            goes_on = goes_on && position < end;
        }
        if !more || !goes_on {
            body.cancel();
            return Ok(());
        }
    }
}
