//! Verification of a peer's X.509-SVID: the only maker of a `VerifiedPeer`. X509-SVID section 5, RFC 5280 section 6.
#![forbid(unsafe_code)]

mod certificate;
mod claim;
mod error;
mod extensions;
mod issuer;
mod leaf;
mod path;
mod usage;
mod verified_chains;

use std::fmt::Write as _;

use rustls::pki_types::{CertificateDer, UnixTime};

pub(crate) use self::certificate::Certificate;
pub use self::claim::{ClaimedSvid, read_x509_svid};
pub use self::error::{LeafFault, PathFault, Place, X509SvidError, X509SvidErrorClass};
pub(crate) use self::issuer::IssuerFault;
pub use self::usage::Usage;
pub(crate) use self::verified_chains::{VerifiedChains, chain_digest};

use self::leaf::validate_leaf;
use self::path::{FoundPath, PathSearch, Validity};
use crate::bundle_set::BundleSet;
use crate::spiffe_id::SpiffeId;

/// A leaf and five more. webpki tries intermediates of one name in every order: with nine of them a stranger's chain
/// costs 150 times what it costs with five.
const MAX_CHAIN_CERTIFICATES: usize = 6;
/// The limit rustls sets for a Certificate message, for callers that come without one.
const MAX_CHAIN_BYTES: usize = 0x1_0000;

/// A peer whose certificate was verified at a moment. That it holds the key is shown by the handshake.
#[derive(Clone, Debug)]
pub struct VerifiedPeer {
    spiffe_id: SpiffeId,
    serial_number: Box<str>,
    not_before: UnixTime,
    not_after: UnixTime,
    authority_sha256: [u8; 32],
    authority_not_after: UnixTime,
    path_validity: Validity,
}

impl VerifiedPeer {
    /// The peer's ID, always with a path.
    #[must_use]
    pub fn spiffe_id(&self) -> &SpiffeId {
        &self.spiffe_id
    }

    /// The leaf's serial number in lower-case hexadecimal, at most 40 digits.
    #[must_use]
    pub fn serial_number(&self) -> &str {
        &self.serial_number
    }

    /// Begin of the leaf's validity, inclusive.
    #[must_use]
    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// End of the leaf's validity, inclusive.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// SHA-256 of the authority's certificate: when the trust domain's bundle no longer holds it, it was pruned or
    /// revoked.
    #[must_use]
    pub fn authority_sha256(&self) -> &[u8; 32] {
        &self.authority_sha256
    }

    /// End of that authority's own validity: removed before it is a revocation, afterwards it is housekeeping.
    #[must_use]
    pub fn authority_not_after(&self) -> UnixTime {
        self.authority_not_after
    }
}

/// Verifies a chain, leaf first, as the X.509-SVID of a peer in the role `usage` at `time`.
///
/// The bundle is chosen by the leaf's own trust domain: with all bundles in one root store, one trust domain's
/// authority could vouch for another's IDs. Host names play no part.
///
/// # Errors
/// The rule that the chain breaks; nothing of a chain that is refused is to be believed.
pub fn verify_x509_svid(
    chain: &[CertificateDer<'_>],
    bundles: &BundleSet,
    usage: Usage,
    time: UnixTime,
) -> Result<VerifiedPeer, X509SvidError> {
    validate_length(chain)?;
    let der = chain.first().ok_or(X509SvidError::NoCertificate)?;
    let leaf = Certificate::parse(der).map_err(|_| X509SvidError::Malformed(Place::Leaf))?;
    let spiffe_id = validate_leaf(&leaf)?;
    let trust_domain = spiffe_id.trust_domain();
    let bundle = bundles
        .bundle(trust_domain)
        .ok_or_else(|| X509SvidError::UnknownTrustDomain { trust_domain: trust_domain.into() })?;
    let search = PathSearch { chain, leaf: &leaf, trust_domain, bundle, usage, time };
    let path = search.find()?;
    Ok(verified(&leaf, &path, spiffe_id.clone()))
}

/// `verify_x509_svid` for peers that come again and again: what was found of a chain under these bundles is found again
/// without its signatures, as long as every certificate of the path is valid. Whether the peer holds the leaf's key is
/// shown by each handshake anew.
///
/// # Errors
/// As `verify_x509_svid`. A refusal is not remembered.
pub fn verify_again(
    chain: &[CertificateDer<'_>],
    bundles: &BundleSet,
    usage: Usage,
    time: UnixTime,
) -> Result<VerifiedPeer, X509SvidError> {
    // Before the digest, whose cost the peer would choose.
    validate_length(chain)?;
    let digest = chain_digest(chain);
    if let Some(peer) = bundles.verified().get(usage, &digest, time) {
        return Ok(peer);
    }
    let peer = verify_x509_svid(chain, bundles, usage, time)?;
    bundles.verified().put(usage, digest, peer.clone());
    Ok(peer)
}

/// Before anything is parsed: path building costs signatures, and the peer chooses how many certificates it sends.
fn validate_length(chain: &[CertificateDer<'_>]) -> Result<(), X509SvidError> {
    let certificates = chain.len();
    let bytes = chain.iter().map(|der| der.len()).fold(0_usize, usize::saturating_add);
    if certificates > MAX_CHAIN_CERTIFICATES || bytes > MAX_CHAIN_BYTES {
        return Err(X509SvidError::ChainTooLong { certificates, bytes });
    }
    Ok(())
}

fn verified(leaf: &Certificate<'_>, path: &FoundPath<'_>, spiffe_id: SpiffeId) -> VerifiedPeer {
    VerifiedPeer {
        spiffe_id,
        serial_number: hexadecimal(leaf.serial),
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        authority_sha256: *path.authority.sha256(),
        authority_not_after: path.authority.not_after(),
        path_validity: path.validity,
    }
}

fn hexadecimal(bytes: &[u8]) -> Box<str> {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits.into_boxed_str()
}

#[cfg(test)]
mod tests;
