//! A key as JavaScript holds it.

use std::sync::Arc;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use super::error::{SeamError, from_tpm, invalid};
use crate::key::Key;
use crate::key_kind::{KeyKind, Origin};

/// A wrapped key.
#[napi]
pub struct BindingTpmKey {
    pub(crate) key: Arc<Key>,
}

#[napi]
impl BindingTpmKey {
    pub(crate) fn of(key: Arc<Key>) -> Self {
        Self { key }
    }

    /// x and y side by side, or the modulus.
    #[napi(catch_unwind)]
    pub fn public_key(&self) -> Result<Uint8Array, SeamError> {
        self.key.public_key().map(Uint8Array::from).map_err(|error| from_tpm(&error))
    }

    /// TPMT_PUBLIC.
    #[napi(catch_unwind)]
    pub fn public_area(&self) -> Result<Uint8Array, SeamError> {
        self.key.public_area().map(Uint8Array::from).map_err(|error| from_tpm(&error))
    }

    /// The contents of TPM2B_PRIVATE, with an empty authorization.
    #[napi(catch_unwind)]
    pub fn wrapped_private(&self) -> Uint8Array {
        Uint8Array::from(self.key.stored.value().to_vec())
    }

    /// The Name of the root it is wrapped for.
    #[napi(catch_unwind)]
    pub fn root_name(&self) -> Uint8Array {
        Uint8Array::from(self.key.root_name.clone())
    }
}

/// The public area (TPMT_PUBLIC) an imported key will have.
#[napi(catch_unwind)]
pub fn import_area(kind: String, public_key: Uint8Array) -> Result<Uint8Array, SeamError> {
    use tss_esapi::traits::Marshall;
    let area = kind_named(&kind)?.public_area(Origin::Imported, &public_key).map_err(|error| from_tpm(&error))?;
    area.marshall().map(Uint8Array::from).map_err(|error| from_tpm(&error.into()))
}

pub fn kind_named(name: &str) -> Result<KeyKind, SeamError> {
    KeyKind::named(name).ok_or_else(|| invalid("there is no such kind of key"))
}
