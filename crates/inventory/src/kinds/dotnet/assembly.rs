//! Version resources of .NET assemblies.
//!
//! A PE file is an assembly if its optional header has a CLR directory. The resource section holds a block
//! `VS_VERSION_INFO` in UTF-16, whose `StringFileInfo` has the texts; blocks are looked for by their keys,
//! as only one block of that name is ever there.

use memchr::memmem;

use crate::{
    kinds::executable::layout::{u16_at, u32_at},
    limits::{MAX_FIELD_BYTES, MAX_VERSION_STRINGS},
};

/// The texts of a version resource.
#[derive(Debug, Default)]
pub(super) struct Resource(Vec<(String, String)>);

/// Reads the version resource of an assembly; it has none if it is empty. `None` for what is no assembly.
pub(super) fn read(bytes: &[u8]) -> Option<Resource> {
    if !bytes.starts_with(b"MZ") {
        return None;
    }
    let at = usize::try_from(u32_at(bytes, 0x3c, false)?).ok()?;
    if bytes.get(at..at.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let coff = at.checked_add(4)?;
    let optional = coff.checked_add(20)?;
    let directories = match u16_at(bytes, optional, false)? {
        0x10b => optional.checked_add(96)?,
        0x20b => optional.checked_add(112)?,
        _ => return None,
    };
    let count = u32_at(bytes, directories.checked_sub(4)?, false)?;
    let directory = |index: u32| {
        let place = directories.checked_add(usize::try_from(index).ok()?.checked_mul(8)?)?;
        let address = u32_at(bytes, place, false)?;
        (index < count && address != 0).then_some(address)
    };
    directory(14)?;
    let resource = directory(2).and_then(|address| {
        let sections = u16_at(bytes, coff.checked_add(2)?, false)?;
        let size = u16_at(bytes, coff.checked_add(16)?, false)?;
        let table = optional.checked_add(usize::from(size))?;
        (0..usize::from(sections)).find_map(|index| {
            let entry = table.checked_add(index.checked_mul(40)?)?;
            let field = |place: usize| u32_at(bytes, entry.checked_add(place)?, false);
            let (start, length, offset) = (field(12)?, field(16)?, field(20)?);
            let within = address.checked_sub(start)?;
            let begin = usize::try_from(offset).ok()?;
            let end = begin.checked_add(usize::try_from(length).ok()?)?;
            (within < length).then(|| bytes.get(begin..end.min(bytes.len())))?
        })
    });
    Some(resource.map(Resource::read).unwrap_or_default())
}

impl Resource {
    fn read(section: &[u8]) -> Self {
        Self(Self::strings(section).unwrap_or_default())
    }

    fn strings(section: &[u8]) -> Option<Vec<(String, String)>> {
        let version = memmem::find(section, &utf16("VS_VERSION_INFO"))?;
        let block = section.get(version..)?;
        let strings = memmem::find(block, &utf16("StringFileInfo"))?;
        // A block begins with its length, the length of its value and its type; then comes its key.
        let block = block.get(strings.checked_sub(6)?..)?;
        let block = block.get(..usize::from(u16_at(block, 0, false)?).min(block.len()))?;
        // The header, the key and its zero, to the next multiple of four; then tables, one for each
        // language. The first is taken.
        let table = block.get(36..)?;
        let table = table.get(..usize::from(u16_at(table, 0, false)?).min(table.len()))?;
        // Its key has eight digits.
        let mut rest = table.get(24..)?;
        let mut found = Vec::new();
        while found.len() < MAX_VERSION_STRINGS {
            let Some(length @ 6..) = u16_at(rest, 0, false).map(usize::from) else {
                break;
            };
            let entry = rest.get(..length).unwrap_or(rest);
            let (key, used) = text(entry.get(6..).unwrap_or_default());
            let value = (6 + used).next_multiple_of(4);
            let (value, _) = text(entry.get(value..).unwrap_or_default());
            if !key.is_empty() && !value.is_empty() {
                found.push((key, value));
            }
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Some(found)
    }

    /// The text of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The assembly's name: what it is called by those that built it, or else by its file. That is the
    /// name of its NuGet package more often than the product's, which Syft takes (`Json.NET` for
    /// `Newtonsoft.Json`).
    pub(super) fn name(&self, file_name: &[u8]) -> Option<String> {
        let stated = ["InternalName", "OriginalFilename"];
        let mut stated = stated.iter().filter_map(|name| self.get(name)).map(stem);
        let is_name = |name: &str| {
            let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !name.is_empty() && name.bytes().all(is_sound)
        };
        let stated = stated.find(|name| is_name(name)).map(str::to_owned);
        stated.or_else(|| {
            let name = String::from_utf8_lossy(file_name);
            let name = stem(&name);
            (!name.is_empty()).then(|| name.to_owned())
        })
    }

    /// Its version: the product's, which is the package's where it is built by today's tools, without what
    /// follows it (`4.6.26919.02 @BuiltBy`, `6.0.0+4822e3c3`); or else the file's, which often counts
    /// builds (`6.0.21.52210` of the package 6.0.0).
    pub(super) fn version(&self) -> String {
        let versions = ["ProductVersion", "FileVersion", "Assembly Version"];
        let mut versions = versions.iter().filter_map(|name| {
            let word = self.get(name)?.split_whitespace().next()?;
            let version = word.split('+').next()?;
            let is_version =
                version.contains('.') && version.starts_with(|c: char| c.is_ascii_digit());
            is_version.then(|| version.trim_end_matches(',').to_owned())
        });
        versions.next().unwrap_or_default()
    }
}

/// A file name without what marks it as an assembly.
fn stem(name: &str) -> &str {
    let cut = name.len().saturating_sub(4);
    match name.split_at_checked(cut) {
        Some((stem, end))
            if end.eq_ignore_ascii_case(".dll") || end.eq_ignore_ascii_case(".exe") =>
        {
            stem
        }
        _ => name,
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Text up to its zero, and how many bytes it took with it.
fn text(bytes: &[u8]) -> (String, usize) {
    let units = bytes
        .chunks_exact(2)
        .filter_map(|pair| u16_at(pair, 0, false));
    let units: Vec<u16> = units
        .take_while(|unit| *unit != 0)
        .take(MAX_FIELD_BYTES)
        .collect();
    let text = String::from_utf16_lossy(&units);
    (text.trim().to_owned(), units.len() * 2 + 2)
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "tests")]
pub(super) mod tests {
    use super::*;

    fn block(key: &str, kind: u16, value: &[u8], value_units: usize) -> Vec<u8> {
        let mut bytes = vec![0; 6];
        bytes.extend(utf16(key));
        bytes.extend([0, 0]);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend_from_slice(value);
        let length = bytes.len() as u16;
        bytes[..2].copy_from_slice(&length.to_le_bytes());
        bytes[2..4].copy_from_slice(&(value_units as u16).to_le_bytes());
        bytes[4..6].copy_from_slice(&kind.to_le_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// A small PE file with these texts in its version resource.
    pub(in crate::kinds::dotnet) fn pe(values: &[(&str, &str)], is_assembly: bool) -> Vec<u8> {
        let mut strings = Vec::new();
        for (key, value) in values {
            let text = [utf16(value), vec![0, 0]].concat();
            strings.extend(block(key, 1, &text, value.len() + 1));
        }
        let table = block("040904b0", 1, &strings, 0);
        let children = block("StringFileInfo", 1, &table, 0);
        let fixed = [vec![0; 52], children].concat();
        let resource = block("VS_VERSION_INFO", 0, &fixed, 52);

        let mut bytes = b"MZ".to_vec();
        bytes.resize(0x40, 0);
        bytes[0x3c] = 0x40;
        bytes.extend(b"PE\0\0");
        bytes.extend([0x4c, 0x01, 1, 0]);
        bytes.resize(0x40 + 4 + 16, 0);
        bytes.extend([224, 0, 0, 0]);
        let optional = bytes.len();
        bytes.resize(optional + 224, 0);
        bytes[optional..optional + 2].copy_from_slice(&0x10b_u16.to_le_bytes());
        bytes[optional + 92] = 16;
        bytes[optional + 96 + 16 + 1] = 0x20;
        if is_assembly {
            bytes[optional + 96 + 14 * 8 + 1] = 0x10;
        }
        let section = bytes.len();
        bytes.extend(b".rsrc\0\0\0");
        bytes.resize(section + 40, 0);
        bytes[section + 13] = 0x20;
        bytes[section + 16..section + 20].copy_from_slice(&(resource.len() as u32).to_le_bytes());
        bytes[section + 20..section + 24].copy_from_slice(&((section + 40) as u32).to_le_bytes());
        bytes.extend(resource);
        bytes
    }

    #[test]
    fn more_texts_than_the_limit_are_left_out() {
        let values = vec![("a", "b"); MAX_VERSION_STRINGS + 5];
        let resource = read(&pe(&values, true)).unwrap();
        assert_eq!(resource.0.len(), MAX_VERSION_STRINGS);
    }
}
