//! A database as files in a folder.

use std::{collections::BTreeSet, fs, io, path::Path};

use lamina_advisories::{Index, ShardEntry, index, signature};

use crate::database::NEXT_SIGNATURE;

/// Writes a file of the database so that a reader sees the old one or the new one whole.
pub(super) fn store(out: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let target = out.join(path);
    if fs::read(&target).is_ok_and(|held| held == bytes) {
        return Ok(());
    }
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    replace(&target, bytes)
}

/// Writes a file so that a reader sees the old one or the new one whole.
pub(crate) fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let partial = target.with_file_name(format!(".{name}.partial"));
    let mut file = fs::File::create(&partial)?;
    io::Write::write_all(&mut file, bytes)?;
    // Else a power cut may leave a name without its bytes.
    file.sync_all()?;
    fs::rename(&partial, target)
}

/// Makes the database in `out` the one of this index, whose shards are there already.
///
/// The index takes effect when it takes its name, in one step. Its signature stands beside it before
/// that, and takes its own name after it, so that a reader finds one that fits at every moment.
pub(super) fn commit(out: &Path, index: &[u8], signature: Option<&str>) -> io::Result<()> {
    let next = out.join(NEXT_SIGNATURE);
    let place = out.join(signature::FILE_NAME);
    if let Some(signature) = signature {
        replace(&next, signature.as_bytes())?;
    }
    replace(&out.join(index::FILE_NAME), index)?;
    let stale = match signature {
        Some(_) => return fs::rename(&next, &place),
        // Of another index than this one.
        None => [next, place],
    };
    for path in stale {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Removes the shards that none of these indexes names.
pub(super) fn remove_other_shards(out: &Path, indexes: &[&Index]) -> io::Result<()> {
    let shards = indexes.iter().flat_map(|index| &index.shards);
    let wanted: BTreeSet<String> = shards.map(ShardEntry::path).collect();
    let entries = match fs::read_dir(out.join("shards/sha256")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_shard = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_shard && !wanted.contains(&format!("shards/sha256/{name}")) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
