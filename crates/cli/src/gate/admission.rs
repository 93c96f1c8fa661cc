//! The gate as a validating admission webhook of Kubernetes: `admission.k8s.io/v1`
//! (k8s.io/api/admission/v1 `types.go`, "Dynamic Admission Control").
//!
//! Whatever an object asks to run is resolved and judged. The answer is always 200 with the request's
//! uid, and comes before the API server stops waiting: what is not judged by then is refused. Of an
//! object that is changed only images that it did not have before are judged, so that an image in which
//! something was found since can still be scaled, labelled and deleted.

use std::{collections::BTreeSet, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{Request, StatusCode, header},
    response::Response,
};
use lamina_image::{
    digest::Digest, manifest::ImageIndex, platform::Platform, reference::Reference,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    Gate, checker,
    events::{Judgement, Outcome},
    kind::Kind,
    upstream::{Target, parameters},
};
use crate::limits;

/// What the API server waits if it does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// A warning that is longer may be cut off.
const WARNING_CHARS: usize = 256;

/// What is asked.
struct Review {
    uid: String,
    images: Vec<String>,
}

/// Answers `POST /gate/admission`.
pub(crate) async fn answer(State(gate): State<Gate>, request: Request<Body>) -> Response {
    let wait = timeout(request.uri().query());
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .map(str::to_owned);
    let body = axum::body::to_bytes(request.into_body(), limits::ADMISSION_BYTES);
    let Ok(Ok(body)) = tokio::time::timeout(wait, body).await else {
        return bad("the review is too large, or came too slowly");
    };
    let review = match Review::read(&body) {
        Ok(review) => review,
        Err(problem) => return bad(&problem),
    };
    let response = gate.review(&review.images, wait, host.as_deref()).await;
    let mut response = response;
    if let Value::Object(fields) = &mut response {
        fields.insert("uid".to_owned(), json!(review.uid));
    }
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": response,
    });
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(answer.to_string()))
        .unwrap_or_default()
}

fn bad(problem: &str) -> Response {
    Response::builder()
        .status(StatusCode::BAD_REQUEST)
        .body(Body::from(format!("{problem}\n")))
        .unwrap_or_default()
}

/// The time in which to answer: the API server adds `timeout=10s` to the address of a webhook. A little
/// of it is kept for the way back.
fn timeout(query: Option<&str>) -> Duration {
    let said = parameters(query).into_iter().find_map(|(name, value)| {
        let seconds = match name.as_str() {
            "timeout" | "timeoutSeconds" => value.trim_end_matches('s').parse::<f64>().ok()?,
            _ => return None,
        };
        (1.0..=30.0)
            .contains(&seconds)
            .then(|| Duration::from_secs_f64(seconds))
    });
    let whole = said.unwrap_or(DEFAULT_TIMEOUT);
    whole.saturating_sub((whole / 10).max(Duration::from_millis(300)))
}

impl Review {
    fn read(body: &[u8]) -> Result<Self, String> {
        let review: Value = serde_json::from_slice(body)
            .map_err(|error| format!("the review is no JSON: {error}"))?;
        if review.get("kind").and_then(Value::as_str) != Some("AdmissionReview") {
            return Err("this is no AdmissionReview".to_owned());
        }
        let request = review.get("request").ok_or("the review has no request")?;
        let uid = request.get("uid").and_then(Value::as_str);
        let uid = uid.ok_or("the request has no uid")?.to_owned();
        let images_of = |name: &str| request.get(name).map(images).unwrap_or_default();
        let earlier = match request.get("operation").and_then(Value::as_str) {
            Some("UPDATE") => images_of("oldObject"),
            // What goes away runs nothing.
            Some("DELETE") => images_of("object"),
            _ => BTreeSet::new(),
        };
        Ok(Self {
            uid,
            images: images_of("object").difference(&earlier).cloned().collect(),
        })
    }
}

/// The images that an object asks to run, each once: of a pod, of whatever makes pods, and of lists.
fn images(object: &Value) -> BTreeSet<String> {
    const SPECS: [&str; 4] = [
        "/spec",
        "/spec/template/spec",
        "/spec/jobTemplate/spec/template/spec",
        // A PodTemplate.
        "/template/spec",
    ];
    const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
    let mut images = BTreeSet::new();
    for spec in SPECS.iter().filter_map(|path| object.pointer(path)) {
        for container in LISTS
            .iter()
            .filter_map(|list| spec.get(list)?.as_array())
            .flatten()
        {
            if let Some(image) = container.get("image").and_then(Value::as_str) {
                images.insert(image.to_owned());
            }
        }
        // Image volumes (Kubernetes 1.31) mount an image.
        for volume in spec
            .get("volumes")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if let Some(image) = volume.pointer("/image/reference").and_then(Value::as_str) {
                images.insert(image.to_owned());
            }
        }
    }
    images
}

