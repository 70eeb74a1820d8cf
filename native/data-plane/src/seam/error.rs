//! The closed set of error codes that cross the border, and the one way an error of ours becomes one of JavaScript.

use std::io;

use napi::{Env, JsError};

use crate::bundle_set::BundleSetError;
use crate::identity::IdentityError;
use crate::listener::BindError;
use crate::x509_svid::{X509SvidError, X509SvidErrorClass};

/// What `code` of an error thrown by the addon can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeErrorCode {
    InvalidArgument,
    BundleInvalid,
    X509SvidMalformed,
    X509SvidInvalid,
    X509SvidUntrusted,
    X509SvidExpired,
    X509SvidNotYetValid,
    IdentityInvalid,
    IdentityKeyMismatch,
    SignerFailed,
    AddressInUse,
    AddressNotAvailable,
    Permission,
    SocketInUse,
    SocketNotOurs,
    Io,
    Closed,
    Internal,
}

impl AsRef<str> for NativeErrorCode {
    fn as_ref(&self) -> &str {
        match self {
            Self::InvalidArgument => "ERR_INVALID_ARGUMENT",
            Self::BundleInvalid => "ERR_BUNDLE_INVALID",
            Self::X509SvidMalformed => "ERR_X509_SVID_MALFORMED",
            Self::X509SvidInvalid => "ERR_X509_SVID_INVALID",
            Self::X509SvidUntrusted => "ERR_X509_SVID_UNTRUSTED",
            Self::X509SvidExpired => "ERR_X509_SVID_EXPIRED",
            Self::X509SvidNotYetValid => "ERR_X509_SVID_NOT_YET_VALID",
            Self::IdentityInvalid => "ERR_IDENTITY_INVALID",
            Self::IdentityKeyMismatch => "ERR_IDENTITY_KEY_MISMATCH",
            Self::SignerFailed => "ERR_SIGNER_FAILED",
            Self::AddressInUse => "ERR_ADDRESS_IN_USE",
            Self::AddressNotAvailable => "ERR_ADDRESS_NOT_AVAILABLE",
            Self::Permission => "ERR_PERMISSION",
            Self::SocketInUse => "ERR_SOCKET_IN_USE",
            Self::SocketNotOurs => "ERR_SOCKET_NOT_OURS",
            Self::Io => "ERR_IO",
            Self::Closed => "ERR_CLOSED",
            Self::Internal => "ERR_NATIVE_INTERNAL",
        }
    }
}

/// An error of ours on its way to JavaScript.
pub type NativeError = napi::Error<NativeErrorCode>;

/// The same error where napi allows only its own codes: the JavaScript object is made first, with our code in it.
pub fn into_js(env: Env, error: NativeError) -> napi::Error {
    napi::Error::from(JsError::from(error).into_unknown(env))
}

pub fn invalid(message: impl Into<String>) -> NativeError {
    napi::Error::new(NativeErrorCode::InvalidArgument, message.into())
}

pub fn closed() -> NativeError {
    napi::Error::new(NativeErrorCode::Closed, "it is closed".to_owned())
}

/// An error of napi itself: a value of the wrong type, or an environment that is going away.
pub fn from_napi(error: napi::Error) -> NativeError {
    napi::Error::new(NativeErrorCode::Internal, error.reason.clone())
}

pub fn from_tls(error: &rustls::Error) -> NativeError {
    invalid(format!("TLS cannot be spoken with these settings: {error}"))
}

pub fn from_svid(error: &X509SvidError) -> NativeError {
    let code = match error.class() {
        X509SvidErrorClass::Malformed => NativeErrorCode::X509SvidMalformed,
        X509SvidErrorClass::Invalid => NativeErrorCode::X509SvidInvalid,
        X509SvidErrorClass::Untrusted => NativeErrorCode::X509SvidUntrusted,
        X509SvidErrorClass::Expired => NativeErrorCode::X509SvidExpired,
        X509SvidErrorClass::NotYetValid => NativeErrorCode::X509SvidNotYetValid,
    };
    napi::Error::new(code, error.to_string())
}

pub fn from_bundle_set(error: &BundleSetError) -> NativeError {
    napi::Error::new(NativeErrorCode::BundleInvalid, error.to_string())
}

pub fn from_identity(error: &IdentityError) -> NativeError {
    let code = match error {
        IdentityError::Svid(_) | IdentityError::Key(_) | IdentityError::NoScheme => NativeErrorCode::IdentityInvalid,
        IdentityError::Signer(_) => NativeErrorCode::SignerFailed,
        IdentityError::Mismatch => NativeErrorCode::IdentityKeyMismatch,
    };
    napi::Error::new(code, error.to_string())
}

pub fn from_bind(error: &BindError) -> NativeError {
    match error {
        BindError::SocketInUse => {
            let text = "another process answers on this socket".to_owned();
            napi::Error::new(NativeErrorCode::SocketInUse, text)
        }
        BindError::SocketNotOurs => {
            let text = "what is at this path is no socket of this user".to_owned();
            napi::Error::new(NativeErrorCode::SocketNotOurs, text)
        }
        BindError::Io(error) => from_io(error),
    }
}

pub fn from_io(error: &io::Error) -> NativeError {
    let code = match error.kind() {
        io::ErrorKind::AddrInUse => NativeErrorCode::AddressInUse,
        io::ErrorKind::AddrNotAvailable => NativeErrorCode::AddressNotAvailable,
        io::ErrorKind::PermissionDenied => NativeErrorCode::Permission,
        _ => NativeErrorCode::Io,
    };
    napi::Error::new(code, error.to_string())
}
