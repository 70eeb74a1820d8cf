//! rustls driven by hand over the caller's buffers: records are decrypted where they were read, and nothing is held by
//! an idle session.
#![forbid(unsafe_code)]

use std::fmt;
use std::mem;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus};
use rustls::{Error, ProtocolVersion};

use crate::buffer_pool::Buffer;
use crate::tls_config::TlsConfig;

/// What encryption adds to a record at most, its header included.
const RECORD_OVERHEAD: usize = 64;
const RECORD_PLAINTEXT: usize = 16 * 1024;

/// What to do as soon as the session can send.
#[derive(Clone, Copy, Debug)]
pub enum Send<'a> {
    Nothing,
    /// Encrypt these bytes.
    Data(&'a [u8]),
    CloseNotify,
}

/// How far a session got with the bytes it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It needs more bytes from the peer.
    Handshaking,
    /// The handshake is done, and what was to be sent is in the outgoing buffer.
    Open,
}

/// The buffers of one step. Each is taken from the pool when it is first needed.
#[derive(Debug, Default)]
pub struct Buffers {
    /// Records from the peer.
    pub incoming: Option<Buffer>,
    /// Decrypted, to be handed on.
    pub plain: Option<Buffer>,
    /// Records to the peer.
    pub outgoing: Option<Buffer>,
}

enum Connection {
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
}

/// One TLS connection.
pub struct TlsSession {
    connection: Connection,
    peer_closed: bool,
}

impl fmt::Debug for TlsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsSession({})", if self.is_client() { "client" } else { "server" })
    }
}

enum Step {
    Again,
    PeerClosed,
    Return(Progress),
}

impl TlsSession {
    /// Begins a session of the configured side.
    ///
    /// # Errors
    /// When rustls refuses the configuration.
    pub fn new(config: &TlsConfig) -> Result<Self, Error> {
        let connection = match config {
            TlsConfig::Server(config) => {
                Connection::Server(Box::new(UnbufferedServerConnection::new(Arc::clone(config))?))
            }
            TlsConfig::Client(config, name) => {
                let connection = UnbufferedClientConnection::new(Arc::clone(config), name.clone())?;
                Connection::Client(Box::new(connection))
            }
        };
        Ok(Self { connection, peer_closed: false })
    }

    /// Whether this side speaks first.
    #[must_use]
    pub fn is_client(&self) -> bool {
        matches!(self.connection, Connection::Client(_))
    }

    /// Whether the peer ended its bytes in order.
    #[must_use]
    pub fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// The version of TLS, once it is known.
    #[must_use]
    pub fn version(&self) -> Option<ProtocolVersion> {
        match &self.connection {
            Connection::Server(connection) => connection.protocol_version(),
            Connection::Client(connection) => connection.protocol_version(),
        }
    }

    fn wants_write(&self) -> bool {
        match &self.connection {
            Connection::Server(connection) => connection.wants_write(),
            Connection::Client(connection) => connection.wants_write(),
        }
    }

    /// Processes every whole record in `incoming`: what is decrypted goes to `plain`, what is to be sent to `outgoing`.
    ///
    /// # Errors
    /// What rustls found wrong; the alert that tells the peer is in `outgoing` then.
    pub fn advance(&mut self, buffers: &mut Buffers, mut send: Send<'_>) -> Result<Progress, Error> {
        loop {
            match self.step(buffers, &mut send) {
                Ok(Step::Again) => {}
                Ok(Step::PeerClosed) => self.peer_closed = true,
                Ok(Step::Return(progress)) => return Ok(progress),
                Err(error) => {
                    self.collect_alert(buffers);
                    return Err(error);
                }
            }
        }
    }

    fn step(&mut self, buffers: &mut Buffers, send: &mut Send<'_>) -> Result<Step, Error> {
        let Buffers { incoming, plain, outgoing } = buffers;
        let records = incoming.as_mut().map(Buffer::filled_mut).unwrap_or_default();
        let (discard, step) = match &mut self.connection {
            Connection::Server(connection) => apply(connection.process_tls_records(records), plain, outgoing, send),
            Connection::Client(connection) => apply(connection.process_tls_records(records), plain, outgoing, send),
        };
        if let Some(incoming) = incoming {
            incoming.consume(discard);
        }
        step
    }

