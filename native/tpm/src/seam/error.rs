//! The closed set of error codes that cross the border.

use napi::{Env, JsError};

use crate::status::{TpmError, TpmErrorKind};

/// A kind of failure, by the name JavaScript knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TpmErrorCode(TpmErrorKind);

impl AsRef<str> for TpmErrorCode {
    fn as_ref(&self) -> &str {
        match self.0 {
            TpmErrorKind::Lost => "ERR_TPM_LOST",
            TpmErrorKind::Timeout => "ERR_TPM_TIMEOUT",
            TpmErrorKind::Busy => "ERR_TPM_BUSY",
            TpmErrorKind::NoTransport => "ERR_TPM_NO_TRANSPORT",
            TpmErrorKind::InUse => "ERR_TPM_IN_USE",
            TpmErrorKind::Authorization => "ERR_TPM_AUTHORIZATION",
            TpmErrorKind::Lockout => "ERR_TPM_LOCKOUT",
            TpmErrorKind::Foreign => "ERR_TPM_FOREIGN_KEY",
            TpmErrorKind::Corrupt => "ERR_TPM_CORRUPT_KEY",
            TpmErrorKind::NotSupported => "ERR_TPM_NOT_SUPPORTED",
            TpmErrorKind::Invalid => "ERR_TPM_INVALID",
            TpmErrorKind::Memory => "ERR_TPM_MEMORY",
            TpmErrorKind::Failure => "ERR_TPM_FAILURE",
            TpmErrorKind::Closed => "ERR_TPM_CLOSED",
            TpmErrorKind::Other => "ERR_TPM_OTHER",
        }
    }
}

pub type SeamError = napi::Error<TpmErrorCode>;

pub fn from_tpm(error: &TpmError) -> SeamError {
    napi::Error::new(TpmErrorCode(error.kind), error.to_string())
}

pub fn other(message: impl Into<String>) -> SeamError {
    napi::Error::new(TpmErrorCode(TpmErrorKind::Other), message.into())
}

pub fn invalid(message: impl Into<String>) -> SeamError {
    napi::Error::new(TpmErrorCode(TpmErrorKind::Invalid), message.into())
}

/// An error of napi itself: a value of the wrong type, or an environment that is going away.
pub fn from_napi(error: napi::Error) -> SeamError {
    other(error.reason.clone())
}

/// The same error where napi allows only its own codes: the JavaScript object is made first, with our code in it.
pub fn into_js(env: Env, error: SeamError) -> napi::Error {
    napi::Error::from(JsError::from(error).into_unknown(env))
}
