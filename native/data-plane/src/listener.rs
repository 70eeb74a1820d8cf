//! Addresses to accept on. Bound first, listening later: before a tunnel is ready nobody can connect.
#![forbid(unsafe_code)]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustix::io::Errno;
use rustix::net::{self, SocketFlags};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use crate::connection_entry::Remote;
use crate::endpoint::tune;
use crate::peer_credentials::{self, PeerCredentials};
use crate::socket::Socket;
use crate::unix_path::{UnixBound, UnixOptions};

/// The kernel cuts it to its own limit.
const BACKLOG: u32 = 4096;

/// Where to listen.
#[derive(Clone, Debug)]
pub enum ListenAddress {
    Tcp(SocketAddr),
    Unix(std::path::PathBuf, UnixOptions),
}

/// Why an address cannot be had.
#[derive(Debug)]
pub enum BindError {
    /// A unix socket that somebody answers.
    SocketInUse,
    /// Something at the path that is no socket, or a socket of another user.
    SocketNotOurs,
    Io(io::Error),
}

impl From<io::Error> for BindError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for BindError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// An address that is ours; nothing is accepted yet.
#[derive(Debug)]
pub enum Bound {
    Tcp(TcpSocket, SocketAddr),
    Unix(UnixBound),
}

impl Bound {
    /// Takes an address. A socket file at a unix path is replaced only when it is ours and nobody answers.
    ///
    /// # Errors
    /// Who has it, or what the system says.
    pub fn bind(address: ListenAddress) -> Result<Self, BindError> {
        match address {
            ListenAddress::Unix(path, options) => Ok(Self::Unix(UnixBound::bind(path, options)?)),
            ListenAddress::Tcp(address) => {
                let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
                socket.set_reuseaddr(true)?;
                socket.bind(address)?;
                let real = socket.local_addr()?;
                Ok(Self::Tcp(socket, real))
            }
        }
    }

    /// The real address: the port that was given for 0.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Tcp(_, address) => address.to_string(),
            Self::Unix(bound) => format!("unix:{}", bound.path().display()),
        }
    }

    /// Begins to listen. Within a runtime.
    ///
    /// # Errors
    /// What the system says; somebody else may have begun to listen first.
    pub fn listen(self) -> Result<Listener, BindError> {
        match self {
            Self::Tcp(socket, _) => Ok(Listener {
                kind: Kind::Tcp(socket.listen(BACKLOG)?),
                admission: ArcSwap::from_pointee(Admission::ALL),
            }),
            Self::Unix(bound) => {
                let admission = Admission::of(bound.options());
                let (listener, placed) = bound.listen()?;
                Ok(Listener { kind: Kind::Unix(listener, placed), admission: ArcSwap::from_pointee(admission) })
            }
        }
    }
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener, crate::unix_path::UnixPlaced),
}

/// An address that accepts.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    admission: ArcSwap<Admission>,
}

/// Who may connect of those that the file's mode lets in.
#[derive(Debug)]
struct Admission {
    /// `None` admits all.
    uids: Option<Vec<u32>>,
    own_process: bool,
}

impl Admission {
    const ALL: Self = Self { uids: None, own_process: false };

    fn of(options: &UnixOptions) -> Self {
        Self { uids: options.allow_uids.clone(), own_process: options.own_process }
    }

    /// A peer whose credentials cannot be read is nobody.
    fn admits(&self, peer: Option<PeerCredentials>) -> bool {
        let uid_allowed = self.uids.as_ref().is_none_or(|uids| peer.is_some_and(|peer| uids.contains(&peer.uid)));
        let is_own = || peer.is_some_and(|peer| u32::try_from(peer.pid) == Ok(std::process::id()));
        uid_allowed && (!self.own_process || is_own())
    }
}

/// An accepted connection.
#[derive(Debug)]
pub struct Accepted {
    pub socket: Socket,
    pub remote: Remote,
    /// Whether the process on the other end may connect.
    pub uid_allowed: bool,
}

impl Listener {
    /// Waits for the next connection.
    ///
    /// # Errors
    /// What the system says.
    pub async fn accept(&self) -> io::Result<Accepted> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok(Accepted { socket: Socket::accepted(stream), remote: Remote::Tcp(address), uid_allowed: true })
            }
            Kind::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok(self.accepted(stream))
            }
        }
    }

    /// The next connection that the kernel has taken already; `None` when there is none. Within a runtime.
    ///
    /// # Errors
    /// What the system says.
    pub fn accept_waiting(&self) -> io::Result<Option<Accepted>> {
        // Asked outside of the runtime, which may not have heard yet of who is waiting.
        let next = match &self.kind {
            Kind::Tcp(listener) => net::accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK),
            Kind::Unix(listener, _) => net::accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK),
        };
        let socket = match next {
            Ok(socket) => socket,
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if let Kind::Unix(..) = &self.kind {
            return Ok(Some(self.accepted(UnixStream::from_std(socket.into())?)));
        }
        let stream = TcpStream::from_std(socket.into())?;
        let remote = Remote::Tcp(stream.peer_addr()?);
        Ok(Some(Accepted { socket: Socket::accepted(stream), remote, uid_allowed: true }))
    }

    fn accepted(&self, stream: UnixStream) -> Accepted {
        let peer = peer_credentials::of_stream(&stream);
        let uid_allowed = self.admission.load().admits(peer);
        Accepted { socket: stream.into(), remote: Remote::Unix(peer), uid_allowed }
    }

    /// Sets what accepted TCP sockets inherit.
    ///
    /// # Errors
    /// When the system refuses an option.
    pub fn tune(&self, keepalive: Option<Duration>) -> io::Result<()> {
        match &self.kind {
            Kind::Tcp(listener) => {
                // The option lingers on no connection but makes each of them reset unless it is told otherwise.
                socket2::SockRef::from(listener).set_linger(Some(Duration::ZERO))?;
                tune(listener, keepalive)
            }
            Kind::Unix(..) => Ok(()),
        }
    }

    /// Changes mode, owner and admitted uids of a unix listener; nothing for TCP.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_options(&self, options: &UnixOptions) -> io::Result<()> {
        if let Kind::Unix(_, placed) = &self.kind {
            placed.apply(options)?;
            self.admission.store(Arc::new(Admission::of(options)));
        }
        Ok(())
    }
}
