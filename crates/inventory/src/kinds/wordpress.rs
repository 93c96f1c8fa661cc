//! WordPress and its plugins.
//!
//! - `wp-content/plugins/<folder>/*.php` and `wp-content/plugins/<name>.php`: the header comment of the
//!   plugin's main file (<https://developer.wordpress.org/plugins/plugin-basics/header-requirements/>),
//!   in its first 8 KiB, as WordPress itself reads it. The name is the folder, which is what wordpress.org
//!   and advisories call a plugin; what it calls itself is the detail `title`, and Syft's name for it.
//!   A plugin of one file without a folder is one too (Syft does not look there).
//! - `wp-includes/version.php`: WordPress itself, `$wp_version = '6.4.1';`.

use lamina_image::{layer::Entry, path::LayerPath};

use crate::{
    analyser::{Analyser, ClaimedFile},
    facts::{Basis, Facts, PackageFact, PackageKind},
    limits::{MAX_LICENCE_BYTES, MAX_MANIFEST_BYTES, MAX_PLUGIN_HEADER_BYTES},
    places::components,
    text::{cut, lines, word},
};

/// WordPress and its plugins.
pub struct Wordpress;

/// Where a file lies.
enum Place {
    /// In a plugin's folder.
    Folder(String),
    /// A plugin by itself.
    Single(String),
    /// What says the version of WordPress.
    Version,
}

impl Place {
    fn of(path: &LayerPath) -> Option<Self> {
        let name = path.file_name().strip_suffix(b".php")?;
        let mut above = components(path).rev().skip(1);
        match above.next()? {
            b"wp-includes" if name == b"version" => Some(Self::Version),
            b"plugins" => (above.next()? == b"wp-content")
                .then_some(())
                .and_then(|()| Some(Self::Single(word(name)?))),
            folder => {
                let is_plugin = above.next()? == b"plugins" && above.next()? == b"wp-content";
                is_plugin
                    .then_some(())
                    .and_then(|()| Some(Self::Folder(word(folder)?)))
            }
        }
    }
}

impl Analyser for Wordpress {
    fn id(&self) -> &'static str {
        "wordpress"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn claims(&self, path: &LayerPath, _: &Entry) -> bool {
        path.as_bytes().ends_with(b".php") && Place::of(path).is_some()
    }

    fn max_bytes(&self, _: &LayerPath) -> u64 {
        MAX_MANIFEST_BYTES
    }

    fn analyse(&self, file: ClaimedFile<'_>, out: &mut Facts) {
        match Place::of(file.path) {
            Some(Place::Version) => self.core(&file, out),
            Some(Place::Folder(slug)) => self.plugin(slug, file.path.parent(), &file, out),
            Some(Place::Single(slug)) => self.plugin(slug, None, &file, out),
            None => {}
        }
    }
}

impl Wordpress {
    fn plugin(
        &self,
        slug: String,
        folder: Option<LayerPath>,
        file: &ClaimedFile<'_>,
        out: &mut Facts,
    ) {
        let head = file.bytes.get(..MAX_PLUGIN_HEADER_BYTES);
        let (mut title, mut version, mut licence) = (None, None, None);
        let mut at: Option<(u32, u32)> = None;
        for (number, line) in lines(head.unwrap_or(file.bytes)) {
            for (key, into) in [
                ("Plugin Name", &mut title),
                ("Version", &mut version),
                ("License", &mut licence),
            ] {
                // The first one counts.
                if let (None, Some(value)) = (&into, header(line, key)) {
                    *into = word(value);
                    at = Some((at.map_or(number, |(first, _)| first), number));
                }
            }
        }
        // Most files of a plugin are not its main one.
        let Some(title) = title else {
            return;
        };
        let Some(version) = version else {
            let problem = format!("the plugin {title:?} has no version");
            return out.malformed(self.id(), file.path, 0, &problem);
        };
        let mut package = PackageFact::new(PackageKind::Wordpress, slug, version, file.path);
        package.licence = licence.map(|licence| cut(&licence, MAX_LICENCE_BYTES));
        package.lines = at;
        package.folder = folder;
        package.detail("title", Some(title));
        out.add_package(self.id(), package);
    }

    fn core(&self, file: &ClaimedFile<'_>, out: &mut Facts) {
        let mut is_comment = false;
        let found = lines(file.bytes).find_map(|(number, line)| {
            let opens = memchr::memmem::rfind(line, b"/*");
            let closes = memchr::memmem::rfind(line, b"*/");
            let was_comment = is_comment;
            is_comment = match (opens, closes) {
                (None, None) => is_comment,
                (opens, closes) => opens > closes,
            };
            if was_comment {
                return None;
            }
            let value = line.trim_ascii().strip_prefix(b"$wp_version")?;
            let value = value
                .trim_ascii_start()
                .strip_prefix(b"=")?
                .trim_ascii_start();
            let quote = value.first().filter(|byte| matches!(byte, b'\'' | b'"'))?;
            let value = value.get(1..)?;
            let version = word(value.get(..memchr::memchr(*quote, value)?)?)?;
            Some((number, version))
        });
        let Some((line, version)) = found else {
            let problem = "no version of WordPress is stated";
            return out.malformed(self.id(), file.path, 0, problem);
        };
        let mut package = PackageFact::new(PackageKind::Generic, "wordpress", version, file.path);
        package.basis = Basis::Embedded;
        package.lines = Some((line, line));
        out.add_package(self.id(), package);
    }
}

