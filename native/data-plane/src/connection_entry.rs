//! One connection, as seen from outside of its task: who it is, what passed, and the word that ends it.
#![forbid(unsafe_code)]

use std::fmt;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::sync::Notify;

use crate::audit::AuditRecord;
use crate::clock::{self, Uptime};
use crate::outcome::Ending;
use crate::peer_credentials::PeerCredentials;
use crate::x509_svid::{Usage, VerifiedPeer};

/// Who connected, as the system knows it.
#[derive(Clone, Debug)]
pub enum Remote {
    Tcp(SocketAddr),
    Unix(Option<PeerCredentials>),
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(Some(peer)) => write!(f, "unix:uid={},pid={}", peer.uid, peer.pid),
            Self::Unix(None) => f.write_str("unix:"),
        }
    }
}

/// What a peer was let in for, and all that is needed to judge it again.
#[derive(Debug)]
pub struct Judged {
    pub peer: VerifiedPeer,
    pub chain: Vec<CertificateDer<'static>>,
    pub usage: Usage,
    /// When the handshake took place.
    pub time: UnixTime,
}

/// Bytes that have passed, and when the last one did.
#[derive(Debug, Default)]
pub struct Traffic {
    pub from_peer: AtomicU64,
    pub to_peer: AtomicU64,
    pub last: AtomicU64,
    /// The peer has sent a byte or its orderly end.
    pub confirmed: AtomicBool,
    /// One direction has ended.
    pub half_closed: AtomicBool,
}

/// One connection, as seen from outside of its task.
#[derive(Debug)]
pub struct Entry {
    id: u64,
    pub remote: Remote,
    pub accepted: Duration,
    pub started: Uptime,
    pub generation: AtomicU64,
    pub judged: OnceLock<Judged>,
    pub traffic: Traffic,
    end: End,
}

#[derive(Debug, Default)]
struct End {
    ending: OnceLock<Ending>,
    said: Notify,
}

impl Entry {
    /// Its number in the table; later ones are higher.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How it was ended from outside, if it was.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        self.end.ending.get()
    }

    #[must_use]
    pub fn new(id: u64, remote: Remote, generation: u64) -> Self {
        Self {
            id,
            remote,
            accepted: clock::wall_time(),
            started: Uptime::now(),
            generation: AtomicU64::new(generation),
            judged: OnceLock::new(),
            traffic: Traffic::default(),
            end: End::default(),
        }
    }

    /// Ends the connection from outside; the first ending stays.
    pub fn end(&self, ending: Ending) {
        if self.end.ending.set(ending).is_ok() {
            self.end.said.notify_waiters();
        }
    }

    /// Waits until somebody ends the connection.
    pub async fn ended(&self) -> Ending {
        loop {
            // Before the look: a word said in between must not be missed.
            let said = self.end.said.notified();
            if let Some(ending) = self.end.ending.get() {
                return ending.clone();
            }
            said.await;
        }
    }

    /// The phase in a word. A client is `pending` until the first byte or the orderly end from its peer: in TLS 1.3 the
    /// server's refusal arrives after the client's own handshake is done.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.judged.get() {
            None => "handshaking",
            Some(Judged { usage: Usage::Server, .. }) if !self.traffic.confirmed.load(Ordering::Relaxed) => "pending",
            Some(_) => "established",
        }
    }

    /// What the audit says of it.
    #[must_use]
    pub fn record(&self, ending: Ending, admitted: bool) -> AuditRecord {
        let peer = self.judged.get().map(|judged| &judged.peer);
        AuditRecord {
            time: self.accepted,
            generation: self.generation.load(Ordering::Relaxed),
            remote: self.remote.to_string(),
            peer: peer.map(|peer| (peer.spiffe_id().as_str().to_owned(), peer.serial_number().to_owned())),
            allowed: admitted && !ending.outcome.withdraws_admission(),
            ending,
            bytes: (self.traffic.from_peer.load(Ordering::Relaxed), self.traffic.to_peer.load(Ordering::Relaxed)),
            duration: Uptime::now().since(self.started),
        }
    }

    /// When the last byte passed.
    #[must_use]
    pub fn last_activity(&self) -> Uptime {
        Uptime(self.traffic.last.load(Ordering::Relaxed).max(self.started.0))
    }
}
