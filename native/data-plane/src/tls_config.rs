//! How TLS is spoken: one place for versions, suites, key exchange, and for what is switched off.
#![forbid(unsafe_code)]

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

use crate::snapshot::{MinTlsVersion, Mode, Settings, TlsSettings};
use crate::verifier::{IdentityResolver, PeerVerifier};

/// AES-128 first: SHA-384 of the 256-bit suite costs five percent of a handshake.
static CIPHER_SUITES: &[SupportedCipherSuite] = &[
    aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
    aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    aws_lc_rs::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    aws_lc_rs::cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

static TLS13_ONLY: &[&SupportedProtocolVersion] = &[&TLS13];
static TLS12_AND_13: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// A finished configuration of rustls for one side.
#[derive(Clone, Debug)]
pub enum TlsConfig {
    Server(Arc<ServerConfig>),
    Client(Arc<ClientConfig>, ServerName<'static>),
}

impl TlsConfig {
    /// Builds what a mode needs.
    ///
    /// # Errors
    /// When rustls refuses the combination.
    pub fn new(settings: &Settings) -> Result<Self, rustls::Error> {
        match settings.mode {
            Mode::Server => Ok(Self::Server(Arc::new(server(&settings.tls)?))),
            Mode::Client => {
                let name = server_name(settings.tls.server_name.as_deref())?;
                Ok(Self::Client(Arc::new(client(&settings.tls)?), name))
            }
        }
    }
}

/// The key exchange group of a name of RFC 8446 or its registry, if it is offered here.
#[must_use]
pub fn key_exchange_group(name: &str) -> Option<&'static dyn SupportedKxGroup> {
    match name {
        "X25519MLKEM768" => Some(aws_lc_rs::kx_group::X25519MLKEM768),
        "X25519" => Some(aws_lc_rs::kx_group::X25519),
        "secp256r1" => Some(aws_lc_rs::kx_group::SECP256R1),
        "secp384r1" => Some(aws_lc_rs::kx_group::SECP384R1),
        _ => None,
    }
}

fn provider(settings: &TlsSettings) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: CIPHER_SUITES.to_vec(),
        kx_groups: settings.key_exchange.clone(),
        ..aws_lc_rs::default_provider()
    })
}

fn versions(settings: &TlsSettings) -> &'static [&'static SupportedProtocolVersion] {
    match settings.min_version {
        MinTlsVersion::Tls12 => TLS12_AND_13,
        MinTlsVersion::Tls13 => TLS13_ONLY,
    }
}

/// A resumed session would skip authorization, so nothing is ever resumed: no tickets, and no store either, for the
/// default one resumes TLS 1.2 by session ID.
fn server(settings: &TlsSettings) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider(settings))
        .with_protocol_versions(versions(settings))?
        .with_client_cert_verifier(Arc::new(PeerVerifier::default()))
        .with_cert_resolver(Arc::new(IdentityResolver));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.ignore_client_order = true;
    config.require_ems = true;
    config.alpn_protocols.clone_from(&settings.alpn);
    Ok(config)
}

fn client(settings: &TlsSettings) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider(settings))
        .with_protocol_versions(versions(settings))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PeerVerifier::default()))
        .with_client_cert_resolver(Arc::new(IdentityResolver));
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = settings.server_name.is_some();
    config.require_ems = true;
    config.alpn_protocols.clone_from(&settings.alpn);
    Ok(config)
}

/// rustls wants a name even where none is sent; the peer is known by its SPIFFE ID, never by this.
fn server_name(name: Option<&str>) -> Result<ServerName<'static>, rustls::Error> {
    match name {
        None => Ok(ServerName::from(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED))),
        Some(name) => ServerName::try_from(name.to_owned())
            .map_err(|_| rustls::Error::General("the server name is neither a DNS name nor an address".to_owned())),
    }
}
