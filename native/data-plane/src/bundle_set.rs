//! The authorities of every trust domain that is held, each parsed once.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::anchor_from_trusted_cert;

use crate::spiffe_id::{SpiffeIdError, validate_trust_domain};
use crate::x509_svid::{Certificate, IssuerFault, VerifiedChains};

/// How many bytes of a name that is not a trust domain's are shown.
const SHOWN_NAME_BYTES: usize = 255;

/// One bundle per trust domain. They are never merged: an authority vouches for its own trust domain only
/// (SPIFFE Trust Domain and Bundle, section 3).
#[derive(Debug, Default)]
pub struct BundleSet {
    bundles: BTreeMap<Box<str>, Bundle>,
    verified: VerifiedChains,
}

impl BundleSet {
    /// Reads trust domain names and the DER of their authorities. An authority need not be self-signed. One that must
    /// not sign, or is not valid now, is kept: it makes only the paths through it invalid, and each says why.
    ///
    /// # Errors
    /// A name that is not one, a name given twice, or an authority that is not an X.509 v3 certificate.
    pub fn new(bundles: impl IntoIterator<Item = (String, Vec<Vec<u8>>)>) -> Result<Self, BundleSetError> {
        let mut set = Self::default();
        for (trust_domain, authorities) in bundles {
            set.add(trust_domain, authorities)?;
        }
        Ok(set)
    }

    fn add(&mut self, trust_domain: String, authorities: Vec<Vec<u8>>) -> Result<(), BundleSetError> {
        if let Err(rule) = validate_trust_domain(&trust_domain) {
            let shown = trust_domain.bytes().take(SHOWN_NAME_BYTES).flat_map(std::ascii::escape_default);
            return Err(BundleSetError::TrustDomain { name: shown.map(char::from).collect(), rule });
        }
        match self.bundles.entry(trust_domain.into_boxed_str()) {
            Entry::Occupied(entry) => Err(BundleSetError::Duplicate { trust_domain: entry.key().clone() }),
            Entry::Vacant(entry) => {
                let bundle = Bundle::parse(authorities)
                    .map_err(|index| BundleSetError::Authority { trust_domain: entry.key().clone(), index })?;
                entry.insert(bundle);
                Ok(())
            }
        }
    }

    /// The bundle of one trust domain.
    #[must_use]
    pub fn bundle(&self, trust_domain: &str) -> Option<&Bundle> {
        self.bundles.get(trust_domain)
    }

    /// The chains that were verified with this set; they go with it.
    pub(crate) fn verified(&self) -> &VerifiedChains {
        &self.verified
    }

    /// The names of the trust domains, in alphabetical order.
    pub fn trust_domains(&self) -> impl Iterator<Item = &str> {
        self.bundles.keys().map(AsRef::as_ref)
    }

    /// Whether the trust domain's bundle holds the certificate with this SHA-256.
    #[must_use]
    pub fn holds(&self, trust_domain: &str, sha256: &[u8; 32]) -> bool {
        self.bundle(trust_domain).is_some_and(|bundle| bundle.authorities.iter().any(|one| one.sha256() == sha256))
    }

    /// Whether both hold the same certificates for the same trust domains: then they judge alike.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.bundles.len() == other.bundles.len()
            && self.bundles.iter().all(|(trust_domain, bundle)| {
                other.bundle(trust_domain).is_some_and(|others| {
                    bundle.authorities.len() == others.authorities.len()
                        && bundle.authorities.iter().all(|one| other.holds(trust_domain, one.sha256()))
                })
            })
    }
}

/// The authorities of one trust domain.
#[derive(Debug)]
pub struct Bundle {
    anchors: Vec<TrustAnchor<'static>>,
    /// As long as `anchors` and in the same order: what the anchor leaves out of each certificate.
    authorities: Vec<Authority>,
}

impl Bundle {
    /// The error is the index of the first authority that cannot be read.
    fn parse(certificates: Vec<Vec<u8>>) -> Result<Self, usize> {
        let mut bundle = Self { anchors: Vec::new(), authorities: Vec::new() };
        for (index, der) in certificates.into_iter().map(CertificateDer::from).enumerate() {
            bundle.anchors.push(anchor_from_trusted_cert(&der).map_err(|_| index)?.to_owned());
            bundle.authorities.push(Authority::parse(&der).ok_or(index)?);
        }
        Ok(bundle)
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    pub(crate) fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    /// The authority whose anchor webpki used. By address, not by value: a renewed authority has the name and the key
    /// of the one it renews, and another validity.
    pub(crate) fn authority_of(&self, anchor: &TrustAnchor<'_>) -> Option<&Authority> {
        let index = self.anchors.iter().position(|one| std::ptr::eq::<TrustAnchor<'_>>(one, anchor))?;
        self.authorities.get(index)
    }
}

/// What a trust anchor does not keep of its certificate.
#[derive(Debug)]
pub(crate) struct Authority {
    sha256: [u8; 32],
    not_before: UnixTime,
    not_after: UnixTime,
    path_length: Option<u8>,
    fault: Option<IssuerFault>,
}

impl Authority {
    fn parse(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::parse(der).ok()?;
        Some(Self {
            sha256: digest(&SHA256, der).as_ref().try_into().ok()?,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            path_length: certificate.extensions.basic_constraints.and_then(|constraints| constraints.path_length),
            fault: IssuerFault::of(&certificate),
        })
    }

    pub(crate) fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    pub(crate) fn not_before(&self) -> UnixTime {
        self.not_before
    }

    pub(crate) fn not_after(&self) -> UnixTime {
        self.not_after
    }

    pub(crate) fn path_length(&self) -> Option<u8> {
        self.path_length
    }

    /// Why no path may end at it.
    pub(crate) fn fault(&self) -> Option<IssuerFault> {
        self.fault
    }
}

/// Why a set of bundles cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleSetError {
    /// A name breaks the rules of SPIFFE-ID section 2.1.
    TrustDomain {
        /// The name, escaped and cut.
        name: Box<str>,
        /// The rule it breaks.
        rule: SpiffeIdError,
    },
    /// A trust domain is there twice.
    Duplicate {
        /// Its name.
        trust_domain: Box<str>,
    },
    /// An authority is not an X.509 v3 certificate.
    Authority {
        /// The trust domain it was given for.
        trust_domain: Box<str>,
        /// Its place in the bundle, from 0.
        index: usize,
    },
}

impl fmt::Display for BundleSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TrustDomain { name, rule } => write!(f, "\"{name}\" is not the name of a trust domain: {rule}"),
            Self::Duplicate { trust_domain } => write!(f, "there are two bundles of trust domain \"{trust_domain}\""),
            Self::Authority { trust_domain, index } => {
                write!(f, "authority {index} of trust domain \"{trust_domain}\" is not an X.509 v3 certificate")
            }
        }
    }
}

impl std::error::Error for BundleSetError {}
