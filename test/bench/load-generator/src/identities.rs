//! Many peers in one process: certificates of different SPIFFE IDs over one key, used in turn, so that every connection
//! is a peer that the tunnel has not seen.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};

use crate::error::LoadError;

/// Certificates that are presented one after the other, from the first again after the last.
#[derive(Debug)]
pub(crate) struct InTurn {
    keys: Vec<Arc<CertifiedKey>>,
    next: AtomicUsize,
}

impl InTurn {
    /// Reads a PEM file of leaf certificates, all of them over `key`. `first` is where this process begins.
    pub(crate) fn load(path: &Path, key: &Arc<dyn SigningKey>, first: usize) -> Result<Self, LoadError> {
        let unusable = |error| LoadError::Material(format!("{}: {error}", path.display()));
        let certified = |leaf: CertificateDer<'static>| Arc::new(CertifiedKey::new(vec![leaf], key.clone()));
        let leaves = CertificateDer::pem_file_iter(path).map_err(unusable)?;
        let keys: Vec<_> = leaves.map(|leaf| leaf.map(certified)).collect::<Result<_, _>>().map_err(unusable)?;
        if keys.is_empty() {
            return Err(LoadError::Material(format!("{}: no certificate", path.display())));
        }
        Ok(Self { keys, next: AtomicUsize::new(first) })
    }

    fn take(&self) -> Option<Arc<CertifiedKey>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed).checked_rem(self.keys.len())?;
        self.keys.get(turn).cloned()
    }
}

impl ResolvesClientCert for InTurn {
    fn resolve(&self, _root_hint_subjects: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.take()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ResolvesServerCert for InTurn {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.take()
    }
}

/// One certificate chain, or many leaves in turn.
pub(crate) enum Presented {
    One(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>),
    InTurn(Arc<InTurn>),
}
