//! Plays a script of requests and answers against a machine.

use lamina_registry::{
    Credentials, HttpAnswer, HttpRequest, Operation, Options, PullError, Session, Step, Timestamp,
    TransportError,
};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// One exchange: what must be asked, and the answer.
pub(crate) struct Turn {
    /// `GET URL` and, after ` | `, headers that must be there (`Name: value`) or not (`!Name`).
    expect: String,
    answer: Result<HttpAnswer, TransportError>,
}

pub(crate) fn turn(expect: &str, answer: HttpAnswer) -> Turn {
    Turn {
        expect: expect.to_owned(),
        answer: Ok(answer),
    }
}

pub(crate) fn broken(expect: &str, error: TransportError) -> Turn {
    Turn {
        expect: expect.to_owned(),
        answer: Err(error),
    }
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> HttpAnswer {
    HttpAnswer {
        status,
        headers: headers.iter().copied().collect(),
        body: body.as_ref().to_vec(),
    }
}

pub(crate) fn json(status: u16, body: &str) -> HttpAnswer {
    answer(status, &[("Content-Type", "application/json")], body)
}

pub(crate) fn challenge(value: &str) -> HttpAnswer {
    answer(
        401,
        &[
            ("WWW-Authenticate", value),
            ("Content-Type", "application/json"),
        ],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
    )
}

pub(crate) fn session(registry: &str) -> Session {
    Session::open(registry, None, &Options::default()).unwrap()
}

pub(crate) fn logged_in(registry: &str) -> Session {
    let credentials = Credentials::Password {
        username: "user".to_owned(),
        password: "pass".to_owned(),
    };
    Session::open(registry, Some(credentials), &Options::default()).unwrap()
}

/// `Authorization` of [`logged_in`].
pub(crate) const BASIC: &str = "Authorization: Basic dXNlcjpwYXNz";

/// Checks a request against `METHOD URL | Name: value | !Name`.
pub(crate) fn check_request(request: &HttpRequest, expect: &str) {
    let mut parts = expect.split(" | ");
    let line = format!("{} {}", request.method.as_str(), request.url);
    assert_eq!(line, parts.next().unwrap());
    for part in parts {
        match part.strip_prefix('!') {
            Some(name) => assert_eq!(request.headers.get(name), None, "{line}: {name}"),
            None => {
                let (name, value) = part.split_once(": ").unwrap();
                assert_eq!(request.headers.get(name), Some(value), "{line}: {name}");
            }
        }
    }
}

/// What a run gave: the result, and the pauses in milliseconds.
pub(crate) type Played<T> = (Result<T, PullError>, Vec<u128>);

pub(crate) fn play<O: Operation>(mut operation: O, script: Vec<Turn>) -> Played<O::Output> {
    let mut waits = Vec::new();
    let mut now = NOW;
    let mut script = script.into_iter();
    loop {
        match operation.poll() {
            Step::Request(request) => {
                let Some(turn) = script.next() else {
                    panic!("asked beyond the script: {request:?}");
                };
                check_request(request, &turn.expect);
                operation.provide(turn.answer, now);
            }
            Step::Wait(wait) => {
                waits.push(wait.as_millis());
                now = now.plus(wait);
            }
            Step::Done => break,
        }
    }
    if let Some(turn) = script.next() {
        panic!("never asked: {}", turn.expect);
    }
    (operation.finish(), waits)
}
