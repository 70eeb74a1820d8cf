//! The path from a leaf to an authority of its trust domain (RFC 5280 section 6): webpki builds and checks it, and
//! what webpki leaves out is judged here on every path it offers.

use std::cell::Cell;

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, VerifiedPath};

use super::Usage;
use super::certificate::Certificate;
use super::error::{LeafFault, PathFault, Place, X509SvidError};
use super::issuer::IssuerFault;
use crate::bundle_set::{Authority, Bundle};

/// A path that was found: where it ends, and for how long it stays one.
pub(super) struct FoundPath<'a> {
    pub(super) authority: &'a Authority,
    pub(super) validity: Validity,
}

/// The time in which every certificate of a path is valid, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
}

impl Validity {
    pub(super) fn contains(self, time: UnixTime) -> bool {
        (self.not_before..=self.not_after).contains(&time)
    }

    fn and(self, not_before: UnixTime, not_after: UnixTime) -> Self {
        Self { not_before: self.not_before.max(not_before), not_after: self.not_after.min(not_after) }
    }
}

/// One search: what the peer sent, what it is held against, and when.
pub(super) struct PathSearch<'a> {
    pub(super) chain: &'a [CertificateDer<'a>],
    pub(super) leaf: &'a Certificate<'a>,
    pub(super) trust_domain: &'a str,
    pub(super) bundle: &'a Bundle,
    pub(super) usage: Usage,
    pub(super) time: UnixTime,
}

