//! `META-INF/maven/<group>/<artifact>/pom.properties` and `pom.xml`, as Maven's archiver leaves them.
//!
//! - `pom.properties`: Java properties,
//!   <https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/Properties.html#load(java.io.Reader)>;
//!   only what Maven writes is understood: one `key=value` a line.
//! - `pom.xml`: <https://maven.apache.org/xsd/maven-4.0.0.xsd>. Elements are walked; nothing is resolved
//!   but what the file itself and its parent's coordinates say.

use crate::{
    kinds::java::manifest::is_filled_in,
    limits::{MAX_FIELD_BYTES, MAX_LICENCE_BYTES, MAX_LICENCES, MAX_XML_DEPTH},
    text::{cut, lines, word},
};

/// Maven's coordinates, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Coordinates {
    pub(super) group: Option<String>,
    pub(super) artifact: Option<String>,
    pub(super) version: Option<String>,
}

/// Reads a `pom.properties`.
pub(super) fn parse_properties(bytes: &[u8]) -> Coordinates {
    let mut coordinates = Coordinates::default();
    for (_, line) in lines(bytes) {
        let Some(split) = memchr::memchr2(b'=', b':', line) else {
            continue;
        };
        let key = line.get(..split).unwrap_or_default().trim_ascii();
        let value = line.get(split + 1..).unwrap_or_default();
        let field = match key {
            b"groupId" => &mut coordinates.group,
            b"artifactId" => &mut coordinates.artifact,
            b"version" => &mut coordinates.version,
            _ => continue,
        };
        // `\:` and the like: what Java escapes in values.
        let mut bytes = value.iter().copied();
        let mut plain = Vec::new();
        while let Some(byte) = bytes.next() {
            plain.extend(if byte == b'\\' {
                bytes.next()
            } else {
                Some(byte)
            });
        }
        *field = word(&plain).filter(|value| is_filled_in(value));
    }
    coordinates
}

/// What a `pom.xml` says of its project.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pom {
    /// Its coordinates; the parent's group and version where it has none of its own.
    pub(super) coordinates: Coordinates,
    /// Names of its licences, else their addresses, joined by commas.
    pub(super) licence: Option<String>,
}

/// Reads a `pom.xml`.
pub(super) fn parse_pom(bytes: &[u8]) -> Pom {
    let mut own = Coordinates::default();
    let mut parent = Coordinates::default();
    let mut licences: Vec<(Option<String>, Option<String>)> = Vec::new();
    walk(bytes, |path, text| {
        let field = match path {
            [b"project", b"groupId"] => &mut own.group,
            [b"project", b"artifactId"] => &mut own.artifact,
            [b"project", b"version"] => &mut own.version,
            [b"project", b"parent", b"groupId"] => &mut parent.group,
            [b"project", b"parent", b"artifactId"] => &mut parent.artifact,
            [b"project", b"parent", b"version"] => &mut parent.version,
            [b"project", b"licenses", b"license"] => {
                // The end of one licence.
                if licences.len() < MAX_LICENCES {
                    licences.push((None, None));
                }
                return;
            }
            [
                b"project",
                b"licenses",
                b"license",
                part @ (b"name" | b"url"),
            ] => {
                // The last of the list is the one that has not ended.
                if licences.is_empty() {
                    licences.push((None, None));
                }
                let Some((name, url)) = licences.last_mut() else {
                    return;
                };
                if *part == b"name" { name } else { url }
            }
            _ => return,
        };
        *field = word(text.as_bytes());
    });
    let resolve = |value: Option<String>| {
        let value = value?;
        let known = match value.as_str() {
            "${project.parent.groupId}" | "${parent.groupId}" => parent.group.clone(),
            "${project.parent.version}" | "${parent.version}" => parent.version.clone(),
            "${project.parent.artifactId}" | "${parent.artifactId}" => parent.artifact.clone(),
            "${project.version}" | "${pom.version}" => parent.version.clone(),
            "${project.groupId}" | "${pom.groupId}" => parent.group.clone(),
            _ => Some(value),
        };
        known.filter(|known| is_filled_in(known))
    };
    let names = licences.into_iter().filter_map(|(name, url)| name.or(url));
    let licence = names.collect::<Vec<_>>().join(", ");
    Pom {
        coordinates: Coordinates {
            group: resolve(own.group).or_else(|| resolve(parent.group.clone())),
            artifact: resolve(own.artifact),
            version: resolve(own.version).or_else(|| resolve(parent.version.clone())),
        },
        licence: (!licence.is_empty()).then(|| cut(&licence, MAX_LICENCE_BYTES)),
    }
}

/// Tells of each element, at its end, where it lies and which text it has: names from the root on,
/// without prefixes. Elements deeper than the limit are passed over with all that is in them.
fn walk(bytes: &[u8], mut tell: impl FnMut(&[&[u8]], &str)) {
    let mut path: Vec<&[u8]> = Vec::new();
    // Elements that are open below the limit.
    let mut too_deep = 0_usize;
    let mut text = String::new();
    let mut rest = bytes;
    while let Some(start) = memchr::memchr(b'<', rest) {
        let (before, tag) = rest.split_at_checked(start).unwrap_or_default();
        add_text(&mut text, before);
        let Some((tag, after)) = next_tag(tag) else {
            break;
        };
        rest = after;
        match tag {
            Tag::Text(plain) => push_bounded(&mut text, &String::from_utf8_lossy(plain)),
            Tag::Other => {}
            Tag::Open(_) if too_deep > 0 => too_deep += 1,
            Tag::Open(_) if path.len() >= MAX_XML_DEPTH => too_deep = 1,
            Tag::Open(name) => {
                path.push(name);
                text.clear();
            }
            Tag::Close if too_deep > 0 => too_deep -= 1,
            Tag::Close => {
                tell(&path, text.trim());
                path.pop();
                text.clear();
                // The root is over.
                if path.is_empty() {
                    break;
                }
            }
        }
    }
}

