//! Identities and bundle sets, held by JavaScript and given to tunnels.

use std::sync::Arc;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Object, Uint8Array};
use napi_derive::napi;
use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::error::{NativeError, from_bundle_set, from_identity, invalid};
use super::promise::promise;
use super::signer::{AskFunction, BindingAnswers, JsSigner, scheme};
use super::verify::{BindingBundle, milliseconds};
use crate::bundle_set::BundleSet;
use crate::identity::{Identity, IdentityKey};

/// A proved identity.
#[napi]
pub struct BindingIdentity(Arc<Identity>);

#[napi]
impl BindingIdentity {
    #[napi(getter, catch_unwind)]
    pub fn spiffe_id(&self) -> &str {
        self.0.svid().spiffe_id.as_str()
    }

    #[napi(getter, catch_unwind)]
    pub fn serial_number(&self) -> &str {
        &self.0.svid().serial_number
    }

    /// Milliseconds since 1970.
    #[napi(getter, catch_unwind)]
    pub fn not_before(&self) -> f64 {
        milliseconds(self.0.svid().not_before)
    }

    /// Milliseconds since 1970.
    #[napi(getter, catch_unwind)]
    pub fn not_after(&self) -> f64 {
        milliseconds(self.0.svid().not_after)
    }
}

impl BindingIdentity {
    #[must_use]
    pub fn get(&self) -> Arc<Identity> {
        Arc::clone(&self.0)
    }
}

/// Proves a chain with a key that is handed over.
#[napi(catch_unwind, ts_return_type = "Promise<BindingIdentity>")]
pub fn prove_pkcs8<'env>(
    env: &'env Env,
    chain: Vec<Uint8Array>,
    pkcs8: Uint8Array,
) -> Result<Object<'env>, NativeError> {
    prove(env, &chain, IdentityKey::Pkcs8(Zeroizing::new(pkcs8.to_vec())), Duration::ZERO)
}

/// Proves a chain with a signer in JavaScript: `ask` gets the questions, `answers` the signatures. It has `timeoutMs`.
#[napi(catch_unwind, ts_return_type = "Promise<BindingIdentity>")]
pub fn prove_signer<'env>(
    env: &'env Env,
    chain: Vec<Uint8Array>,
    schemes: Vec<String>,
    ask: AskFunction<'env>,
    answers: &BindingAnswers,
    timeout_ms: u32,
) -> Result<Object<'env>, NativeError> {
    let schemes: Option<Vec<SignatureScheme>> = schemes.iter().map(|name| scheme(name)).collect();
    let schemes = schemes.ok_or_else(|| invalid("a signature scheme is not known"))?;
    let signer = Arc::new(JsSigner::new(env, &ask, answers)?);
    prove(env, &chain, IdentityKey::Remote { schemes, signer }, Duration::from_millis(timeout_ms.into()))
}

fn prove<'env>(
    env: &'env Env,
    chain: &[Uint8Array],
    key: IdentityKey,
    limit: Duration,
) -> Result<Object<'env>, NativeError> {
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
    promise(
        env,
        async move { Identity::prove(chain, key, limit).await.map_err(|error| from_identity(&error)) },
        |identity| BindingIdentity(Arc::new(identity)),
    )
}

/// Parsed bundles.
#[napi]
pub struct BindingBundleSet(Arc<BundleSet>);

#[napi]
impl BindingBundleSet {
    #[napi(getter, catch_unwind)]
    pub fn trust_domains(&self) -> Vec<String> {
        self.0.trust_domains().map(str::to_owned).collect()
    }
}

impl BindingBundleSet {
    #[must_use]
    pub fn get(&self) -> Arc<BundleSet> {
        Arc::clone(&self.0)
    }
}

/// Parses bundles.
#[napi(catch_unwind)]
pub fn create_bundle_set(bundles: Vec<BindingBundle>) -> Result<BindingBundleSet, NativeError> {
    let bundles = bundles
        .into_iter()
        .map(|bundle| (bundle.trust_domain, bundle.authorities.iter().map(|der| der.to_vec()).collect()));
    BundleSet::new(bundles).map(|set| BindingBundleSet(Arc::new(set))).map_err(|error| from_bundle_set(&error))
}
