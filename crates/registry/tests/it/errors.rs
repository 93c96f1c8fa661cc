//! What goes wrong, and what is said about it.

use lamina_registry::{Options, PullError, Remedy, Resolve, Session, TransportError};

use crate::replay::{NOW, Turn, answer, broken, challenge, json, logged_in, play, session, turn};

const URL: &str = "GET https://r.example/v2/a/manifests/1";

fn fail(session: &Session, script: Vec<Turn>) -> (PullError, Vec<u128>) {
    let (resolved, waits) = play(Resolve::new(session, "a", "1", NOW), script);
    (resolved.unwrap_err(), waits)
}

fn check(script: Vec<Turn>, message: &str, remedy: Remedy, advice: &str) {
    let (error, _) = fail(&session("r.example"), script);
    assert_eq!(error.to_string(), message);
    assert_eq!(error.remedy(), remedy, "{message}");
    assert!(error.advice().contains(advice), "{}", error.advice());
}

#[test]
fn errors_say_the_step_and_what_to_do() {
    check(
        vec![turn(
            URL,
            json(
                404,
                r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#,
            ),
        )],
        r#"r.example, asking for the manifest: "a" has no tag "1""#,
        Remedy::ListTags,
        "list the repository's tags",
    );
    check(
        vec![turn(
            URL,
            json(
                404,
                r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no"}]}"#,
            ),
        )],
        r#"r.example, asking for the manifest: there is no repository "a""#,
        Remedy::CheckReference,
        "check the repository's name",
    );
    check(
        vec![turn(URL, challenge("Basic realm=x"))],
        r#"r.example, asking for the manifest: "a" needs a login, or does not exist"#,
        Remedy::LogIn,
        "log in",
    );
    check(
        vec![turn(
            URL,
            json(403, r#"{"errors":[{"code":"DENIED","message":"denied"}]}"#),
        )],
        r#"r.example, asking for the manifest: "a" needs a login, or does not exist"#,
        Remedy::LogIn,
        "log in",
    );
    check(
        vec![turn(
            URL,
            answer(404, &[("Content-Type", "text/html")], "<html>nginx"),
        )],
        "r.example, asking for the manifest: r.example answers with a web page (HTML): it is no \
         registry",
        Remedy::CheckReference,
        "check the registry's name",
    );
    check(
        vec![turn(
            URL,
            json(
                418,
                r#"{"errors":[{"code":"TEAPOT","message":"short and stout"}]}"#,
            ),
        )],
        "r.example, asking for the manifest: r.example answers 418: short and stout (TEAPOT)",
        Remedy::None,
        "ask those who run it",
    );
    check(
        vec![broken(URL, TransportError::CorsRefused)],
        "r.example, asking for the manifest: r.example: the browser may not read its answers (CORS)",
        Remedy::UseRelay,
        "lamina serve",
    );
    check(
        vec![broken(URL, TransportError::TooLarge { limit: 4_194_304 })],
        "r.example, asking for the manifest: the answer is larger than 4194304 bytes",
        Remedy::None,
        "no real manifest is that large",
    );
    check(
        vec![turn(
            URL,
            json(
                403,
                r#"{"errors":[{"code":"RELAY_REFUSED","message":"10.0.0.1 is a private address"}]}"#,
            ),
        )],
        "r.example, asking for the manifest: the relay refuses: 10.0.0.1 is a private address \
         (RELAY_REFUSED)",
        Remedy::None,
        "--allow-registry",
    );
}

#[test]
fn wrong_credentials_are_told_from_missing_rights() {
    let bearer = r#"Bearer realm="https://r.example/t""#;
    let token = "GET https://r.example/t?scope=repository:a:pull&account=user";
    let (error, _) = fail(
        &logged_in("r.example"),
        vec![turn(URL, challenge(bearer)), turn(token, json(401, "{}"))],
    );
    assert_eq!(
        error.to_string(),
        "r.example, asking for a token: the login is refused (401)"
    );
    let (error, _) = fail(
        &logged_in("r.example"),
        vec![
            turn(URL, challenge(bearer)),
            turn(token, json(200, r#"{"token":"T"}"#)),
            turn(URL, challenge(bearer)),
        ],
    );
    assert_eq!(
        error.to_string(),
        r#"r.example, asking for the manifest: "a" is denied to this login"#
    );
    let (error, _) = fail(
        &logged_in("r.example"),
        vec![
            turn(URL, challenge("Basic realm=x")),
            turn(
                URL,
                answer(
                    401,
                    &[("WWW-Authenticate", "Basic realm=x")],
                    "Not Authorized\n",
                ),
            ),
        ],
    );
    assert_eq!(
        error.to_string(),
        "r.example, asking for the manifest: the login is refused (401): Not Authorized"
    );
}

#[test]
fn docker_hubs_rate_limit_is_told_at_once() {
    let (error, waits) = {
        let (resolved, waits) = play(
            Resolve::new(&session("docker.io"), "library/nginx", "1", NOW),
            vec![turn(
                "GET https://registry-1.docker.io/v2/library/nginx/manifests/1",
                answer(
                    429,
                    &[
                        ("ratelimit-limit", "100;w=21600"),
                        ("ratelimit-remaining", "0;w=21600"),
                        ("docker-ratelimit-source", "192.0.2.1"),
                        ("Content-Type", "text/plain"),
                    ],
                    "You have reached your pull rate limit.",
                ),
            )],
        );
        (resolved.unwrap_err(), waits)
    };
    assert_eq!(waits, []);
    assert_eq!(error.remedy(), Remedy::Wait(None));
    let advice = error.advice();
    assert!(
        advice.contains("within 6 hours") && advice.contains("Log in"),
        "{advice}"
    );
}

#[test]
fn busy_registries_are_asked_again() {
    let busy = |after: &str| turn(URL, answer(503, &[("Retry-After", after)], ""));
    let (resolved, waits) = play(
        Resolve::new(&session("r.example"), "a", "1", NOW),
        vec![
            busy("3"),
            busy("Tue, 14 Nov 2023 22:13:28 GMT"),
            broken(URL, TransportError::Timeout),
            turn(URL, json(200, "{}")),
        ],
    );
    resolved.unwrap();
    // 22:13:20 is when the script starts; by the second answer three seconds have passed.
    assert_eq!(waits, [3000, 5000, 2000]);
}

#[test]
fn tries_are_bounded_in_number_and_time() {
    let (error, waits) = fail(
        &session("r.example"),
        (0..5)
            .map(|_| broken(URL, TransportError::Other("reset".to_owned())))
            .collect(),
    );
    assert_eq!(waits, [500, 1000, 2000, 4000]);
    assert_eq!(
        error.to_string(),
        "r.example, asking for the manifest: r.example: reset"
    );
    assert_eq!(error.remedy(), Remedy::Retry);

    let (error, waits) = fail(
        &session("r.example"),
        vec![turn(URL, answer(429, &[("Retry-After", "3600")], ""))],
    );
    assert_eq!(waits, []);
    assert_eq!(
        error.remedy(),
        Remedy::Wait(Some(std::time::Duration::from_secs(3600)))
    );
    assert_eq!(error.advice(), "try again in 60 minutes");
}

#[test]
fn a_registry_that_is_not_there_is_soon_given_up() {
    let message = "r.example, asking for the manifest: r.example: cannot be reached: no such name";
    let direct = || broken(URL, TransportError::Unreachable("no such name".to_owned()));
    let relayed = || {
        turn(
            URL,
            json(
                502,
                r#"{"errors":[{"code":"RELAY_UNREACHABLE","message":"no such name"}]}"#,
            ),
        )
    };
    for script in [vec![direct(), direct()], vec![relayed(), relayed()]] {
        let (error, waits) = fail(&session("r.example"), script);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.remedy(), Remedy::Retry);
        assert_eq!(waits, [500]);
    }
}

#[test]
fn what_cannot_get_better_is_not_tried_again() {
    for error in [
        TransportError::Tls("unknown issuer".to_owned()),
        TransportError::CorsRefused,
        TransportError::TooLarge { limit: 1 },
    ] {
        let (_, waits) = fail(&session("r.example"), vec![broken(URL, error)]);
        assert_eq!(waits, []);
    }
}

#[test]
fn samples_need_somewhere_to_come_from() {
    let error = Session::open("samples.lamina", None, &Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "samples.lamina, looking for the registry: no sample images are served here"
    );
    let options = Options {
        samples: Some("http://localhost:8080/samples".parse().unwrap()),
        ..Options::default()
    };
    let session = Session::open("samples.lamina", None, &options).unwrap();
    let (resolved, _) = play(
        Resolve::new(&session, "shop", "1.0", NOW),
        vec![turn(
            "GET http://localhost:8080/samples/v2/shop/manifests/1.0",
            json(200, "{}"),
        )],
    );
    resolved.unwrap();
}

#[test]
fn no_secret_is_in_any_error() {
    let (error, _) = fail(
        &logged_in("r.example"),
        vec![
            turn(
                URL,
                challenge(r#"Bearer realm="https://r.example/t?key=hush""#),
            ),
            turn(
                "GET https://r.example/t?key=hush&scope=repository:a:pull&account=user",
                answer(500, &[("Retry-After", "999")], ""),
            ),
        ],
    );
    let text = format!("{error} {error:?} {}", error.advice());
    for secret in ["hush", "pass\"", "dXNlcjpwYXNz"] {
        assert!(!text.contains(secret), "{text}");
    }
}