    /// After an error rustls still holds the alert. Only as long as it says so: another step would process records of
    /// a session that is dead.
    fn collect_alert(&mut self, buffers: &mut Buffers) {
        while self.wants_write() {
            if !matches!(self.step(buffers, &mut Send::Nothing), Ok(Step::Again)) {
                break;
            }
        }
    }
}

fn apply<Data>(
    status: UnbufferedStatus<'_, '_, Data>,
    plain: &mut Option<Buffer>,
    outgoing: &mut Option<Buffer>,
    send: &mut Send<'_>,
) -> (usize, Result<Step, Error>) {
    let UnbufferedStatus { mut discard, state } = status;
    let step = match state {
        Err(error) => Err(error),
        Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
            match traffic.next_record() {
                None => break Ok(Step::Again),
                Some(Err(error)) => break Err(error),
                Some(Ok(record)) => {
                    discard += record.discard;
                    if !plain.get_or_insert_with(Buffer::acquire).append(record.payload) {
                        break Err(too_long());
                    }
                }
            }
        },
        Ok(ConnectionState::EncodeTlsData(mut data)) => into_room(outgoing, 0, |room| match data.encode(room) {
            Ok(written) => Ok(Ok(written)),
            Err(EncodeError::InsufficientSize(size)) => Err(size),
            Err(EncodeError::AlreadyEncoded) => Ok(Ok(0)),
        })
        .map(|()| Step::Again),
        // The bytes stay in `outgoing`; the caller sends them before anything that is appended later.
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done();
            Ok(Step::Again)
        }
        Ok(ConnectionState::BlockedHandshake) => Ok(Step::Return(Progress::Handshaking)),
        Ok(ConnectionState::PeerClosed) => Ok(Step::PeerClosed),
        Ok(ConnectionState::Closed) => Ok(Step::Return(Progress::Open)),
        Ok(ConnectionState::WriteTraffic(mut traffic)) => match mem::replace(send, Send::Nothing) {
            Send::Nothing => Ok(()),
            Send::Data(bytes) => {
                into_room(outgoing, encrypted_length(bytes.len()), |room| encrypted(traffic.encrypt(bytes, room)))
            }
            Send::CloseNotify => {
                into_room(outgoing, RECORD_OVERHEAD, |room| encrypted(traffic.queue_close_notify(room)))
            }
        }
        .map(|()| Step::Return(Progress::Open)),
        // Early data is never accepted, and a state that rustls adds later is one we do not understand.
        Ok(_) => Err(Error::General("rustls is in a state that is not expected".to_owned())),
    };
    (discard, step)
}

/// How many bytes `length` bytes need at most when encrypted.
fn encrypted_length(length: usize) -> usize {
    length + (length / RECORD_PLAINTEXT + 1) * RECORD_OVERHEAD
}

fn encrypted(result: Result<usize, EncryptError>) -> Result<Result<usize, Error>, InsufficientSizeError> {
    match result {
        Ok(written) => Ok(Ok(written)),
        Err(EncryptError::InsufficientSize(size)) => Err(size),
        Err(EncryptError::EncryptExhausted) => Ok(Err(Error::EncryptError)),
    }
}

/// Calls `write` with room in `outgoing`, a second time with as much as it asked for.
fn into_room(
    outgoing: &mut Option<Buffer>,
    expected: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<Result<usize, Error>, InsufficientSizeError>,
) -> Result<(), Error> {
    let buffer = outgoing.get_or_insert_with(Buffer::acquire);
    if !buffer.reserve(expected) {
        return Err(too_long());
    }
    let written = match write(buffer.free_mut()) {
        Ok(written) => written?,
        Err(InsufficientSizeError { required_size }) => {
            if !buffer.reserve(required_size) {
                return Err(too_long());
            }
            write(buffer.free_mut()).map_err(|_| too_long())??
        }
    };
    buffer.fill(written);
    Ok(())
}

fn too_long() -> Error {
    Error::General("more bytes than the buffers of a connection may hold".to_owned())
}
