//! A TPM as JavaScript holds it.

use std::sync::Arc;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Object, Uint8Array};
use napi_derive::napi;
use zeroize::Zeroizing;

use super::environment::own;
use super::error::{SeamError, from_tpm, invalid, other};
use super::key::{BindingTpmKey, kind_named};
use super::promise::{promise, promised};
use crate::device_thread::DeviceThread;
use crate::key::Key;
use crate::session::SessionKind;
use crate::signature::Algorithm;
use crate::station::Station;
use crate::tcti::Tcti;
use crate::tpm::Duplicate;

/// A TPM makes an RSA key by trying numbers, which takes a slow one up to a minute.
const RSA_GENERATION: u32 = 12;
/// Longer ones would keep the line waiting.
const MAX_RANDOM: u32 = 1024;

/// A TPM that was opened.
#[napi(object)]
pub struct BindingTpmInfo {
    pub root_name: Uint8Array,
    pub root_point: Uint8Array,
    pub kinds: Vec<String>,
    pub algorithms: Vec<String>,
}

/// A TPM and its thread.
#[napi]
pub struct BindingTpm {
    device: DeviceThread,
    limit: Duration,
}

/// The version of this addon.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Starts the thread of a TPM; nothing is opened yet.
#[napi(catch_unwind)]
pub fn start_tpm(
    env: &Env,
    tcti: String,
    salted_sessions: bool,
    operation_timeout_ms: u32,
) -> Result<BindingTpm, SeamError> {
    let tcti = Tcti::parse(&tcti).map_err(|error| from_tpm(&error))?;
    let sessions = if salted_sessions { SessionKind::SaltedHmac } else { SessionKind::Password };
    let limit = Duration::from_millis(operation_timeout_ms.into());
    let device = DeviceThread::start(Station::new(tcti, sessions)).map_err(|error| other(error.to_string()))?;
    own(env, &device, limit)?;
    Ok(BindingTpm { device, limit })
}

#[napi]
impl BindingTpm {
    /// Opens the TPM, or opens it anew; the authorization is kept for the times it has to be opened anew.
    #[napi(catch_unwind, ts_return_type = "Promise<BindingTpmInfo>")]
    pub fn open<'env>(&self, env: &'env Env, owner_auth: Uint8Array) -> Result<Object<'env>, SeamError> {
        let auth = Zeroizing::new(owner_auth.to_vec());
        let step = |station: &mut Station| {
            let tpm = station.open(auth)?;
            Ok((tpm.root().clone(), tpm.capabilities.clone()))
        };
        promise(env, (&self.device, self.limit), step, |(root, capabilities)| BindingTpmInfo {
            root_name: Uint8Array::from(root.name),
            root_point: Uint8Array::from(root.point),
            kinds: capabilities.kinds.into_iter().map(|kind| kind.name().to_owned()).collect(),
            algorithms: capabilities.algorithms.into_iter().map(str::to_owned).collect(),
        })
    }

    #[napi(catch_unwind, ts_return_type = "Promise<BindingTpmKey>")]
    pub fn generate_key<'env>(&self, env: &'env Env, kind: String) -> Result<Object<'env>, SeamError> {
        let kind = kind_named(&kind)?;
        let limit = if kind.is_rsa() { self.limit * RSA_GENERATION } else { self.limit };
        let step = move |station: &mut Station| station.run(|tpm| tpm.create_key(kind)).map(Arc::new);
        promise(env, (&self.device, limit), step, BindingTpmKey::of)
    }

    /// Takes over a key that was encrypted for the root.
    #[napi(catch_unwind, ts_return_type = "Promise<BindingTpmKey>")]
    pub fn import_key<'env>(
        &self,
        env: &'env Env,
        kind: String,
        public_key: Uint8Array,
        duplicate: Uint8Array,
        secret: Uint8Array,
    ) -> Result<Object<'env>, SeamError> {
        let kind = kind_named(&kind)?;
        let (public, private, secret) = (public_key.to_vec(), duplicate.to_vec(), secret.to_vec());
        let step = move |station: &mut Station| {
            station.run(|tpm| {
                let duplicate = Duplicate { private: private.clone(), secret: secret.clone() };
                let key = Arc::new(tpm.import_key(kind, &public, duplicate)?);
                tpm.prove(&key)?;
                Ok(key)
            })
        };
        promise(env, (&self.device, self.limit), step, BindingTpmKey::of)
    }

    /// Takes up a key a store kept.
    #[napi(catch_unwind, ts_return_type = "Promise<BindingTpmKey>")]
    pub fn open_key<'env>(
        &self,
        env: &'env Env,
        kind: String,
        public_area: Uint8Array,
        wrapped_private: Uint8Array,
        root_name: Uint8Array,
    ) -> Result<Object<'env>, SeamError> {
        let key = Key::parse(kind_named(&kind)?, &public_area, &wrapped_private, root_name.to_vec())
            .map_err(|error| from_tpm(&error))?;
        let key = Arc::new(key);
        let step = move |station: &mut Station| {
            station.run(|tpm| tpm.prove(&key))?;
            Ok(key)
        };
        promise(env, (&self.device, self.limit), step, BindingTpmKey::of)
    }

    /// Proves that the TPM can still use the key.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn check_key<'env>(&self, env: &'env Env, key: &BindingTpmKey) -> Result<Object<'env>, SeamError> {
        let key = Arc::clone(&key.key);
        let step = move |station: &mut Station| station.run(|tpm| tpm.prove(&key));
        promise(env, (&self.device, self.limit), step, |()| ())
    }

    /// Takes a key out of the TPM.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn forget_key<'env>(&self, env: &'env Env, key: &BindingTpmKey) -> Result<Object<'env>, SeamError> {
        let key = Arc::clone(&key.key);
        let step = move |station: &mut Station| station.run(|tpm| tpm.forget(&key));
        promise(env, (&self.device, self.limit), step, |()| ())
    }

    #[napi(catch_unwind, ts_return_type = "Promise<Uint8Array>")]
    pub fn sign_hash<'env>(
        &self,
        env: &'env Env,
        key: &BindingTpmKey,
        algorithm: String,
        hash: Uint8Array,
    ) -> Result<Object<'env>, SeamError> {
        let algorithm = Algorithm::named(&algorithm).ok_or_else(|| invalid("there is no such algorithm"))?;
        let (key, hash) = (Arc::clone(&key.key), hash.to_vec());
        let step = move |station: &mut Station| station.run(|tpm| tpm.sign(&key, algorithm, &hash));
        promise(env, (&self.device, self.limit), step, Uint8Array::from)
    }

    #[napi(catch_unwind, ts_return_type = "Promise<Uint8Array>")]
    pub fn random<'env>(&self, env: &'env Env, size: u32) -> Result<Object<'env>, SeamError> {
        let size = usize::try_from(size.min(MAX_RANDOM)).map_err(|error| invalid(error.to_string()))?;
        let step = move |station: &mut Station| station.run(|tpm| tpm.random(size));
        promise(env, (&self.device, self.limit), step, Uint8Array::from)
    }

    /// Flushes what is loaded and ends the thread.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> Result<Object<'env>, SeamError> {
        let (answer, promise) = promised(env, |()| ())?;
        self.device.close(self.limit, answer);
        Ok(promise)
    }

    /// The same for a process that is about to exit: waits for at most an operation's time, and for a thread that hangs
    /// not at all.
    #[napi(catch_unwind)]
    pub fn leave(&self) {
        self.device.ending().wait(self.limit);
    }
}
