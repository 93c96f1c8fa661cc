//! Purls as packageurl-go takes them apart, which Trivy compares by. The `packageurl` crate follows the
//! specification where the Go library does not (names of npm, namespaces of PyPI), so it refuses and
//! matches others.

/// A purl taken apart. Parts that are not there are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::presets) struct Purl {
    pub(in crate::presets) ty: String,
    pub(in crate::presets) namespace: String,
    pub(in crate::presets) name: String,
    pub(in crate::presets) version: String,
    qualifiers: Vec<(String, String)>,
    subpath: String,
}

impl Purl {
    /// Takes a purl apart.
    pub(in crate::presets) fn parse(text: &str) -> Result<Self, String> {
        let (rest, subpath) = text.split_once('#').unwrap_or((text, ""));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = match rest.split_once(':') {
            Some((scheme, path)) if scheme.eq_ignore_ascii_case("pkg") => path,
            _ => return Err("purl scheme is not \"pkg\"".to_owned()),
        };
        let Some((ty, path)) = path.trim_start_matches('/').split_once('/') else {
            return Err("purl is missing type or name".to_owned());
        };
        let ty = ty.to_ascii_lowercase();
        let is_type = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-');
        if ty.is_empty() || !ty.chars().all(is_type) || ty.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err(format!("invalid type {ty:?}"));
        }
        let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (name, version) = name.rsplit_once('@').unwrap_or((name, ""));
        let mut purl = Self {
            namespace: decode(namespace)?.trim_matches('/').to_owned(),
            name: decode(name)?,
            version: decode(version)?,
            qualifiers: qualifiers(query)?,
            subpath: decode(subpath)?.trim_matches('/').to_owned(),
            ty,
        };
        purl.adjust();
        match purl.ty.as_str() {
            _ if purl.name.is_empty() => Err("purl is missing name".to_owned()),
            "swift" if purl.namespace.is_empty() => Err("namespace is required".to_owned()),
            "julia" if !purl.namespace.is_empty() => {
                Err("a julia purl must not have a namespace".to_owned())
            }
            _ => Ok(purl),
        }
    }

    /// Of some types letter case does not matter.
    fn adjust(&mut self) {
        let ty = self.ty.as_str();
        if matches!(
            ty,
            "alpm"
                | "apk"
                | "bitbucket"
                | "composer"
                | "deb"
                | "github"
                | "golang"
                | "qpkg"
                | "rpm"
        ) {
            self.namespace = self.namespace.to_lowercase();
        }
        if matches!(
            ty,
            "alpm" | "apk" | "bitbucket" | "bitnami" | "composer" | "deb" | "github" | "golang"
        ) {
            self.name = self.name.to_lowercase();
        }
        if ty == "pypi" {
            self.name = self.name.to_lowercase().replace('_', "-");
        }
    }

    /// Whether it has qualifiers or a subpath.
    pub(in crate::presets) fn has_more(&self) -> bool {
        !self.qualifiers.is_empty() || !self.subpath.is_empty()
    }

    /// Whether a rule with this purl is about a package with that one: type, namespace and name are the
    /// same, and so is whatever else the rule's says (Trivy's `purl.Match`).
    pub(in crate::presets) fn is_of(&self, found: &Self) -> bool {
        self.ty == found.ty
            && self.namespace == found.namespace
            && self.name == found.name
            && (self.version.is_empty() || self.version == found.version)
            && (self.subpath.is_empty() || self.subpath == found.subpath)
            && self
                .qualifiers
                .iter()
                .all(|qualifier| found.qualifiers.contains(qualifier))
    }
}

/// Keys are lower case; those without a value are left out.
fn qualifiers(query: &str) -> Result<Vec<(String, String)>, String> {
    let mut qualifiers: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = key.to_ascii_lowercase();
        let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let starts = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.' || c == '_');
        if !starts || !key.chars().all(is_key) {
            return Err(format!(
                "invalid qualifiers: invalid qualifier key: '{key}'"
            ));
        }
        if qualifiers.iter().any(|(other, _)| *other == key) {
            return Err(format!(
                "invalid qualifiers: duplicate qualifier key: {key:?}"
            ));
        }
        if qualifiers.len() >= MAX_QUALIFIERS {
            return Err(format!("more than {MAX_QUALIFIERS} qualifiers"));
        }
        qualifiers.push((key, decode(value)?));
    }
    qualifiers.retain(|(_, value)| !value.is_empty());
    Ok(qualifiers)
}

/// Qualifiers of one purl: each is compared with each.
const MAX_QUALIFIERS: usize = 50;

