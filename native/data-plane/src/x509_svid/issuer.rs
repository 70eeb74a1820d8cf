//! What X509-SVID section 4 asks of a certificate that signs others. One rule for those that peers send and those of
//! a bundle: a bundle that says "authority" of a leaf does not make it one.

use super::certificate::Certificate;
use super::error::{PathFault, Place, X509SvidError};

/// Why a certificate must not act as an issuer, whatever the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IssuerFault {
    CriticalExtension,
    NotAuthority,
    NoKeyCertSign,
    UriNameConstraints,
}

impl IssuerFault {
    /// The first rule that `issuer` breaks.
    pub(crate) fn of(issuer: &Certificate<'_>) -> Option<Self> {
        if issuer.extensions.unhandled_critical {
            Some(Self::CriticalExtension)
        } else if !issuer.extensions.is_authority() {
            Some(Self::NotAuthority)
        } else if !issuer.extensions.may_sign_certificates() {
            Some(Self::NoKeyCertSign)
        } else if issuer.extensions.constrains_uris() {
            Some(Self::UriNameConstraints)
        } else {
            None
        }
    }

    /// The error for a path through that issuer.
    pub(super) fn at(self, place: Place, trust_domain: &str) -> X509SvidError {
        let fault = match self {
            Self::CriticalExtension => return X509SvidError::CriticalExtension(place),
            Self::NotAuthority => PathFault::NotAuthority(place),
            Self::NoKeyCertSign => PathFault::NoKeyCertSign(place),
            Self::UriNameConstraints => PathFault::UriNameConstraints,
        };
        X509SvidError::Path { trust_domain: trust_domain.into(), fault }
    }
}
