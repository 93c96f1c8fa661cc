//! `updateinfo.xml`, the notices of RPM repositories (createrepo_c; no specification is published).

use std::io::BufRead;

use crate::{
    feeds::FeedError,
    xml::{Step, walk},
};

/// A notice.
#[derive(Debug, Default)]
pub(crate) struct Update {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) issued: Option<String>,
    pub(crate) updated: Option<String>,
    pub(crate) severity: String,
    pub(crate) description: String,
    /// Kind, id, address.
    pub(crate) references: Vec<(String, String, String)>,
    pub(crate) packages: Vec<Package>,
}

/// A package that a notice brings.
#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) epoch: Option<String>,
    pub(crate) version: String,
    pub(crate) release: String,
    pub(crate) architecture: String,
}

/// Gives each notice to `see`.
///
/// # Errors
/// If it is no updateinfo.
pub(crate) fn each_update(
    reader: impl BufRead,
    mut see: impl FnMut(Update),
) -> Result<(), FeedError> {
    let mut update = Update::default();
    let mut is_updates = false;
    walk(reader, |step, path| {
        let Some((element, outer)) = path.split_last() else {
            return Ok(());
        };
        let get = |name| element.get(name).unwrap_or_default().to_owned();
        let text = || element.text.trim().to_owned();
        let parent = outer.last().map_or("", |parent| parent.name.as_str());
        match (parent, element.name.as_str(), step) {
            ("", "updates", _) => is_updates = true,
            ("", _, _) => return Err(FeedError::Foreign("XML, but no updateinfo")),
            ("updates", "update", Step::Open) => update = Update::default(),
            ("updates", "update", Step::Close) => see(std::mem::take(&mut update)),
            ("update", "id", Step::Close) => update.id = text(),
            ("update", "title", Step::Close) => update.title = text(),
            ("update", "severity", Step::Close) => update.severity = text(),
            ("update", "description", Step::Close) => update.description = text(),
            ("update", "issued", Step::Open) => {
                update.issued = element.get("date").map(str::to_owned);
            }
            ("update", "updated", Step::Open) => {
                update.updated = element.get("date").map(str::to_owned);
            }
            ("references", "reference", Step::Open) => {
                update
                    .references
                    .push((get("type"), get("id"), get("href")));
            }
            ("collection", "package", Step::Open) => update.packages.push(Package {
                name: get("name"),
                epoch: element.get("epoch").map(str::to_owned),
                version: get("version"),
                release: get("release"),
                architecture: get("arch"),
            }),
            _ => {}
        }
        Ok(())
    })?;
    if !is_updates {
        return Err(FeedError::Foreign("no updateinfo"));
    }
    Ok(())
}