/// Undoes `%20`.
fn decode(text: &str) -> Result<String, String> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit(), digit());
        let value = high.zip(low).map(|(high, low)| high * 16 + low);
        match value.and_then(|value| u8::try_from(value).ok()) {
            Some(byte) => bytes.push(byte),
            None => return Err(format!("invalid URL escape in {text:?}")),
        }
    }
    String::from_utf8(bytes).map_err(|_| format!("{text:?} is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_of(rule: &str, found: &str) -> String {
        let found = Purl::parse(found).unwrap();
        match Purl::parse(rule) {
            Ok(rule) => rule.is_of(&found).to_string(),
            Err(_) => "error".to_owned(),
        }
    }

    /// As Trivy 0.76.0 answers for an ignore file with the rule's purl.
    #[test]
    fn letter_case_matters_by_type() {
        // Of which types `NS`, `NA-ME` and `na_me` are `ns/na-me`.
        let check = |types: &str, namespace: bool, name: bool, underscore: bool| {
            for ty in types.split_whitespace() {
                let found = format!("pkg:{ty}/ns/na-me@1");
                let check = |rule: &str, expect: bool| {
                    assert_eq!(
                        is_of(&format!("pkg:{ty}/{rule}"), &found),
                        expect.to_string()
                    );
                };
                check("ns/na-me", true);
                check("ns/na-me@1", true);
                check("ns/na-me@2", false);
                check("NS/na-me", namespace);
                check("ns/NA-ME", name);
                check("ns/na_me", underscore);
                if ty != "swift" {
                    check("na-me", false);
                }
            }
        };
        check(
            "alpm apk bitbucket composer deb github golang",
            true,
            true,
            false,
        );
        check("rpm qpkg", true, false, false);
        check("bitnami", false, true, false);
        check("pypi", false, true, true);
        check(
            "cargo conan conda cran gem generic hackage hex maven npm nuget oci pub swift cocoapods \
             huggingface luarocks",
            false,
            false,
            false,
        );
    }

    /// Likewise.
    #[test]
    fn parts_are_compared_if_the_rule_has_them() {
        let check = |rule: &str, expect: &str| {
            assert_eq!(is_of(rule, "pkg:npm/x@1?b=c#s/t"), expect, "{rule}");
        };
        check("pkg:npm/x", "true");
        check("pkg:npm/x?b=c", "true");
        check("pkg:npm/x?b=C", "false");
        check("pkg:npm/x?B=c", "true");
        check("pkg:npm/x?b=c&d=", "true");
        check("pkg:npm/x?b=c&d=e", "false");
        check("pkg:npm/x?b=%63", "true");
        check("pkg:npm/x?b==c", "false");
        check("pkg:npm/x?b", "true");
        check("pkg:npm/x?b=c&b=c", "error");
        check("pkg:npm/x?=c", "error");
        check("pkg:npm/x#s/t", "true");
        check("pkg:npm/x#/s/t/", "true");
        check("pkg:npm/x#s", "false");
        check("pkg:npm/x@1?b=c#s/t", "true");
        check("pkg:npm/x@", "true");
        check("pkg:npm/x@@1", "false");
        check("pkg:npm/x@1@2", "false");
        check("pkg:npm/x@1/2", "false");
        check("pkg:npm/x%401", "false");
        check("pkg:npm/x y", "false");
        check("pkg:npm/../x", "false");
        check("PKG:NPM/x", "true");
        check("pkg:/npm/x", "true");
        check("pkg://npm/x", "true");
        check("pkg:npm/x/", "error");
        check("pkg:npm/", "error");
        check("pkg:npm/@x", "error");
        check("pkg:", "error");
        check("pkg", "error");
        check("", "error");
        check("npm:x", "error");
        check("pkg:n pm/x", "error");
        check("pkg:n_m/x", "error");
        check("pkg:1npm/x", "error");
        check("pkg:npm\\x", "error");
        check("pkg:npm/%zz", "error");
        check("pkg:npm/%ff", "error");
        check("pkg:swift/x", "error");
        let check = |rule: &str, found: &str, expect: bool| {
            assert_eq!(is_of(rule, found), expect.to_string(), "{rule}");
        };
        let maven = "pkg:maven/org.x/y@1";
        check("pkg:maven/org.x/y", maven, true);
        check("pkg:maven/org.x:y", maven, false);
        check("pkg:maven/org%2Ex/y", maven, true);
        check("pkg:maven//org.x//y", maven, true);
        check("pkg:maven/org.x/y@1?type=jar", maven, false);
        let go = "pkg:golang/github.com/a/b@v1";
        check("pkg:golang/github.com/A/b", go, true);
        check("pkg:golang/github.com%2Fa/b", go, true);
        check("pkg:golang/github.com/a/b@V1", go, false);
        check("pkg:golang/github.com/a/b@v1#sub", go, false);
    }
}
