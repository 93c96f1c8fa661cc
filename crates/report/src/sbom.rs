//! What the SBOM formats share: the document's identity, names and licences taken apart, and what
//! Lamina alone knows of a package, by names of its own (`docs/sbom.md`).

use std::collections::BTreeSet;

use jiff::Timestamp;
use lamina_image::{digest::Digest, reference::Reference};
use lamina_inventory::{facts::PackageKind, purl};

use crate::model::{Image, Layer, Package, Report};

/// The packages of the merged image, with their index in the report. What a later layer removed is
/// not in the image, and so not in its bill of materials.
pub(crate) fn present(report: &Report) -> impl Iterator<Item = (usize, &Package)> {
    let packages = report.packages.iter().enumerate();
    packages.filter(|(_, package)| package.removed_in.is_none())
}

/// The OS package that owns this one, if it is in the image as well.
pub(crate) fn owner<'a>(report: &'a Report, package: &Package) -> Option<(usize, &'a Package)> {
    let index = package.owned_by?;
    let owner = report.packages.get(index)?;
    owner.removed_in.is_none().then_some((index, owner))
}

/// A UUID of version 5's form that tells this document from others: the same report gives the same
/// one, another scan or another format another. There is no randomness in it.
pub(crate) fn uuid(report: &Report, format: &str) -> String {
    let mut text = format!("lamina-sbom 1\n{format}\n");
    let image = &report.image;
    let ids = [&image.digest, &image.config_digest, &image.index_digest];
    for part in ids.into_iter().flatten() {
        text.push_str(part);
        text.push('\n');
    }
    for layer in &report.layers {
        text.push_str(&layer.diff_id);
        text.push('\n');
    }
    for part in [&image.name, &report.scanner, &report.scanned_at] {
        text.push_str(part);
        text.push('\n');
    }
    let digest = Digest::of(text.as_bytes());
    let mut digits: Vec<char> = digest.hex().chars().take(32).collect();
    // RFC 9562: the version is the 13th digit, the variant the upper bits of the 17th.
    if let Some(version) = digits.get_mut(12) {
        *version = '5';
    }
    if let Some(variant) = digits.get_mut(16) {
        let bits = variant.to_digit(16).unwrap_or_default();
        *variant = char::from_digit(bits & 3 | 8, 16).unwrap_or('8');
    }
    let mut uuid = String::with_capacity(36);
    for (at, digit) in digits.into_iter().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            uuid.push('-');
        }
        uuid.push(digit);
    }
    uuid
}

/// Twelve digits that tell this package from others, whatever else is in the report.
pub(crate) fn fingerprint(package: &Package) -> String {
    let parts = [
        package.kind.word(),
        &package.purl,
        &package.name,
        &package.version,
        &location(package),
    ];
    Digest::of(parts.join("\n").as_bytes()).short().to_owned()
}

