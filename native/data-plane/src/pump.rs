//! Bytes from peer to target and back, until both directions have ended. One task polls both, so that a wake-up costs no
//! hop; each direction waits for itself, so that a target that stops reading does not stop what it writes.
#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::Error;

use crate::authorizer::Permit;
use crate::buffer_pool::Buffer;
use crate::clock::Uptime;
use crate::connection_entry::Entry;
use crate::connection_table::ConnectionTable;
use crate::outcome::{Ending, Outcome};
use crate::socket::Socket;
use crate::tls_session::{Buffers, Send, TlsSession};

/// Room that is left in a buffer for what encryption adds.
const ENCRYPTION_ROOM: usize = 1024;

/// How long a target may take for the last bytes of a truncated peer before it is reset.
const HAND_ON_LIMIT: Duration = Duration::from_secs(10);

/// The two sockets of a connection.
#[derive(Debug)]
pub struct Ends {
    /// Where TLS is spoken.
    pub peer: Socket,
    /// The plaintext side.
    pub target: Socket,
}

/// Both ends of a connection and what lies between them.
#[derive(Debug)]
pub struct Pump {
    session: TlsSession,
    buffers: Buffers,
    ends: Ends,
    meter: Meter,
    inbound: Direction,
    outbound: Direction,
}

/// How far a direction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Flowing,
    /// Its source has ended; the end is not yet passed on.
    Ending,
    Ended,
}

/// Counts what passes, for the connection and for its tunnel.
#[derive(Debug)]
pub struct Meter {
    pub entry: Arc<Entry>,
    pub table: Arc<ConnectionTable>,
}

impl Meter {
    fn count(&self, mine: &AtomicU64, tunnel: &AtomicU64, bytes: usize) {
        mine.fetch_add(bytes as u64, Ordering::Relaxed);
        tunnel.fetch_add(bytes as u64, Ordering::Relaxed);
        self.touch();
    }

    fn touch(&self) {
        self.entry.traffic.last.store(Uptime::now().0, Ordering::Relaxed);
    }

    fn received(&self, bytes: usize) {
        self.count(&self.entry.traffic.from_peer, &self.table.counters.bytes_from_peer, bytes);
    }

    fn sent(&self, bytes: usize) {
        self.count(&self.entry.traffic.to_peer, &self.table.counters.bytes_to_peer, bytes);
    }

    fn half_closed(&self) {
        self.touch();
        self.entry.traffic.half_closed.store(true, Ordering::Relaxed);
    }
}

/// What stopped a pump.
#[derive(Debug)]
enum Stop {
    Truncated,
    Peer(io::Error),
    Target(io::Error),
    Tls(Error),
}

/// Why a pump ended, and the alert that the peer has not yet been told.
#[derive(Debug)]
pub struct Pumped {
    pub ending: Ending,
    pub alert: Option<(Socket, Buffer)>,
}

impl Pump {
    /// Between the two ends of a peer that was let in: only such a one has the permit that this asks for. `buffers` holds
    /// what came along with the handshake.
    #[must_use]
    pub fn new(_: Permit, session: TlsSession, buffers: Buffers, ends: Ends, meter: Meter) -> Self {
        meter.touch();
        let inbound = if session.peer_closed() { Direction::Ending } else { Direction::Flowing };
        Self { session, buffers, ends, meter, inbound, outbound: Direction::Flowing }
    }

    /// Pumps until the end.
    pub async fn run(mut self: Box<Self>) -> Pumped {
        match poll_fn(|context| self.poll(context)).await {
            Ok(()) => {
                self.ends.peer.closed_in_order();
                self.ends.target.closed_in_order();
                Pumped { ending: Outcome::Completed.into(), alert: None }
            }
            Err(stop) => {
                if matches!(stop, Stop::Truncated) {
                    Box::pin(self.ends.target.sent(HAND_ON_LIMIT)).await;
                }
                self.stopped(stop)
            }
        }
    }

