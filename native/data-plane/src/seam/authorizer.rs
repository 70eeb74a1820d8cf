//! An authorizer in JavaScript. Whatever it does but say yes is a no.

use std::sync::Arc;

use napi::Status;
use napi::bindgen_prelude::{Either, FnArgs, Uint8Array};
use napi::threadsafe_function::ThreadsafeFunction;
use rustls::pki_types::CertificateDer;

use super::runtime::Closing;
use crate::authorizer::{Authorizer, AuthorizerFault, Verdict, VerdictFuture};
use crate::spiffe_id::SpiffeId;

const QUEUE: usize = 1024;

type Question = FnArgs<(String, Vec<Uint8Array>)>;

/// `(peer, chain) => true | string`: let in, or the reason of the refusal.
pub type AuthorizeFunction = ThreadsafeFunction<Question, Either<bool, String>, Question, Status, false, true, QUEUE>;

/// An authorizer in JavaScript.
pub struct JsAuthorizer {
    function: Arc<AuthorizeFunction>,
    closing: Closing,
}

impl JsAuthorizer {
    #[must_use]
    pub fn new(function: AuthorizeFunction, closing: Closing) -> Self {
        Self { function: Arc::new(function), closing }
    }
}

impl Authorizer for JsAuthorizer {
    fn authorize(&self, peer: &SpiffeId, chain: &[CertificateDer<'static>]) -> VerdictFuture {
        let function = Arc::clone(&self.function);
        let mut closing = self.closing.clone();
        let chain: Vec<_> = chain.iter().map(|der| Uint8Array::new(der.to_vec())).collect();
        let question = FnArgs::from((peer.as_str().to_owned(), chain));
        Box::pin(async move {
            let answer = tokio::select! {
                biased;
                () = closing.wait() => return Err(AuthorizerFault::Unavailable),
                answer = function.call_async_catch(question) => answer.map_err(fault)?,
            };
            match answer {
                Either::A(true) => Ok(Verdict::Allowed),
                Either::A(false) => Err(AuthorizerFault::Failed("it refused without a reason".to_owned())),
                Either::B(reason) => Ok(Verdict::Denied { reason }),
            }
        })
    }
}

fn fault(error: napi::Error) -> AuthorizerFault {
    match error.status {
        Status::QueueFull | Status::Closing => AuthorizerFault::Unavailable,
        _ => AuthorizerFault::Failed(error.reason.clone()),
    }
}
