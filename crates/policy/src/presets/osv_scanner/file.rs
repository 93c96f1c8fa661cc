//! `osv-scanner.toml`, in and out.

use std::{collections::HashSet, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    IgnoredVuln, ImportError, MAX_CONDITIONS, MAX_LICENCES, Moment, NameRegex, PackageOverride,
    Settings, Translated, quoted,
};
use crate::presets::shared::{MAX_RULES, check_count, check_size};

/// Reads an `osv-scanner.toml`. Names of keys may be of any letter case, as in the library that the
/// tool reads them with (BurntSushi/toml).
///
/// # Errors
/// When it is no TOML, has keys that osv-scanner does not know, or an expression that it cannot read.
pub fn read(text: &str) -> Result<Translated<Settings>, ImportError> {
    check_size(text)?;
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        ImportError::at(text, at, error.message())
    })?;
    let mut reader = Reader {
        text,
        unknown: Vec::new(),
        lost: Vec::new(),
    };
    let settings = reader.settings(table.get_ref())?;
    if let Some((at, _)) = reader.unknown.iter().min() {
        let mut keys = reader.unknown.clone();
        keys.sort();
        let names: Vec<String> = keys.into_iter().map(|(_, name)| name).take(20).collect();
        let message = format!("unknown keys in config file: {}", names.join(", "));
        return Err(ImportError::at(text, *at, message));
    }
    Ok(Translated {
        value: settings,
        lost: reader.lost,
    })
}

