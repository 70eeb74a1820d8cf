//! The border to JavaScript: the only module that names `napi`. It converts and delegates.
pub mod authorizer;
pub mod error;
pub mod identity;
pub mod keys;
pub mod listener;
pub mod outcomes;
pub mod process;
pub mod promise;
pub mod runtime;
pub mod settings;
pub mod signer;
pub mod stats;
pub mod tunnel;
pub mod verify;
