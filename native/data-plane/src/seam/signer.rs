//! A signer in JavaScript: asked through a bounded queue that does not keep the process alive. Questions have a number,
//! and so have the answers: a promise for each would cost two calls and three objects more per signature.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::{BufferSlice, FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeCallContext, ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use rustls::SignatureScheme;
use tokio::sync::oneshot;

use super::error::{NativeError, from_napi};
use super::runtime::{Closing, Environment};
use crate::identity::{RemoteSigner, SignatureFuture, SignerFault};

const QUEUE: usize = 256;

/// `(question, scheme, message) => void`. It must not throw.
pub type AskFunction<'a> = Function<'a, Ask, ()>;

type Ask = FnArgs<(u32, &'static str, BufferSlice<'static>)>;

type Asking = ThreadsafeFunction<Question, (), Ask, Status, false, true, QUEUE>;

struct Question {
    number: u32,
    scheme: &'static str,
    message: Vec<u8>,
}

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

type Answer = Result<Vec<u8>, SignerFault>;

/// Questions without an answer yet.
#[derive(Default)]
struct Waiting {
    next: AtomicU32,
    questions: Mutex<HashMap<u32, oneshot::Sender<Answer>>>,
}

impl Waiting {
    fn questions(&self) -> MutexGuard<'_, HashMap<u32, oneshot::Sender<Answer>>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(self: &Arc<Self>) -> (Asked, oneshot::Receiver<Answer>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.questions().insert(number, answer);
        (Asked { number, waiting: Arc::clone(self) }, answered)
    }

    /// A question that nobody waits for any more has its answer thrown away.
    fn answer(&self, number: u32, answer: Answer) {
        let asker = self.questions().remove(&number);
        let _ = asker.map(|asker| asker.send(answer));
    }
}

/// Forgets its question when the asker gives up.
struct Asked {
    number: u32,
    waiting: Arc<Waiting>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.waiting.questions().remove(&self.number);
    }
}

/// Where JavaScript answers. It holds the questions alone and not the way to JavaScript, which holds it.
#[napi]
#[derive(Default)]
pub struct BindingAnswers(Arc<Waiting>);

#[napi]
impl BindingAnswers {
    #[napi(constructor, catch_unwind)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Copies the signature: nobody can change it while it is read.
    #[napi(catch_unwind)]
    pub fn sign(&self, number: u32, signature: &[u8]) {
        self.0.answer(number, Ok(signature.to_vec()));
    }

    #[napi(catch_unwind)]
    pub fn fail(&self, number: u32, reason: String) {
        self.0.answer(number, Err(SignerFault::Failed(reason)));
    }
}

/// A signer in JavaScript.
pub struct JsSigner {
    asking: Arc<Asking>,
    waiting: Arc<Waiting>,
    closing: Closing,
}

impl JsSigner {
    /// # Errors
    /// When Node gives no function that threads can call.
    pub fn new(env: &Env, ask: &AskFunction<'_>, answers: &BindingAnswers) -> Result<Self, NativeError> {
        let asking = ask
            .build_threadsafe_function::<Question>()
            .weak::<true>()
            .max_queue_size::<QUEUE>()
            .build_callback(|context: ThreadsafeCallContext<Question>| {
                let Question { number, scheme, message } = context.value;
                // Copied into memory of V8's own: memory of ours would have to be given back by its garbage collector.
                Ok(FnArgs::from((number, scheme, BufferSlice::copy_from(&context.env, message)?)))
            })
            .map_err(from_napi)?;
        Ok(Self { asking: Arc::new(asking), waiting: Arc::clone(&answers.0), closing: Environment::of(env)?.closing() })
    }
}

impl RemoteSigner for JsSigner {
    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> SignatureFuture {
        let Some(scheme) = name(scheme) else {
            return Box::pin(async { Err(SignerFault::Failed("the scheme has no name".to_owned())) });
        };
        let (asked, answered) = self.waiting.ask();
        let question = Question { number: asked.number, scheme, message: message.to_vec() };
        let status = self.asking.call(question, ThreadsafeFunctionCallMode::NonBlocking);
        let mut closing = self.closing.clone();
        Box::pin(async move {
            let _asked = asked;
            if status != Status::Ok {
                return Err(SignerFault::Unavailable);
            }
            tokio::select! {
                biased;
                () = closing.wait() => Err(SignerFault::Unavailable),
                answer = answered => answer.unwrap_or(Err(SignerFault::Unavailable)),
            }
        })
    }
}
