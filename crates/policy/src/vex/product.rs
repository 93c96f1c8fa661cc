//! What VEX statements are about, and whether that is a given image or package.

use std::collections::HashSet;

use lamina_image::reference::Reference;
use lamina_inventory::{
    limits::MAX_PURL_BYTES,
    purl::{Purl, encode, normalise_python},
};

/// Identifiers of one product that are remembered.
const IDENTIFIERS: usize = 16;

/// Something that a document names in one or more ways, any of which suffices.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Component {
    pub(super) purls: Vec<Purl>,
    /// References, IRIs, digests: compared as they are.
    pub(super) texts: Vec<String>,
    /// Versions to which what is said is confined; all if empty.
    pub(super) versions: Vec<String>,
}

impl Component {
    /// Something that has an identifier: a purl if it is one.
    pub(super) fn of(identifier: &str) -> Self {
        let mut component = Self::default();
        component.add(identifier);
        component
    }

    /// Adds an identifier, if there are not too many.
    pub(super) fn add(&mut self, identifier: &str) {
        let identifier = identifier.trim();
        if self.len() >= IDENTIFIERS || identifier.len() > MAX_PURL_BYTES {
            return;
        }
        match Purl::parse(identifier) {
            Some(purl) => self.purls.push(normalised(purl)),
            None if identifier.is_empty() => {}
            None => self.texts.push(identifier.to_owned()),
        }
    }

    /// How many identifiers it has.
    pub(super) fn len(&self) -> usize {
        self.purls.len() + self.texts.len()
    }

    /// Whether nothing names it.
    pub(super) fn is_nameless(&self) -> bool {
        self.purls.is_empty() && self.texts.is_empty()
    }

    /// Whether it is this image.
    pub(super) fn is_image(&self, image: &ImageNames) -> bool {
        let is_purl = |purl: &Purl| image.purls.iter().any(|found| covers(purl, found));
        self.purls.iter().any(is_purl) || self.texts.iter().any(|text| image.texts.contains(text))
    }

    /// Whether a purl covers this package.
    pub(super) fn is_package(&self, package: &Purl) -> bool {
        let is_version = self.versions.is_empty()
            || package
                .version
                .as_ref()
                .is_some_and(|version| self.versions.contains(version));
        is_version && self.purls.iter().any(|purl| covers(purl, package))
    }
}

/// One thing that a statement is about: a product, or components of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claim {
    pub(super) product: Component,
    /// The components of it that are meant; the product as such if empty.
    pub(super) subcomponents: Vec<Component>,
}

/// A purl as two of them are compared: names whose letter case does not matter in lower case. Both the
/// purl of a document and that of a package are so treated.
pub(super) fn normalised(mut purl: Purl) -> Purl {
    match purl.kind.as_str() {
        "pypi" => purl.name = normalise_python(&purl.name),
        "alpm" | "apk" | "bitbucket" | "bitnami" | "composer" | "deb" | "docker" | "github"
        | "golang" | "hex" | "nuget" | "oci" | "pub" => {
            purl.name = purl.name.to_lowercase();
            purl.namespace = purl.namespace.map(|namespace| namespace.to_lowercase());
        }
        "rpm" => purl.namespace = purl.namespace.map(|namespace| namespace.to_lowercase()),
        _ => {}
    }
    purl
}

/// Whether the purl of a document covers one that was found, as go-vex has it: type, namespace and name
/// are equal; the version is, if the document gives one; every qualifier that the document gives is
/// there and equal. The subpath does not matter.
fn covers(written: &Purl, found: &Purl) -> bool {
    written.name == found.name
        && written.kind == found.kind
        && written.namespace == found.namespace
        && (written.version.is_none() || written.version == found.version)
        && written
            .qualifiers
            .iter()
            .all(|(name, value)| found.qualifier(name) == Some(value))
}

/// The names of one image in VEX documents.
#[derive(Clone, Debug, Default)]
pub(super) struct ImageNames {
    purls: Vec<Purl>,
    texts: HashSet<String>,
}

impl ImageNames {
    pub(super) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut image = Self::default();
        for name in names {
            match Purl::parse(&name) {
                Some(purl) => image.purls.push(normalised(purl)),
                None => drop(image.texts.insert(name)),
            }
        }
        image
    }
}