impl Gate {
    /// Judges all images of an object at once. Answers the response without its uid.
    async fn review(&self, images: &[String], wait: Duration, host: Option<&str>) -> Value {
        if images.len() > limits::ADMISSION_IMAGES {
            let message = format!("it has {} images, more than are judged", images.len());
            return json!({ "allowed": false, "status": { "code": 403, "message": message } });
        }
        let mut tasks = JoinSet::new();
        for image in images {
            let (gate, image) = (self.clone(), image.clone());
            tasks.spawn(async move {
                let judging = gate.judge_named(&image, wait);
                match tokio::time::timeout(wait, judging).await {
                    Ok(judgements) => judgements,
                    Err(_) => vec![Judgement {
                        outcome: Outcome::TimedOut,
                        reason: format!("it was not judged within {} s", wait.as_secs_f64()),
                        ..unknown(&image)
                    }],
                }
            });
        }
        let mut judgements: Vec<Judgement> = tasks.join_all().await.into_iter().flatten().collect();
        judgements.sort_by(|a, b| (&a.image, &a.digest).cmp(&(&b.image, &b.digest)));
        let mut refused = Vec::new();
        let mut warnings = Vec::new();
        for judgement in &judgements {
            let is_fine = matches!(judgement.outcome, Outcome::Passed | Outcome::NotJudged);
            let message = || self.message(judgement, host);
            match self.decide(judgement, "admission") {
                false => refused.push(message()),
                true if !is_fine => warnings.push(format!("would be refused: {}", message())),
                true => {}
            }
            let (image, said) = (&judgement.image, judgement.warnings.iter());
            warnings.extend(said.map(|warning| format!("{image}: {warning}")));
        }
        let warnings: Vec<String> = warnings
            .into_iter()
            .map(|warning| warning.chars().take(WARNING_CHARS).collect())
            .collect();
        let mut response = json!({ "allowed": refused.is_empty() });
        if let Value::Object(fields) = &mut response {
            if !refused.is_empty() {
                let status = json!({
                    "status": "Failure",
                    "reason": "Forbidden",
                    "code": 403,
                    "message": refused.join("\n"),
                });
                fields.insert("status".to_owned(), status);
            }
            if !warnings.is_empty() {
                fields.insert("warnings".to_owned(), json!(warnings));
            }
        }
        response
    }

    /// Judges an image by its name; of an index, those for the cluster's platforms.
    async fn judge_named(&self, image: &str, wait: Duration) -> Vec<Judgement> {
        let failed = |reason: String| {
            vec![Judgement {
                outcome: Outcome::NotScanned,
                reason,
                ..unknown(image)
            }]
        };
        let reference = match Reference::parse(image) {
            Ok(reference) => reference,
            Err(error) => return failed(format!("it is no reference: {error}")),
        };
        let upstreams = &self.0.upstreams;
        let found = match self.is_own(reference.registry()) {
            true => upstreams.route(reference.repository(), None).ok(),
            false => upstreams.of_reference(reference.registry(), reference.repository()),
        };
        let Some(target) = found else {
            return failed(format!(
                "{} is not behind this gate (--upstream names it)",
                reference.registry()
            ));
        };
        let session = target.session(None, &checker::options());
        let identifier = reference.identifier();
        let manifest = match self.manifest(&target, &identifier, &session).await {
            Ok(manifest) => manifest,
            Err(error) => return failed(error.to_string()),
        };
        match &manifest.kind {
            Ok(Kind::Index(index)) => match self.chosen(index) {
                Ok(children) => {
                    let mut judgements = Vec::new();
                    for child in children {
                        let child = self
                            .judge_platform(&target, &identifier, &child, &session)
                            .await;
                        judgements.push(child);
                    }
                    judgements
                }
                Err(problem) => failed(problem),
            },
            // A pod that names something else runs it all the same, or tries to.
            Ok(Kind::Other { what, .. }) => failed(format!("it is no image: {what}")),
            _ => {
                let judgement = self
                    .judge(&target, &identifier, &manifest, &session, wait)
                    .await;
                vec![judgement]
            }
        }
    }

