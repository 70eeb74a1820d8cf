//! One key: what the store keeps of it, and what this process adds.
#![forbid(unsafe_code)]

use std::sync::{Mutex, PoisonError};

use tss_esapi::structures::{Auth, Private, Public};
use tss_esapi::traits::{Marshall, UnMarshall};

use crate::key_kind::KeyKind;
use crate::signature::padded;
use crate::status::{TpmError, TpmErrorKind};

/// A key as a wrapped blob: the private half is encrypted by the TPM for its root key, and means nothing elsewhere.
///
/// The stored blob has an empty authorization: a secret that lies beside the blob would guard nothing. In this process
/// the key is used under a random authorization that the TPM wraps anew (TPM2_ObjectChangeAuth) and that no disk sees,
/// so that another client of the same TPM cannot use what is loaded.
#[derive(Debug)]
pub struct Key {
    pub kind: KeyKind,
    pub public: Public,
    pub stored: Private,
    pub root_name: Vec<u8>,
    unlocked: Mutex<Option<Unlocked>>,
}

/// The blob under this process' own authorization.
#[derive(Clone, Debug)]
pub struct Unlocked {
    pub private: Private,
    pub auth: Auth,
}

const AUTH_SIZE: usize = 32;

impl Key {
    /// # Errors
    /// `Invalid` for a public area of another kind.
    pub fn new(kind: KeyKind, public: Public, stored: Private, root_name: Vec<u8>) -> Result<Self, TpmError> {
        if kind.is_of(&public) {
            return Ok(Self { kind, public, stored, root_name, unlocked: Mutex::new(None) });
        }
        Err(TpmError::new(TpmErrorKind::Invalid, "the key is of another kind"))
    }

    /// From what a store kept.
    ///
    /// # Errors
    /// `Corrupt` when it is no key of that kind.
    pub fn parse(kind: KeyKind, area: &[u8], private: &[u8], root_name: Vec<u8>) -> Result<Self, TpmError> {
        let corrupt = || TpmError::new(TpmErrorKind::Corrupt, "the stored key is none of its kind");
        let public = Public::unmarshall(area).map_err(|_| corrupt())?;
        let private = Private::try_from(private).map_err(|_| corrupt())?;
        Self::new(kind, public, private, root_name).map_err(|_| corrupt())
    }

    /// The public area as the TPM has it (TPMT_PUBLIC).
    ///
    /// # Errors
    /// None that happens: it was read from such bytes.
    pub fn public_area(&self) -> Result<Vec<u8>, TpmError> {
        Ok(self.public.marshall()?)
    }

    /// x and y side by side, or the modulus.
    ///
    /// # Errors
    /// `Invalid` for a key that signs nothing.
    pub fn public_key(&self) -> Result<Vec<u8>, TpmError> {
        let size = self.kind.size();
        match &self.public {
            Public::Ecc { unique, .. } => Ok([padded(unique.x(), size)?, padded(unique.y(), size)?].concat()),
            Public::Rsa { unique, .. } => Ok(unique.value().to_vec()),
            Public::KeyedHash { .. } | Public::SymCipher { .. } => {
                Err(TpmError::new(TpmErrorKind::Invalid, "the key is of another kind"))
            }
        }
    }

    #[must_use]
    pub fn unlocked(&self) -> Option<Unlocked> {
        self.unlocked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn unlock(&self, unlocked: Unlocked) {
        *self.unlocked.lock().unwrap_or_else(PoisonError::into_inner) = Some(unlocked);
    }
}

/// An authorization nobody can guess.
///
/// # Errors
/// When the system gives no random bytes.
pub fn random_auth() -> Result<Auth, TpmError> {
    let mut bytes = zeroize::Zeroizing::new([0; AUTH_SIZE]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|_| TpmError::new(TpmErrorKind::Other, "the system gives no random bytes"))?;
    // A TPM drops trailing zeros of an authorization (Part 1, 19.6.4.3); both sides must mean the same bytes.
    if let Some(last) = bytes.last_mut() {
        *last |= 1;
    }
    Ok(Auth::try_from(bytes.as_slice())?)
}
