//! Chains already verified under one set of bundles. The record belongs to the set and goes with it, so that a chain
//! cannot outlive the authority that vouched for it.
#![forbid(unsafe_code)]

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use lru::LruCache;
use rustls::pki_types::{CertificateDer, UnixTime};

use super::{Usage, VerifiedPeer};

const MAX_CHAINS: usize = 4_096;

/// What identifies a chain in a role: the digest alone would let a client's chain pass for a server's.
type Key = (Usage, [u8; 32]);

/// At most 4,096 chains, the least recently used out first. Only chains that were verified get in, so a stranger cannot
/// push out the peers that are known.
#[derive(Debug)]
pub(crate) struct VerifiedChains(Mutex<LruCache<Key, VerifiedPeer>>);

impl Default for VerifiedChains {
    fn default() -> Self {
        // Unbounded to the library, which would otherwise reserve room for all of them at once, per set.
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl VerifiedChains {
    /// What was found of a chain, if its path is valid at `time`.
    pub(super) fn get(&self, usage: Usage, digest: &[u8; 32], time: UnixTime) -> Option<VerifiedPeer> {
        let mut chains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chains.get(&(usage, *digest)).filter(|peer| peer.path_validity.contains(time)).cloned()
    }

    pub(super) fn put(&self, usage: Usage, digest: [u8; 32], peer: VerifiedPeer) {
        let mut chains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chains.put((usage, digest), peer);
        if chains.len() > MAX_CHAINS {
            chains.pop_lru();
        }
    }
}

/// SHA-256 of a chain, each certificate with its length, so that no two chains have the same bytes.
pub(crate) fn chain_digest(chain: &[CertificateDer<'_>]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for certificate in chain {
        context.update(&certificate.len().to_be_bytes());
        context.update(certificate);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
