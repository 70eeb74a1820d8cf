use std::time::Duration;

use rustls::AlertDescription;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};

use super::{LeafFault, PathFault, Place, Usage, VerifiedPeer, X509SvidError, verify_again, verify_x509_svid};
use crate::bundle_set::{BundleSet, BundleSetError};

const CHAIN: &[u8] = include_bytes!("../../../../test/vectors/x509-svid/chain.pem");
const AUTHORITY: &[u8] = include_bytes!("../../../../test/vectors/x509-svid/authority.pem");
const ID: &str = "spiffe://example.org/billing/payments";
const NOT_BEFORE: u64 = 1_767_225_600;
const NOT_AFTER: u64 = 2_398_377_600;

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).map(Result::unwrap).collect()
}

fn bundle(trust_domain: &str, authorities: &[CertificateDer<'static>]) -> BundleSet {
    let authorities = authorities.iter().map(|der| der.to_vec()).collect();
    BundleSet::new([(trust_domain.to_owned(), authorities)]).unwrap()
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn verify(chain: &[CertificateDer<'static>], time: u64) -> Result<VerifiedPeer, X509SvidError> {
    verify_x509_svid(chain, &bundle("example.org", &certificates(AUTHORITY)), Usage::Client, at(time))
}

fn path_fault(fault: PathFault) -> X509SvidError {
    X509SvidError::Path { trust_domain: "example.org".into(), fault }
}

#[test]
fn a_chain_that_keeps_every_rule_is_verified() {
    let chain = certificates(CHAIN);
    let peer = verify(&chain, NOT_BEFORE).unwrap();
    assert_eq!(peer.spiffe_id().as_str(), ID);
    assert_eq!((peer.not_before(), peer.not_after()), (at(NOT_BEFORE), at(NOT_AFTER)));
    assert_eq!(peer.authority_not_after(), at(NOT_AFTER));
    assert_eq!(peer.serial_number().len(), 32);
}

#[test]
fn the_peer_remembers_the_authority_that_vouched_for_it() {
    let bundles = bundle("example.org", &certificates(AUTHORITY));
    let peer = verify(&certificates(CHAIN), NOT_BEFORE).unwrap();
    assert!(bundles.holds("example.org", peer.authority_sha256()));
    assert!(!bundles.holds("example.org", &[0; 32]));
    assert!(!bundles.holds("partner.org", peer.authority_sha256()));
}

#[test]
fn an_authority_vouches_for_its_own_trust_domain_only() {
    let bundles = bundle("partner.org", &certificates(AUTHORITY));
    let error = verify_x509_svid(&certificates(CHAIN), &bundles, Usage::Client, at(NOT_BEFORE)).unwrap_err();
    assert_eq!(error, X509SvidError::UnknownTrustDomain { trust_domain: "example.org".into() });
    assert_eq!(AlertDescription::from(error.to_certificate_error()), AlertDescription::UnknownCA);
}

#[test]
fn time_is_held_against_the_whole_path() {
    let chain = certificates(CHAIN);
    assert!(verify(&chain, NOT_AFTER).is_ok());
    let expired = verify(&chain, NOT_AFTER + 1).unwrap_err();
    assert_eq!(expired, X509SvidError::Expired { place: Place::Leaf, seconds: 1 });
    let early = verify(&chain, NOT_BEFORE - 1).unwrap_err();
    assert_eq!(early, X509SvidError::NotYetValid { place: Place::Leaf, seconds: 1 });
}

#[test]
fn without_its_intermediate_the_leaf_is_untrusted() {
    let chain = certificates(CHAIN);
    assert_eq!(verify(&chain[..1], NOT_BEFORE).unwrap_err(), path_fault(PathFault::UnknownAuthority));
}

#[test]
fn an_authority_is_not_a_leaf() {
    let error = verify(&certificates(AUTHORITY), NOT_BEFORE).unwrap_err();
    assert_eq!(error, X509SvidError::Leaf(LeafFault::IsAuthority));
}

#[test]
fn a_leaf_is_not_an_authority() {
    let chain = certificates(CHAIN);
    let bundles = bundle("example.org", &chain[..1]);
    let error = verify_x509_svid(&chain[..1], &bundles, Usage::Client, at(NOT_BEFORE)).unwrap_err();
    assert_eq!(error, path_fault(PathFault::UnknownAuthority));
}

#[test]
fn an_empty_chain_and_an_endless_one_are_refused_unread() {
    assert_eq!(verify(&[], NOT_BEFORE).unwrap_err(), X509SvidError::NoCertificate);
    let junk = vec![CertificateDer::from(vec![0xff]); 7];
    assert_eq!(verify(&junk, 0).unwrap_err(), X509SvidError::ChainTooLong { certificates: 7, bytes: 7 });
    let junk = vec![CertificateDer::from(vec![0xff; 0x1_0001])];
    assert_eq!(verify(&junk, 0).unwrap_err(), X509SvidError::ChainTooLong { certificates: 1, bytes: 0x1_0001 });
}

#[test]
fn no_single_changed_bit_of_the_leaf_passes() {
    let chain = certificates(CHAIN);
    for byte in 0..chain[0].len() {
        for bit in 0..8 {
            let mut leaf = chain[0].to_vec();
            leaf[byte] ^= 1 << bit;
            let changed = [CertificateDer::from(leaf), chain[1].clone()];
            assert!(verify(&changed, NOT_BEFORE).is_err(), "byte {byte} bit {bit}");
        }
    }
}

#[test]
fn no_prefix_of_a_certificate_passes() {
    let chain = certificates(CHAIN);
    for length in 0..chain[0].len() {
        let cut = [CertificateDer::from(chain[0][..length].to_vec()), chain[1].clone()];
        assert_eq!(verify(&cut, NOT_BEFORE).unwrap_err(), X509SvidError::Malformed(Place::Leaf), "{length} bytes");
    }
}

#[test]
fn a_set_of_bundles_names_what_it_cannot_read() {
    let authority = certificates(AUTHORITY)[0].to_vec();
    let junk = BundleSet::new([("example.org".to_owned(), vec![authority.clone(), vec![0x30, 0x80]])]);
    assert_eq!(junk.unwrap_err(), BundleSetError::Authority { trust_domain: "example.org".into(), index: 1 });
    let twice = [("a".to_owned(), vec![authority.clone()]), ("a".to_owned(), vec![authority])];
    assert_eq!(BundleSet::new(twice).unwrap_err(), BundleSetError::Duplicate { trust_domain: "a".into() });
    let name = BundleSet::new([("A\n".to_owned(), Vec::new())]).unwrap_err();
    assert!(name.to_string().starts_with("\"A\\n\" is not the name of a trust domain"), "{name}");
}

#[test]
fn a_chain_that_was_verified_is_found_again_only_while_its_path_is_valid() {
    let chain = certificates(CHAIN);
    let bundles = bundle("example.org", &certificates(AUTHORITY));
    let again = |time| verify_again(&chain, &bundles, Usage::Client, at(time));
    let first = again(NOT_BEFORE).unwrap();
    let second = again(NOT_AFTER).unwrap();
    assert_eq!(first.spiffe_id(), second.spiffe_id());
    assert_eq!(first.authority_sha256(), second.authority_sha256());
    assert_eq!(again(NOT_AFTER + 1).unwrap_err(), X509SvidError::Expired { place: Place::Leaf, seconds: 1 });
    assert_eq!(again(NOT_BEFORE - 1).unwrap_err(), X509SvidError::NotYetValid { place: Place::Leaf, seconds: 1 });
}

#[test]
fn a_chain_that_was_verified_is_unknown_to_other_bundles_and_in_another_role() {
    let chain = certificates(CHAIN);
    let bundles = bundle("example.org", &certificates(AUTHORITY));
    verify_again(&chain, &bundles, Usage::Client, at(NOT_BEFORE)).unwrap();
    let digest = super::chain_digest(&chain);
    assert!(bundles.verified().get(Usage::Client, &digest, at(NOT_BEFORE)).is_some());
    assert!(bundles.verified().get(Usage::Server, &digest, at(NOT_BEFORE)).is_none());
    assert!(verify_again(&chain, &bundle("example.org", &[]), Usage::Client, at(NOT_BEFORE)).is_err());
}

#[test]
fn a_certificate_more_or_less_is_another_chain() {
    let chain = certificates(CHAIN);
    let bundles = bundle("example.org", &certificates(AUTHORITY));
    verify_again(&chain, &bundles, Usage::Client, at(NOT_BEFORE)).unwrap();
    assert!(verify_again(&chain[..1], &bundles, Usage::Client, at(NOT_BEFORE)).is_err());
    let mut forged = chain.clone();
    let mut leaf = forged[0].to_vec();
    *leaf.last_mut().unwrap() ^= 1;
    forged[0] = leaf.into();
    assert!(verify_again(&forged, &bundles, Usage::Client, at(NOT_BEFORE)).is_err());
}
