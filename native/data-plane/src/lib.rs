//! The bytes of svidecar: sockets, TLS and X.509-SVID verification. TypeScript decides, this crate carries.
#![deny(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

pub mod audit;
pub mod authorizer;
pub mod buffer_pool;
pub mod bundle_set;
pub mod clock;
pub mod connection;
pub mod connection_entry;
pub mod connection_table;
pub mod counters;
pub mod endpoint;
pub mod file_lock;
pub mod handshake;
pub mod handshake_context;
pub mod hash_signature;
pub mod identity;
pub mod judgement;
pub mod listener;
pub mod outcome;
pub mod peer_credentials;
pub mod pump;
pub mod refusal;
pub mod rejudgement;
pub mod seam;
pub mod snapshot;
pub mod socket;
pub mod spiffe_id;
pub mod sweep;
pub mod tls_config;
pub mod tls_session;
pub mod tunnel;
pub mod unix_path;
pub mod verdict_cache;
pub mod verifier;
pub mod x509_svid;