enum Tag<'a> {
    Open(&'a [u8]),
    Close,
    /// `<![CDATA[…]]>`.
    Text(&'a [u8]),
    /// Comments, declarations, and elements without content.
    Other,
}

/// What begins at a `<`, and what comes after it; `None` if it does not end.
fn next_tag(bytes: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let until = |skip: usize, end: &[u8]| {
        let inside = bytes.get(skip..)?;
        let length = memchr::memmem::find(inside, end)?;
        let (inside, after) = inside.split_at_checked(length)?;
        Some((inside, after.get(end.len()..)?))
    };
    if bytes.starts_with(b"<!--") {
        return Some((Tag::Other, until(4, b"-->")?.1));
    }
    if bytes.starts_with(b"<![CDATA[") {
        let (plain, after) = until(9, b"]]>")?;
        return Some((Tag::Text(plain), after));
    }
    if bytes.starts_with(b"<?") {
        return Some((Tag::Other, until(2, b"?>")?.1));
    }
    let (inside, after) = until(1, b">")?;
    let tag = match inside {
        [b'!', ..] => Tag::Other,
        [b'/', ..] => Tag::Close,
        [.., b'/'] => Tag::Other,
        _ => {
            let is_end = |byte: &u8| byte.is_ascii_whitespace();
            let end = inside.iter().position(is_end).unwrap_or(inside.len());
            let name = inside.get(..end).unwrap_or_default();
            Tag::Open(name.rsplit(|byte| *byte == b':').next().unwrap_or(name))
        }
    };
    Some((tag, after))
}

/// Text with its entities.
fn add_text(text: &mut String, bytes: &[u8]) {
    if bytes.is_empty() || text.len() > MAX_FIELD_BYTES {
        return;
    }
    // More than this is no name; entities make it no longer.
    let bytes = bytes.get(..MAX_FIELD_BYTES * 8).unwrap_or(bytes);
    let plain = String::from_utf8_lossy(bytes);
    if !plain.contains('&') {
        return push_bounded(text, &plain);
    }
    let plain = plain
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&");
    push_bounded(text, &plain);
}

/// Text grows to a little more than a field may have, so that too long a one is seen to be.
fn push_bounded(text: &mut String, more: &str) {
    if text.len() <= MAX_FIELD_BYTES {
        text.push_str(&cut(more, MAX_FIELD_BYTES * 8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(coordinates: &Coordinates) -> String {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        let Coordinates {
            group,
            artifact,
            version,
        } = coordinates;
        format!("{} {} {}", part(group), part(artifact), part(version))
    }

    #[test]
    fn properties_are_read() {
        let check = |text: &str, expect: &str| {
            assert_eq!(shown(&parse_properties(text.as_bytes())), expect, "{text}");
        };
        check(
            "#Created by Apache Maven\r\nversion=1.0\r\ngroupId=a.b\r\nartifactId=c",
            "a.b c 1.0",
        );
        check(" version : 1.0\\:2 \n", "- - 1.0:2");
        check("version=${revision}\nversion2=1\nversion\n=\n", "- - -");
        check("version=1\\", "- - 1");
        check("", "- - -");
    }

    #[test]
    fn poms_are_read() {
        let check = |text: &str, expect: &str, licence: Option<&str>| {
            let pom = parse_pom(text.as_bytes());
            assert_eq!(shown(&pom.coordinates), expect, "{text}");
            assert_eq!(pom.licence.as_deref(), licence, "{text}");
        };
        check(
            "<?xml version='1.0'?><!-- <project> --><project xmlns='x'>\n\
             <parent><groupId>p.g</groupId><artifactId>p</artifactId><version>7</version></parent>\n\
             <artifactId> a </artifactId>\
             <dependencies><dependency><groupId>no</groupId><version>0</version></dependency></dependencies>\
             <licenses><license><name>Apache &amp; more</name><url>u</url></license>\
             <license><url>http://l</url></license><license/></licenses></project>\
             <project><artifactId>no</artifactId></project>",
            "p.g a 7",
            Some("Apache & more, http://l"),
        );
        check(
            "<m:project><m:groupId><![CDATA[g]]></m:groupId><version>${project.parent.version}</version>\
             <parent><version>3</version></parent></m:project>",
            "g - 3",
            None,
        );
        check(
            "<project><version>${revision}</version><artifactId>a</artifactId></project>",
            "- a -",
            None,
        );
        check("<project><version>1", "- - -", None);
        check("<project><version>1</version><artifactId", "- - 1", None);
        check("</project></project><a></b></c>", "- - -", None);
        check(
            &format!("<project><version>{}</version>", "1".repeat(9000)),
            "- - -",
            None,
        );
    }

    #[test]
    fn deep_elements_are_passed_over() {
        let depth = MAX_XML_DEPTH * 3;
        let text = format!(
            "<project>{}{}<version>1</version></project>",
            "<x>".repeat(depth),
            "</x>".repeat(depth)
        );
        assert_eq!(shown(&parse_pom(text.as_bytes()).coordinates), "- - 1");
    }

    #[test]
    fn many_licences_are_cut() {
        let text = format!(
            "<project><licenses>{}</licenses></project>",
            "<license><name>l</name></license>".repeat(100)
        );
        let licence = parse_pom(text.as_bytes()).licence.unwrap();
        assert_eq!(licence.matches('l').count(), MAX_LICENCES);
    }
}
