//! The shards of what other scanners' databases name in their own ways.

use std::borrow::Cow;

use lamina_advisories::ecosystem::Ecosystem;

/// A shard to write to.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    /// Its key.
    pub(crate) key: String,
    /// The order of its versions.
    pub(crate) order: &'static str,
    ecosystem: Option<&'static Ecosystem>,
}

/// Distributions that osv.dev has no name for: our own name, the first part of the key, the order.
const OTHERS: &[(&str, &str, &str)] = &[
    ("Amazon Linux", "amazon", "rpm"),
    ("Arch Linux", "arch", "alpm"),
    ("Azure Linux", "azure-linux", "rpm"),
    ("CBL-Mariner", "mariner", "rpm"),
    ("Fedora", "fedora", "rpm"),
    ("Oracle Linux", "oracle", "rpm"),
];

impl Platform {
    /// Of osv.dev's name (`Debian:12`, `PyPI`), or ours of a distribution (`Oracle Linux:8`).
    ///
    /// # Errors
    /// Says why there is no shard.
    pub(crate) fn of(name: &str) -> Result<Self, String> {
        let (base, release) = name.split_once(':').unwrap_or((name, ""));
        if let Some((ecosystem, key)) = Ecosystem::of_osv(name) {
            let order = ecosystem
                .version_order()
                .ok_or_else(|| format!("left out: no version order for {}", ecosystem.osv))?;
            return Ok(Self {
                key,
                order: order.id(),
                ecosystem: Some(ecosystem),
            });
        }
        let other = OTHERS.iter().find(|(ours, ..)| *ours == base);
        let (_, key, order) =
            other.ok_or_else(|| format!("left out: unknown ecosystem {base:?}"))?;
        let key = if release.is_empty() {
            (*key).to_owned()
        } else {
            format!("{key}:{}", release.to_ascii_lowercase().replace(' ', "-"))
        };
        Ok(Self {
            key,
            order,
            ecosystem: None,
        })
    }

    /// A package's name as the shard has it.
    pub(crate) fn package<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match self.ecosystem {
            Some(ecosystem) => ecosystem.normalise(name),
            None => Cow::Borrowed(name),
        }
    }
}

/// The shard of Red Hat's packages of a product, by its CPE, and the CPE without what all have in
/// common: `cpe:/o:redhat:enterprise_linux:7::server` is of `red-hat:7`.
pub(crate) fn red_hat(cpe: &str) -> Option<(String, String)> {
    let product = cpe
        .strip_prefix("cpe:/o:redhat:")
        .or_else(|| cpe.strip_prefix("cpe:/a:redhat:"))?;
    let mut parts = product.split(':');
    let (name, version) = (parts.next()?, parts.next()?);
    // Of others the version is not that of the distribution: `openshift:4.15::el9`.
    if !(name.starts_with("enterprise_linux") || name.starts_with("rhel_")) {
        return None;
    }
    let by_repository = product
        .rsplit("::")
        .next()
        .and_then(|repository| repository.strip_prefix("el"))
        .filter(|major| !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit()));
    let major = by_repository.unwrap_or(version.split('.').next()?);
    let is_number = !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| (format!("red-hat:{major}"), product.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_shards() {
        let check = |name: &str, expect: &str| {
            let got = Platform::of(name).map(|platform| platform.key);
            assert_eq!(got.unwrap_or_else(|reason| reason), expect, "{name}");
        };
        check("Debian:12", "debian:12");
        check("Oracle Linux:8", "oracle:8");
        check("Amazon Linux:2023", "amazon:2023");
        check("PyPI", "pypi");
        check("Jenkins", "left out: unknown ecosystem \"Jenkins\"");
    }

    #[test]
    fn red_hats_products_are_of_a_release() {
        let check = |cpe: &str, expect: Option<(&str, &str)>| {
            let expect = expect.map(|(key, product)| (key.to_owned(), product.to_owned()));
            assert_eq!(red_hat(cpe), expect, "{cpe}");
        };
        check(
            "cpe:/o:redhat:enterprise_linux:7::server",
            Some(("red-hat:7", "enterprise_linux:7::server")),
        );
        check(
            "cpe:/a:redhat:rhel_eus:9.4::appstream",
            Some(("red-hat:9", "rhel_eus:9.4::appstream")),
        );
        check(
            "cpe:/a:redhat:rhel_software_collections:3::el7",
            Some(("red-hat:7", "rhel_software_collections:3::el7")),
        );
        check("cpe:/a:redhat:openshift:4.15::el9", None);
        check("cpe:/o:microsoft:windows", None);
    }
}
