//! Manifests and tags.

use lamina_image::digest::Digest;
use lamina_registry::{ErrorKind, Resolve, Tags};

use crate::replay::{NOW, answer, json, play, session, turn};

const URL: &str = "http://localhost:5000/v2/a/b/manifests/";

#[test]
fn a_manifest_by_tag_is_known_by_the_digest_of_its_bytes() {
    let body = r#"{"schemaVersion":2}"#;
    let digest = Digest::of(body.as_bytes());
    let media_type = "application/vnd.oci.image.index.v1+json";
    for headers in [
        vec![(
            "Content-Type",
            "application/vnd.oci.image.index.v1+json; charset=utf-8",
        )],
        vec![
            ("Content-Type", media_type),
            ("Docker-Content-Digest", &digest.to_string()),
        ],
        vec![
            ("Content-Type", media_type),
            ("Docker-Content-Digest", "nonsense"),
        ],
    ] {
        let (resolved, _) = play(
            Resolve::new(&session("localhost:5000"), "a/b", "1", NOW),
            vec![turn(&format!("GET {URL}1"), answer(200, &headers, body))],
        );
        let resolved = resolved.unwrap();
        assert_eq!(resolved.digest, digest);
        assert_eq!(resolved.media_type.as_deref(), Some(media_type));
        assert_eq!(resolved.body, body.as_bytes());
    }
}

#[test]
fn all_manifest_types_are_asked_for() {
    let (resolved, _) = play(
        Resolve::new(&session("localhost:5000"), "a/b", "1", NOW),
        vec![turn(
            &format!("GET {URL}1 | Accept: {}", lamina_registry::manifest::ACCEPT),
            json(200, "{}"),
        )],
    );
    resolved.unwrap();
}

#[test]
fn other_bytes_than_the_digest_says_are_refused() {
    let expected = Digest::of(b"{}");
    let found = Digest::of(b"{ }");
    // By digest, whatever the header says; and by tag, when the header says otherwise.
    for (reference, announced) in [
        (expected.to_string(), found.to_string()),
        ("1".to_owned(), expected.to_string()),
    ] {
        let (resolved, _) = play(
            Resolve::new(&session("localhost:5000"), "a/b", &reference, NOW),
            vec![turn(
                &format!("GET {URL}{reference}"),
                answer(200, &[("Docker-Content-Digest", &announced)], "{ }"),
            )],
        );
        let error = resolved.unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&expected.to_string()) && text.contains(&found.to_string()),
            "{text}"
        );
    }
}

#[test]
fn a_sha512_digest_is_verified_by_sha512() {
    let mut hasher = lamina_image::digest::Hasher::new(lamina_image::digest::Algorithm::Sha512);
    hasher.update(b"{}");
    let digest = hasher.finish();
    let (resolved, _) = play(
        Resolve::new(&session("localhost:5000"), "a/b", &digest.to_string(), NOW),
        vec![turn(&format!("GET {URL}{digest}"), json(200, "{}"))],
    );
    assert_eq!(resolved.unwrap().digest, digest);
}

#[test]
fn what_is_no_json_object_is_no_manifest() {
    for (content_type, body) in [
        ("text/html", "{}"),
        ("application/json", "<!doctype html><p>Log in"),
        ("application/json", ""),
        ("application/octet-stream", "\0\0"),
        ("application/json", "[]"),
    ] {
        let (resolved, _) = play(
            Resolve::new(&session("localhost:5000"), "a/b", "1", NOW),
            vec![turn(
                &format!("GET {URL}1"),
                answer(200, &[("Content-Type", content_type)], body),
            )],
        );
        let error = resolved.unwrap_err();
        assert!(
            matches!(*error.kind, ErrorKind::NotARegistry { .. }),
            "{error}"
        );
    }
}

#[test]
fn references_that_would_leave_the_path_are_never_asked() {
    for (repository, reference) in [
        ("../a", "1"),
        ("a", "../../x"),
        ("a", ""),
        ("", "1"),
        ("a?b", "1"),
        ("A", "1"),
    ] {
        let (resolved, _) = play(
            Resolve::new(&session("localhost:5000"), repository, reference, NOW),
            vec![],
        );
        let error = resolved.unwrap_err();
        assert!(matches!(*error.kind, ErrorKind::BadReference(_)), "{error}");
    }
}

#[test]
fn tags_are_read_page_by_page() {
    let base = "https://r.example/v2/a/tags/list";
    let (tags, _) = play(
        Tags::new(&session("r.example"), "a", NOW),
        vec![
            turn(
                &format!("GET {base}?n=1000"),
                answer(
                    200,
                    &[("Link", "</v2/a/tags/list?n=1000&last=b>; rel=\"next\"")],
                    r#"{"name":"a","tags":["b","a","not a tag"]}"#,
                ),
            ),
            turn(
                &format!("GET {base}?n=1000&last=b"),
                json(200, r#"{"name":"a","tags":["c","a"]}"#),
            ),
        ],
    );
    let tags = tags.unwrap();
    assert_eq!(tags.tags, ["a", "b", "c"]);
    assert!(tags.is_complete);
}

#[test]
fn an_empty_repository_has_no_tags() {
    for body in [
        r#"{"name":"a","tags":null}"#,
        r#"{"name":"a"}"#,
        r#"{"tags":[]}"#,
    ] {
        let (tags, _) = play(
            Tags::new(&session("r.example"), "a", NOW),
            vec![turn(
                "GET https://r.example/v2/a/tags/list?n=1000",
                json(200, body),
            )],
        );
        assert_eq!(tags.unwrap().tags, Vec::<String>::new());
    }
}

#[test]
fn paging_stays_on_the_registry_and_ends() {
    let url = "https://r.example/v2/a/tags/list?n=1000";
    for link in [
        "<https://evil.example/v2/a/tags/list>; rel=next",
        "<?n=1000>; rel=next",
        "<ftp://x>; rel=next",
    ] {
        let (tags, _) = play(
            Tags::new(&session("r.example"), "a", NOW),
            vec![turn(
                &format!("GET {url}"),
                answer(200, &[("Link", link)], r#"{"tags":["x"]}"#),
            )],
        );
        let tags = tags.unwrap();
        assert_eq!(tags.tags, ["x"]);
        assert!(!tags.is_complete, "{link}");
    }
    // Ever more pages.
    let script = (0..lamina_registry::limits::TAG_PAGES)
        .map(|page| {
            let query = if page == 0 {
                "n=1000".to_owned()
            } else {
                format!("last={page}")
            };
            turn(
                &format!("GET https://r.example/v2/a/tags/list?{query}"),
                answer(
                    200,
                    &[("Link", &format!("<?last={}>; rel=next", page + 1))],
                    r#"{"tags":["x"]}"#,
                ),
            )
        })
        .collect();
    let (tags, _) = play(Tags::new(&session("r.example"), "a", NOW), script);
    assert!(!tags.unwrap().is_complete);
}

#[test]
fn the_number_of_tags_is_bounded() {
    let limit = lamina_registry::limits::TAGS;
    let tags: Vec<String> = (0..limit + 5).map(|tag| format!("\"{tag}\"")).collect();
    let (tags, _) = play(
        Tags::new(&session("r.example"), "a", NOW),
        vec![turn(
            "GET https://r.example/v2/a/tags/list?n=1000",
            json(200, &format!("{{\"tags\":[{}]}}", tags.join(","))),
        )],
    );
    let tags = tags.unwrap();
    assert_eq!(tags.tags.len(), limit);
    assert!(!tags.is_complete);
}
