//! The reasons in words, for operators.

use std::fmt;

use super::{LeafFault, PathFault, Place, X509SvidError};

impl fmt::Display for X509SvidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("no certificate was presented"),
            Self::ChainTooLong { certificates, bytes } => {
                write!(f, "a chain of {certificates} certificates and {bytes} bytes is too long")
            }
            Self::Malformed(place) => write!(f, "{place} is not a well-formed X.509 v3 certificate"),
            Self::CriticalExtension(place) => write!(f, "{place} has a critical extension that is not understood"),
            Self::Leaf(fault) => fault.fmt(f),
            Self::UnknownTrustDomain { trust_domain } => {
                write!(f, "no bundle is held for trust domain \"{trust_domain}\"")
            }
            Self::Path { trust_domain, fault } => write!(f, "{fault} (trust domain \"{trust_domain}\")"),
            Self::Expired { place, seconds } => write!(f, "{place} expired {seconds} s ago"),
            Self::NotYetValid { place, seconds } => {
                write!(f, "{place} becomes valid only in {seconds} s; compare the clocks of both sides")
            }
        }
    }
}

impl std::error::Error for X509SvidError {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaf => "the leaf",
            Self::Intermediate => "an intermediate",
            Self::Authority => "the authority",
        })
    }
}

impl fmt::Display for LeafFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UriNames(0) => f.write_str("the leaf has no URI in its subject alternative names"),
            Self::UriNames(count) => {
                write!(f, "the leaf has {count} URIs in its subject alternative names, not one")
            }
            Self::SpiffeId { uri, rule } => write!(f, "the URI \"{uri}\" is not a SPIFFE ID: {rule}"),
            Self::NoPath => f.write_str("the leaf's SPIFFE ID has no path"),
            Self::IsAuthority => f.write_str("the leaf is a certificate authority"),
            Self::NoKeyUsage => f.write_str("the leaf has no key usage"),
            Self::NoDigitalSignature => f.write_str("the leaf's key usage lacks digitalSignature"),
            Self::SignsCertificates => f.write_str("the leaf's key usage has keyCertSign or cRLSign"),
            Self::ExtendedKeyUsage => f.write_str("the extended key usage does not allow this use"),
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAuthority => f.write_str("no authority of the trust domain issued the chain"),
            Self::Signature => f.write_str("a signature of the chain does not fit the key of its issuer"),
            Self::Algorithm => f.write_str("the chain uses a signature algorithm or key that is not accepted"),
            Self::NotAuthority(place) => write!(f, "{place} is not a certificate authority"),
            Self::NoKeyCertSign(place) => write!(f, "the key usage of {place} lacks keyCertSign"),
            Self::Length => f.write_str("the path has too many intermediates"),
            Self::UriNameConstraints => f.write_str("URI name constraints are not supported"),
            Self::NameConstraints => f.write_str("a name constraint forbids a name of the chain"),
        }
    }
}
