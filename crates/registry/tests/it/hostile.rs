//! Registries that answer anything at all.

use lamina_image::digest::Digest;
use lamina_registry::{
    BlobPull, BlobStep, Flow, Headers, HttpAnswer, HttpRequest, Operation, Ping, Resolve, Step,
    Tags, TransportError,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::replay::{NOW, logged_in, session};

/// More steps than any operation may take, whatever it is answered.
const STEPS: usize = 2_000;

fn header() -> impl Strategy<Value = (String, String)> {
    let known = select(vec![
        ("Location", "https://other.example/x?sig=1"),
        ("Location", "/v2/a/manifests/2"),
        ("Location", "http://r.example/down"),
        ("Location", "//other.example"),
        ("WWW-Authenticate", "Basic realm=\"x\""),
        (
            "WWW-Authenticate",
            "Bearer realm=\"https://auth.example/t\",service=\"s\"",
        ),
        (
            "WWW-Authenticate",
            "Bearer realm=\"https://auth.example/t\",scope=\"x y z\"",
        ),
        (
            "WWW-Authenticate",
            "Bearer realm=\"/t\",error=\"invalid_token\"",
        ),
        (
            "X-Lamina-WWW-Authenticate",
            "bearer Realm=https://auth.example/u",
        ),
        ("Retry-After", "0"),
        ("Retry-After", "99999999999999999999"),
        ("Retry-After", "30"),
        ("Link", "<?last=x>; rel=next"),
        ("Link", "</v2/a/tags/list?last=y>; rel=next"),
        ("Content-Type", "text/html"),
        ("Content-Type", "application/json"),
        ("Docker-Content-Digest", "sha256:0"),
        ("Content-Range", "bytes 5-9/10"),
        ("Content-Range", "bytes 99999999999999999999-0/0"),
        ("ratelimit-remaining", "0;w=21600"),
    ])
    .prop_map(|(name, value)| (name.to_owned(), value.to_owned()));
    let any = ("[a-zA-Z-]{1,20}", "\\PC{0,40}");
    prop_oneof![8 => known, 1 => any]
}

fn answer() -> impl Strategy<Value = Result<HttpAnswer, TransportError>> {
    let status = select(vec![
        200, 200, 201, 204, 206, 301, 302, 307, 400, 401, 401, 401, 403, 404, 408, 416, 418, 429,
        500, 502, 503, 0, 999,
    ]);
    let body = select(vec![
        "",
        "{}",
        "<html>",
        "0123456789",
        r#"{"token":"T"}"#,
        r#"{"token":"U","expires_in":1e99}"#,
        r#"{"tags":["a","b"]}"#,
        r#"{"errors":[{"code":"DENIED","message":"\u0000\u202e"}]}"#,
        r#"{"errors":[{"code":"RELAY_UNREACHABLE"}]}"#,
    ]);
    let good = (status, vec(header(), 0..4), body).prop_map(|(status, headers, body)| {
        Ok(HttpAnswer {
            status,
            headers: headers.into_iter().collect::<Headers>(),
            body: body.as_bytes().to_vec(),
        })
    });
    let bad = select(vec![
        TransportError::Timeout,
        TransportError::CorsRefused,
        TransportError::BrokenBody { received: u64::MAX },
        TransportError::TooLarge { limit: 0 },
        TransportError::Other(String::new()),
    ])
    .prop_map(Err);
    prop_oneof![9 => good, 1 => bad]
}

/// Credentials go to the registry and to the token endpoints that it named, and nowhere else.
fn check_secrets(request: &HttpRequest) {
    if let Some(authorization) = request.headers.get("authorization") {
        let host = request.url.authority();
        let is_meant = match authorization.split_once(' ') {
            Some(("Basic", _)) => matches!(host, "r.example" | "auth.example"),
            _ => host == "r.example",
        };
        assert!(is_meant, "{authorization} to {host}");
    }
}

fn run<O: Operation>(mut operation: O, answers: &[Result<HttpAnswer, TransportError>]) {
    let mut answers = answers.iter().cycle();
    let mut now = NOW;
    for _ in 0..STEPS {
        match operation.poll() {
            Step::Request(request) => {
                check_secrets(request);
                operation.provide(answers.next().unwrap().clone(), now);
            }
            Step::Wait(wait) => now = now.plus(wait),
            Step::Done => {
                if let Err(error) = operation.finish() {
                    let text = format!("{error} {error:?} {}", error.advice());
                    assert!(
                        !text.contains("dXNlcjpwYXNz") && !text.contains("sig=1"),
                        "{text}"
                    );
                }
                return;
            }
        }
    }
    panic!("it never ends");
}

/// How an honest server of `CONTENT` treats a request.
#[derive(Clone, Debug)]
enum Manner {
    /// Sends this many bytes of what was asked for, then breaks or ends.
    Part(usize, bool),
    /// Ignores the range, sends this many bytes.
    Whole(usize),
    /// Sends from a little earlier or later than asked.
    Shifted(i64),
    Refuses,
    Fails(u16),
    Silent,
}

const CONTENT: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![
        4 => (0..30_usize, any::<bool>()).prop_map(|(count, ends)| Manner::Part(count, ends)),
        1 => (0..30_usize).prop_map(Manner::Whole),
        1 => (-3..4_i64).prop_map(Manner::Shifted),
        1 => Just(Manner::Refuses),
        1 => select(vec![404_u16, 429, 503]).prop_map(Manner::Fails),
        1 => Just(Manner::Silent),
    ]
}

