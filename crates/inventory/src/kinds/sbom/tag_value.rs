//! SPDX 2 as tags and values: a line each, but for what stands between `<text>` and `</text>`.

use super::{Collector, Stated};
use crate::text::{field, lines, word};

/// Reads a document. A line, and what is wrong there.
pub(super) fn read(bytes: &[u8], found: &mut Collector<'_>) -> Option<(u32, String)> {
    let mut is_spdx = false;
    let mut is_text = false;
    let mut open: Option<(u32, Stated)> = None;
    for (number, line) in lines(bytes) {
        if is_text {
            is_text = memchr::memmem::find(line, b"</text>").is_none();
            continue;
        }
        let Some((key, value)) = field(line) else {
            continue;
        };
        is_text = value.starts_with(b"<text>") && memchr::memmem::find(value, b"</text>").is_none();
        match key {
            b"SPDXVersion" => is_spdx = true,
            b"PackageName" => {
                close(open.take(), found);
                let stated = Stated {
                    name: word(value),
                    ..Stated::default()
                };
                open = Some((number, stated));
            }
            // What is said from here on is not of a package any more.
            b"FileName" | b"SnippetSPDXID" | b"LicenseID" | b"Relationship" | b"Annotator" => {
                close(open.take(), found);
            }
            _ => {}
        }
        let Some((first, stated)) = &mut open else {
            continue;
        };
        stated.lines = Some((*first, number));
        match key {
            b"PackageVersion" => stated.version = word(value),
            b"PackageLicenseDeclared" => stated.declared = word(value),
            b"PackageLicenseConcluded" => stated.concluded = word(value),
            b"PrimaryPackagePurpose" => stated.purpose = word(value),
            b"ExternalRef" => {
                // `PACKAGE-MANAGER purl pkg:…`
                let mut words = value
                    .split(u8::is_ascii_whitespace)
                    .filter(|w| !w.is_empty());
                if words.nth(1) == Some(b"purl") && stated.purl.is_none() {
                    let purl = words.next().unwrap_or_default();
                    stated.purl = Some(String::from_utf8_lossy(purl).into_owned());
                }
            }
            _ => {}
        }
    }
    close(open, found);
    if is_spdx {
        return None;
    }
    found.packages.clear();
    found.unreadable = 0;
    Some((0, "neither JSON nor SPDX's tags and values".to_owned()))
}

fn close(open: Option<(u32, Stated)>, found: &mut Collector<'_>) {
    if let Some((_, stated)) = open
        && !found.is_cut
    {
        found.add(stated);
    }
}
