//! The tunnel's own X.509-SVID and the key behind it: bytes handed over, or a signer elsewhere.
#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::handshake_context;
use crate::x509_svid::{ClaimedSvid, X509SvidError, read_x509_svid};

/// Handshakes of one identity that may wait for its signer at once.
const SIGNING_SLOTS: usize = 32;

/// What a proof signs; it only has to be something that no protocol would ever sign.
const PROOF: &[u8] = b"svidecar: proof that this signer holds the key of this certificate";

/// Why a signer elsewhere gave no signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerFault {
    /// It rejected, threw, or gave something that is no signature.
    Failed(String),
    /// More signatures wait than the queue holds, or the environment closes.
    Unavailable,
    TimedOut,
}

impl fmt::Display for SignerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) => write!(f, "the signer failed: {reason}"),
            Self::Unavailable => f.write_str("the signer has too many signatures waiting, or is closing"),
            Self::TimedOut => f.write_str("the signer did not answer in time"),
        }
    }
}

/// A signature on its way.
pub type SignatureFuture = Pin<Box<dyn Future<Output = Result<Vec<u8>, SignerFault>> + Send>>;

/// A key that never leaves its device: signatures are asked for.
pub trait RemoteSigner: Send + Sync {
    /// Signs `message` itself, not its hash.
    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> SignatureFuture;
}

/// The key of an identity.
pub enum IdentityKey {
    /// PKCS#8, wiped when dropped.
    Pkcs8(Zeroizing<Vec<u8>>),
    Remote {
        schemes: Vec<SignatureScheme>,
        signer: Arc<dyn RemoteSigner>,
    },
}

/// Why an identity cannot be used.
#[derive(Debug)]
pub enum IdentityError {
    /// The chain breaks a rule of the X509-SVID standard.
    Svid(X509SvidError),
    /// The bytes are no key that can be used.
    Key(rustls::Error),
    /// The signer offers no scheme.
    NoScheme,
    Signer(SignerFault),
    /// The signature does not fit the leaf.
    Mismatch,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Svid(error) => error.fmt(f),
            Self::Key(error) => write!(f, "the key cannot be used: {error}"),
            Self::NoScheme => f.write_str("the key has no signature scheme that TLS could use"),
            Self::Signer(fault) => fault.fmt(f),
            Self::Mismatch => f.write_str("the key does not fit the leaf: check that chain and key belong together"),
        }
    }
}

impl std::error::Error for IdentityError {}

/// A chain and its key, proved to belong together.
pub struct Identity {
    svid: ClaimedSvid,
    certified: Arc<CertifiedKey>,
    slots: Semaphore,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, serial {})", self.svid.spiffe_id, self.svid.serial_number)
    }
}

impl Identity {
    /// Takes a chain, leaf first, and its key, and proves them: one signature, checked against the leaf.
    ///
    /// # Errors
    /// The rule the chain breaks, or why the key is not the leaf's.
    pub async fn prove(
        chain: Vec<CertificateDer<'static>>,
        key: IdentityKey,
        limit: Duration,
    ) -> Result<Self, IdentityError> {
        let leaf = chain.first().ok_or(IdentityError::Svid(X509SvidError::NoCertificate))?;
        let svid = read_x509_svid(leaf).map_err(IdentityError::Svid)?;
        let (key, scheme, signature) = match key {
            IdentityKey::Pkcs8(bytes) => {
                let key = load_pkcs8(&bytes).map_err(IdentityError::Key)?;
                let signer = key.choose_scheme(&all_schemes()).ok_or(IdentityError::NoScheme)?;
                let signature = signer.sign(PROOF).map_err(IdentityError::Key)?;
                (key, signer.scheme(), signature)
            }
            IdentityKey::Remote { schemes, signer } => {
                let scheme = *schemes.first().ok_or(IdentityError::NoScheme)?;
                let asked = tokio::time::timeout(limit, signer.sign(scheme, PROOF)).await;
                let signature = asked.unwrap_or(Err(SignerFault::TimedOut)).map_err(IdentityError::Signer)?;
                let remote = Remote { schemes: schemes.into(), signer, leaf: leaf.clone() };
                let key: Arc<dyn SigningKey> = Arc::new(RemoteKey(Arc::new(remote)));
                (key, scheme, signature)
            }
        };
        if !verifies(leaf, scheme, PROOF, &signature) {
            return Err(IdentityError::Mismatch);
        }
        Ok(Self { svid, certified: Arc::new(CertifiedKey::new(chain, key)), slots: Semaphore::new(SIGNING_SLOTS) })
    }

