//! Where to read more about an advisory. Nothing here is fetched: these are links to follow.

use super::language::t;

/// A link and the words on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whose page it is.
    pub title: String,
    /// Address; always http or https.
    pub url: String,
}

/// Pages on a finding, by its ids.
pub fn of_finding(id: &str, aliases: &[String], record: &str) -> Vec<Link> {
    let mut links = Vec::new();
    if is_id(record) {
        push(
            &mut links,
            "osv.dev",
            format!("https://osv.dev/vulnerability/{record}"),
        );
    }
    for id in std::iter::once(id)
        .chain(aliases.iter().map(String::as_str))
        .filter(|id| is_id(id))
    {
        if id.starts_with("CVE-") {
            push(
                &mut links,
                "NVD",
                format!("https://nvd.nist.gov/vuln/detail/{id}"),
            );
            push(
                &mut links,
                "cve.org",
                format!("https://www.cve.org/CVERecord?id={id}"),
            );
        } else if id.starts_with("GHSA-") {
            push(
                &mut links,
                t("GitHub advisory"),
                format!("https://github.com/advisories/{id}"),
            );
        }
    }
    if let Some(cve) = record.strip_prefix("DEBIAN-").filter(|id| is_id(id)) {
        push(
            &mut links,
            t("Debian tracker"),
            format!("https://security-tracker.debian.org/tracker/{cve}"),
        );
    } else if let Some(cve) = record.strip_prefix("ALPINE-").filter(|id| is_id(id)) {
        push(
            &mut links,
            t("Alpine tracker"),
            format!("https://security.alpinelinux.org/vuln/{cve}"),
        );
    } else if record.starts_with("UBUNTU-CVE-") && is_id(record) {
        let cve = record.trim_start_matches("UBUNTU-");
        push(
            &mut links,
            "Ubuntu",
            format!("https://ubuntu.com/security/{cve}"),
        );
    }
    links
}

/// A link from an advisory, if it may be followed: http and https only, no control characters.
pub fn safe_url(url: &str) -> Option<&str> {
    let url = url.trim();
    let is_web = ["https://", "http://"].iter().any(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    });
    (is_web && !url.chars().any(|c| c.is_control() || c.is_whitespace())).then_some(url)
}

/// The host of a URL, for the words on a link.
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    host.rsplit('@')
        .next()
        .unwrap_or(host)
        .trim_start_matches("www.")
}

fn push(links: &mut Vec<Link>, title: &str, url: String) {
    if !links.iter().any(|link| link.title == title) {
        links.push(Link {
            title: title.to_owned(),
            url,
        });
    }
}

/// Ids come from reports of others: only what an id is made of gets into an address.
fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 80
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_to_the_pages_that_know_them() {
        let titles = |id: &str, aliases: &[&str], record: &str| {
            let aliases: Vec<_> = aliases.iter().map(|alias| (*alias).to_owned()).collect();
            of_finding(id, &aliases, record)
                .into_iter()
                .map(|link| link.title)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            titles("CVE-2024-1", &[], "DEBIAN-CVE-2024-1"),
            "osv.dev NVD cve.org Debian tracker"
        );
        assert_eq!(
            titles("CVE-2024-1", &["GHSA-a-b-c", "PYSEC-1"], "GHSA-a-b-c"),
            "osv.dev NVD cve.org GitHub advisory"
        );
        assert_eq!(titles("CVE-2024-1\"><script>", &[], "a/../b"), "");
    }

    #[test]
    fn only_web_links_are_followed() {
        assert_eq!(
            safe_url(" https://a.example/x "),
            Some("https://a.example/x")
        );
        for url in [
            "javascript:alert(1)",
            "data:text/html,x",
            "https://a b",
            "//x",
            "",
            "file:///etc/passwd",
            "jav\tascript:x",
        ] {
            assert_eq!(safe_url(url), None, "{url}");
        }
        assert_eq!(host("https://www.openwall.com/lists/1"), "openwall.com");
        assert_eq!(host("https://user@evil.example?x"), "evil.example");
    }
}