    async fn judge_platform(
        &self,
        target: &Target<'_>,
        identifier: &str,
        digest: &Digest,
        session: &lamina_registry::Session,
    ) -> Judgement {
        let image = self.name_of(target, identifier, digest);
        self.judge_child(target, image, digest, session).await
    }

    /// The images of an index for the cluster's platforms, each once.
    fn chosen(&self, index: &ImageIndex) -> Result<Vec<Digest>, String> {
        let mut chosen: Vec<Digest> = Vec::new();
        let mut problem = None;
        let platforms: &[Platform] = &self.0.args.platform;
        for platform in platforms {
            match index.choose(Some(platform)) {
                Ok(image) if !chosen.contains(&image.digest) => chosen.push(image.digest.clone()),
                Ok(_) => {}
                Err(error) => problem = Some(error.to_string()),
            }
        }
        match problem {
            // An image need not be there for every platform of a cluster.
            Some(problem) if chosen.is_empty() => Err(problem),
            _ => Ok(chosen),
        }
    }

    /// Whether a registry's name is this gate's own.
    fn is_own(&self, registry: &str) -> bool {
        let public = self.0.args.public_url.as_ref();
        let listen = self.0.args.listen;
        public.is_some_and(|url| url.authority() == registry)
            || registry == listen.to_string()
            || (listen.ip().is_loopback() && registry == format!("localhost:{}", listen.port()))
    }
}

/// An image of which not even the digest is known.
fn unknown(image: &str) -> Judgement {
    let image = image.chars().take(400).collect();
    Judgement {
        outcome: Outcome::NotScanned,
        ..Judgement::of(image, "digest unknown".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(operation: &str, object: &Value, old: &Value) -> Vec<String> {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "u", "operation": operation, "object": object, "oldObject": old,
            },
        });
        let review = Review::read(review.to_string().as_bytes()).unwrap();
        assert_eq!(review.uid, "u");
        review.images
    }

    #[test]
    fn images_of_everything_that_runs_are_found() {
        let spec = json!({
            "initContainers": [{ "image": "init" }],
            "containers": [{ "image": "a" }, { "image": "b" }, { "image": "a" }, {}],
            "ephemeralContainers": [{ "image": "debug" }],
            "volumes": [{ "image": { "reference": "model" } }, { "emptyDir": {} }],
        });
        let all = ["a", "b", "debug", "init", "model"];
        let check = |object: Value| {
            assert_eq!(review("CREATE", &object, &Value::Null), all, "{object}");
        };
        check(json!({ "kind": "Pod", "spec": spec }));
        for kind in [
            "Deployment",
            "ReplicaSet",
            "DaemonSet",
            "StatefulSet",
            "Job",
        ] {
            check(json!({ "kind": kind, "spec": { "template": { "spec": spec } } }));
        }
        check(json!({
            "kind": "CronJob",
            "spec": { "jobTemplate": { "spec": { "template": { "spec": spec } } } },
        }));
        assert!(review("CREATE", &json!({ "kind": "ConfigMap" }), &Value::Null).is_empty());
    }

    #[test]
    fn only_what_is_new_is_judged() {
        let pod = |images: &[&str]| {
            let containers: Vec<Value> = images
                .iter()
                .map(|image| json!({ "image": image }))
                .collect();
            json!({ "spec": { "containers": containers } })
        };
        let check = |operation: &str, object: &[&str], old: &[&str], expect: &[&str]| {
            assert_eq!(
                review(operation, &pod(object), &pod(old)),
                expect,
                "{operation}"
            );
        };
        check("CREATE", &["a"], &["a"], &["a"]);
        check("UPDATE", &["a", "b"], &["a"], &["b"]);
        check("UPDATE", &["a"], &["a"], &[]);
        check("DELETE", &["a"], &["a"], &[]);
        check("CONNECT", &["a"], &[], &["a"]);
    }

    #[test]
    fn what_is_no_review_is_refused() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"kind":"AdmissionReview"}"#,
            r#"{"kind":"AdmissionReview","request":{}}"#,
        ] {
            assert!(Review::read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn the_answer_comes_before_the_timeout() {
        let check = |query: &str, expect_ms: u128| {
            assert_eq!(timeout(Some(query)).as_millis(), expect_ms, "{query}");
        };
        check("timeout=10s", 9000);
        check("timeout=30s", 27000);
        check("timeoutSeconds=2", 1700);
        check("timeout=1s", 700);
        check("timeout=0s", 9000);
        check("timeout=soon", 9000);
        check("timeout=-5s", 9000);
        check("timeout=1e9s", 9000);
        check("", 9000);
    }
}