struct Reader<'t> {
    text: &'t str,
    /// Where keys stand that nobody knows, and their names.
    unknown: Vec<(usize, String)>,
    lost: Vec<String>,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl Reader<'_> {
    fn refuse<T>(&self, span: Range<usize>, message: &str) -> Result<T, ImportError> {
        Err(ImportError::at(self.text, span.start, message))
    }

    /// The values of a table's known keys, in their order; the others are noted.
    fn fields<'v, 't, const N: usize>(
        &mut self,
        table: &'v DeTable<'t>,
        path: &str,
        names: [&str; N],
    ) -> [Option<&'v Value<'t>>; N] {
        let mut values = [None; N];
        for (key, value) in table {
            let written: &str = key.get_ref();
            // A key that is written exactly so wins over one in another case.
            let exact = names.iter().position(|name| *name == written);
            let number = exact.or_else(|| {
                names
                    .iter()
                    .position(|name| name.eq_ignore_ascii_case(written))
            });
            match number.and_then(|number| values.get_mut(number)) {
                Some(slot) if exact.is_some() || slot.is_none() => *slot = Some(value),
                Some(_) => {}
                None => {
                    let name: String = format!("{path}{written}").chars().take(80).collect();
                    self.unknown.push((key.span().start, name));
                }
            }
        }
        values
    }

    fn settings(&mut self, table: &DeTable<'_>) -> Result<Settings, ImportError> {
        let [ignored, overrides, go_version, go_mod] = self.fields(
            table,
            "",
            [
                "IgnoredVulns",
                "PackageOverrides",
                "GoVersionOverride",
                "ScanGoModVersion",
            ],
        );
        let mut settings = Settings {
            go_version_override: go_version.map(|value| self.string(value)).transpose()?,
            scan_go_mod_version: go_mod.map_or(Ok(false), |value| self.boolean(value))?,
            ..Settings::default()
        };
        let mut seen = HashSet::new();
        for value in self.tables(ignored, MAX_RULES)? {
            let entry = self.ignored(value)?;
            let is_new = seen.insert(entry.id.clone());
            if !is_new && self.lost.len() < MAX_REMARKS {
                self.lost.push(format!(
                    "multiple ignores for {} - only the first will be used!",
                    entry.id
                ));
            }
            settings.ignored_vulns.push(entry);
        }
        for value in self.tables(overrides, MAX_CONDITIONS)? {
            let entry = self.overriding(value)?;
            settings.package_overrides.push(entry);
        }
        Ok(settings)
    }

    fn ignored(&mut self, table: &DeTable<'_>) -> Result<IgnoredVuln, ImportError> {
        let [id, until, reason] =
            self.fields(table, "IgnoredVulns.", ["id", "ignoreUntil", "reason"]);
        Ok(IgnoredVuln {
            id: self.text(id)?,
            ignore_until: self.moment(until)?,
            reason: self.text(reason)?,
        })
    }

    fn overriding(&mut self, table: &DeTable<'_>) -> Result<PackageOverride, ImportError> {
        let names = [
            "name",
            "version",
            "ecosystem",
            "group",
            "nameIsRegex",
            "ignore",
            "vulnerability",
            "license",
            "effectiveUntil",
            "reason",
        ];
        let [
            name,
            version,
            ecosystem,
            group,
            is_regex,
            ignore,
            vulnerability,
            license,
            until,
            reason,
        ] = self.fields(table, "PackageOverrides.", names);
        let mut entry = PackageOverride {
            name: self.text(name)?,
            name_is_regex: self.flag(is_regex)?,
            version: self.text(version)?,
            ecosystem: self.text(ecosystem)?,
            group: self.text(group)?,
            ignore: self.flag(ignore)?,
            effective_until: self.moment(until)?,
            reason: self.text(reason)?,
            ..PackageOverride::default()
        };
        if let Some(value) = vulnerability {
            let table = self.table(value)?;
            let [ignore] = self.fields(table, "PackageOverrides.vulnerability.", ["ignore"]);
            entry.vulnerability_ignore = self.flag(ignore)?;
        }
        if let Some(value) = license {
            let table = self.table(value)?;
            let [list, ignore] =
                self.fields(table, "PackageOverrides.license.", ["override", "ignore"]);
            entry.license_ignore = self.flag(ignore)?;
            if let Some(value) = list {
                let Some(array) = value.get_ref().as_array() else {
                    return self.refuse(value.span(), "a list of texts is wanted here");
                };
                check_count("licences", array.len(), MAX_LICENCES)?;
                for one in array.iter() {
                    entry.license_override.push(self.string(one)?);
                }
            }
        }
        if let (true, Some(value), false) = (entry.name_is_regex, name, entry.name.is_empty())
            && let Err(why) = NameRegex::new(&entry.name)
        {
            let message = format!("invalid regex {:?} in package override: {why}", entry.name);
            return self.refuse(value.span(), &message);
        }
        Ok(entry)
    }

    /// The tables of an array of tables.
    fn tables<'v, 't>(
        &self,
        value: Option<&'v Value<'t>>,
        most: usize,
    ) -> Result<Vec<&'v DeTable<'t>>, ImportError> {
        let Some(value) = value else {
            return Ok(Vec::new());
        };
        let Some(array) = value.get_ref().as_array() else {
            return self.refuse(value.span(), "a list of tables is wanted here");
        };
        check_count("entries", array.len(), most)?;
        array.iter().map(|one| self.table(one)).collect()
    }

    fn table<'v, 't>(&self, value: &'v Value<'t>) -> Result<&'v DeTable<'t>, ImportError> {
        match value.get_ref().as_table() {
            Some(table) => Ok(table),
            None => self.refuse(value.span(), "a table is wanted here"),
        }
    }

    fn string(&self, value: &Value<'_>) -> Result<String, ImportError> {
        match value.get_ref().as_str() {
            Some(text) => Ok(text.to_owned()),
            None => self.refuse(value.span(), "a text is wanted here"),
        }
    }

    fn text(&self, value: Option<&Value<'_>>) -> Result<String, ImportError> {
        value.map_or(Ok(String::new()), |value| self.string(value))
    }

    fn boolean(&self, value: &Value<'_>) -> Result<bool, ImportError> {
        match value.get_ref().as_bool() {
            Some(is) => Ok(is),
            None => self.refuse(value.span(), "true or false is wanted here"),
        }
    }

    fn flag(&self, value: Option<&Value<'_>>) -> Result<bool, ImportError> {
        value.map_or(Ok(false), |value| self.boolean(value))
    }

    /// A date, a time without an offset (osv-scanner's is its machine's, ours is UTC), a time with
    /// one, or the last in quotes.
    fn moment(&mut self, value: Option<&Value<'_>>) -> Result<Option<Moment>, ImportError> {
        let Some(value) = value else {
            return Ok(None);
        };
        if let Some(text) = value.get_ref().as_str() {
            return match text.parse() {
                Ok(moment) => Ok(Some(moment)),
                Err(why) => self.refuse(value.span(), &why),
            };
        }
        let Some(time) = value.get_ref().as_datetime() else {
            return self.refuse(value.span(), "a date or time is wanted here");
        };
        let written = time.to_string();
        let moment = match (time.date, time.time, time.offset) {
            (Some(_), None, _) => Moment::of_day(&written),
            (Some(_), Some(_), None) => format!("{written}Z").parse().ok(),
            (Some(_), Some(_), Some(_)) => written.parse().ok(),
            (None, ..) => None,
        };
        if time.offset.is_none() && !self.lost.iter().any(|one| one == NO_OFFSET) {
            self.lost.push(NO_OFFSET.to_owned());
        }
        match moment {
            Some(moment) => Ok(Some(moment)),
            None => self.refuse(value.span(), "a date or time is wanted here"),
        }
    }
}

