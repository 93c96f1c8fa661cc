//! `.trivyignore.yaml` and `.trivyignore`, in and out.

use std::collections::HashSet;

use serde::Deserialize;

use super::{
    Glob, IgnoreFile, IgnoreFinding, ImportError, MAX_OF_ENTRY, MAX_RULES, Moment, Purl, Settings,
    Translated, check_count, check_size, plural, quoted, scalar, shared,
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    vulnerabilities: Option<Vec<Option<Entry>>>,
    misconfigurations: Option<Vec<Option<Entry>>>,
    secrets: Option<Vec<Option<Entry>>>,
    licenses: Option<Vec<Option<Entry>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    id: Option<serde_saphyr::Spanned<String>>,
    paths: Option<Vec<serde_saphyr::Spanned<String>>>,
    purls: Option<Vec<serde_saphyr::Spanned<String>>>,
    expired_at: Option<serde_saphyr::Spanned<String>>,
    statement: Option<String>,
}

/// Reads a `.trivyignore.yaml`. Unknown fields are passed over, as Trivy does.
///
/// # Errors
/// When it is no YAML of that shape, or has a pattern, purl or time that Trivy refuses.
pub fn read(text: &str) -> Result<Translated<Settings>, ImportError> {
    check_size(text)?;
    if text.trim().is_empty() {
        return Ok(Translated::default());
    }
    let document: Option<Document> = shared::read_yaml(text)?;
    let document = document.unwrap_or_default();
    let mut lost = Vec::new();
    let mut section = |entries: Option<Vec<Option<Entry>>>, name: &str| {
        let entries = entries.unwrap_or_default();
        check_count("entries", entries.len(), MAX_RULES)?;
        let entries: Result<Vec<IgnoreFinding>, ImportError> = entries
            .into_iter()
            .map(|entry| finding(entry.unwrap_or_default(), text))
            .collect();
        let entries = entries?;
        let nameless = entries.iter().filter(|entry| entry.id.is_empty()).count();
        if nameless > 0 {
            lost.push(format!(
                "{name}: {} without an id, which match nothing",
                plural(nameless, "entry", "entries")
            ));
        }
        if name != "vulnerabilities" && entries.iter().any(|entry| !entry.purls.is_empty()) {
            lost.push(format!(
                "{name}: purls are passed over, except in vulnerabilities"
            ));
        }
        Ok::<_, ImportError>(entries)
    };
    let ignore = IgnoreFile {
        vulnerabilities: section(document.vulnerabilities, "vulnerabilities")?,
        misconfigurations: section(document.misconfigurations, "misconfigurations")?,
        secrets: section(document.secrets, "secrets")?,
        licenses: section(document.licenses, "licenses")?,
    };
    Ok(Translated {
        value: Settings {
            ignore,
            ..Settings::default()
        },
        lost,
    })
}

/// What is wrong with a value, where it stands.
fn refuse(at: &serde_saphyr::Spanned<String>, message: String) -> ImportError {
    let place = at.referenced;
    ImportError::Refused {
        message,
        line: Some(place.line()).filter(|line| *line > 0),
        column: Some(place.column()).filter(|column| *column > 0),
    }
}

fn finding(entry: Entry, text: &str) -> Result<IgnoreFinding, ImportError> {
    let id = entry.id.map(|id| id.value).unwrap_or_default();
    let paths = entry.paths.unwrap_or_default();
    let purls = entry.purls.unwrap_or_default();
    check_count("paths of one entry", paths.len(), MAX_OF_ENTRY)?;
    check_count("purls of one entry", purls.len(), MAX_OF_ENTRY)?;
    for path in &paths {
        if let Err(why) = Glob::new(&path.value) {
            let message = format!(
                "invalid path pattern in the ignore file, id: {id}, path: {}: {why}",
                path.value
            );
            return Err(refuse(path, message));
        }
    }
    for purl in &purls {
        if let Err(why) = Purl::parse(&purl.value) {
            let message = format!("purl error in the ignore file: {}: {why}", purl.value);
            return Err(refuse(purl, message));
        }
    }
    let values = |list: Vec<serde_saphyr::Spanned<String>>| -> Vec<String> {
        list.into_iter().map(|one| one.value).collect()
    };
    Ok(IgnoreFinding {
        id,
        paths: values(paths),
        purls: values(purls),
        expired_at: entry
            .expired_at
            .map(|at| expiry(&at, text))
            .transpose()?
            .flatten(),
        statement: entry.statement.unwrap_or_default(),
    })
}

/// A time as yaml.v3 reads one: a date or a time, of which months, days, hours … need not have two
/// digits; in quotes only RFC 3339. Without an offset it is UTC.
fn expiry(at: &serde_saphyr::Spanned<String>, text: &str) -> Result<Option<Moment>, ImportError> {
    let written = at.value.as_str();
    if written.is_empty() || written == "~" || written == "null" {
        return Ok(None);
    }
    let is_quoted = is_quoted(text, at.referenced.line(), at.referenced.column());
    let read = loose_time(written, is_quoted);
    // Go's zero: as if there were none.
    if read.is_some_and(|moment| moment.to_string() == "0001-01-01T00:00:00Z") {
        return Ok(None);
    }
    read.map(Some).ok_or_else(|| {
        let start: String = written.chars().take(40).collect();
        refuse(at, format!("cannot read {start:?} as a time"))
    })
}

