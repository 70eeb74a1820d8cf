//! What a leaf says of itself, for whoever holds it and does not (yet) ask who vouches for it.

use rustls::pki_types::{CertificateDer, UnixTime};

use super::certificate::Certificate;
use super::error::{Place, X509SvidError};
use super::hexadecimal;
use super::leaf::validate_leaf;
use crate::spiffe_id::SpiffeId;

/// The fields of a leaf that keeps the leaf rules of X509-SVID. A claim: no authority was asked, so it says nothing
/// about a peer and is no `VerifiedPeer`.
#[derive(Clone, Debug)]
pub struct ClaimedSvid {
    /// Always with a path.
    pub spiffe_id: SpiffeId,
    /// Lower-case hexadecimal, at most 40 digits.
    pub serial_number: Box<str>,
    /// Begin of the validity, inclusive.
    pub not_before: UnixTime,
    /// End of the validity, inclusive.
    pub not_after: UnixTime,
}

/// Reads one certificate by the leaf rules that `verify_x509_svid` applies; neither path nor time is looked at.
///
/// # Errors
/// The leaf rule that is broken.
pub fn read_x509_svid(leaf: &CertificateDer<'_>) -> Result<ClaimedSvid, X509SvidError> {
    let leaf = Certificate::parse(leaf).map_err(|_| X509SvidError::Malformed(Place::Leaf))?;
    let spiffe_id = validate_leaf(&leaf)?;
    Ok(ClaimedSvid {
        spiffe_id,
        serial_number: hexadecimal(leaf.serial),
        not_before: leaf.not_before,
        not_after: leaf.not_after,
    })
}
