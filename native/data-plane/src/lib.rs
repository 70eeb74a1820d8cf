//! The bytes of svidecar: sockets, TLS and X.509-SVID verification. TypeScript decides, this crate carries.

pub mod bundle_set;
pub mod spiffe_id;
pub mod x509_svid;
