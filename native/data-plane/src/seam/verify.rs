//! `verifyX509Svid`: the rules of the handshake for chains that arrive another way.

use std::time::Duration;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use rustls::pki_types::{CertificateDer, UnixTime};

use super::error::{NativeError, from_bundle_set, from_svid, invalid};
use crate::bundle_set::BundleSet;
use crate::x509_svid::{self, Usage};

/// The authorities of one trust domain.
#[napi(object)]
pub struct BindingBundle {
    pub trust_domain: String,
    pub authorities: Vec<Uint8Array>,
}

/// The role in TLS of the peer whose certificate is verified.
#[napi(string_enum = "lowercase")]
#[derive(Clone, Copy)]
pub enum BindingUsage {
    Any,
    Client,
    Server,
}

/// What a verified chain says. Times are milliseconds since 1970.
#[napi(object)]
pub struct BindingVerifiedSvid {
    pub spiffe_id: String,
    pub serial_number: String,
    pub not_before: f64,
    pub not_after: f64,
}

/// Verifies a chain, leaf first, at a time in milliseconds since 1970.
#[napi(catch_unwind)]
pub fn verify_x509_svid(
    chain: Vec<Uint8Array>,
    bundles: Vec<BindingBundle>,
    usage: BindingUsage,
    time: f64,
) -> Result<BindingVerifiedSvid, NativeError> {
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from_slice(der)).collect();
    let bundles = bundles
        .into_iter()
        .map(|bundle| (bundle.trust_domain, bundle.authorities.iter().map(|der| der.to_vec()).collect()));
    let bundles = BundleSet::new(bundles).map_err(|error| from_bundle_set(&error))?;
    let peer = x509_svid::verify_x509_svid(&chain, &bundles, usage.into(), unix_time(time)?)
        .map_err(|error| from_svid(&error))?;
    Ok(BindingVerifiedSvid {
        spiffe_id: peer.spiffe_id().as_str().to_owned(),
        serial_number: peer.serial_number().to_owned(),
        not_before: milliseconds(peer.not_before()),
        not_after: milliseconds(peer.not_after()),
    })
}

/// Reads one certificate by the leaf rules; nobody vouches for what it says.
#[napi(catch_unwind)]
pub fn read_x509_svid(certificate: Uint8Array) -> Result<BindingVerifiedSvid, NativeError> {
    let claim =
        x509_svid::read_x509_svid(&CertificateDer::from_slice(&certificate)).map_err(|error| from_svid(&error))?;
    Ok(BindingVerifiedSvid {
        spiffe_id: claim.spiffe_id.as_str().to_owned(),
        serial_number: claim.serial_number.into(),
        not_before: milliseconds(claim.not_before),
        not_after: milliseconds(claim.not_after),
    })
}

impl From<BindingUsage> for Usage {
    fn from(usage: BindingUsage) -> Self {
        match usage {
            BindingUsage::Any => Self::Any,
            BindingUsage::Client => Self::Client,
            BindingUsage::Server => Self::Server,
        }
    }
}

fn unix_time(milliseconds: f64) -> Result<UnixTime, NativeError> {
    Duration::try_from_secs_f64(milliseconds / 1000.0)
        .map(UnixTime::since_unix_epoch)
        .map_err(|error| invalid(format!("the time is not one: {error}")))
}

/// Exact: a year of 9999 in milliseconds has 48 bits, a double 53.
pub fn milliseconds(time: UnixTime) -> f64 {
    Duration::from_secs(time.as_secs()).as_secs_f64() * 1000.0
}
