//! The tables under `demo/packages/`: a package a line, columns parted by `|`.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result, bail};

/// One line of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Source package, origin; empty if it is called the same. Licence for Python.
    pub(crate) source: String,
    /// Section; licence for apk.
    pub(crate) section: String,
    pub(crate) summary: String,
    pub(crate) files: Vec<FileSpec>,
    pub(crate) is_required: bool,
    pub(crate) is_for_all: bool,
}

/// `path size [mode]` or `path -> target`.
#[derive(Clone, Debug)]
pub(crate) struct FileSpec {
    pub(crate) path: String,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    File { size: usize, mode: u32 },
    Link(String),
}

/// Reads tables, later ones over earlier ones: a line there may have its first columns only.
pub(crate) fn read(demo: &Path, tables: &[String]) -> Result<BTreeMap<String, Package>> {
    let mut packages: BTreeMap<String, Package> = BTreeMap::new();
    for table in tables {
        for_each_line(demo, table, |columns| {
            let marked = columns.first().copied().unwrap_or_default();
            let name = marked.trim_start_matches(['*', '~']).to_owned();
            let package = packages.entry(name.clone()).or_default();
            if columns.len() > 3 {
                package.is_required = marked.starts_with('*');
                package.is_for_all = marked.contains('~');
            } else if package.name.is_empty() {
                bail!("{name} overrides nothing");
            }
            package.name = name;
            for (index, column) in columns.iter().enumerate() {
                set(package, index, column)?;
            }
            Ok(())
        })?;
    }
    Ok(packages)
}

/// Reads the table of Python distributions: name, version, licence, summary, files.
pub(crate) fn read_python(demo: &Path, table: &str) -> Result<Vec<Package>> {
    let mut packages = Vec::new();
    for_each_line(demo, table, |columns| {
        let [name, version, licence, summary, files] = columns else {
            bail!("five columns are wanted");
        };
        packages.push(Package {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            source: (*licence).to_owned(),
            summary: (*summary).to_owned(),
            files: parse_files(files)?,
            ..Package::default()
        });
        Ok(())
    })?;
    Ok(packages)
}

fn for_each_line(
    demo: &Path,
    table: &str,
    mut line_is: impl FnMut(&[&str]) -> Result<()>,
) -> Result<()> {
    let path = demo.join("packages").join(table);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        line_is(&columns).with_context(|| format!("{}, line {}", path.display(), number + 1))?;
    }
    Ok(())
}

fn set(package: &mut Package, index: usize, column: &str) -> Result<()> {
    match index {
        0 => {}
        1 => column.clone_into(&mut package.version),
        2 => column.clone_into(&mut package.source),
        3 => column.clone_into(&mut package.section),
        4 => column.clone_into(&mut package.summary),
        5 => package.files = parse_files(column)?,
        _ => bail!("too many columns"),
    }
    Ok(())
}

fn parse_files(column: &str) -> Result<Vec<FileSpec>> {
    column
        .split(", ")
        .map(|spec| {
            let words: Vec<&str> = spec.split(' ').collect();
            let (path, what) = match words.as_slice() {
                [path, "->", target] => (path, What::Link((*target).to_owned())),
                [path, size] => (
                    path,
                    What::File {
                        size: size.parse()?,
                        mode: 0o644,
                    },
                ),
                [path, size, mode] => (
                    path,
                    What::File {
                        size: size.parse()?,
                        mode: u32::from_str_radix(mode, 8)?,
                    },
                ),
                _ => bail!("no file: {spec:?}"),
            };
            Ok(FileSpec {
                path: (*path).to_owned(),
                what,
            })
        })
        .collect()
}
