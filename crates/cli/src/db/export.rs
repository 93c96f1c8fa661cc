//! `lamina db export`: a database in one file, to carry to a machine without a network.
//!
//! The file is a tar archive of the database's files. `lamina scan --db FILE` reads it as it is,
//! `lamina db update --from FILE` puts it in a folder.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use lamina_advisories::{index, signature};
use lamina_inventory::known_bases;

use super::table::bytes;
use crate::database::{Database, TrustArgs};

/// Writes a database to one file, for offline use.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder of the database.
    db: PathBuf,
    /// The file to write; it ends in .tar.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let database = Database::open(Some(&args.db), &args.trust)?;
    let built_at: Option<jiff::Timestamp> = database.index.built_at.parse().ok();
    // The same database is the same file.
    let modified = built_at.and_then(|time| u64::try_from(time.as_second()).ok());
    let partial = args.out.with_extension("partial");
    if args.out.is_dir() || partial == args.out {
        bail!("{:?} cannot be the file", args.out);
    }
    let write = || -> anyhow::Result<u64> {
        let file = File::create(&partial)?;
        let mut archive = tar::Builder::new(BufWriter::new(file));
        let mut names = vec![index::FILE_NAME.to_owned(), signature::FILE_NAME.to_owned()];
        for entry in &database.index.shards {
            database
                .shard(entry)
                .map_err(|problem| anyhow::anyhow!("shard {:?}: {problem}", entry.key))?;
            names.push(entry.path());
        }
        let bases = [known_bases::FILE_NAME, crate::bases::SIGNATURE];
        names.extend(bases.map(str::to_owned));
        // The index first: who reads on knows what to expect.
        if let Some(shards) = names.get_mut(2..) {
            shards.sort();
        }
        names.dedup();
        for name in names {
            let Some(content) = database.file(&name)? else {
                continue;
            };
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(modified.unwrap_or_default());
            archive.append_data(&mut header, &name, content.as_slice())?;
        }
        let mut file = archive.into_inner()?;
        file.flush()?;
        let file = file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    };
    let written = write().with_context(|| format!("cannot write {}", args.out.display()));
    let written = match written {
        Ok(written) => written,
        Err(error) => {
            // What is half written is of no use.
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
    };
    fs::rename(&partial, &args.out)?;
    println!(
        "{}: {} and {} shards, {}",
        args.out.display(),
        database.index.name,
        database.index.shards.len(),
        bytes(written)
    );
    Ok(ExitCode::SUCCESS)
}