proptest! {
    #[test]
    fn every_operation_ends_and_keeps_its_secrets(answers in vec(answer(), 1..12)) {
        run(Resolve::new(&logged_in("r.example"), "a", "1", NOW), &answers);
        run(Tags::new(&logged_in("r.example"), "a", NOW), &answers);
        run(Ping::new(&logged_in("r.example"), NOW), &answers);
    }

    #[test]
    fn a_stream_is_the_content_whatever_happens_on_the_way(manners in vec(manner(), 1..20)) {
        let digest = Digest::of(CONTENT);
        let size = CONTENT.len() as u64;
        let mut pull = BlobPull::new(&session("r.example"), "a", &digest, Some(size), NOW);
        let mut manners = manners.iter().cycle();
        let mut seen: Vec<u8> = Vec::new();
        let mut steps = 0;
        loop {
            steps += 1;
            prop_assert!(steps < STEPS, "it never ends");
            let range = match pull.poll() {
                BlobStep::Open(request) => request.headers.get("range").map(str::to_owned),
                BlobStep::Wait(_) => continue,
                BlobStep::Done => break,
            };
            let from: Option<usize> = range.map(|range| {
                range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap()
            });
            let start = from.unwrap_or_default().min(CONTENT.len());
            let (status, start, count, ends) = match manners.next().unwrap() {
                Manner::Silent => {
                    pull.broken(TransportError::Timeout, NOW);
                    continue;
                }
                Manner::Fails(status) => (*status, 0, 0, true),
                Manner::Refuses if from.is_some() => (416, 0, 0, true),
                Manner::Refuses => (200, 0, CONTENT.len(), true),
                Manner::Whole(count) => (200, 0, *count, false),
                Manner::Part(count, ends) => {
                    (if from.is_some() { 206 } else { 200 }, start, *count, *ends)
                }
                Manner::Shifted(by) if from.is_some() => {
                    let start = start.saturating_add_signed(*by as isize).min(CONTENT.len());
                    (206, start, CONTENT.len(), true)
                }
                Manner::Shifted(_) => (200, 0, CONTENT.len(), true),
            };
            let mut headers = Headers::default();
            if status == 206 {
                headers.push("Content-Range", format!("bytes {start}-25/26"));
            }
            match pull.started(status, &headers, NOW) {
                Flow::Drop => {}
                Flow::Body => {
                    let body = Vec::new();
                    pull.provide(Ok(HttpAnswer { status, headers, body }), NOW);
                }
                Flow::Stream => {
                    let end = start.saturating_add(count).min(CONTENT.len());
                    for chunk in CONTENT[start..end].chunks(4) {
                        seen.extend_from_slice(pull.received(chunk).unwrap());
                    }
                    if ends {
                        pull.ended(NOW);
                    } else {
                        pull.broken(TransportError::BrokenBody { received: count as u64 }, NOW);
                    }
                }
            }
            prop_assert!(CONTENT.starts_with(&seen), "{}", String::from_utf8_lossy(&seen));
        }
        if pull.finish().is_ok() {
            prop_assert_eq!(&seen[..], CONTENT);
        }
    }
}
