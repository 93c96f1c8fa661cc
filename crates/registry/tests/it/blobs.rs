//! Blobs, whole and streamed.

use lamina_image::digest::Digest;
use lamina_registry::{
    BlobFetch, BlobPull, BlobStep, ErrorKind, Flow, HttpAnswer, PullError, TransportError,
};

use crate::replay::{NOW, answer, broken, challenge, check_request, json, play, session, turn};

const CONTENT: &[u8] = b"0123456789";

fn url() -> String {
    format!("https://r.example/v2/a/blobs/{}", Digest::of(CONTENT))
}

#[test]
fn a_config_is_fetched_and_verified() {
    let digest = Digest::of(CONTENT);
    let fetch = || BlobFetch::config(&session("r.example"), "a", &digest, NOW);
    let (body, _) = play(
        fetch(),
        vec![
            turn(
                &format!("GET {}", url()),
                answer(307, &[("Location", "https://cdn.example/x?sig=y")], ""),
            ),
            turn("GET https://cdn.example/x?sig=y", answer(200, &[], CONTENT)),
        ],
    );
    assert_eq!(body.unwrap(), CONTENT);
    let (body, _) = play(
        fetch(),
        vec![turn(&format!("GET {}", url()), answer(200, &[], "other"))],
    );
    let error = body.unwrap_err();
    assert!(matches!(*error.kind, ErrorKind::DigestMismatch { .. }));
    assert!(
        error
            .to_string()
            .starts_with("r.example, asking for the config: ")
    );
    let (body, _) = play(
        fetch(),
        vec![turn(
            &format!("GET {}", url()),
            json(404, r#"{"errors":[{"code":"BLOB_UNKNOWN","message":"x"}]}"#),
        )],
    );
    let error = body.unwrap_err();
    assert!(
        matches!(*error.kind, ErrorKind::NoSuchBlob { .. }),
        "{error}"
    );
    // A broken body is tried again whole.
    let (body, waits) = play(
        fetch(),
        vec![
            broken(
                &format!("GET {}", url()),
                TransportError::BrokenBody { received: 3 },
            ),
            turn(
                &format!("GET {} | !Range", url()),
                answer(200, &[], CONTENT),
            ),
        ],
    );
    assert_eq!(body.unwrap(), CONTENT);
    assert_eq!(waits, [500]);
}

/// How an answer's body goes.
enum Body {
    /// These bytes, and the end.
    Ends(Vec<u8>),
    /// These bytes, then it breaks.
    Breaks(Vec<u8>),
}

struct Open {
    expect: String,
    head: HttpAnswer,
    body: Body,
}

fn ends(expect: &str, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Open {
    Open {
        expect: expect.to_owned(),
        head: answer(status, headers, ""),
        body: Body::Ends(body.to_vec()),
    }
}

fn breaks(expect: &str, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Open {
    Open {
        body: Body::Breaks(body.to_vec()),
        ..ends(expect, status, headers, b"")
    }
}

/// Plays a script through a pull of `CONTENT`; gives what the sink saw.
fn stream(size: Option<u64>, script: Vec<Open>) -> (Result<u64, PullError>, Vec<u8>) {
    let digest = Digest::of(CONTENT);
    let pull = BlobPull::new(&session("r.example"), "a", &digest, size, NOW);
    let (result, seen, _) = play_stream(pull, script);
    (result, seen)
}

/// Plays a script through a pull; gives what the sink saw, and whether it was a part.
fn play_stream(mut pull: BlobPull, script: Vec<Open>) -> (Result<u64, PullError>, Vec<u8>, bool) {
    let mut seen = Vec::new();
    let mut script = script.into_iter();
    loop {
        let open = match pull.poll() {
            BlobStep::Open(request) => {
                let Some(open) = script.next() else {
                    panic!("asked beyond the script: {request:?}");
                };
                check_request(request, &open.expect);
                open
            }
            BlobStep::Wait(_) => continue,
            BlobStep::Done => break,
        };
        match pull.started(open.head.status, &open.head.headers, NOW) {
            Flow::Drop => {}
            Flow::Body => {
                let (Body::Ends(body) | Body::Breaks(body)) = open.body;
                pull.provide(Ok(HttpAnswer { body, ..open.head }), NOW);
            }
            Flow::Stream => {
                let (bytes, is_whole) = match open.body {
                    Body::Ends(bytes) => (bytes, true),
                    Body::Breaks(bytes) => (bytes, false),
                };
                let mut failed = false;
                for chunk in bytes.chunks(2) {
                    match pull.received(chunk) {
                        Ok(fresh) => seen.extend_from_slice(fresh),
                        Err(_) => failed = true,
                    }
                }
                match (failed, is_whole) {
                    (true, _) => {}
                    (false, true) => pull.ended(NOW),
                    (false, false) => {
                        let received = bytes.len() as u64;
                        pull.broken(TransportError::BrokenBody { received }, NOW);
                    }
                }
            }
        }
    }
    assert!(script.next().is_none(), "not all was asked");
    let is_partial = pull.is_partial();
    (pull.finish(), seen, is_partial)
}

#[test]
fn a_part_of_a_blob_is_asked_for_and_given_whatever_the_registry_sends() {
    let check = |range: (u64, Option<u64>), script: Vec<Open>, expect: (&[u8], bool)| {
        let digest = Digest::of(CONTENT);
        let pull = BlobPull::part(&session("r.example"), "a", &digest, range, NOW);
        let (result, seen, is_partial) = play_stream(pull, script);
        result.unwrap();
        assert_eq!((&seen[..], is_partial), expect);
    };
    let get = |range: &str| format!("GET {} | Range: bytes={range}", url());
    let part = [("content-range", "bytes 3-5/10")];
    check(
        (3, Some(6)),
        vec![ends(&get("3-5"), 206, &part, b"345")],
        (b"345", true),
    );
    // No range, and the whole blob instead.
    check(
        (3, Some(6)),
        vec![ends(&get("3-5"), 200, &[], CONTENT)],
        (b"345", false),
    );
    check(
        (7, None),
        vec![ends(
            &get("7-"),
            206,
            &[("content-range", "bytes 7-9/10")],
            b"789",
        )],
        (b"789", true),
    );
    // It breaks, and goes on.
    check(
        (3, Some(6)),
        vec![
            breaks(&get("3-5"), 206, &part, b"3"),
            ends(
                &get("4-5"),
                206,
                &[("content-range", "bytes 4-5/10")],
                b"45",
            ),
        ],
        (b"345", true),
    );
}

fn check(size: Option<u64>, script: Vec<Open>) {
    let (result, seen) = stream(size, script);
    assert_eq!(result.unwrap(), CONTENT.len() as u64);
    assert_eq!(seen, CONTENT);
}

#[test]
fn a_blob_is_streamed() {
    let get = format!("GET {} | !Range", url());
    check(Some(10), vec![ends(&get, 200, &[], CONTENT)]);
    check(None, vec![ends(&get, 200, &[], CONTENT)]);
}

#[test]
fn a_broken_transfer_goes_on_where_it_broke() {
    let first = || breaks(&format!("GET {}", url()), 200, &[], b"0123");
    let rest = format!("GET {} | Range: bytes=4-", url());
    // As it should be.
    check(
        Some(10),
        vec![
            first(),
            ends(&rest, 206, &[("Content-Range", "bytes 4-9/10")], b"456789"),
        ],
    );
    // Twice, the second time without progress.
    check(
        Some(10),
        vec![
            first(),
            breaks(&rest, 206, &[("Content-Range", "bytes 4-9/10")], b""),
            ends(&rest, 206, &[("Content-Range", "bytes 4-9/10")], b"456789"),
        ],
    );
    // The range is ignored: the whole again.
    check(Some(10), vec![first(), ends(&rest, 200, &[], CONTENT)]);
    // More than was asked for.
    check(
        Some(10),
        vec![
            first(),
            ends(
                &rest,
                206,
                &[("Content-Range", "bytes 2-9/10")],
                b"23456789",
            ),
        ],
    );
    // Less than was asked for: a hole. The whole, then.
    check(
        Some(10),
        vec![
            first(),
            ends(&rest, 206, &[("Content-Range", "bytes 6-9/10")], b"6789"),
            ends(&format!("GET {} | !Range", url()), 200, &[], CONTENT),
        ],
    );
    // Ranges are refused.
    check(
        Some(10),
        vec![
            first(),
            ends(&rest, 416, &[("Content-Range", "bytes */10")], b""),
            ends(&format!("GET {} | !Range", url()), 200, &[], CONTENT),
        ],
    );
    // `Content-Range` cannot be read across origins.
    check(Some(10), vec![first(), ends(&rest, 206, &[], b"456789")]);
}

#[test]
fn an_answer_that_ends_early_is_a_broken_transfer() {
    check(
        Some(10),
        vec![
            ends(&format!("GET {}", url()), 200, &[], b"01234567"),
            ends(
                &format!("GET {} | Range: bytes=8-", url()),
                206,
                &[("Content-Range", "bytes 8-9/10")],
                b"89",
            ),
        ],
    );
}

#[test]
fn a_blob_that_is_complete_when_it_breaks_is_complete() {
    check(
        Some(10),
        vec![
            breaks(&format!("GET {}", url()), 200, &[], CONTENT),
            ends(&format!("GET {} | Range: bytes=10-", url()), 416, &[], b""),
        ],
    );
}

#[test]
fn a_resume_asks_the_registry_itself_and_not_the_address_behind_it() {
    let cdn = "GET https://cdn.example/x?sig=1 | !Authorization";
    let redirect = |range: &str, to: &str| {
        ends(
            &format!("GET {} | {range}", url()),
            307,
            &[("Location", to)],
            b"",
        )
    };
    check(
        Some(10),
        vec![
            redirect("!Range", "https://cdn.example/x?sig=1"),
            breaks(cdn, 200, &[], b"01234"),
            redirect("Range: bytes=5-", "https://cdn.example/x?sig=2"),
            ends(
                "GET https://cdn.example/x?sig=2 | Range: bytes=5-",
                206,
                &[("Content-Range", "bytes 5-9/10")],
                b"56789",
            ),
        ],
    );
}

#[test]
fn a_token_that_ends_between_is_renewed() {
    let bearer = r#"Bearer realm="https://r.example/t",scope="s""#;
    let mut refused = ends(&format!("GET {}", url()), 401, &[], b"");
    refused.head = challenge(bearer);
    check(
        Some(10),
        vec![
            refused,
            ends(
                "GET https://r.example/t?scope=s",
                200,
                &[("Content-Type", "application/json")],
                br#"{"token":"T"}"#,
            ),
            ends(
                &format!("GET {} | Authorization: Bearer T", url()),
                200,
                &[],
                CONTENT,
            ),
        ],
    );
}

#[test]
fn more_bytes_than_announced_are_refused() {
    let (result, seen) = stream(
        Some(5),
        vec![ends(&format!("GET {}", url()), 200, &[], CONTENT)],
    );
    let error = result.unwrap_err();
    assert!(matches!(*error.kind, ErrorKind::TooLong { expected: 5 }));
    assert_eq!(seen, b"0123");
}

#[test]
fn a_transfer_that_keeps_breaking_ends() {
    let get = format!("GET {}", url());
    let (result, seen) = stream(
        Some(10),
        (0..5).map(|_| breaks(&get, 200, &[], b"")).collect(),
    );
    let error = result.unwrap_err();
    assert!(
        matches!(*error.kind, ErrorKind::KeepsBreaking { breaks: 5, .. }),
        "{error}"
    );
    assert_eq!(seen, b"");
}

#[test]
fn errors_of_a_stream_are_those_of_a_blob() {
    let mut missing = ends(&format!("GET {}", url()), 404, &[], b"");
    missing.head = json(404, "{}");
    let (result, _) = stream(Some(10), vec![missing]);
    assert!(matches!(
        *result.unwrap_err().kind,
        ErrorKind::NoSuchBlob { .. }
    ));
    // No connection at all, again and again.
    let digest = Digest::of(CONTENT);
    let mut pull = BlobPull::new(&session("r.example"), "a", &digest, None, NOW);
    let mut opened = 0;
    loop {
        match pull.poll() {
            BlobStep::Open(_) => {
                opened += 1;
                pull.broken(TransportError::Timeout, NOW);
            }
            BlobStep::Wait(_) => {}
            BlobStep::Done => break,
        }
    }
    assert_eq!(opened, 5);
    assert!(matches!(
        *pull.finish().unwrap_err().kind,
        ErrorKind::Transport {
            source: TransportError::Timeout,
            ..
        }
    ));
}