/// When the report was made, to the second, as both formats want it. A report that does not say (one
/// from elsewhere) is taken to be made now.
pub(crate) fn created(report: &Report, now: Timestamp) -> String {
    let at: Timestamp = report.scanned_at.parse().unwrap_or(now);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The writer's name and version: `lamina` and `0.1.0`.
pub(crate) fn tool(report: &Report) -> (&str, Option<&str>) {
    match report.scanner.split_once(' ') {
        Some((name, version)) => (name, Some(version)),
        None if report.scanner.is_empty() => ("lamina", None),
        None => (&report.scanner, None),
    }
}

/// The image's package URL (type definition of `oci`), if its digest is known.
pub(crate) fn image_purl(image: &Image) -> Option<String> {
    let digest = image.digest.as_ref()?;
    let (named, is_archive) = match image.name.split_once(" (") {
        Some((named, _)) => (named, true),
        None => (image.name.as_str(), false),
    };
    let reference = reference(named);
    let name = reference.as_ref().map_or(named, Reference::repository);
    let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let mut purl = "pkg:oci/".to_owned();
    purl::encode(if name.is_empty() { "image" } else { &name }, &mut purl);
    purl.push('@');
    purl::encode(digest, &mut purl);
    let mut separator = '?';
    let mut qualifier = |name: &str, value: &str| {
        purl.push(separator);
        purl.push_str(name);
        purl.push('=');
        purl::encode(value, &mut purl);
        separator = '&';
    };
    if let Some(architecture) = image.platform.split('/').nth(1) {
        qualifier("arch", architecture);
    }
    if let Some(reference) = reference.filter(|_| !is_archive) {
        let repository = format!("{}/{}", reference.registry(), reference.repository());
        qualifier("repository_url", &repository);
        if let Some(tag) = reference.tag() {
            qualifier("tag", tag);
        }
    }
    Some(purl)
}

/// The reference an image was scanned by; `None` for what is rather the name of a file.
fn reference(name: &str) -> Option<Reference> {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains('.') && !last.contains([':', '@']) {
        return None; // `shop.tar` would be a repository on Docker Hub.
    }
    Reference::parse(name).ok()
}

/// A package's name in two parts, where its kind has two: the group, scope, vendor or path before
/// it, and its own.
pub(crate) fn group_and_name(package: &Package) -> (Option<&str>, &str) {
    use PackageKind as Kind;
    let name = package.name.as_str();
    let parts = match package.kind {
        Kind::Maven => name.split_once(':'),
        Kind::Npm if !name.starts_with('@') => None,
        Kind::Npm | Kind::Golang | Kind::Composer | Kind::Pear | Kind::Swift | Kind::Github => {
            name.rsplit_once('/')
        }
        _ => None,
    };
    match parts {
        Some((group, own)) if !group.is_empty() && !own.is_empty() => (Some(group), own),
        _ => (None, name),
    }
}

/// A licence as stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Licence<'a> {
    /// An SPDX licence expression of listed licences.
    Expression(&'a str),
    /// Any other words.
    Text(&'a str),
}

/// The licence that a package states.
pub(crate) fn licence(package: &Package) -> Option<Licence<'_>> {
    let stated = package.licence.as_deref().map(str::trim)?;
    (!stated.is_empty()).then(|| {
        if is_expression(stated) {
            Licence::Expression(stated)
        } else {
            Licence::Text(stated)
        }
    })
}

/// Whether a text is a licence expression by SPDX 2.3, annex D, that names listed licences only: a
/// `LicenseRef-` refers to another document, which we have not got.
fn is_expression(text: &str) -> bool {
    let mode = spdx::ParseMode {
        // They are still in the list, and packages still state them.
        allow_deprecated: true,
        ..spdx::ParseMode::STRICT
    };
    // The parser takes operators in lower case, which 2.3 does not.
    let has_lower_operator = text
        .split([' ', '(', ')'])
        .any(|word| matches!(word, "and" | "or" | "with"));
    !has_lower_operator
        && spdx::Expression::parse_mode(text, mode).is_ok_and(|expression| {
            expression.requirements().all(|requirement| {
                let requirement = &requirement.req;
                let addition = requirement.addition.as_ref();
                requirement.license.id().is_some()
                    && addition.is_none_or(|addition| addition.id().is_some())
            })
        })
}

/// Where a package was found: the file, and the place within it if that is an archive.
pub(crate) fn location(package: &Package) -> String {
    match &package.inner {
        Some(inner) => format!("{}!/{inner}", package.file),
        None => package.file.clone(),
    }
}

/// Names and values of what a standard has no field for, in the order of `docs/sbom.md`.
pub(crate) type Properties = Vec<(String, String)>;

fn add(properties: &mut Properties, name: &str, value: impl ToString) {
    properties.push((format!("lamina:{name}"), value.to_string()));
}

/// What the report says of the image beside its packages.
pub(crate) fn image_properties(report: &Report) -> Properties {
    let image = &report.image;
    let mut properties = Properties::new();
    let mut named = |name: &str, value: Option<&String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            add(&mut properties, name, value);
        }
    };
    named("image:platform", Some(&image.platform));
    named("image:indexDigest", image.index_digest.as_ref());
    named("image:configDigest", image.config_digest.as_ref());
    named("image:created", image.created.as_ref());
    if let Some(base) = &report.base {
        if let Some(name) = &base.name {
            add(&mut properties, "baseImage:name", name);
        }
        add(&mut properties, "baseImage:layers", base.layers);
    }
    for (name, value) in &image.config.labels {
        add(&mut properties, "image:label", format!("{name}={value}"));
    }
    for layer in &report.layers {
        add(&mut properties, "layer:diffID", &layer.diff_id);
    }
    for warning in &report.warnings {
        let message = match warning.layer {
            Some(layer) => format!("layer {layer}: {}", warning.message),
            None => warning.message.clone(),
        };
        add(&mut properties, "warning", message);
    }
    for (index, error) in unread(report) {
        add(
            &mut properties,
            "warning",
            format!("layer {index} was not read to its end: {error}"),
        );
    }
    properties
}

/// Layers that could not be read to their end, and why.
pub(crate) fn unread(report: &Report) -> impl Iterator<Item = (usize, &str)> {
    let layers = report.layers.iter().enumerate();
    layers.filter_map(|(index, layer)| Some((index, layer.error.as_deref()?)))
}

