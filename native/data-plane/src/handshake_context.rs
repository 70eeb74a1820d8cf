//! What one step of a handshake may read and what it found out. rustls' resolver, verifier and signer are shared by all
//! connections; the step of the connection at hand sets this around its call, so that all of them see one snapshot and
//! one deadline, and none looks at the tunnel's current state by itself.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use tokio::time::{Instant, timeout_at};

use crate::authorizer::{AuthorizerFault, Permit};
use crate::connection_entry::Entry;
use crate::identity::SignerFault;
use crate::snapshot::Snapshot;
use crate::x509_svid::{VerifiedPeer, X509SvidError};

tokio::task_local! {
    static CONTEXT: RefCell<HandshakeContext>;
}

/// Why our own part of a handshake refused; rustls' errors keep only an alert.
#[derive(Debug)]
pub enum Failure {
    Svid(X509SvidError),
    /// The peer as far as it is known, and the authorizer's reason.
    Denied {
        peer: Box<VerifiedPeer>,
        reason: String,
    },
    Authorizer {
        peer: Box<VerifiedPeer>,
        fault: AuthorizerFault,
    },
    Signer(SignerFault),
}

/// The peer of a handshake and the proof that it may pass.
#[derive(Debug)]
pub struct Admission {
    pub peer: VerifiedPeer,
    /// As the peer sent it, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    pub permit: Permit,
}

/// What the steps of one handshake share.
#[derive(Debug)]
pub struct HandshakeContext {
    pub snapshot: Arc<Snapshot>,
    pub deadline: Instant,
    /// Whose handshake it is: when it is ended from outside, nobody waits for JavaScript on its behalf.
    entry: Arc<Entry>,
    /// Filled by the verifier.
    pub admission: Option<Admission>,
    /// Filled by whoever refuses.
    pub failure: Option<Failure>,
}

impl HandshakeContext {
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, deadline: Instant, entry: Arc<Entry>) -> Self {
        Self { snapshot, deadline, entry, admission: None, failure: None }
    }

    /// Runs one step of rustls with this context in reach, and takes it back.
    pub fn around<T>(self, step: impl FnOnce() -> T) -> (T, Self) {
        CONTEXT.sync_scope(RefCell::new(self), || {
            let result = step();
            (result, CONTEXT.with(|context| context.replace_with(|old| old.emptied())))
        })
    }

    fn emptied(&self) -> Self {
        Self::new(Arc::clone(&self.snapshot), self.deadline, Arc::clone(&self.entry))
    }
}

/// The snapshot of the handshake at hand; `None` outside of one.
#[must_use]
pub fn snapshot() -> Option<Arc<Snapshot>> {
    CONTEXT.try_with(|context| Arc::clone(&context.borrow().snapshot)).ok()
}

/// Notes why this handshake is refused; the first reason stays.
pub fn note_failure(failure: Failure) {
    // Outside of a handshake there is nobody to tell.
    let _ = CONTEXT.try_with(|context| {
        context.borrow_mut().failure.get_or_insert(failure);
    });
}

/// Notes the peer that was let in.
pub fn note_admission(admission: Admission) {
    // Outside of a handshake there is nobody to tell.
    let _ = CONTEXT.try_with(|context| context.borrow_mut().admission = Some(admission));
}

/// Waits for JavaScript inside a step of rustls, until the handshake's deadline or until its connection is ended; `None`
/// then, and outside of a handshake. Another thread takes over this worker's tasks meanwhile.
pub fn wait<T>(answer: impl Future<Output = T>) -> Option<T> {
    let (deadline, entry) = CONTEXT
        .try_with(|context| {
            let context = context.borrow();
            (context.deadline, Arc::clone(&context.entry))
        })
        .ok()?;
    let runtime = Handle::try_current().ok()?;
    let unless_ended = async {
        tokio::select! {
            biased;
            _ = entry.ended() => None,
            answer = timeout_at(deadline, answer) => answer.ok(),
        }
    };
    block_in_place(|| runtime.block_on(unless_ended))
}
