//! The border to JavaScript: the only module that names `napi`. It converts and delegates.
pub mod environment;
pub mod error;
pub mod key;
pub mod promise;
pub mod tpm;
