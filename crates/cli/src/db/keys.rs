//! `lamina db keygen` and `lamina db verify`: keys, and signatures of databases.
//!
//! Keys and signatures are [minisign](https://jedisct1.github.io/minisign/)'s, so that its program
//! makes and checks them as well.

use std::{
    fmt,
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use lamina_advisories::Index;
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};

use crate::{
    database::{Database, Trust, TrustArgs},
    limits::KEY_FILE_BYTES,
    transport::clock,
};

/// The environment variable with the password of a secret key. No argument: others see those.
const PASSWORD: &str = "LAMINA_DB_PASSWORD";

/// Makes a pair of keys: FILE with the secret one, and beside it, ending in `.pub`, the public one.
///
/// If LAMINA_DB_PASSWORD is set, the secret key is encrypted with that password. Without it, whoever
/// reads the file can sign.
#[derive(Debug, clap::Args)]
pub(super) struct Keygen {
    /// Where to write the secret key; nothing that is there is overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Checks that a database is signed by one of the keys, and that all its shards are whole.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// The database: a folder, or an archive of `lamina db export`.
    db: PathBuf,
    /// The public key that must have signed it, or its file. May be repeated; one is enough.
    #[arg(long, required = true, value_name = "KEY|FILE")]
    key: Vec<String>,
}

pub(super) fn keygen(args: &Keygen) -> anyhow::Result<ExitCode> {
    let public_path = args.out.with_extension("pub");
    if public_path == args.out {
        bail!("the secret key cannot be in a file that ends in .pub");
    }
    if public_path.exists() {
        bail!("{} is there already", public_path.display());
    }
    let pair = match password()? {
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password)),
        None => KeyPair::generate_unencrypted_keypair(),
    };
    let boxes = pair.and_then(|pair| {
        let comment = Some("secret key of lamina databases");
        Ok((pair.sk.to_box(comment)?, pair.pk.to_box()?, pair.pk))
    });
    let (secret, public, key) = boxes.context("cannot make keys")?;
    write_new(&args.out, &secret.to_bytes(), true)?;
    write_new(&public_path, &public.to_bytes(), false)?;
    println!(
        "secret key: {}\npublic key: {}\n{}",
        args.out.display(),
        public_path.display(),
        key.to_base64()
    );
    Ok(ExitCode::SUCCESS)
}

fn write_new(path: &Path, bytes: &[u8], is_secret: bool) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if is_secret { 0o600 } else { 0o644 });
    let mut file = options
        .open(path)
        .with_context(|| format!("cannot make the file {path:?}"))?;
    file.write_all(bytes)
        .with_context(|| format!("cannot write {path:?}"))
}

pub(super) fn verify(args: &Verify) -> anyhow::Result<ExitCode> {
    let trust = TrustArgs {
        db_key: args.key.clone(),
    };
    let database = Database::open(Some(&args.db), &trust)?;
    if !matches!(database.trust, Trust::SignedBy(_)) {
        bail!("no key was given");
    }
    let mut problems = 0;
    for entry in &database.index.shards {
        if let Err(problem) = database.shard(entry) {
            eprintln!("{} {}: {problem}", entry.kind.word(), entry.key);
            problems += 1;
        }
    }
    if problems > 0 {
        bail!("the signature is right, but {problems} shards are damaged or missing");
    }
    println!(
        "{}; all {} shards are whole",
        database.describe(clock()?),
        database.index.shards.len()
    );
    Ok(ExitCode::SUCCESS)
}

/// Signs indexes with a secret key.
pub(crate) struct Signer {
    secret: SecretKey,
    public: PublicKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The library's own would print the secret.
        write!(f, "Signer({})", self.public_key())
    }
}

impl Signer {
    /// Reads a secret key from a file.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(KEY_FILE_BYTES).read_to_string(&mut text))
            .with_context(|| format!("cannot read the secret key in {path:?}"))?;
        let unbox = || SecretKeyBox::from_string(&text);
        let plain = unbox().and_then(SecretKeyBox::into_unencrypted_secret_key);
        let secret = match (plain, password()?) {
            (Ok(secret), _) => secret,
            (Err(_), Some(password)) => unbox()
                .and_then(|key| key.into_secret_key(Some(password)))
                .with_context(|| format!("cannot use the secret key in {path:?}"))?,
            (Err(error), None) => {
                return Err(error).with_context(|| {
                    format!(
                        "cannot use the secret key in {path:?} (if it has a password, set {PASSWORD})"
                    )
                });
            }
        };
        let public = PublicKey::from_secret_key(&secret)
            .with_context(|| format!("cannot use the secret key in {path:?}"))?;
        Ok(Self { secret, public })
    }

    /// The public key that belongs to it.
    pub(super) fn public_key(&self) -> String {
        self.public.to_base64()
    }

    /// The signature of an index. What it is of stands in the comment that is signed, too.
    pub(super) fn sign(&self, json: &[u8], index: &Index) -> anyhow::Result<String> {
        let comment = format!("lamina database {}, built {}", index.name, index.built_at);
        self.sign_with(json, &comment)
    }

    /// The signature of any bytes, with the comment that is signed, too.
    pub(crate) fn sign_with(&self, bytes: &[u8], comment: &str) -> anyhow::Result<String> {
        // A line break would end the comment, and the rest would be read as the signature.
        let comment: String = comment
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        let signature = minisign::sign(
            Some(&self.public),
            &self.secret,
            bytes,
            Some(&comment),
            Some("signature of a lamina database"),
        )
        .context("cannot sign")?;
        Ok(signature.to_string())
    }
}

fn password() -> anyhow::Result<Option<String>> {
    match std::env::var(PASSWORD) {
        Ok(password) if password.is_empty() => Ok(None),
        Ok(password) => Ok(Some(password)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {PASSWORD}")),
    }
}
