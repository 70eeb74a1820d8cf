//! Mutual TLS 1.3 for both ends: one cipher suite and one key exchange, so that every proxy does the same work.
//! No resumption and no tickets: each handshake is a full one.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme, version};

use crate::error::LoadError;
use crate::identities::{InTurn, Presented};
use crate::options::TlsFiles;

fn provider(key_exchange: &str) -> Result<Arc<CryptoProvider>, LoadError> {
    let group = match key_exchange {
        "X25519" => aws_lc_rs::kx_group::X25519,
        "X25519MLKEM768" => aws_lc_rs::kx_group::X25519MLKEM768,
        other => {
            return Err(LoadError::Usage(format!("unknown key exchange \"{other}\"")));
        }
    };
    let provider = CryptoProvider {
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![group],
        ..aws_lc_rs::default_provider()
    };
    // Collecting the first entropy takes some 60 ms, which are not the tunnel's.
    provider.secure_random.fill(&mut [0]).map_err(|_| LoadError::Material("the system gives no entropy".to_owned()))?;
    Ok(Arc::new(provider))
}

fn unusable(path: &Path) -> impl Fn(rustls::pki_types::pem::Error) -> LoadError + '_ {
    move |error| LoadError::Material(format!("{}: {error}", path.display()))
}

struct Material {
    presented: Presented,
    authorities: Arc<RootCertStore>,
}

fn load_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(unusable(path))
}

fn load(files: &TlsFiles, provider: &CryptoProvider) -> Result<Material, LoadError> {
    let mut authorities = RootCertStore::empty();
    for authority in load_certificates(&files.ca)? {
        authorities.add(authority)?;
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(unusable(&files.key))?;
    let presented = match &files.identities {
        None => Presented::One(load_certificates(&files.cert)?, key),
        Some(path) => {
            let key = provider.key_provider.load_private_key(key)?;
            Presented::InTurn(Arc::new(InTurn::load(path, &key, files.first_identity)?))
        }
    };
    Ok(Material { presented, authorities: Arc::new(authorities) })
}

/// The backend's side: a client certificate is demanded and verified.
pub(crate) fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, LoadError> {
    let provider = provider(&files.key_exchange)?;
    let material = load(files, &provider)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(material.authorities, provider.clone())
        .build()
        .map_err(|error| LoadError::Material(error.to_string()))?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])?
        .with_client_cert_verifier(verifier);
    let mut config = match material.presented {
        Presented::One(chain, key) => builder.with_single_cert(chain, key)?,
        Presented::InTurn(identities) => builder.with_cert_resolver(identities),
    };
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// The callers' side: presents the certificate, and takes any server that holds the key of a certificate of the
/// authority. Names play no part: an X.509-SVID has none.
pub(crate) fn client_config(files: &TlsFiles) -> Result<Arc<ClientConfig>, LoadError> {
    let provider = provider(&files.key_exchange)?;
    let material = load(files, &provider)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(material.authorities, provider.clone())
        .build()
        .map_err(|error| LoadError::Material(error.to_string()))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyName(verifier)));
    let mut config = match material.presented {
        Presented::One(chain, key) => builder.with_client_auth_cert(chain, key)?,
        Presented::InTurn(identities) => builder.with_client_cert_resolver(identities),
    };
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// webpki's verification without the comparison of names.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
