//! What software keys and their stores need of the system and of aws-lc.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use napi::Env;
use napi::bindgen_prelude::{Object, Uint8Array};
use napi_derive::napi;
use zeroize::Zeroizing;

use super::error::{NativeError, NativeErrorCode, from_io, invalid};
use super::promise::promise;
use crate::file_lock::FileLock;
use crate::hash_signature::{self, HashSignatureAlgorithm, HashSignatureError};

/// A lock on a file, until it is released or this process ends.
#[napi]
pub struct BindingFileLock {
    lock: Mutex<Option<FileLock>>,
}

#[napi]
impl BindingFileLock {
    #[napi(catch_unwind)]
    pub fn release(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Takes the lock of a file; nothing when it is held.
#[napi(catch_unwind)]
pub fn lock_file(path: String) -> Result<Option<BindingFileLock>, NativeError> {
    let lock = FileLock::acquire(Path::new(&path)).map_err(|error| from_io(&error))?;
    Ok(lock.map(|lock| BindingFileLock { lock: Mutex::new(Some(lock)) }))
}

/// Signs a hash with a PKCS#8 key, which is copied and wiped.
#[napi(catch_unwind, ts_return_type = "Promise<Uint8Array>")]
pub fn sign_hash<'env>(
    env: &'env Env,
    algorithm: String,
    pkcs8: Uint8Array,
    hash: Uint8Array,
) -> Result<Object<'env>, NativeError> {
    let algorithm = algorithm_named(&algorithm)?;
    let (pkcs8, hash) = (Zeroizing::new(pkcs8.to_vec()), hash.to_vec());
    let work = async move { hash_signature::sign_hash(algorithm, &pkcs8, &hash).map_err(from_hash_signature) };
    promise(env, work, Uint8Array::from)
}

/// Whether a signature over a hash is the key's.
#[napi(catch_unwind)]
pub fn verify_hash(
    algorithm: String,
    public_key: Uint8Array,
    hash: Uint8Array,
    signature: Uint8Array,
) -> Result<bool, NativeError> {
    hash_signature::verify_hash(algorithm_named(&algorithm)?, &public_key, &hash, &signature)
        .map_err(from_hash_signature)
}

fn algorithm_named(name: &str) -> Result<HashSignatureAlgorithm, NativeError> {
    match name {
        "EcdsaSha256" => Ok(HashSignatureAlgorithm::EcdsaP256Sha256),
        "EcdsaSha384" => Ok(HashSignatureAlgorithm::EcdsaP384Sha384),
        "EcdsaSha512" => Ok(HashSignatureAlgorithm::EcdsaP521Sha512),
        "RsaPkcs1v15Sha256" => Ok(HashSignatureAlgorithm::RsaPkcs1v15Sha256),
        "RsaPkcs1v15Sha384" => Ok(HashSignatureAlgorithm::RsaPkcs1v15Sha384),
        "RsaPkcs1v15Sha512" => Ok(HashSignatureAlgorithm::RsaPkcs1v15Sha512),
        "RsaPssSha256" => Ok(HashSignatureAlgorithm::RsaPssSha256),
        "RsaPssSha384" => Ok(HashSignatureAlgorithm::RsaPssSha384),
        "RsaPssSha512" => Ok(HashSignatureAlgorithm::RsaPssSha512),
        _ => Err(invalid("there is no such algorithm")),
    }
}

fn from_hash_signature(error: HashSignatureError) -> NativeError {
    match error {
        HashSignatureError::Key => invalid("the key is none of the algorithm's kind"),
        HashSignatureError::HashLength => invalid("the hash has not the algorithm's length"),
        HashSignatureError::Failed => {
            napi::Error::new(NativeErrorCode::SignerFailed, "the signature could not be made".to_owned())
        }
    }
}
