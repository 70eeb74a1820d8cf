//! The TLS handshake: steps of rustls between reads and writes, each under a permit, all under one deadline.
#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout_at;

use crate::authorizer::AuthorizerFault;
use crate::buffer_pool::Buffer;
use crate::handshake_context::{Admission, Failure, HandshakeContext};
use crate::outcome::{Ending, Outcome};
use crate::snapshot::Snapshot;
use crate::socket::Socket;
use crate::tls_session::{Buffers, Progress, Send, TlsSession};
use crate::x509_svid::X509SvidErrorClass;

/// Steps of rustls in this process that may wait for JavaScript at once; each holds a thread while it waits.
static PROCESS_SLOTS: Semaphore = Semaphore::const_new(128);

/// A handshake that succeeded: the session, who is on the other side, and bytes that came along.
#[derive(Debug)]
pub struct Established {
    pub session: TlsSession,
    pub buffers: Buffers,
    pub admission: Admission,
}

/// A handshake that did not.
#[derive(Debug)]
pub struct Refused {
    pub ending: Ending,
    /// As far as the peer was verified before it was refused.
    pub peer: Option<Box<crate::x509_svid::VerifiedPeer>>,
    /// To be delivered before the socket closes.
    pub alert: Option<Buffer>,
}

impl Refused {
    fn because(outcome: Outcome, reason: impl AsRef<str>) -> Self {
        Self { ending: Ending::new(outcome, reason), peer: None, alert: None }
    }
}

/// Runs a handshake to its end, or to its deadline.
///
/// # Errors
/// Why there is no session, and the alert that tells the peer.
pub async fn run(socket: &mut Socket, context: HandshakeContext) -> Result<Established, Refused> {
    let timed_out = || Refused::because(Outcome::HandshakeTimeout, "the handshake was not finished in time");
    timeout_at(context.deadline, steps(socket, context)).await.unwrap_or_else(|_| Err(timed_out()))
}

async fn steps(socket: &mut Socket, mut context: HandshakeContext) -> Result<Established, Refused> {
    let snapshot = Arc::clone(&context.snapshot);
    let mut session = TlsSession::new(&snapshot.tls).map_err(|error| tls_refusal(&error, false))?;
    let mut buffers = Buffers::default();
    if !session.is_client() {
        read(socket, &mut buffers).await?;
    }
    loop {
        // Held for the step alone and never while waiting for the peer's bytes: clients that stop after their hello
        // would otherwise take every place of an identity.
        let slots = slots(&snapshot).await?;
        let (progress, after) = context.around(|| session.advance(&mut buffers, Send::Nothing));
        drop(slots);
        context = after;
        let progress = progress.map_err(|error| refusal(&error, context.failure.take(), &session, &mut buffers))?;
        flush(socket, &mut buffers).await?;
        if progress == Progress::Open {
            let admission = context.admission.take().ok_or_else(unverified)?;
            return Ok(Established { session, buffers, admission });
        }
        read(socket, &mut buffers).await?;
    }
}

/// A session without a verified peer cannot come about; if it did, it must not be used.
fn unverified() -> Refused {
    Refused::because(Outcome::HandshakeFailed, "the handshake ended without a verified peer")
}

async fn slots(snapshot: &Snapshot) -> Result<(SemaphorePermit<'static>, SemaphorePermit<'_>), Refused> {
    let closed = |_| Refused::from(Ending::from(Outcome::Closed));
    let identity = snapshot.identity.slots().acquire().await.map_err(closed)?;
    let process = PROCESS_SLOTS.acquire().await.map_err(closed)?;
    Ok((process, identity))
}

impl From<Ending> for Refused {
    fn from(ending: Ending) -> Self {
        Self { ending, peer: None, alert: None }
    }
}

async fn read(socket: &mut Socket, buffers: &mut Buffers) -> Result<(), Refused> {
    let incoming = &mut buffers.incoming;
    let count = poll_fn(|task| {
        let buffer = incoming.get_or_insert_with(Buffer::acquire);
        if !buffer.reserve(1) {
            return std::task::Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
        }
        let read = socket.poll_read(task, buffer.free_mut());
        if read.is_pending() && buffer.is_empty() {
            *incoming = None;
        }
        read
    })
    .await
    .map_err(|error| Refused::because(Outcome::HandshakeFailed, format!("the peer broke off: {error}")))?;
    if count == 0 {
        return Err(Refused::because(Outcome::HandshakeFailed, "the peer closed before the handshake was done"));
    }
    if let Some(buffer) = incoming {
        buffer.fill(count);
    }
    Ok(())
}

async fn flush(socket: &mut Socket, buffers: &mut Buffers) -> Result<(), Refused> {
    let Some(outgoing) = buffers.outgoing.take() else { return Ok(()) };
    let written = socket.write_all(outgoing.filled()).await;
    written.map_err(|error| Refused::because(Outcome::HandshakeFailed, format!("the peer broke off: {error}")))
}

fn refusal(error: &Error, failure: Option<Failure>, session: &TlsSession, buffers: &mut Buffers) -> Refused {
    let mut refused = match failure {
        Some(failure) => own_refusal(failure),
        None => tls_refusal(error, session.is_client()),
    };
    refused.alert = buffers.outgoing.take();
    refused
}

/// A refusal that this side decided: the reason is known better than rustls' error tells.
fn own_refusal(failure: Failure) -> Refused {
    match failure {
        Failure::Svid(error) => {
            let outcome = match error.class() {
                X509SvidErrorClass::Malformed | X509SvidErrorClass::Invalid => Outcome::X509SvidInvalid,
                X509SvidErrorClass::Untrusted => Outcome::Untrusted,
                X509SvidErrorClass::Expired | X509SvidErrorClass::NotYetValid => Outcome::Expired,
            };
            Refused::because(outcome, error.to_string())
        }
        Failure::Denied { peer, reason } => Refused { peer: Some(peer), ..Refused::because(Outcome::Denied, reason) },
        Failure::Authorizer { peer, fault } => {
            let reason = match fault {
                AuthorizerFault::Failed(reason) => format!("the authorizer failed: {reason}"),
                AuthorizerFault::Unavailable => {
                    "the authorizer has too many questions waiting, or is closing".to_owned()
                }
                AuthorizerFault::TimedOut => "the authorizer did not answer in time".to_owned(),
            };
            Refused { peer: Some(peer), ..Refused::because(Outcome::AuthorizerFailed, reason) }
        }
        Failure::Signer(fault) => Refused::because(Outcome::SignerFailed, fault.to_string()),
    }
}

fn tls_refusal(error: &Error, is_client: bool) -> Refused {
    let outcome = match error {
        Error::NoCertificatesPresented => Outcome::NoCertificate,
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            Outcome::NotTls
        }
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::SupportedVersionsExtensionRequired
            // rustls looks for it before the version, and clients of TLS 1.1 and older have none.
            | PeerIncompatible::SignatureAlgorithmsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls13RequiredForQuic
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        )
        | Error::AlertReceived(AlertDescription::ProtocolVersion) => Outcome::TlsVersion,
        Error::AlertReceived(_) if is_client => Outcome::RefusedByPeer,
        _ => Outcome::HandshakeFailed,
    };
    Refused::because(outcome, error.to_string())
}
