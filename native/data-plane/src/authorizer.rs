//! Who may pass: the question that is put to TypeScript, and the proof that it said yes.
#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;

use rustls::pki_types::CertificateDer;

use crate::spiffe_id::SpiffeId;

/// What an authorizer said of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Denied { reason: String },
}

/// Why an authorizer gave no verdict. Each is a denial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizerFault {
    /// It threw, or gave something that is no verdict.
    Failed(String),
    /// More questions wait than the queue holds, or the tunnel closes.
    Unavailable,
    /// It did not answer in time.
    TimedOut,
}

/// A verdict on its way.
pub type VerdictFuture = Pin<Box<dyn Future<Output = Result<Verdict, AuthorizerFault>> + Send>>;

/// Decides whether an authenticated peer may use the tunnel.
pub trait Authorizer: Send + Sync {
    /// `chain` is empty when the authorizer said that it does not read it.
    fn authorize(&self, peer: &SpiffeId, chain: &[CertificateDer<'static>]) -> VerdictFuture;
}

/// Proof that an authorizer let a peer in. Only a verdict makes one, and no byte is passed on without one.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    /// The permit of a verdict, or the reason of its refusal.
    ///
    /// # Errors
    /// The reason the authorizer gave.
    pub fn from_verdict(verdict: &Verdict) -> Result<Self, &str> {
        match verdict {
            Verdict::Allowed => Ok(Self(())),
            Verdict::Denied { reason } => Err(reason),
        }
    }
}
