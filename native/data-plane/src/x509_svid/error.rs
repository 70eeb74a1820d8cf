//! Why a chain is not the X.509-SVID of a trusted peer, and what the peer is told of it: a TLS alert.

mod text;

use std::sync::Arc;

use rustls::{CertificateError, OtherError};

use crate::spiffe_id::SpiffeIdError;

/// Every way in which `verify_x509_svid` refuses. The text (`Display`, in `text.rs`) is one bounded line; what the
/// peer wrote is in it only escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum X509SvidError {
    /// The chain is empty.
    NoCertificate,
    /// More certificates or bytes than any honest chain has.
    ChainTooLong {
        /// How many certificates were sent.
        certificates: usize,
        /// Their length together.
        bytes: usize,
    },
    /// A certificate is not DER, not X.509 v3, or contradicts itself.
    Malformed(Place),
    /// A critical extension that is not understood (RFC 5280 section 4.2).
    CriticalExtension(Place),
    /// The leaf breaks a rule of X509-SVID.
    Leaf(LeafFault),
    /// No bundle is held for the trust domain that the leaf claims.
    UnknownTrustDomain {
        /// The claimed trust domain.
        trust_domain: Box<str>,
    },
    /// No path from the leaf to an authority of its own trust domain keeps the rules of RFC 5280 section 6.
    Path {
        /// The trust domain whose authorities were tried.
        trust_domain: Box<str>,
        /// What was wrong with the best path.
        fault: PathFault,
    },
    /// A certificate of the path is past its notAfter.
    Expired {
        /// Whose certificate.
        place: Place,
        /// How long before the time of the check.
        seconds: u64,
    },
    /// A certificate of the path is before its notBefore.
    NotYetValid {
        /// Whose certificate.
        place: Place,
        /// How long after the time of the check it begins.
        seconds: u64,
    },
}

/// Which certificate of a path is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The peer's own.
    Leaf,
    /// One that the peer sent along.
    Intermediate,
    /// One of the bundle.
    Authority,
}

/// A rule of X509-SVID sections 2, 4 and 5.2 that a leaf breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeafFault {
    /// Not exactly one URI in the subjectAltName (2, 5.2).
    UriNames(usize),
    /// The URI is not a SPIFFE ID.
    SpiffeId {
        /// The URI, escaped and cut.
        uri: Box<str>,
        /// The rule it breaks.
        rule: SpiffeIdError,
    },
    /// A SPIFFE ID without a path: a trust domain's own, which names no workload (5.2).
    NoPath,
    /// cA is set (5.2).
    IsAuthority,
    /// No keyUsage extension (4.3).
    NoKeyUsage,
    /// keyUsage without digitalSignature (4.3).
    NoDigitalSignature,
    /// keyCertSign or cRLSign (4.3, 5.2).
    SignsCertificates,
    /// An extended key usage that does not fit (4.4).
    ExtendedKeyUsage,
}

/// A rule of RFC 5280 section 6 that a path breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// No authority of the trust domain has the name of the chain's last issuer.
    UnknownAuthority,
    /// The issuer's name is right, its key is not.
    Signature,
    /// An algorithm or key size that is not accepted.
    Algorithm,
    /// cA is not set.
    NotAuthority(Place),
    /// keyCertSign is not set.
    NoKeyCertSign(Place),
    /// More intermediates than a pathLenConstraint allows, or than any honest path has.
    Length,
    /// URI name constraints, permitted or excluded.
    UriNameConstraints,
    /// Name constraints of another kind forbid a name of the path.
    NameConstraints,
}

/// The five classes a caller distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum X509SvidErrorClass {
    /// Not certificates at all.
    Malformed,
    /// A certificate that no rule would accept from anybody.
    Invalid,
    /// A certificate that nobody we trust has vouched for.
    Untrusted,
    /// Too late.
    Expired,
    /// Too early.
    NotYetValid,
}

impl X509SvidError {
    /// The class, for codes and counters.
    #[must_use]
    pub fn class(&self) -> X509SvidErrorClass {
        match self {
            Self::NoCertificate | Self::ChainTooLong { .. } | Self::Malformed(_) => X509SvidErrorClass::Malformed,
            Self::CriticalExtension(_) | Self::Leaf(_) => X509SvidErrorClass::Invalid,
            Self::UnknownTrustDomain { .. } | Self::Path { .. } => X509SvidErrorClass::Untrusted,
            Self::Expired { .. } => X509SvidErrorClass::Expired,
            Self::NotYetValid { .. } => X509SvidErrorClass::NotYetValid,
        }
    }

    /// The rustls error whose alert is the one of RFC 8446 section 6.2. Only the alert is chosen by it: rustls has no
    /// variant for most of our reasons.
    #[must_use]
    pub fn to_certificate_error(&self) -> CertificateError {
        match self {
            // certificate_unknown: "some other (unspecified) issue arose in processing the certificate".
            Self::NoCertificate | Self::ChainTooLong { .. } => {
                CertificateError::Other(OtherError(Arc::new(self.clone())))
            }
            // bad_certificate.
            Self::Malformed(_) => CertificateError::BadEncoding,
            Self::CriticalExtension(_) => CertificateError::UnhandledCriticalExtension,
            Self::Leaf(fault) => fault.to_certificate_error(),
            // unknown_ca: "could not be matched with a known trust anchor".
            Self::UnknownTrustDomain { .. } => CertificateError::UnknownIssuer,
            Self::Path { fault, .. } => fault.to_certificate_error(),
            // certificate_expired: "has expired or is not currently valid".
            Self::Expired { .. } => CertificateError::Expired,
            Self::NotYetValid { .. } => CertificateError::NotValidYet,
        }
    }
}

impl LeafFault {
    fn to_certificate_error(&self) -> CertificateError {
        match self {
            // bad_certificate: it does not carry a name as it must.
            Self::UriNames(_) | Self::SpiffeId { .. } | Self::NoPath => CertificateError::NotValidForName,
            // unsupported_certificate: it is of another type than a leaf for this use.
            Self::IsAuthority
            | Self::NoKeyUsage
            | Self::NoDigitalSignature
            | Self::SignsCertificates
            | Self::ExtendedKeyUsage => CertificateError::InvalidPurpose,
        }
    }
}

impl PathFault {
    fn to_certificate_error(self) -> CertificateError {
        match self {
            // unknown_ca: no certificate that may act as an authority leads to a known trust anchor.
            Self::UnknownAuthority | Self::NotAuthority(_) | Self::NoKeyCertSign(_) | Self::Length => {
                CertificateError::UnknownIssuer
            }
            // bad_certificate: "contained signatures that did not verify correctly". rustls' own BadSignature sends
            // decrypt_error, which the RFC keeps for signatures of the handshake.
            Self::Signature | Self::NameConstraints => CertificateError::NotValidForName,
            // unsupported_certificate.
            Self::Algorithm | Self::UriNameConstraints => CertificateError::InvalidPurpose,
        }
    }
}
