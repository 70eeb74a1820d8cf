//! A signer in JavaScript: asked through a bounded queue that does not keep the process alive.

use std::sync::Arc;

use napi::Status;
use napi::bindgen_prelude::{FnArgs, Promise, Uint8Array};
use napi::threadsafe_function::ThreadsafeFunction;
use rustls::SignatureScheme;

use super::runtime::Closing;
use crate::identity::{RemoteSigner, SignatureFuture, SignerFault};

const QUEUE: usize = 256;

type Question = FnArgs<(String, Uint8Array)>;

/// `(scheme, message) => Promise<Uint8Array>`.
pub type SignFunction = ThreadsafeFunction<Question, Promise<Uint8Array>, Question, Status, false, true, QUEUE>;

/// The names of RFC 8446 section 4.2.3 that an X.509-SVID's key may use here.
const SCHEMES: [(&str, SignatureScheme); 10] = [
    ("ecdsa_secp256r1_sha256", SignatureScheme::ECDSA_NISTP256_SHA256),
    ("ecdsa_secp384r1_sha384", SignatureScheme::ECDSA_NISTP384_SHA384),
    ("ecdsa_secp521r1_sha512", SignatureScheme::ECDSA_NISTP521_SHA512),
    ("ed25519", SignatureScheme::ED25519),
    ("rsa_pss_rsae_sha256", SignatureScheme::RSA_PSS_SHA256),
    ("rsa_pss_rsae_sha384", SignatureScheme::RSA_PSS_SHA384),
    ("rsa_pss_rsae_sha512", SignatureScheme::RSA_PSS_SHA512),
    ("rsa_pkcs1_sha256", SignatureScheme::RSA_PKCS1_SHA256),
    ("rsa_pkcs1_sha384", SignatureScheme::RSA_PKCS1_SHA384),
    ("rsa_pkcs1_sha512", SignatureScheme::RSA_PKCS1_SHA512),
];

/// The scheme of a name.
#[must_use]
pub fn scheme(name: &str) -> Option<SignatureScheme> {
    SCHEMES.iter().find(|(known, _)| *known == name).map(|(_, scheme)| *scheme)
}

fn name(scheme: SignatureScheme) -> Option<&'static str> {
    SCHEMES.iter().find(|(_, known)| *known == scheme).map(|(name, _)| *name)
}

/// A signer in JavaScript.
pub struct JsSigner {
    function: Arc<SignFunction>,
    closing: Closing,
}

impl JsSigner {
    #[must_use]
    pub fn new(function: SignFunction, closing: Closing) -> Self {
        Self { function: Arc::new(function), closing }
    }
}

impl RemoteSigner for JsSigner {
    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> SignatureFuture {
        let function = Arc::clone(&self.function);
        let mut closing = self.closing.clone();
        let message = Uint8Array::new(message.to_vec());
        Box::pin(async move {
            let name = name(scheme).ok_or_else(|| SignerFault::Failed("the scheme has no name".to_owned()))?;
            let answer = async {
                let promise =
                    function.call_async_catch(FnArgs::from((name.to_owned(), message))).await.map_err(fault)?;
                promise.await.map(|signature| signature.to_vec()).map_err(fault)
            };
            tokio::select! {
                biased;
                () = closing.wait() => Err(SignerFault::Unavailable),
                signature = answer => signature,
            }
        })
    }
}

fn fault(error: napi::Error) -> SignerFault {
    match error.status {
        Status::QueueFull | Status::Closing => SignerFault::Unavailable,
        _ => SignerFault::Failed(error.reason.clone()),
    }
}
