//! What X509-SVID asks of the certificate that names the peer.

use std::fmt::Write as _;

use super::certificate::Certificate;
use super::error::{LeafFault, Place, X509SvidError};
use crate::spiffe_id::{SpiffeId, SpiffeIdError};

/// How much of a URI that is not a SPIFFE ID is shown, in bytes of its escaped form.
const SHOWN_URI_BYTES: usize = 200;

/// Applies the leaf rules of X509-SVID sections 2, 4 and 5.2 and returns the ID that the leaf claims. Nothing vouches
/// for the claim yet.
pub(super) fn validate_leaf(leaf: &Certificate<'_>) -> Result<SpiffeId, X509SvidError> {
    if leaf.extensions.unhandled_critical {
        return Err(X509SvidError::CriticalExtension(Place::Leaf));
    }
    validate_key_usage(leaf).and_then(|()| claimed_id(leaf)).map_err(X509SvidError::Leaf)
}

fn validate_key_usage(leaf: &Certificate<'_>) -> Result<(), LeafFault> {
    if leaf.extensions.is_authority() {
        return Err(LeafFault::IsAuthority);
    }
    let usage = leaf.extensions.key_usage.ok_or(LeafFault::NoKeyUsage)?;
    if usage.signs_certificates() || usage.signs_revocation_lists() {
        return Err(LeafFault::SignsCertificates);
    }
    if !usage.signs_data() {
        return Err(LeafFault::NoDigitalSignature);
    }
    Ok(())
}

fn claimed_id(leaf: &Certificate<'_>) -> Result<SpiffeId, LeafFault> {
    let uris = leaf.extensions.subject_alt_name.unwrap_or_default();
    if uris.count != 1 {
        return Err(LeafFault::UriNames(uris.count));
    }
    let not_an_id = |rule| LeafFault::SpiffeId { uri: escape(uris.first), rule };
    // A URI is IA5String, so one that is not UTF-8 has a character that no SPIFFE ID has.
    let text = std::str::from_utf8(uris.first).map_err(|_| not_an_id(SpiffeIdError::PathCharacter))?;
    let id = SpiffeId::parse(text).map_err(not_an_id)?;
    if id.path().is_empty() { Err(LeafFault::NoPath) } else { Ok(id) }
}

/// The peer chose these bytes and they end in logs and terminals: only printable ASCII passes.
fn escape(bytes: &[u8]) -> Box<str> {
    let mut shown = String::new();
    for byte in bytes {
        if shown.len() >= SHOWN_URI_BYTES {
            shown.push_str("...");
            break;
        }
        // Writing to a String cannot fail.
        let _ = write!(shown, "{}", byte.escape_ascii());
    }
    shown.into_boxed_str()
}
