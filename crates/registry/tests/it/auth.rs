//! Challenges, tokens, credentials, redirects.

use lamina_registry::{
    Credentials, ErrorKind, Operation, Options, Ping, Pong, Resolve, Session, SessionSnapshot,
    Stage, Step,
};

use crate::replay::{
    BASIC, NOW, answer, challenge, check_request, json, logged_in, play, session, turn,
};

const HUB: &str = "https://registry-1.docker.io/v2/library/nginx/manifests/1.25";
const HUB_CHALLENGE: &str = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#;
const HUB_TOKEN: &str =
    "https://auth.docker.io/token?service=registry.docker.io&scope=repository:library/nginx:pull";

#[test]
fn docker_hub_gives_anonymous_callers_a_token() {
    let session = session("docker.io");
    let (resolved, _) = play(
        Resolve::new(&session, "library/nginx", "1.25", NOW),
        vec![
            turn(
                &format!("GET {HUB} | !Authorization"),
                challenge(HUB_CHALLENGE),
            ),
            turn(
                &format!("GET {HUB_TOKEN} | !Authorization"),
                json(200, r#"{"token":"T","expires_in":300}"#),
            ),
            turn(
                &format!("GET {HUB} | Authorization: Bearer T"),
                json(200, "{}"),
            ),
        ],
    );
    resolved.unwrap();

    // The token is kept: no challenge the second time.
    let (resolved, _) = play(
        Resolve::new(&session, "library/nginx", "1.25", NOW),
        vec![turn(
            &format!("GET {HUB} | Authorization: Bearer T"),
            json(200, "{}"),
        )],
    );
    resolved.unwrap();

    // Another worker knows it too.
    let text = serde_json::to_string(&session.snapshot()).unwrap();
    let snapshot: SessionSnapshot = serde_json::from_str(&text).unwrap();
    let (resolved, _) = play(
        Resolve::new(&Session::restore(snapshot), "library/nginx", "1.25", NOW),
        vec![turn(
            &format!("GET {HUB} | Authorization: Bearer T"),
            json(200, "{}"),
        )],
    );
    resolved.unwrap();

    // After its life it is renewed without asking in vain first.
    let later = NOW.plus(std::time::Duration::from_secs(295));
    let mut resolve = Resolve::new(&session, "library/nginx", "1.25", later);
    let Step::Request(request) = resolve.poll() else {
        panic!("no request");
    };
    check_request(request, &format!("GET {HUB_TOKEN}"));

    // Another repository needs a token of its own.
    let mut resolve = Resolve::new(&session, "library/alpine", "3", NOW);
    let Step::Request(request) = resolve.poll() else {
        panic!("no request");
    };
    check_request(
        request,
        "GET https://registry-1.docker.io/v2/library/alpine/manifests/3 | !Authorization",
    );
}

#[test]
fn credentials_go_to_the_token_endpoint_and_not_to_the_registry() {
    let (resolved, _) = play(
        Resolve::new(&logged_in("docker.io"), "library/nginx", "1.25", NOW),
        vec![
            turn(
                &format!("GET {HUB} | !Authorization"),
                challenge(HUB_CHALLENGE),
            ),
            turn(
                &format!("GET {HUB_TOKEN}&account=user | {BASIC}"),
                json(200, r#"{"access_token":"T"}"#),
            ),
            turn(
                &format!("GET {HUB} | Authorization: Bearer T"),
                json(200, "{}"),
            ),
        ],
    );
    resolved.unwrap();
}

#[test]
fn a_challenge_without_service_and_scope_is_met_with_our_own_scope() {
    let url = "https://europe-docker.pkg.dev/v2/p/r/i/manifests/1";
    let (resolved, _) = play(
        Resolve::new(&session("europe-docker.pkg.dev"), "p/r/i", "1", NOW),
        vec![
            turn(
                &format!("GET {url}"),
                challenge(r#"Bearer realm="https://europe-docker.pkg.dev/v2/token""#),
            ),
            turn(
                "GET https://europe-docker.pkg.dev/v2/token?scope=repository:p/r/i:pull",
                json(200, r#"{"token":"T"}"#),
            ),
            turn(
                &format!("GET {url} | Authorization: Bearer T"),
                json(200, "{}"),
            ),
        ],
    );
    resolved.unwrap();
}

#[test]
fn basic_is_sent_when_asked_for_and_remembered() {
    let session = logged_in("localhost:5000");
    let url = "http://localhost:5000/v2/a/manifests/1";
    let (resolved, _) = play(
        Resolve::new(&session, "a", "1", NOW),
        vec![
            turn(
                &format!("GET {url} | !Authorization"),
                challenge(r#"Negotiate, bAsIc realm="Registry, Realm""#),
            ),
            turn(&format!("GET {url} | {BASIC}"), json(200, "{}")),
        ],
    );
    resolved.unwrap();
    let (resolved, _) = play(
        Resolve::new(&session, "a", "1", NOW),
        vec![turn(&format!("GET {url} | {BASIC}"), json(200, "{}"))],
    );
    resolved.unwrap();
}

#[test]
fn the_relays_name_of_the_challenge_is_understood() {
    let url = "https://r.example/v2/a/manifests/1";
    let mut refused = challenge("");
    refused.headers = [("X-Lamina-WWW-Authenticate", r#"Basic realm="x""#)]
        .into_iter()
        .collect();
    let (resolved, _) = play(
        Resolve::new(&logged_in("r.example"), "a", "1", NOW),
        vec![
            turn(&format!("GET {url}"), refused),
            turn(&format!("GET {url} | {BASIC}"), json(200, "{}")),
        ],
    );
    resolved.unwrap();
}

#[test]
fn a_refused_token_is_asked_for_again_once() {
    let session = session("docker.io");
    let first = || {
        turn(
            &format!("GET {HUB} | !Authorization"),
            challenge(HUB_CHALLENGE),
        )
    };
    let token = |token: &str| {
        turn(
            &format!("GET {HUB_TOKEN}"),
            json(200, &format!(r#"{{"token":"{token}","expires_in":300}}"#)),
        )
    };
    let (resolved, _) = play(
        Resolve::new(&session, "library/nginx", "1.25", NOW),
        vec![
            first(),
            token("A"),
            turn(
                &format!("GET {HUB} | Authorization: Bearer A"),
                json(200, "{}"),
            ),
        ],
    );
    resolved.unwrap();
    // The kept token was revoked.
    let (resolved, _) = play(
        Resolve::new(&session, "library/nginx", "1.25", NOW),
        vec![
            turn(
                &format!("GET {HUB} | Authorization: Bearer A"),
                challenge(&format!("{HUB_CHALLENGE},error=\"invalid_token\"")),
            ),
            token("B"),
            turn(
                &format!("GET {HUB} | Authorization: Bearer B"),
                json(200, "{}"),
            ),
        ],
    );
    resolved.unwrap();
    // A fresh one is refused too: Docker Hub's way of saying that there is no such repository.
    let (resolved, _) = play(
        Resolve::new(&session, "library/nginx", "1.25", NOW),
        vec![
            turn(
                &format!("GET {HUB} | Authorization: Bearer B"),
                challenge(HUB_CHALLENGE),
            ),
            token("C"),
            turn(
                &format!("GET {HUB} | Authorization: Bearer C"),
                challenge(HUB_CHALLENGE),
            ),
        ],
    );
    let error = resolved.unwrap_err();
    assert_eq!(error.stage, Stage::Manifest);
    assert!(
        matches!(*error.kind, ErrorKind::LoginNeeded { .. }),
        "{error:?}"
    );
}

#[test]
fn a_registry_cannot_make_us_ask_for_tokens_forever() {
    let url = "https://r.example/v2/a/manifests/1";
    let scope = |n: u32| {
        challenge(&format!(
            r#"Bearer realm="https://r.example/t",scope="s{n}""#
        ))
    };
    let token = |n: u32| {
        turn(
            &format!("GET https://r.example/t?scope=s{n}"),
            json(200, r#"{"token":"T"}"#),
        )
    };
    let (resolved, _) = play(
        Resolve::new(&session("r.example"), "a", "1", NOW),
        vec![
            turn(&format!("GET {url}"), scope(1)),
            token(1),
            turn(&format!("GET {url}"), scope(2)),
            token(2),
            turn(&format!("GET {url}"), scope(3)),
        ],
    );
    assert!(matches!(
        *resolved.unwrap_err().kind,
        ErrorKind::LoginNeeded { .. }
    ));
}

#[test]
fn authorization_never_follows_a_redirect_to_another_host() {
    let session = logged_in("r.example");
    let url = "https://r.example/v2/a/manifests/1";
    let redirect = |to: &str| answer(307, &[("Location", to)], "");
    let (resolved, _) = play(
        Resolve::new(&session, "a", "1", NOW),
        vec![
            turn(&format!("GET {url}"), challenge("Basic realm=x")),
            turn(&format!("GET {url} | {BASIC}"), redirect("/moved?x=1")),
            // The same host: stays.
            turn(
                &format!("GET https://r.example/moved?x=1 | {BASIC}"),
                redirect("https://cdn.example/b?sig=1"),
            ),
            // Another host: dropped, and not added again on the way back.
            turn(
                "GET https://cdn.example/b?sig=1 | !Authorization",
                redirect("https://r.example/c"),
            ),
            turn("GET https://r.example/c | !Authorization", json(200, "{}")),
        ],
    );
    resolved.unwrap();
    // Another port is another host.
    let (resolved, _) = play(
        Resolve::new(&session, "a", "1", NOW),
        vec![
            turn(
                &format!("GET {url} | {BASIC}"),
                redirect("https://r.example:8443/b"),
            ),
            turn(
                "GET https://r.example:8443/b | !Authorization",
                json(200, "{}"),
            ),
        ],
    );
    resolved.unwrap();
}

#[test]
fn a_challenge_behind_a_redirect_is_not_met() {
    let url = "https://r.example/v2/a/manifests/1";
    let (resolved, _) = play(
        Resolve::new(&logged_in("r.example"), "a", "1", NOW),
        vec![
            turn(
                &format!("GET {url}"),
                answer(302, &[("Location", "https://evil.example/")], ""),
            ),
            turn(
                "GET https://evil.example/ | !Authorization",
                challenge("Basic realm=x"),
            ),
        ],
    );
    assert!(matches!(
        *resolved.unwrap_err().kind,
        ErrorKind::Status { status: 401, .. }
    ));
}

#[test]
fn credentials_do_not_follow_the_token_endpoints_redirects() {
    let url = "https://r.example/v2/a/manifests/1";
    let (resolved, _) = play(
        Resolve::new(&logged_in("r.example"), "a", "1", NOW),
        vec![
            turn(
                &format!("GET {url}"),
                challenge(r#"Bearer realm="https://auth.example/t",scope="s""#),
            ),
            turn(
                &format!("GET https://auth.example/t?scope=s&account=user | {BASIC}"),
                answer(302, &[("Location", "https://other.example/t")], ""),
            ),
            turn(
                "GET https://other.example/t | !Authorization",
                json(401, "{}"),
            ),
        ],
    );
    let error = resolved.unwrap_err();
    assert_eq!(error.stage, Stage::Token);
    assert!(matches!(*error.kind, ErrorKind::LoginRefused { .. }));
}

#[test]
fn bad_redirects_and_realms_are_refused() {
    let url = "https://r.example/v2/a/manifests/1";
    for location in [
        "http://r.example/x",
        "ftp://r.example/",
        "https://u:p@r.example/",
    ] {
        let (resolved, _) = play(
            Resolve::new(&session("r.example"), "a", "1", NOW),
            vec![turn(
                &format!("GET {url}"),
                answer(302, &[("Location", location)], ""),
            )],
        );
        let error = resolved.unwrap_err();
        assert!(matches!(*error.kind, ErrorKind::Redirect { .. }), "{error}");
    }
    for realm in [
        r#"Bearer realm="http://auth.example/t""#,
        r#"Bearer realm="https://u@auth.example/t""#,
        r#"Bearer realm="javascript:1""#,
        "Bearer service=x",
    ] {
        let (resolved, _) = play(
            Resolve::new(&session("r.example"), "a", "1", NOW),
            vec![turn(&format!("GET {url}"), challenge(realm))],
        );
        let error = resolved.unwrap_err();
        assert!(
            matches!(*error.kind, ErrorKind::BadChallenge { .. }),
            "{error}"
        );
    }
    let around = || turn(&format!("GET {url}"), answer(302, &[("Location", url)], ""));
    let (resolved, _) = play(
        Resolve::new(&session("r.example"), "a", "1", NOW),
        (0..9).map(|_| around()).collect(),
    );
    let error = resolved.unwrap_err();
    assert!(matches!(*error.kind, ErrorKind::Redirect { .. }), "{error}");
}

#[test]
fn a_token_of_ones_own_is_sent_as_it_is() {
    let credentials = Credentials::Token("abc".to_owned());
    let session = Session::open("ghcr.io", Some(credentials), &Options::default()).unwrap();
    let url = "https://ghcr.io/v2/a/b/manifests/1";
    let (resolved, _) = play(
        Resolve::new(&session, "a/b", "1", NOW),
        vec![turn(
            &format!("GET {url} | Authorization: Bearer abc"),
            challenge(r#"Bearer realm="https://ghcr.io/token""#),
        )],
    );
    let error = resolved.unwrap_err();
    assert!(
        matches!(*error.kind, ErrorKind::LoginRefused { .. }),
        "{error}"
    );
}

#[test]
fn a_ping_tells_whether_a_login_is_needed() {
    let check = |script, expect| {
        let (pong, _) = play(Ping::new(&session("r.example"), NOW), script);
        assert_eq!(pong.map_err(|error| error.to_string()), expect);
    };
    let url = "GET https://r.example/v2/";
    check(
        vec![turn(url, json(200, "{}"))],
        Ok(Pong { needs_login: false }),
    );
    check(
        vec![turn(url, challenge("Basic realm=x"))],
        Ok(Pong { needs_login: true }),
    );
    check(
        vec![
            turn(
                url,
                challenge(r#"Bearer realm="https://r.example/t",service="s""#),
            ),
            turn("GET https://r.example/t?service=s", json(401, "{}")),
        ],
        Ok(Pong { needs_login: true }),
    );
    check(
        vec![turn(
            url,
            answer(200, &[("Content-Type", "text/html")], "<html>"),
        )],
        Err(
            "r.example, greeting the registry: r.example answers with a web page (HTML): it is no \
             registry"
                .to_owned(),
        ),
    );
}
