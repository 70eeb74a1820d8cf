//! Keys in a TPM 2.0: one thread per TPM, which alone speaks with it.
#![cfg(feature = "libtss2")]
#![deny(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

pub mod capabilities;
pub mod device_thread;
pub mod exclusive_use;
pub mod key;
pub mod key_kind;
pub mod loaded_keys;
pub mod root_key;
pub mod seam;
pub mod session;
pub mod signature;
pub mod station;
pub mod status;
pub mod tcti;
pub mod tpm;
pub mod transient_handle;
pub mod watchdog;