/// The names under which VEX documents may speak of an image: its references with tag and digest, its
/// bare digests, and its purls as Trivy (`repository_url` is the whole repository), Grype (it is the
/// registry and the path above the name) and the type `docker` write them.
///
/// `digests` are those of the manifest, and of the index from which it was chosen.
pub fn image_names(name: &str, digests: &[&str], architecture: Option<&str>) -> Vec<String> {
    // Of an archive, people are shown `shop:1.0 (shop.tar)`.
    let name = name.split_once(" (").map_or(name, |(name, _)| name).trim();
    let mut names: Vec<String> = vec![name.to_owned()];
    let mut all_digests: Vec<String> = digests.iter().map(|one| (*one).to_owned()).collect();
    let reference = Reference::parse(name).ok();
    if let Some(digest) = reference.as_ref().and_then(Reference::digest) {
        all_digests.push(digest.to_string());
    }
    all_digests.sort_unstable();
    all_digests.dedup();
    for digest in &all_digests {
        names.push(digest.clone());
        names.extend(digest.split_once(':').map(|(_, hex)| hex.to_owned()));
    }
    if let Some(reference) = reference {
        of_reference(&reference, &all_digests, architecture, &mut names);
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn of_reference(
    reference: &Reference,
    digests: &[String],
    architecture: Option<&str>,
    names: &mut Vec<String>,
) {
    let (registry, repository) = (reference.registry(), reference.repository());
    let familiar = reference.familiar();
    let familiar = familiar.split('@').next().unwrap_or_default();
    let tag = reference.tag();
    let familiar = tag.map_or(familiar, |tag| {
        let cut = familiar.strip_suffix(tag);
        cut.and_then(|cut| cut.strip_suffix(':'))
            .unwrap_or(familiar)
    });
    let registries: &[&str] = match registry {
        "docker.io" => &["docker.io", "index.docker.io", "registry-1.docker.io"],
        other => &[other],
    };
    let mut repositories = vec![familiar.to_owned()];
    repositories.extend(registries.iter().map(|one| format!("{one}/{repository}")));
    for repository in &repositories {
        names.push(repository.clone());
        names.extend(tag.map(|tag| format!("{repository}:{tag}")));
        names.extend(
            digests
                .iter()
                .map(|digest| format!("{repository}@{digest}")),
        );
    }

    let (parent, last) = repository.rsplit_once('/').unwrap_or(("", repository));
    let mut places = Vec::new();
    for registry in registries {
        places.push(format!("{registry}/{repository}"));
        places.push(match parent {
            "" => (*registry).to_owned(),
            parent => format!("{registry}/{parent}"),
        });
    }
    let versions = || std::iter::once(None).chain(digests.iter().map(Some));
    for place in &places {
        for digest in versions() {
            let mut purl = String::from("pkg:oci/");
            encode(last, &mut purl);
            if let Some(digest) = digest {
                purl.push('@');
                encode(digest, &mut purl);
            }
            let qualifiers = [
                ("arch", architecture),
                ("repository_url", Some(place.as_str())),
                ("tag", tag),
            ];
            add_qualifiers(&qualifiers, &mut purl);
            names.push(purl);
        }
    }
    // Type `docker`: the namespace is the path, the version a tag or a digest.
    let version_texts = tag.into_iter().chain(digests.iter().map(String::as_str));
    for version in std::iter::once(None).chain(version_texts.map(Some)) {
        for path in [
            repository,
            repository.strip_prefix("library/").unwrap_or(repository),
        ] {
            let mut purl = String::from("pkg:docker");
            for part in path.split('/') {
                purl.push('/');
                encode(part, &mut purl);
            }
            if let Some(version) = version {
                purl.push('@');
                encode(version, &mut purl);
            }
            add_qualifiers(&[("repository_url", Some(registry))], &mut purl);
            names.push(purl);
        }
    }
}

fn add_qualifiers(qualifiers: &[(&str, Option<&str>)], purl: &mut String) {
    let mut separator = '?';
    for (name, value) in qualifiers {
        if let Some(value) = value {
            purl.push(separator);
            purl.push_str(name);
            purl.push('=');
            encode(value, purl);
            separator = '&';
        }
    }
}

/// The purl under which an image is named in documents that are written: without qualifiers, as no
/// `repository_url` satisfies both Trivy and Grype. `None` if its name is no reference.
pub(super) fn written_purl(name: &str, digest: Option<&str>) -> Option<String> {
    let name = name.split_once(" (").map_or(name, |(name, _)| name).trim();
    let reference = Reference::parse(name).ok()?;
    let digest = digest.map(str::to_owned);
    let digest = digest.or_else(|| reference.digest().map(ToString::to_string));
    let repository = reference.repository();
    let last = repository.rsplit('/').next().unwrap_or(repository);
    let mut purl = String::from("pkg:oci/");
    encode(last, &mut purl);
    if let Some(digest) = digest {
        purl.push('@');
        encode(&digest, &mut purl);
    }
    Some(purl)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn a_purl_covers_what_it_does_not_contradict() {
        let check = |written: &str, found: &str, expect: bool| {
            let component = Component::of(written);
            let found = normalised(Purl::parse(found).unwrap());
            assert_eq!(
                component.is_package(&found),
                expect,
                "{written} on {found:?}"
            );
        };
        let bash = "pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64&distro=debian-12";
        check("pkg:deb/debian/bash", bash, true);
        check("pkg:deb/debian/bash@5.2.15-2+b2", bash, true);
        check(
            "pkg:deb/debian/bash@5.2.15-2%2Bb2?distro=debian-12",
            bash,
            true,
        );
        check("pkg:deb/debian/bash?distro=debian-11", bash, false);
        check("pkg:deb/debian/bash?epoch=1", bash, false);
        check("pkg:deb/debian/bash@5.2", bash, false);
        check("pkg:deb/ubuntu/bash", bash, false);
        check("pkg:deb/bash", bash, false);
        check("pkg:rpm/debian/bash", bash, false);
        check("pkg:deb/debian/bash-doc", bash, false);
        check("pkg:deb/debian/bash#usr/share", bash, true);
        check("pkg:deb/debian/bash@1", "pkg:deb/debian/bash", false);
        check("bash", bash, false);
        check("", bash, false);
        check("pkg:pypi/Zope_Interface", "pkg:pypi/zope-interface@1", true);
        check(
            "pkg:golang/github.com/Azure/go@v1",
            "pkg:golang/github.com/azure/go@v1",
            true,
        );
        check("pkg:npm/JSONStream", "pkg:npm/jsonstream@1", false);
        check("pkg:npm/@babel/core", "pkg:npm/%40babel/core@7", true);
        check("pkg:rpm/RedHat/openssl", "pkg:rpm/redhat/openssl@1", true);
    }

    #[test]
    fn an_image_goes_by_all_its_names() {
        let check = |name: &str, written: &str, expect: bool| {
            let image = ImageNames::new(image_names(name, &[DIGEST], Some("amd64")));
            let component = Component::of(written);
            assert_eq!(component.is_image(&image), expect, "{written} on {name}");
        };
        let nginx = "nginx:1.25";
        check(nginx, "nginx:1.25", true);
        check(nginx, "docker.io/library/nginx:1.25", true);
        check(nginx, "index.docker.io/library/nginx:1.25", true);
        check(nginx, "nginx:1.26", false);
        check(nginx, "nginx", true);
        check(nginx, DIGEST, true);
        check(nginx, &DIGEST[7..], true);
        check(nginx, &format!("nginx@{DIGEST}"), true);
        check(nginx, "pkg:oci/nginx", true);
        check(nginx, "pkg:oci/nginx?tag=1.25", true);
        check(nginx, "pkg:oci/nginx?tag=1.24", false);
        check(nginx, "pkg:oci/other", false);
        check(nginx, &format!("pkg:oci/nginx@{DIGEST}"), true);
        let encoded = DIGEST.replace(':', "%3A");
        // Trivy's, Grype's, and the type's own examples.
        for place in [
            "index.docker.io/library/nginx",
            "index.docker.io/library",
            "docker.io/library/nginx",
            "index.docker.io%2Flibrary%2Fnginx",
        ] {
            check(
                nginx,
                &format!("pkg:oci/nginx@{encoded}?repository_url={place}"),
                true,
            );
            check(
                nginx,
                &format!("pkg:oci/nginx@{encoded}?arch=amd64&repository_url={place}"),
                true,
            );
        }
        check(nginx, "pkg:oci/nginx?repository_url=ghcr.io/nginx", false);
        check(nginx, "pkg:oci/nginx?arch=arm64", false);
        check(nginx, "pkg:oci/nginx@sha256:bbbb", false);
        check(nginx, "pkg:docker/nginx@1.25", true);
        check(nginx, "pkg:docker/library/nginx", true);
        check(nginx, "pkg:docker/nginx@1.24", false);

        let shop = "ghcr.io/acme/team/shop:2";
        check(shop, "ghcr.io/acme/team/shop", true);
        check(
            shop,
            "pkg:oci/shop?repository_url=ghcr.io/acme/team/shop",
            true,
        );
        check(shop, "pkg:oci/shop?repository_url=ghcr.io/acme/team", true);
        check(shop, "pkg:oci/shop?repository_url=ghcr.io/acme", false);
        check(
            shop,
            "pkg:docker/acme/team/shop@2?repository_url=ghcr.io",
            true,
        );
        check(shop, "acme/team/shop", false);

        check("shop:1.0 (shop.tar)", "shop:1.0", true);
        check("shop:1.0 (shop.tar)", "pkg:oci/shop", true);
        check("no reference at all", "pkg:oci/shop", false);
        check("no reference at all", DIGEST, true);
        check(
            &format!("localhost:5000/a@{DIGEST}"),
            "localhost:5000/a",
            true,
        );
    }
}
