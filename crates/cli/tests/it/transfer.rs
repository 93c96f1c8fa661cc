//! The transport: blobs that break and go on, directly and through the relay.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, header},
    response::Response,
};
use lamina_cli::transport::{StreamError, Transport};
use lamina_image::digest::Digest;
use lamina_registry::{ErrorKind, Options, Session};

use crate::support::{Server, breaking, lamina, upstream};

const LENGTH: usize = 1_000_000;

fn content() -> Bytes {
    (0..LENGTH).map(|index| (index * 7 % 251) as u8).collect()
}

/// How a registry treats the requests for a blob, one after the other.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Sends as many bytes and breaks.
    Breaks(usize),
    /// Sends as many bytes and ends, as if that were all.
    EndsEarly(usize),
    /// As asked for.
    Serves,
    /// Ignores `Range`.
    ServesWhole,
    /// Refuses `Range`.
    RefusesRange,
    /// 503.
    Busy,
}

#[derive(Clone)]
struct Moody {
    manners: Arc<Mutex<Vec<Manner>>>,
    ranges: Arc<Mutex<Vec<String>>>,
}

async fn blob(State(moody): State<Moody>, headers: HeaderMap) -> Response {
    let range = headers.get(header::RANGE);
    let range = range.map_or("", |range| range.to_str().unwrap());
    moody.ranges.lock().unwrap().push(range.to_owned());
    let from = range
        .strip_prefix("bytes=")
        .and_then(|range| range.strip_suffix('-'))
        .map(|from| from.parse::<usize>().unwrap());
    let manner = moody.manners.lock().unwrap().remove(0);
    let content = content();
    let part = |limit: usize| {
        let from = from.unwrap_or_default();
        let rest = content.slice(from..);
        let sent = rest.slice(..limit.min(rest.len()));
        let builder = match from {
            0 => Response::builder(),
            _ => Response::builder().status(206).header(
                header::CONTENT_RANGE,
                format!("bytes {from}-{}/{LENGTH}", LENGTH - 1),
            ),
        };
        (builder, sent)
    };
    match manner {
        Manner::Breaks(limit) => {
            let (builder, sent) = part(limit);
            builder.body(breaking(&sent))
        }
        Manner::EndsEarly(limit) => {
            let (builder, sent) = part(limit);
            builder.body(Body::from(sent))
        }
        Manner::Serves => {
            let (builder, sent) = part(LENGTH);
            builder.body(Body::from(sent))
        }
        Manner::ServesWhole => Response::builder().body(Body::from(content)),
        Manner::RefusesRange => Response::builder()
            .status(if from.is_some() { 416 } else { 200 })
            .body(Body::empty()),
        Manner::Busy => Response::builder()
            .status(503)
            .header(header::RETRY_AFTER, "0")
            .body(Body::empty()),
    }
    .unwrap()
}

async fn moody(manners: &[Manner]) -> (Server, Arc<Mutex<Vec<String>>>) {
    let moody = Moody {
        manners: Arc::new(Mutex::new(manners.to_vec())),
        ranges: Arc::default(),
    };
    let ranges = Arc::clone(&moody.ranges);
    let server = upstream(Router::new().fallback(blob).with_state(moody)).await;
    (server, ranges)
}

async fn check(manners: &[Manner], expect: &[&str]) {
    for through_relay in [false, true] {
        let (registry, ranges) = moody(manners).await;
        let lamina = lamina(&["--allow-registry", &registry.host()]).await;
        let mut transport = Transport::new().unwrap();
        if through_relay {
            transport = transport.through(&lamina.origin());
        }
        let session = Session::open(&registry.host(), None, &Options::default()).unwrap();
        let digest = Digest::of(&content());
        let received = Arc::new(Mutex::new(Vec::new()));
        let sink = |chunk: Bytes| {
            received.lock().unwrap().extend_from_slice(&chunk);
            std::future::ready(Ok::<(), std::convert::Infallible>(()))
        };
        let size = transport
            .stream_blob(&session, "a", &digest, Some(LENGTH as u64), sink)
            .await
            .unwrap();
        assert_eq!(size, LENGTH as u64);
        assert_eq!(Digest::of(&received.lock().unwrap()), digest);
        assert_eq!(
            *ranges.lock().unwrap(),
            expect,
            "through relay: {through_relay}"
        );
    }
}

#[tokio::test]
async fn a_broken_transfer_goes_on_where_it_broke() {
    // Breaks fall between chunks of 16 KiB, so that all that was sent was received.
    check(
        &[
            Manner::Breaks(16 * 1024 * 10),
            Manner::Breaks(16 * 1024 * 5),
            Manner::Serves,
        ],
        &["", "bytes=163840-", "bytes=245760-"],
    )
    .await;
}

#[tokio::test]
async fn a_registry_without_ranges_serves_the_whole_again() {
    check(
        &[Manner::Breaks(16 * 1024), Manner::ServesWhole],
        &["", "bytes=16384-"],
    )
    .await;
    check(
        &[
            Manner::Breaks(16 * 1024),
            Manner::RefusesRange,
            Manner::Serves,
        ],
        &["", "bytes=16384-", ""],
    )
    .await;
}

#[tokio::test]
async fn an_early_end_and_a_busy_registry_are_got_over() {
    check(
        &[
            Manner::Busy,
            Manner::EndsEarly(500_000),
            Manner::Busy,
            Manner::Serves,
        ],
        &["", "", "bytes=500000-", "bytes=500000-"],
    )
    .await;
}

#[tokio::test]
async fn a_sink_that_wants_no_more_ends_it() {
    let (registry, _) = moody(&[Manner::Serves]).await;
    let session = Session::open(&registry.host(), None, &Options::default()).unwrap();
    let result = Transport::new()
        .unwrap()
        .stream_blob(&session, "a", &Digest::of(b""), None, |_| {
            std::future::ready(Err("enough"))
        })
        .await;
    assert!(matches!(result, Err(StreamError::Sink("enough"))));
}

#[tokio::test]
async fn a_manifest_that_is_too_large_is_refused_before_it_is_held() {
    let registry = upstream(Router::new().fallback(|| async { vec![b' '; 10_000_000] })).await;
    let session = Session::open(&registry.host(), None, &Options::default()).unwrap();
    let error = Transport::new()
        .unwrap()
        .resolve(&session, "a", "1")
        .await
        .unwrap_err();
    assert!(matches!(*error.kind, ErrorKind::TooLarge { .. }), "{error}");
}