    fn stopped(mut self: Box<Self>, stop: Stop) -> Pumped {
        // A client's handshake is done before the server has looked at its certificate: until the first byte or an
        // orderly end comes from there, an alert is the server's refusal.
        let pending = self.session.is_client() && !self.meter.entry.traffic.confirmed.load(Ordering::Relaxed);
        let ending = match stop {
            Stop::Truncated => Ending::new(Outcome::Truncated, "the peer's bytes ended without close_notify"),
            Stop::Peer(error) => Ending::new(Outcome::PeerReset, error.to_string()),
            Stop::Target(error) => Ending::new(Outcome::TargetReset, error.to_string()),
            Stop::Tls(Error::AlertReceived(alert)) if pending => {
                Ending::new(Outcome::RefusedByPeer, format!("the peer sent the alert {alert:?}"))
            }
            Stop::Tls(error) => Ending::new(Outcome::PeerReset, error.to_string()),
        };
        let alert = self.buffers.outgoing.take().filter(|_| !matches!(ending.outcome, Outcome::TargetReset));
        Pumped { ending, alert: alert.map(|alert| (self.ends.peer, alert)) }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        let inbound = self.poll_inbound(context)?;
        let outbound = self.poll_outbound(context)?;
        if inbound.is_ready() && outbound.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_inbound(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        loop {
            if let Some(plain) = self.buffers.plain.as_mut().filter(|plain| !plain.is_empty()) {
                match ready!(self.ends.target.poll_write(context, plain.filled())).map_err(Stop::Target)? {
                    0 => return Poll::Ready(Err(Stop::Target(io::ErrorKind::WriteZero.into()))),
                    written => {
                        plain.consume(written);
                        self.meter.received(written);
                    }
                }
                continue;
            }
            self.buffers.plain = None;
            match self.inbound {
                Direction::Ended => return Poll::Ready(Ok(())),
                Direction::Ending => {
                    ready!(self.ends.target.poll_shutdown(context)).map_err(Stop::Target)?;
                    self.inbound = Direction::Ended;
                    self.meter.half_closed();
                }
                Direction::Flowing => ready!(self.poll_receive(context))?,
            }
        }
    }

    /// Reads once from the peer, and decrypts all of it: nothing whole stays behind in `incoming`, so that a later step
    /// that only sends cannot come upon it.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        let incoming = self.buffers.incoming.get_or_insert_with(Buffer::acquire);
        incoming.compact();
        if !incoming.reserve(1) {
            return Poll::Ready(Err(Stop::Tls(Error::General("a message from the peer is too long".to_owned()))));
        }
        match self.ends.peer.poll_read(context, incoming.free_mut()) {
            Poll::Pending => {
                if incoming.is_empty() {
                    self.buffers.incoming = None;
                }
                return Poll::Pending;
            }
            Poll::Ready(read) => match read.map_err(Stop::Peer)? {
                0 => return Poll::Ready(Err(Stop::Truncated)),
                count => incoming.fill(count),
            },
        }
        self.session.advance(&mut self.buffers, Send::Nothing).map_err(Stop::Tls)?;
        if self.session.peer_closed() {
            self.inbound = Direction::Ending;
        }
        if self.inbound == Direction::Ending || self.buffers.plain.is_some() {
            self.meter.entry.traffic.confirmed.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_outbound(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        loop {
            if let Some(outgoing) = self.buffers.outgoing.as_mut().filter(|outgoing| !outgoing.is_empty()) {
                match ready!(self.ends.peer.poll_write(context, outgoing.filled())).map_err(Stop::Peer)? {
                    0 => return Poll::Ready(Err(Stop::Peer(io::ErrorKind::WriteZero.into()))),
                    written => outgoing.consume(written),
                }
                continue;
            }
            self.buffers.outgoing = None;
            match self.outbound {
                Direction::Ended => return Poll::Ready(Ok(())),
                Direction::Ending => {
                    ready!(self.ends.peer.poll_shutdown(context)).map_err(Stop::Peer)?;
                    self.outbound = Direction::Ended;
                    self.meter.half_closed();
                }
                Direction::Flowing => ready!(self.poll_send(context))?,
            }
        }
    }

    /// Reads once from the target and encrypts it; its end becomes close_notify.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        let mut clear = Buffer::acquire();
        let room = clear.free_mut().len().saturating_sub(ENCRYPTION_ROOM);
        let read = self.ends.target.poll_read(context, clear.free_mut().get_mut(..room).unwrap_or_default());
        match ready!(read).map_err(Stop::Target)? {
            0 => {
                self.session.advance(&mut self.buffers, Send::CloseNotify).map_err(Stop::Tls)?;
                self.outbound = Direction::Ending;
            }
            count => {
                clear.fill(count);
                self.session.advance(&mut self.buffers, Send::Data(clear.filled())).map_err(Stop::Tls)?;
                self.meter.sent(count);
            }
        }
        Poll::Ready(Ok(()))
    }
}