/// What Lamina knows of a package beside the standards' fields.
pub(crate) fn package_properties(report: &Report, package: &Package) -> Properties {
    let mut properties = Properties::new();
    let layer = |index: usize| report.layers.get(index);
    add(&mut properties, "kind", package.kind.word());
    add(&mut properties, "layer:index", package.layer);
    if let Some(layer) = layer(package.layer) {
        layer_properties(&mut properties, layer);
    }
    if let Some(base) = &report.base {
        add(&mut properties, "baseImage", package.layer < base.layers);
    }
    add(&mut properties, "file", &package.file);
    if package.file_layer != package.layer {
        add(&mut properties, "file:layer:index", package.file_layer);
    }
    if let Some(inner) = &package.inner {
        add(&mut properties, "inner", inner);
    }
    if let Some((first, last)) = package.lines {
        add(&mut properties, "lines", format!("{first}-{last}"));
    }
    add(&mut properties, "basis", package.basis.word());
    if let Some(evidence) = &package.evidence {
        add(&mut properties, "evidence", evidence);
    }
    if let Some((_, owner)) = owner(report, package) {
        add(&mut properties, "ownedBy", &owner.purl);
    }
    if let Some(architecture) = &package.architecture {
        add(&mut properties, "architecture", architecture);
    }
    if let Some((name, version)) = &package.source {
        add(&mut properties, "source:name", name);
        add(&mut properties, "source:version", version);
    }
    if let Some(files) = package.files {
        add(&mut properties, "files", files);
    }
    if let Some(bytes) = package.bytes {
        add(&mut properties, "bytes", bytes);
    }
    for earlier in &package.earlier {
        let (version, layer, end) = (&earlier.version, earlier.layer, earlier.replaced_in);
        add(
            &mut properties,
            "earlier",
            format!("{version} from layer {layer} to layer {end}"),
        );
    }
    for (name, value) in &package.details {
        add(&mut properties, &format!("detail:{name}"), value);
    }
    properties
}

fn layer_properties(properties: &mut Properties, layer: &Layer) {
    if !layer.diff_id.is_empty() {
        add(properties, "layer:diffID", &layer.diff_id);
    }
    if let Some(digest) = &layer.digest {
        add(properties, "layer:digest", digest);
    }
    if !layer.created_by.is_empty() {
        add(properties, "layer:step", &layer.created_by);
    }
}

/// Names that are given out once.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeSet<String>);

impl Names {
    /// `wanted`, or what makes it another: first with `otherwise` after it, then counted.
    pub(crate) fn take(&mut self, wanted: &str, otherwise: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number: usize = 1;
        while name.is_empty() || !self.0.insert(name.clone()) {
            name = match number {
                1 => format!("{wanted}{otherwise}"),
                _ => format!("{wanted}{otherwise}-{number}"),
            };
            number = number.saturating_add(1);
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_where_their_kind_has_groups() {
        use PackageKind::{Composer, Deb, Golang, Maven, Npm};
        let check = |kind, name: &str, expect: (Option<&str>, &str)| {
            assert_eq!(group_and_name(&Package::new(kind, name, "1")), expect);
        };
        check(Maven, "org.a:b", (Some("org.a"), "b"));
        check(Maven, "b", (None, "b"));
        check(Npm, "@babel/core", (Some("@babel"), "core"));
        check(Npm, "a/b", (None, "a/b"));
        check(Golang, "stdlib", (None, "stdlib"));
        check(Golang, "golang.org/x/net", (Some("golang.org/x"), "net"));
        check(Composer, "symfony/http", (Some("symfony"), "http"));
        check(Composer, "/", (None, "/"));
        check(Deb, "a:b/c", (None, "a:b/c"));
    }

    #[test]
    fn expressions_are_told_from_other_words() {
        let check = |licence_text: &str, is_valid: bool| {
            assert_eq!(is_expression(licence_text), is_valid, "{licence_text}");
        };
        check("MIT", true);
        check("(MIT OR Apache-2.0) AND BSD-3-Clause", true);
        check("GPL-2.0-only WITH Classpath-exception-2.0", true);
        check("GPL-2.0", true); // Deprecated, but in the list.
        check("MIT or Apache-2.0", false);
        check("mit", false);
        check("GPL-2, LGPL-2.1+", false);
        check("LicenseRef-mine", false);
        check("GPL-2.0-only WITH AdditionRef-mine", false);
        check("MIT AND", false);
        check("", false);
        check("(((((", false);
    }

    #[test]
    fn an_archive_is_not_taken_for_a_repository() {
        let check = |name: &str, expect: &str| {
            let image = Image {
                name: name.to_owned(),
                digest: Some("sha256:00".to_owned()),
                platform: "linux/amd64".to_owned(),
                ..Image::default()
            };
            assert_eq!(image_purl(&image).as_deref(), Some(expect));
        };
        check(
            "nginx:1.25",
            "pkg:oci/nginx@sha256:00?arch=amd64&repository_url=docker.io%2Flibrary%2Fnginx&tag=1.25",
        );
        check("shop.tar", "pkg:oci/shop.tar@sha256:00?arch=amd64");
        check(
            "a.io:80/b/shop:1 (shop.tar)",
            "pkg:oci/shop@sha256:00?arch=amd64",
        );
        check("", "pkg:oci/image@sha256:00?arch=amd64");
    }

    #[test]
    fn names_are_given_out_once() {
        let mut names = Names::default();
        assert_eq!(names.take("a", "#f"), "a");
        assert_eq!(names.take("a", "#f"), "a#f");
        assert_eq!(names.take("a", "#f"), "a#f-2");
        assert_eq!(names.take("", "#f"), "#f");
        assert_eq!(names.take("", ""), "-2");
    }
}
