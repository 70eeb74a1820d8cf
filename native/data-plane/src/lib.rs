//! The bytes of svidecar: sockets, TLS and X.509-SVID verification. TypeScript decides, this crate carries.
