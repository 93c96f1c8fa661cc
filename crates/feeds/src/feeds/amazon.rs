//! Amazon Linux: `updateinfo.xml.gz` of its core repositories, which `repodata/repomd.xml` of a mirror
//! names; the release is in the ids of its notices (`ALAS2-2018-939`, `ALAS2023-2023-001`).
//!
//! Extras of Amazon Linux 2 (`ALAS2DOCKER-…`) are left out: they have packages of the core in newer
//! versions (kernels, `golang`), and RPM's database does not say from which topic one is. So are notices
//! on live patches and other repositories of Amazon Linux 2023.
//!
//! The shape is that of vuln-list-update's `amazon` and its test data.

use std::io::BufReader;

use lamina_advisories::rating::Rating;

use lamina_advisories::record::Day;

use super::{Feed, FeedError, Input, file_and_folder};
use crate::{
    archive::decompressed,
    builder::Builder,
    limits::MAX_XML_BYTES,
    location::Location,
    notice::{Fixes, Notice, architecture, evr, is_left_out},
    updateinfo::{Update, each_update},
    xml::{Step, walk},
};

pub(super) struct Amazon;

impl Feed for Amazon {
    fn id(&self) -> &'static str {
        "amazon"
    }

    fn name(&self) -> &'static str {
        "Amazon Linux"
    }

    fn url(&self) -> &'static str {
        "https://alas.aws.amazon.com"
    }

    fn licence(&self) -> &'static str {
        "not stated: https://alas.aws.amazon.com"
    }

    /// A list of mirrors, on the mirror the repository's index, and in that its notices.
    fn locations(&self, _today: Day) -> Vec<Location> {
        const MIRRORS: &[(&str, &str)] = &[
            (
                "https://cdn.amazonlinux.com/2/core/latest/x86_64/mirror.list",
                "2/mirror.list",
            ),
            (
                "https://cdn.amazonlinux.com/al2023/core/mirrors/latest/x86_64/mirror.list",
                "2023/mirror.list",
            ),
        ];
        let list = |(url, path): &(&str, &str)| Location::new(*url, *path).listing();
        MIRRORS.iter().map(list).collect()
    }

    fn listed(
        &self,
        listing: &Location,
        content: Option<&[u8]>,
    ) -> Result<Vec<Location>, FeedError> {
        let content = content.ok_or(FeedError::Listing("it is not there"))?;
        let (file, release) = file_and_folder(&listing.path);
        if file == "mirror.list" {
            let text = String::from_utf8_lossy(content);
            let base = text
                .lines()
                .map(str::trim)
                .find(|line| line.starts_with("https://"));
            let base = base.ok_or(FeedError::Listing("it names no mirror"))?;
            let url = format!("{}/repodata/repomd.xml", base.trim_end_matches('/'));
            return Ok(vec![
                Location::new(url, format!("{release}/repomd.xml")).listing(),
            ]);
        }
        let mut kind = String::new();
        let mut found = None;
        walk(content, |step, path| {
            let Some((element, [.., parent])) = path.split_last() else {
                return Ok(());
            };
            if step == Step::Open && element.name == "data" {
                kind = element.get("type").unwrap_or_default().to_owned();
            }
            if step == Step::Open && element.name == "location" && parent.name == "data" {
                let href = element.get("href").filter(|_| kind == "updateinfo");
                found = found.take().or_else(|| href.map(str::to_owned));
            }
            Ok(())
        })?;
        let href = found.ok_or(FeedError::Listing("it names no updateinfo"))?;
        let base = listing.url.strip_suffix("repodata/repomd.xml");
        let base = base.ok_or(FeedError::Listing("no repomd.xml"))?;
        let end = if href.ends_with(".gz") { ".gz" } else { "" };
        let path = format!("{release}/updateinfo.xml{end}");
        Ok(vec![Location::new(format!("{base}{href}"), path)])
    }

    fn claims(&self, path: &str) -> bool {
        let (file, _) = file_and_folder(path);
        file.contains("updateinfo") && file.contains(".xml")
    }

    fn read(&self, mut input: Input<'_>, out: &mut Builder) -> Result<(), FeedError> {
        let path = input.path;
        let reader = BufReader::new(decompressed(&mut input, MAX_XML_BYTES)?);
        each_update(reader, |update| {
            out.count(self);
            match key_of(&update.id) {
                Ok(key) => {
                    let rest = notice(update, key, "amazon");
                    match rest {
                        Ok(notice) => out.add_part(self, notice.into_record()),
                        Err((reason, id)) => out.skip(self.id(), reason, path, &id),
                    }
                }
                Err(reason) => out.skip(self.id(), reason, path, &update.id),
            }
        })
    }
}

/// The shard of a notice's release.
fn key_of(id: &str) -> Result<String, &'static str> {
    let rest = id
        .strip_prefix("ALAS")
        .ok_or("left out: no notice of Amazon's")?;
    let (release, _) = rest.split_once('-').ok_or("unreadable: id")?;
    match release {
        "" => Ok("amazon:1".to_owned()),
        "2" | "2022" | "2023" => Ok(format!("amazon:{release}")),
        _ => Err("left out: repository other than the core"),
    }
}

/// A notice of an `updateinfo.xml`, all of whose packages are in one shard.
pub(super) fn notice(
    update: Update,
    key: String,
    source: &'static str,
) -> Result<Notice, (&'static str, String)> {
    let cves = update
        .references
        .iter()
        .map(|(_, id, _)| id.trim())
        .filter(|id| id.starts_with("CVE-"));
    let word = Rating::from_word(source, &update.severity);
    let ratings: Vec<Rating> = word.into_iter().collect();
    let vulnerabilities = cves.map(|id| (id.to_owned(), ratings.clone())).collect();
    let mut fixes = Fixes::default();
    for package in &update.packages {
        if is_left_out(&package.name, &package.architecture) || package.version.is_empty() {
            continue;
        }
        let version = evr(package.epoch.as_deref(), &package.version, &package.release);
        let architecture = architecture(&package.architecture);
        fixes.add(&package.name, None, architecture, &version);
    }
    let notice = Notice {
        id: update.id,
        vulnerabilities,
        issued: update.issued,
        updated: update.updated,
        summary: update.title,
        details: update.description,
        references: update
            .references
            .into_iter()
            .map(|(_, _, url)| url)
            .collect(),
        ..Notice::default()
    };
    if notice.vulnerabilities.is_empty() {
        return Err(("left out: a notice about no CVE", notice.id));
    }
    if fixes.is_empty() {
        return Err(("left out: names no package", notice.id));
    }
    Ok(Notice {
        fixes: [(key, fixes)].into(),
        ..notice
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_in_the_id() {
        let check = |id: &str, expect: Option<&str>| {
            assert_eq!(key_of(id).ok().as_deref(), expect, "{id}");
        };
        check("ALAS-2011-1", Some("amazon:1"));
        check("ALAS2-2018-939", Some("amazon:2"));
        check("ALAS2022-2021-001", Some("amazon:2022"));
        check("ALAS2023-2023-001", Some("amazon:2023"));
        check("ALAS2GOLANG1.19-2023-001", None);
        check("ALAS2023LIVEPATCH-2023-001", None);
        check("FEDORA-2023-1", None);
        check("ALAS", None);
    }
}
