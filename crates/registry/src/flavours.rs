//! What is different at single registries: one file each, listed in [`FLAVOURS`].
//!
//! A flavour holds facts only (addresses, whether a page may ask it directly, what to advise); the
//! protocol is the same for all.

mod acr;
mod docker_hub;
mod ecr;
mod gcp;
mod generic;
mod ghcr;
mod quay;
mod samples;

pub use samples::REGISTRY as SAMPLES_REGISTRY;

use crate::{
    error::ErrorKind,
    session::Options,
    url::{Url, UrlError, is_loopback},
};

/// Facts about one kind of registry.
pub trait Flavour: Sync {
    /// Name in messages of tests and logs, e.g. `docker-hub`. Never changes.
    fn id(&self) -> &'static str;

    /// The name people know it by.
    fn title(&self) -> &'static str;

    /// Whether `registry` (host and port as in a reference, lower case) is of this kind.
    fn claims(&self, registry: &str) -> bool;

    /// Where its API is; `/v2/` is appended to it.
    fn endpoint(&self, registry: &str, options: &Options) -> Result<Url, EndpointError> {
        default_endpoint(registry, options)
    }

    /// Whether a page of another origin may read its answers, where that is known
    /// (shared/advisories/CORS.md). `None`: try.
    fn answers_cross_origin(&self) -> Option<bool> {
        None
    }

    /// What else to tell someone who met this error here.
    fn advice(&self, _kind: &ErrorKind) -> Option<String> {
        None
    }
}

/// Why a registry has no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The name cannot be a host.
    #[error("{registry:?} is no registry: {source}")]
    BadName {
        /// The name.
        registry: String,
        /// What is wrong.
        source: UrlError,
    },
    /// The samples were asked for where none are served.
    #[error("no sample images are served here")]
    NoSamples,
}

/// All flavours; the first that claims a registry is it. The last claims all.
pub const FLAVOURS: &[&dyn Flavour] = &[
    &acr::Acr,
    &docker_hub::DockerHub,
    &ecr::Ecr,
    &gcp::Gcp,
    &ghcr::Ghcr,
    &quay::Quay,
    &samples::Samples,
    &generic::Generic,
];

/// The flavour of a registry.
pub fn flavour_of(registry: &str) -> &'static dyn Flavour {
    let registry = registry.to_ascii_lowercase();
    FLAVOURS
        .iter()
        .copied()
        .find(|flavour| flavour.claims(&registry))
        .unwrap_or(&generic::Generic)
}

/// HTTPS, but plain HTTP for this machine and for hosts that the caller lists.
fn default_endpoint(registry: &str, options: &Options) -> Result<Url, EndpointError> {
    let is_plain = is_loopback(registry)
        || options
            .plain_http
            .iter()
            .any(|host| host.eq_ignore_ascii_case(registry));
    let scheme = if is_plain { "http" } else { "https" };
    let bad_name = |source| EndpointError::BadName {
        registry: registry.chars().take(120).collect(),
        source,
    };
    if registry.contains(['/', '?', '#']) {
        return Err(bad_name(UrlError::Host));
    }
    format!("{scheme}://{registry}/").parse().map_err(bad_name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "a test that reads the source folder"
    )]
    fn every_file_is_listed_and_ids_are_stable() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/flavours");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.trim_end_matches(".rs").replace('_', "-"))
            .collect();
        let ids: BTreeSet<String> = FLAVOURS.iter().map(|found| found.id().to_owned()).collect();
        assert_eq!(ids.len(), FLAVOURS.len(), "ids are unique");
        assert_eq!(ids, files);
    }

    #[test]
    fn registries_are_told_apart() {
        let check = |registry: &str, id: &str| assert_eq!(flavour_of(registry).id(), id);
        check("docker.io", "docker-hub");
        check("index.docker.io", "docker-hub");
        check("registry-1.docker.io", "docker-hub");
        check("docker.io.example", "generic");
        check("ghcr.io", "ghcr");
        check("quay.io", "quay");
        check("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr");
        check(
            "123456789012.dkr.ecr-fips.us-gov-east-1.amazonaws.com",
            "ecr",
        );
        check("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "ecr");
        check("123456789012.dkr-ecr.eu-west-1.on.aws", "ecr");
        check("public.ecr.aws", "generic");
        check("europe-docker.pkg.dev", "gcp");
        check("eu.gcr.io", "gcp");
        check("mirror.gcr.io", "gcp");
        check("team.azurecr.io", "acr");
        check("samples.lamina", "samples");
        check("localhost:5000", "generic");
    }

    #[test]
    fn addresses_of_registries() {
        let options = Options {
            plain_http: vec!["old.example:5000".to_owned()],
            samples: Some("http://localhost:8080/samples".parse().unwrap()),
            ..Options::default()
        };
        let check = |registry: &str, expect: &str| {
            let url = flavour_of(registry).endpoint(registry, &options).unwrap();
            assert_eq!(url.to_string(), expect);
        };
        check("docker.io", "https://registry-1.docker.io/");
        check("ghcr.io", "https://ghcr.io/");
        check("localhost:5000", "http://localhost:5000/");
        check("127.0.0.1:5000", "http://127.0.0.1:5000/");
        check("[::1]:5000", "http://[::1]:5000/");
        check("old.example:5000", "http://old.example:5000/");
        check("old.example", "https://old.example/");
        check("samples.lamina", "http://localhost:8080/samples");
        for registry in ["", "a b", "a/b", "user@host", "a?b"] {
            assert!(default_endpoint(registry, &options).is_err(), "{registry}");
        }
    }
}