    /// What its leaf says.
    #[must_use]
    pub fn svid(&self) -> &ClaimedSvid {
        &self.svid
    }

    /// The chain and key in the form that rustls takes.
    #[must_use]
    pub fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    /// The places of handshakes that may wait for the signer.
    #[must_use]
    pub fn slots(&self) -> &Semaphore {
        &self.slots
    }

    /// Whether the SVID is valid at `time`.
    #[must_use]
    pub fn valid_at(&self, time: UnixTime) -> bool {
        self.svid.not_before.as_secs() <= time.as_secs() && time.as_secs() <= self.svid.not_after.as_secs()
    }
}

fn load_pkcs8(bytes: &[u8]) -> Result<Arc<dyn SigningKey>, rustls::Error> {
    aws_lc_rs::sign::any_supported_type(&PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(bytes)))
}

fn all_schemes() -> Vec<SignatureScheme> {
    aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
}

fn verifies(leaf: &CertificateDer<'_>, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> bool {
    let Ok(leaf) = webpki::EndEntityCert::try_from(leaf) else { return false };
    let supported = aws_lc_rs::default_provider().signature_verification_algorithms;
    supported
        .mapping
        .iter()
        .filter(|(mapped, _)| *mapped == scheme)
        .flat_map(|(_, algorithms)| algorithms.iter())
        .any(|algorithm| leaf.verify_signature(*algorithm, message, signature).is_ok())
}

/// A key elsewhere, and the leaf its signatures have to fit.
struct Remote {
    schemes: Box<[SignatureScheme]>,
    signer: Arc<dyn RemoteSigner>,
    leaf: CertificateDer<'static>,
}

struct RemoteKey(Arc<Remote>);

impl fmt::Debug for RemoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteKey({:?})", self.0.schemes)
    }
}

impl SigningKey for RemoteKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = *self.0.schemes.iter().find(|scheme| offered.contains(scheme))?;
        Some(Box::new(RemoteSignature { scheme, remote: Arc::clone(&self.0) }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.0.schemes.first() {
            Some(
                SignatureScheme::ECDSA_NISTP256_SHA256
                | SignatureScheme::ECDSA_NISTP384_SHA384
                | SignatureScheme::ECDSA_NISTP521_SHA512,
            ) => SignatureAlgorithm::ECDSA,
            Some(SignatureScheme::ED25519) => SignatureAlgorithm::ED25519,
            _ => SignatureAlgorithm::RSA,
        }
    }
}

struct RemoteSignature {
    scheme: SignatureScheme,
    remote: Arc<Remote>,
}

impl fmt::Debug for RemoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteSignature({:?})", self.scheme)
    }
}

impl Signer for RemoteSignature {
    /// Checked before it is sent: a peer would blame the handshake, and a faulty RSA signature gives the key away.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let answer = handshake_context::wait(self.remote.signer.sign(self.scheme, message));
        let fault = match answer {
            Some(Ok(signature)) if verifies(&self.remote.leaf, self.scheme, message, &signature) => {
                return Ok(signature);
            }
            Some(Ok(_)) => SignerFault::Failed("the signature does not fit the leaf".to_owned()),
            Some(Err(fault)) => fault,
            None => SignerFault::TimedOut,
        };
        let text = fault.to_string();
        handshake_context::note_failure(handshake_context::Failure::Signer(fault));
        Err(rustls::Error::General(text))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}