impl<'a> PathSearch<'a> {
    /// Finds a path.
    pub(super) fn find(&self) -> Result<FoundPath<'a>, X509SvidError> {
        let (leaf, intermediates) = self.chain.split_first().ok_or(X509SvidError::NoCertificate)?;
        let leaf = EndEntityCert::try_from(leaf).map_err(|_| X509SvidError::Malformed(Place::Leaf))?;
        // webpki goes on to the next path when one is refused, and cannot carry our reason: it is kept here.
        let refusal = Cell::new(None);
        let judge = |path: &VerifiedPath<'_>| {
            self.judge(path).map_err(|error| {
                refusal.set(Some(error));
                webpki::Error::UnknownIssuer
            })
        };
        let anchors = self.bundle.anchors();
        let algorithms = ALL_VERIFICATION_ALGS;
        match leaf.verify_for_usage(algorithms, anchors, intermediates, self.time, self.usage, None, Some(&judge)) {
            Ok(path) => self.found(&path),
            // A whole path that our rules refused says more than the ones that led nowhere.
            Err(error) => Err(refusal.take().unwrap_or_else(|| self.explain(&error))),
        }
    }

    fn found(&self, path: &VerifiedPath<'_>) -> Result<FoundPath<'a>, X509SvidError> {
        let authority = self.authority_of(path)?;
        let leaf = Validity { not_before: self.leaf.not_before, not_after: self.leaf.not_after };
        let mut validity = leaf.and(authority.not_before(), authority.not_after());
        for intermediate in path.intermediate_certificates() {
            let der = intermediate.der();
            let issuer = Certificate::parse(&der).map_err(|_| X509SvidError::Malformed(Place::Intermediate))?;
            validity = validity.and(issuer.not_before, issuer.not_after);
        }
        Ok(FoundPath { authority, validity })
    }

    /// What webpki does not look at: everything but name, key and constraints of the authority, keyUsage of issuers,
    /// and URI constraints that no URI name falls under.
    fn judge(&self, path: &VerifiedPath<'_>) -> Result<(), X509SvidError> {
        if self.leaf.extensions.constrains_uris() {
            return Err(self.fault(PathFault::UriNameConstraints));
        }
        let mut intermediates = 0;
        for intermediate in path.intermediate_certificates() {
            let der = intermediate.der();
            let issuer = Certificate::parse(&der).map_err(|_| X509SvidError::Malformed(Place::Intermediate))?;
            self.judge_issuer(IssuerFault::of(&issuer), Place::Intermediate)?;
            intermediates += 1;
        }
        self.judge_authority(self.authority_of(path)?, intermediates)
    }

    fn judge_authority(&self, authority: &Authority, intermediates: usize) -> Result<(), X509SvidError> {
        self.judge_issuer(authority.fault(), Place::Authority)?;
        if self.time > authority.not_after() {
            return Err(expired(Place::Authority, self.time, authority.not_after()));
        }
        if self.time < authority.not_before() {
            return Err(not_yet_valid(Place::Authority, self.time, authority.not_before()));
        }
        match authority.path_length() {
            Some(most) if intermediates > usize::from(most) => Err(self.fault(PathFault::Length)),
            _ => Ok(()),
        }
    }

    fn judge_issuer(&self, fault: Option<IssuerFault>, place: Place) -> Result<(), X509SvidError> {
        fault.map_or(Ok(()), |fault| Err(fault.at(place, self.trust_domain)))
    }

    fn authority_of(&self, path: &VerifiedPath<'_>) -> Result<&'a Authority, X509SvidError> {
        self.bundle.authority_of(path.anchor()).ok_or_else(|| self.fault(PathFault::UnknownAuthority))
    }

    fn fault(&self, fault: PathFault) -> X509SvidError {
        X509SvidError::Path { trust_domain: self.trust_domain.into(), fault }
    }

    /// webpki's reason for the best of the paths that failed, in our words.
    fn explain(&self, error: &webpki::Error) -> X509SvidError {
        use webpki::Error as Reason;
        match *error {
            Reason::CertExpired { time, not_after } => {
                expired(place_where(self.leaf.not_after == not_after), time, not_after)
            }
            Reason::CertNotValidYet { time, not_before } => {
                not_yet_valid(place_where(self.leaf.not_before == not_before), time, not_before)
            }
            Reason::CaUsedAsEndEntity => X509SvidError::Leaf(LeafFault::IsAuthority),
            Reason::RequiredEkuNotFoundContext(_) | Reason::EmptyEkuExtension => {
                X509SvidError::Leaf(LeafFault::ExtendedKeyUsage)
            }
            Reason::UnsupportedCriticalExtension => X509SvidError::CriticalExtension(Place::Intermediate),
            Reason::EndEntityUsedAsCa => self.fault(PathFault::NotAuthority(Place::Intermediate)),
            Reason::UnknownIssuer => self.fault(PathFault::UnknownAuthority),
            Reason::InvalidSignatureForPublicKey => self.fault(PathFault::Signature),
            Reason::UnsupportedSignatureAlgorithmContext(_)
            | Reason::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => self.fault(PathFault::Algorithm),
            Reason::NameConstraintViolation => self.fault(self.name_constraint_fault()),
            Reason::PathLenConstraintViolated
            | Reason::MaximumPathDepthExceeded
            | Reason::MaximumPathBuildCallsExceeded
            | Reason::MaximumSignatureChecksExceeded
            | Reason::MaximumNameConstraintComparisonsExceeded => self.fault(PathFault::Length),
            // What is left are ways to be badly encoded; the leaf has been read whole by now.
            _ => X509SvidError::Malformed(Place::Intermediate),
        }
    }

    /// webpki refuses a URI name under any URI constraint and says only that a constraint was violated.
    fn name_constraint_fault(&self) -> PathFault {
        let presented = self.chain.iter().filter_map(|der| Certificate::parse(der).ok());
        let on_uris = presented.into_iter().any(|certificate| certificate.extensions.constrains_uris())
            || self.bundle.authorities().iter().any(|one| one.fault() == Some(IssuerFault::UriNameConstraints));
        if on_uris { PathFault::UriNameConstraints } else { PathFault::NameConstraints }
    }
}

fn place_where(is_leaf: bool) -> Place {
    if is_leaf { Place::Leaf } else { Place::Intermediate }
}

fn expired(place: Place, time: UnixTime, not_after: UnixTime) -> X509SvidError {
    X509SvidError::Expired { place, seconds: time.as_secs().saturating_sub(not_after.as_secs()) }
}

fn not_yet_valid(place: Place, time: UnixTime, not_before: UnixTime) -> X509SvidError {
    X509SvidError::NotYetValid { place, seconds: not_before.as_secs().saturating_sub(time.as_secs()) }
}