/// The value of ` * Key: value`, with what comments begin with before it, as WordPress looks for it.
fn header<'a>(line: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let is_noise = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'/' | b'*' | b'#' | b'@');
    let noise = line.iter().take_while(is_noise).count();
    let rest = line.get(noise..)?;
    // `<?php /* Plugin Name: …` on one line.
    let rest = match rest.strip_prefix(b"<?php") {
        Some(rest) => rest.get(rest.iter().take_while(is_noise).count()..)?,
        None => rest,
    };
    let (found, rest) = rest.split_at_checked(key.len())?;
    if !found.eq_ignore_ascii_case(key.as_bytes()) {
        return None;
    }
    let value = rest.strip_prefix(b":")?;
    let end = memchr::memmem::find(value, b"*/").or_else(|| memchr::memmem::find(value, b"?>"));
    let value = value.get(..end.unwrap_or(value.len()))?.trim_ascii();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{analyse, check_claims};

    #[test]
    fn claims() {
        check_claims(
            &Wordpress,
            &[
                "var/www/html/wp-content/plugins/akismet/akismet.php",
                "var/www/html/wp-content/plugins/hello.php",
                "usr/src/wordpress/wp-includes/version.php",
            ],
            &[
                "var/www/html/wp-content/plugins/akismet/views/get.php",
                "var/www/html/wp-content/themes/a/functions.php",
                "var/www/html/wp-content/plugins/akismet/readme.txt",
                "srv/includes/version.php",
                "plugins/a/a.php",
                "",
            ],
        );
    }

    const PATH: &str = "srv/wp-content/plugins/akismet/akismet.php";

    #[test]
    fn plugins_are_named_after_their_folder() {
        let facts = analyse(
            &Wordpress,
            PATH,
            "<?php\n/**\n * @package Akismet\n */\n/*\nPlugin Name: Akismet: Spam Protection\n\
             Version: 5.3\nRequires at least: 5.8\nLicense: GPLv2 or later\n*/\n$a = 'Version: 9';\n",
        );
        assert_eq!(facts.warnings, []);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("akismet", "5.3")
        );
        assert_eq!(package.detail_of("title"), Some("Akismet: Spam Protection"));
        assert_eq!(package.licence.as_deref(), Some("GPLv2 or later"));
        assert_eq!(package.lines, Some((6, 9)));
        assert_eq!(
            package.folder,
            Some(LayerPath::from("srv/wp-content/plugins/akismet"))
        );
    }

    #[test]
    fn plugins_of_one_file_have_no_folder() {
        let text = "<?php /* Plugin Name: Hello Dolly\n * Version: 1.7.2 */\n";
        let facts = analyse(&Wordpress, "wp-content/plugins/hello.php", text);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("hello", "1.7.2")
        );
        assert_eq!(package.folder, None);
    }

    #[test]
    fn wordpress_says_its_version() {
        let path = "srv/wp-includes/version.php";
        let text = "<?php\n/**\n * @global string $wp_version\n */\n// $wp_version = '1';\n/*\n\
                    $wp_version = '2';\n*/\n$wp_version = '6.4.1'; /* now */\n";
        let facts = analyse(&Wordpress, path, text);
        let package = &facts.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("wordpress", "6.4.1")
        );
        assert_eq!(analyse(&Wordpress, path, "<?php\n").warnings.len(), 1);
    }

    #[test]
    fn truncated_and_hostile_files_are_no_plugins() {
        let check = |text: &[u8], packages: usize, warnings: usize| {
            let facts = analyse(&Wordpress, PATH, text);
            assert_eq!(facts.packages.len(), packages, "{text:?}");
            assert_eq!(facts.warnings.len(), warnings, "{text:?}");
        };
        check(b"", 0, 0);
        check(b"<?php class A {}", 0, 0);
        check(b"Plugin Name: A\nVersi", 0, 1);
        check(b"Plugin Name: \xff\nVersion: 1\n", 1, 0);
        check(b"Plugin Name:\nVersion: 1\n", 0, 0);
        let late = [
            " ".repeat(MAX_PLUGIN_HEADER_BYTES).as_bytes(),
            b"\nPlugin Name: A\n",
        ]
        .concat();
        check(&late, 0, 0);
    }
}