/// Whether a value is in quotes, or tagged as a text.
fn is_quoted(text: &str, line: u64, column: u64) -> bool {
    let line = line
        .checked_sub(1)
        .and_then(|line| usize::try_from(line).ok());
    let column = column
        .checked_sub(1)
        .and_then(|column| usize::try_from(column).ok());
    let (Some(line), Some(column)) = (line, column) else {
        return false;
    };
    let line = text.lines().nth(line).unwrap_or_default();
    let before: String = line.chars().take(column).collect();
    let after: String = line.chars().skip(column).take(6).collect();
    after.starts_with(['"', '\'', '|', '>', '!']) || before.trim_end().ends_with("!!str")
}

/// A time as yaml.v3 reads one: `2027-1-31`, `2027-01-31 12:00:00.5`, `2027-1-31T1:2:3Z`,
/// `2027-1-31t1:2:3+01:00`. In quotes only as RFC 3339 has it, `2027-01-31T12:00:00Z`.
fn loose_time(text: &str, is_quoted: bool) -> Option<Moment> {
    let two = |text: &str| two(text, is_quoted);
    let (date, rest) = match text.find(['T', 't', ' ']) {
        Some(end) => (text.get(..end)?, text.get(end..)?),
        None => (text, ""),
    };
    if is_quoted && !rest.starts_with('T') {
        return None;
    }
    let mut parts = date.splitn(3, '-');
    let year = parts.next().filter(|year| year.len() == 4)?;
    let (month, day) = (two(parts.next()?)?, two(parts.next()?)?);
    let date = format!("{}-{month}-{day}", digits(year)?);
    if rest.is_empty() {
        return Moment::of_day(&date);
    }
    let has_zone = !rest.starts_with(' ');
    let time = rest.get(1..)?;
    let end = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = (time.get(..end)?, time.get(end..)?);
    // With a letter between date and time there is an offset, with a blank there is none.
    if has_zone == zone.is_empty() {
        return None;
    }
    let is_zone = match zone.get(1..) {
        None | Some("") => zone != "+" && zone != "-",
        Some(offset) => offset.split_once(':').is_some_and(|(hours, minutes)| {
            [hours, minutes]
                .iter()
                .all(|part| part.len() == 2 && digits(part).is_some())
        }),
    };
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (two(parts.next()?)?, two(parts.next()?)?);
    let seconds = parts.next()?;
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let zone = if zone.is_empty() { "Z" } else { zone };
    let is_fraction = !fraction.is_empty() && fraction.len() <= 9 && is_zone;
    let fraction = digits(fraction).filter(|_| is_fraction)?;
    format!("{date}T{hour}:{minute}:{}.{fraction}{zone}", two(second)?)
        .parse()
        .ok()
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

/// One or two digits as two.
fn two(text: &str, is_strict: bool) -> Option<String> {
    let least = if is_strict { 2 } else { 1 };
    (least..=2)
        .contains(&digits(text)?.len())
        .then(|| format!("{text:0>2}"))
}

/// Bytes of a line at which Go's `bufio.Scanner` ends.
const MAX_LINE_BYTES: usize = 64 << 10;

/// Reads a `.trivyignore`: an id a line, which counts for every kind of finding.
///
/// # Errors
/// When it is too large; Trivy refuses nothing, and passes over lines that it cannot read.
pub fn read_plain(text: &str) -> Result<Translated<Settings>, ImportError> {
    check_size(text)?;
    let mut entries = Vec::new();
    let mut lost = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.len() >= MAX_LINE_BYTES {
            lost.push(format!(
                "line {} is longer than Trivy reads: it and the rest are passed over",
                number + 1
            ));
            break;
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        check_count("entries", entries.len() + 1, MAX_RULES)?;
        let mut fields = line.split_whitespace();
        let id = fields.next().unwrap_or_default().to_owned();
        // The id itself may be an expiry, if something follows it.
        let has_more = line.split_whitespace().nth(1).is_some();
        let mut expiries = line
            .split_whitespace()
            .filter_map(|field| field.strip_prefix("exp:"));
        let expiry = expiries.next().filter(|_| has_more);
        let expired_at = match expiry {
            None => None,
            Some(day) => match Moment::of_day(day) {
                Some(moment) => Some(moment),
                None => {
                    let day: String = day.chars().take(40).collect();
                    lost.push(format!(
                        "line {} is passed over: {day:?} is no date (2027-01-31)",
                        number + 1
                    ));
                    continue;
                }
            },
        };
        entries.push(IgnoreFinding {
            id,
            expired_at,
            ..IgnoreFinding::default()
        });
    }
    Ok(Translated {
        value: Settings {
            ignore: IgnoreFile {
                vulnerabilities: entries.clone(),
                misconfigurations: entries.clone(),
                secrets: entries.clone(),
                licenses: entries,
            },
            ..Settings::default()
        },
        lost,
    })
}

/// Writes a `.trivyignore.yaml`.
pub(super) fn write_yaml(file: &IgnoreFile) -> String {
    let mut text = String::new();
    for (name, entries) in [
        ("vulnerabilities", &file.vulnerabilities),
        ("misconfigurations", &file.misconfigurations),
        ("secrets", &file.secrets),
        ("licenses", &file.licenses),
    ] {
        if entries.is_empty() {
            continue;
        }
        text.push_str(&format!("{name}:\n"));
        for entry in entries {
            write_entry(entry, &mut text);
        }
    }
    if text.is_empty() {
        text.push_str("{}\n");
    }
    text
}

fn write_entry(entry: &IgnoreFinding, text: &mut String) {
    text.push_str(&format!("  - id: {}\n", scalar(&entry.id)));
    for (name, list) in [("paths", &entry.paths), ("purls", &entry.purls)] {
        if !list.is_empty() {
            text.push_str(&format!("    {name}:\n"));
            for one in list {
                text.push_str(&format!("      - {}\n", quoted(one)));
            }
        }
    }
    if let Some(moment) = entry.expired_at {
        let written = moment.day().unwrap_or_else(|| moment.to_string());
        text.push_str(&format!("    expired_at: {written}\n"));
    }
    if !entry.statement.is_empty() {
        text.push_str(&format!("    statement: {}\n", quoted(&entry.statement)));
    }
}

/// Writes a `.trivyignore` with those entries that are about nothing but an id, and are the same for
/// all kinds of finding.
pub(super) fn write_plain(file: &IgnoreFile, lost: &mut Vec<String>) -> String {
    let mut text = String::new();
    let lists = [&file.misconfigurations, &file.secrets, &file.licenses];
    let others: [HashSet<&IgnoreFinding>; 3] = lists.map(|list| list.iter().collect());
    let known: HashSet<&IgnoreFinding> = file.vulnerabilities.iter().collect();
    for entry in &file.vulnerabilities {
        let id = entry.id.as_str();
        let is_plain = entry.paths.is_empty() && entry.purls.is_empty();
        let is_of_all = others.iter().all(|list| list.contains(entry));
        let is_word = !id.is_empty() && !id.starts_with('#') && !id.contains(char::is_whitespace);
        if !is_plain || !is_of_all || !is_word {
            lost.push(format!(
                ".trivyignore: {id} is left out: a line there is an id, for all kinds of finding"
            ));
            continue;
        }
        let statement = entry.statement.replace(char::is_control, " ");
        if !statement.trim().is_empty() {
            text.push_str(&format!("# {}\n", statement.trim()));
        }
        text.push_str(id);
        if let Some(moment) = entry.expired_at {
            let start = moment.start_of_day();
            if start != moment {
                lost.push(format!(
                    ".trivyignore: {id} expires at the beginning of the day, not at {moment}"
                ));
            }
            if let Some(day) = start.day() {
                text.push_str(&format!(" exp:{day}"));
            }
        }
        text.push('\n');
    }
    let rest = lists.iter().flat_map(|list| list.iter());
    let rest = rest.filter(|entry| !known.contains(entry)).count();
    if rest > 0 {
        lost.push(format!(
            ".trivyignore: {} of misconfigurations, secrets or licences left out: a line there is \
             for all kinds of finding",
            plural(rest, "entry", "entries")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_loosely_as_go_reads_them() {
        let check = |text: &str, expect: Option<&str>| {
            let (text, is_quoted) = match text.strip_prefix('"') {
                Some(text) => (text, true),
                None => (text, false),
            };
            let read = loose_time(text, is_quoted).map(|moment| moment.to_string());
            assert_eq!(read.as_deref(), expect, "{text}");
        };
        check("2027-01-31", Some("2027-01-31T00:00:00Z"));
        check("2027-1-3", Some("2027-01-03T00:00:00Z"));
        check("2027-1-3 4:05:06", Some("2027-01-03T04:05:06Z"));
        check("2027-01-31 12:00:00.5", Some("2027-01-31T12:00:00.5Z"));
        check("2027-1-31T1:2:3Z", Some("2027-01-31T01:02:03Z"));
        check("2027-1-31t1:2:3+01:00", Some("2027-01-31T00:02:03Z"));
        check("2027-01-31T12:00:00", None);
        check("2027-01-31 12:00:00Z", None);
        check("2027-1-31T1:2:3+0100", None);
        check("2027-1-31T1:2:3z", None);
        check("2027-1-31T1:2:3+", None);
        check("\"2027-01-31T01:02:03Z", Some("2027-01-31T01:02:03Z"));
        check(
            "\"2027-01-31T01:02:03.5-01:00",
            Some("2027-01-31T02:02:03.5Z"),
        );
        check("\"2027-01-31", None);
        check("\"2027-1-31T01:02:03Z", None);
        check("\"2027-01-31t01:02:03Z", None);
        check("\"2027-01-31 01:02:03", None);
        check("2027-02-30", None);
        check("27-01-31", None);
        check("2027-01-31T25:00:00Z", None);
        check("2027-01", None);
        check("soon", None);
        check("", None);
        check("é", None);
    }
}