/// Remarks on entries that are not read.
const MAX_REMARKS: usize = 100;

const NO_OFFSET: &str = "dates and times without an offset are read in UTC; osv-scanner reads them in its machine's zone";

/// Writes an `osv-scanner.toml`.
pub(super) fn write(settings: &Settings) -> String {
    let mut text = String::new();
    if let Some(version) = &settings.go_version_override {
        text.push_str(&format!("GoVersionOverride = {}\n", quoted(version)));
    }
    if settings.scan_go_mod_version {
        text.push_str("ScanGoModVersion = true\n");
    }
    for entry in &settings.ignored_vulns {
        start(&mut text, "IgnoredVulns");
        text.push_str(&format!("id = {}\n", quoted(&entry.id)));
        moment("ignoreUntil", entry.ignore_until, &mut text);
        line("reason", &entry.reason, &mut text);
    }
    for entry in &settings.package_overrides {
        start(&mut text, "PackageOverrides");
        line("name", &entry.name, &mut text);
        flag("nameIsRegex", entry.name_is_regex, &mut text);
        line("version", &entry.version, &mut text);
        line("ecosystem", &entry.ecosystem, &mut text);
        line("group", &entry.group, &mut text);
        flag("ignore", entry.ignore, &mut text);
        flag(
            "vulnerability.ignore",
            entry.vulnerability_ignore,
            &mut text,
        );
        flag("license.ignore", entry.license_ignore, &mut text);
        if !entry.license_override.is_empty() {
            let list: Vec<String> = entry
                .license_override
                .iter()
                .map(|one| quoted(one))
                .collect();
            text.push_str(&format!("license.override = [{}]\n", list.join(", ")));
        }
        moment("effectiveUntil", entry.effective_until, &mut text);
        line("reason", &entry.reason, &mut text);
    }
    text
}

fn start(text: &mut String, table: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&format!("[[{table}]]\n"));
}

fn line(key: &str, value: &str, text: &mut String) {
    if !value.is_empty() {
        text.push_str(&format!("{key} = {}\n", quoted(value)));
    }
}

fn flag(key: &str, is_set: bool, text: &mut String) {
    if is_set {
        text.push_str(&format!("{key} = true\n"));
    }
}

/// With its offset: a bare date would be read in the zone of whoever reads it.
fn moment(key: &str, moment: Option<Moment>, text: &mut String) {
    if let Some(moment) = moment {
        text.push_str(&format!("{key} = {moment}\n"));
    }
}
