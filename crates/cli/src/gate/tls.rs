//! The certificate of `lamina gate` and `lamina serve`. Kubernetes asks webhooks over TLS only, and beyond this
//! machine browsers encrypt and install only over it.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use anyhow::Context as _;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;

use super::watch::Stamp;
use crate::limits;

/// A certificate that is read again when its files change: cert-manager replaces them.
#[derive(Debug)]
pub(crate) struct Certificates {
    chain: PathBuf,
    key: PathBuf,
    state: RwLock<(Arc<ServerConfig>, [Stamp; 2])>,
}

impl Certificates {
    /// Reads both files.
    ///
    /// # Errors
    /// When there is no certificate in them, or the key is another one's.
    pub(crate) fn open(chain: &Path, key: &Path) -> anyhow::Result<Self> {
        let stamps = [Stamp::of(chain), Stamp::of(key)];
        Ok(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            state: RwLock::new((read(chain, key)?, stamps)),
        })
    }

    /// Reads both files, if they are named.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(crate) fn named(
        chain: Option<&Path>,
        key: Option<&Path>,
    ) -> anyhow::Result<Option<Arc<Self>>> {
        let named = chain.zip(key);
        named
            .map(|(chain, key)| Self::open(chain, key).map(Arc::new))
            .transpose()
    }

    /// For the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&state.0))
    }

    /// Reads the files again if they have changed. What cannot be read leaves the last one in use.
    pub(crate) fn reload(&self) {
        let stamps = [Stamp::of(&self.chain), Stamp::of(&self.key)];
        let is_same = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            state.1 == stamps
        };
        if is_same {
            return;
        }
        let found = read(&self.chain, &self.key);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.1 = stamps;
        match found {
            Ok(config) => {
                tracing::info!("certificate replaced");
                state.0 = config;
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "certificate not readable: the last one stays in use");
            }
        }
    }
}

fn read(chain: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let file = |path: &Path| -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(path);
        file.and_then(|file| file.take(limits::CERTIFICATE_BYTES).read_to_end(&mut bytes))
            .with_context(|| format!("reading {}", path.display()))?;
        Ok(bytes)
    };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&file(chain)?)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow::anyhow!("reading {}: {error}", chain.display()))?;
    // The message names no part of the key.
    let key_der = PrivateKeyDer::from_pem_slice(&file(key)?)
        .map_err(|_| anyhow::anyhow!("there is no private key in {}", key.display()))?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key_der)
        .with_context(|| format!("{} and {}", chain.display(), key.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
