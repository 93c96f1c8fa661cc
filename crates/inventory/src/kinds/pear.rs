//! PHP packages as PEAR and PECL install them: `.registry/**/<name>.reg`.
//!
//! Each file is one package's `package.xml` (<https://pear.php.net/manual/en/guide.developers.package2.php>)
//! as an array in PHP's [serialisation format](php_serialize). Those of the channel `pear.php.net` lie in
//! `.registry` itself, those of others in `.channel.<channel>`. The name is `channel/name`.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Facts, OwnedFiles, PackageFact, PackageKind},
    limits::{MAX_LICENCE_BYTES, MAX_MANIFEST_BYTES},
    path_list::PathListBuilder,
    places::components,
    text::{cut, word},
};

pub mod php_serialize;

use php_serialize::Value;

/// Packages of PEAR and PECL.
pub struct Pear;

impl Analyser for Pear {
    fn id(&self) -> &'static str {
        "pear"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        path.as_bytes().ends_with(b".reg")
            && components(path)
                .rev()
                .skip(1)
                .take(2)
                .any(|c| c == b".registry")
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_MANIFEST_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        let (value, problem) = php_serialize::parse(file.bytes);
        if let Some(problem) = problem {
            out.malformed(self.id(), file.path, 0, &problem);
        }
        let Some(registry) = value else {
            return;
        };
        // `package` is what version 1 of package.xml calls it.
        let named = ["name", "package"].iter();
        let Some(name) = named.filter_map(|key| text(registry.get(key)?)).next() else {
            return out.malformed(self.id(), file.path, 0, "the package has no name");
        };
        let version = registry.get("version");
        let version = version.and_then(|version| text(version.get("release").unwrap_or(version)));
        let Some(version) = version else {
            let problem = format!("the package {name:?} has no version");
            return out.malformed(self.id(), file.path, 0, &problem);
        };
        let channel = registry.get("channel").and_then(text);
        let channel = channel.or_else(|| channel_of(file.path));
        let channel = channel.unwrap_or_else(|| "pear.php.net".to_owned());
        let name = format!("{channel}/{name}");
        let mut package = PackageFact::new(PackageKind::Pear, &name, version, file.path);
        let licences = ["license", "release_license"].iter();
        let licence = licences
            .filter_map(|key| licence(registry.get(key)?))
            .next();
        package.licence = licence.map(|licence| cut(&licence, MAX_LICENCE_BYTES));
        out.add_package(self.id(), package);
        let mut files = PathListBuilder::default();
        for (_, file) in registry
            .get("filelist")
            .map(Value::entries)
            .unwrap_or_default()
        {
            if let Some(Value::Text(path)) = file.get("installed_as") {
                files.push(LayerPath::from_bytes(path).as_bytes());
            }
        }
        out.add_owned(
            self.id(),
            OwnedFiles {
                kind: PackageKind::Pear,
                name,
                architecture: None,
                files: files.finish(),
                file: file.path.clone(),
            },
        );
    }
}

fn text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => word(text),
        _ => None,
    }
}

/// A name, `{attribs, _content: name}`, or a list of either.
fn licence(value: &Value<'_>) -> Option<String> {
    if let Some(content) = value.get("_content") {
        return text(content);
    }
    match value {
        Value::Text(_) => text(value),
        Value::Array(entries) => {
            let one = |value: &Value<'_>| match value {
                Value::Text(_) => text(value),
                _ => value.get("_content").and_then(text),
            };
            let names: Vec<String> = entries.iter().filter_map(|(_, v)| one(v)).collect();
            (!names.is_empty()).then(|| names.join(", "))
        }
        _ => None,
    }
}

fn channel_of(path: &LayerPath) -> Option<String> {
    let folder = components(path).rev().nth(1)?;
    word(folder.strip_prefix(b".channel.")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Pear,
            &[
                "usr/share/php/.registry/archive_tar.reg",
                "usr/local/lib/php/.registry/.channel.pecl.php.net/redis.reg",
                "usr/share/pear/.registry/pear.reg",
            ],
            &[
                "usr/share/php/.channels/pear.php.net.reg",
                "root/.wine/user.reg",
                "usr/share/php/.registry",
                "a.reg",
                "",
            ],
        );
    }

    const PATH: &str = "usr/local/lib/php/.registry/.channel.pecl.php.net/redis.reg";

    #[test]
    fn packages_of_version_2_are_read() {
        let facts = analyse(
            &Pear,
            PATH,
            concat!(
                r#"a:5:{s:4:"name";s:5:"redis";s:7:"channel";s:12:"pecl.php.net";"#,
                r#"s:7:"version";a:2:{s:7:"release";s:5:"5.3.7";s:3:"api";s:5:"5.3.0";}"#,
                r#"s:7:"license";a:2:{s:7:"attribs";a:1:{s:3:"uri";s:1:"x";}s:8:"_content";s:3:"PHP";}"#,
                r#"s:8:"filelist";a:1:{s:8:"redis.so";a:2:{s:4:"role";s:3:"ext";"#,
                r#"s:12:"installed_as";s:26:"/usr/local/lib/php/redis.s";}}}"#
            ),
        );
        assert_eq!(facts.warnings, []);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("pecl.php.net/redis", "5.3.7")
        );
        assert_eq!(package.licence.as_deref(), Some("PHP"));
        let files: Vec<String> = facts.owned[0].files.iter().map(|f| f.to_string()).collect();
        assert_eq!(files, ["usr/local/lib/php/redis.s"]);
    }

    #[test]
    fn packages_of_version_1_are_read() {
        let facts = analyse(
            &Pear,
            "usr/share/php/.registry/a.reg",
            r#"a:3:{s:7:"package";s:1:"A";s:7:"version";s:3:"1.0";s:15:"release_license";s:3:"BSD";}"#,
        );
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("pear.php.net/A", "1.0")
        );
        assert_eq!(package.licence.as_deref(), Some("BSD"));
    }

    #[test]
    fn channels_are_told_by_the_folder_too() {
        let facts = analyse(
            &Pear,
            PATH,
            r#"a:2:{s:4:"name";s:1:"a";s:7:"version";s:1:"1";}"#,
        );
        assert_eq!(facts.packages[0].name, "pecl.php.net/a");
    }

    #[test]
    fn truncated_and_hostile_registries_are_warnings() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Pear, PATH, text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 1);
        check(b"REGEDIT4", 0, 1);
        check(b"a:0:{}", 0, 1);
        check(
            br#"a:9:{s:4:"name";s:1:"a";s:7:"version";s:1:"1";s:5:"fi"#,
            1,
            1,
        );
        check(br#"a:9:{s:4:"name";s:1:"a";s:7:"ver"#, 0, 2);
        check("a:1:{i:0;".repeat(100_000).as_bytes(), 0, 2);
    }
}
