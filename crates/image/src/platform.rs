//! Platforms: `linux/arm/v7`, and which of an index's images serves one.
//!
//! Names and fallbacks are those of `containerd/platforms`, which Docker uses too.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a machine must be to run an image. Names are normalised (`x86_64` is `amd64`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform {
    /// The operating system, such as `linux`.
    pub os: String,
    /// The processor, such as `amd64` or `arm`.
    pub architecture: String,
    /// The processor's variant, such as `v7`; `None` for a plain `amd64` or `arm64`.
    pub variant: Option<String>,
    /// Windows' version, such as `10.0.17763.1817`. Not part of the written form.
    pub os_version: Option<String>,
}

/// The text is no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a platform; write one such as \"linux/arm64\" or \"linux/arm/v7\"")]
pub struct PlatformError(String);

impl Platform {
    /// A platform from its parts, normalised.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let os = match os.to_ascii_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            other => other.to_owned(),
        };
        let variant = variant.unwrap_or_default().to_ascii_lowercase();
        let architecture = architecture.to_ascii_lowercase();
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
            ("x86_64" | "x86-64", variant) => ("amd64", variant),
            ("i386" | "i486" | "i586" | "i686", _) => ("386", ""),
            ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
            ("aarch64", variant) => ("arm64", variant),
            ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "6") => ("arm", "v6"),
            ("arm", "8") => ("arm", "v8"),
            (architecture, variant) => (architecture, variant),
        };
        Self {
            os,
            architecture: architecture.to_owned(),
            variant: (!variant.is_empty()).then(|| variant.to_owned()),
            os_version: None,
        }
    }

    /// `linux/amd64`, which is chosen when nobody says otherwise.
    pub fn linux_amd64() -> Self {
        Self::new("linux", "amd64", None)
    }

    /// The platforms whose images run on this one, best first.
    pub fn runs(&self) -> Vec<Platform> {
        let same =
            |architecture: &str, variant: Option<&str>| Self::new(&self.os, architecture, variant);
        let variant = self.variant.as_deref();
        let arm = |from: u8| {
            (5..=from)
                .rev()
                .map(|number| same("arm", Some(&format!("v{number}"))))
                .collect::<Vec<_>>()
        };
        let mut runs = vec![same(&self.architecture, variant)];
        match (self.architecture.as_str(), variant) {
            ("amd64", variant) => {
                for lower in ["v3", "v2", "v1"] {
                    if variant.is_some_and(|variant| variant > lower) {
                        runs.push(same("amd64", Some(lower)));
                    }
                }
                runs.push(same("386", None));
            }
            ("arm64", variant) => {
                if variant.is_some() {
                    runs.push(same("arm64", None));
                }
                runs.extend(arm(8));
            }
            ("arm", Some("v8")) => runs.extend(arm(7)),
            ("arm", Some("v7")) => runs.extend(arm(6)),
            ("arm", Some("v6")) => runs.extend(arm(5)),
            _ => {}
        }
        runs
    }

    /// How well an image made for `offered` serves this platform: 0 is best, `None` not at all.
    pub fn rank_of(&self, offered: &Platform) -> Option<usize> {
        let rank = self.runs().iter().position(|platform| {
            platform.os == offered.os
                && platform.architecture == offered.architecture
                && platform.variant == offered.variant
        })?;
        match (&self.os_version, &offered.os_version) {
            (Some(wanted), Some(found)) if wanted != found => None,
            _ => Some(rank),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let refuse = || PlatformError(text.chars().take(80).collect());
        let mut parts = text.trim().split('/');
        let (os, architecture) = match (parts.next(), parts.next()) {
            // An architecture alone means Linux, as `docker --platform arm64` does.
            (Some(alone), None) if is_architecture(alone) => ("linux", alone),
            (Some(os), Some(architecture)) => (os, architecture),
            _ => return Err(refuse()),
        };
        let variant = parts.next();
        let is_name = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        };
        let parts_are_names = is_name(os) && is_name(architecture) && variant.is_none_or(is_name);
        if !parts_are_names || parts.next().is_some() {
            return Err(refuse());
        }
        Ok(Self::new(os, architecture, variant))
    }
}

impl TryFrom<String> for Platform {
    type Error = PlatformError;

    fn try_from(text: String) -> Result<Self, PlatformError> {
        text.parse()
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.to_string()
    }
}

fn is_architecture(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "amd64"
            | "x86_64"
            | "386"
            | "i386"
            | "arm"
            | "armhf"
            | "armel"
            | "arm64"
            | "aarch64"
            | "ppc64le"
            | "s390x"
            | "riscv64"
            | "loong64"
            | "mips64le"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_normalised_as_containerd_does() {
        let check = |text: &str, expect: &str| {
            assert_eq!(
                text.parse::<Platform>().unwrap().to_string(),
                expect,
                "{text}"
            );
        };
        check("linux/amd64", "linux/amd64");
        check("linux/x86_64", "linux/amd64");
        check("linux/amd64/v1", "linux/amd64");
        check("linux/amd64/v3", "linux/amd64/v3");
        check("linux/aarch64", "linux/arm64");
        check("linux/arm64/v8", "linux/arm64");
        check("linux/arm", "linux/arm/v7");
        check("linux/arm/6", "linux/arm/v6");
        check("linux/armel", "linux/arm/v6");
        check("arm64", "linux/arm64");
        check("Windows/AMD64", "windows/amd64");
        check("macos/arm64", "darwin/arm64");
    }

    #[test]
    fn what_is_no_platform_is_refused() {
        let check = |text: &str| assert!(text.parse::<Platform>().is_err(), "{text}");
        check("");
        check("linux");
        check("linux/");
        check("linux/arm/v7/x");
        check("linux/a b");
    }

    #[test]
    fn older_arm_serves_newer_arm_and_not_the_other_way() {
        let rank = |wanted: &str, offered: &str| {
            let wanted: Platform = wanted.parse().unwrap();
            wanted.rank_of(&offered.parse().unwrap())
        };
        assert_eq!(rank("linux/arm/v7", "linux/arm/v7"), Some(0));
        assert_eq!(rank("linux/arm/v7", "linux/arm/v6"), Some(1));
        assert_eq!(rank("linux/arm/v7", "linux/arm/v5"), Some(2));
        assert_eq!(rank("linux/arm/v6", "linux/arm/v7"), None);
        assert_eq!(rank("linux/arm64", "linux/arm64/v8"), Some(0));
        assert_eq!(rank("linux/amd64", "linux/386"), Some(1));
        assert_eq!(rank("linux/386", "linux/amd64"), None);
        assert_eq!(rank("linux/amd64", "windows/amd64"), None);
    }
}
