//! Where to listen or to connect: TCP or a unix socket.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use crate::error::LoadError;

/// Connections arrive in bursts of thousands; the kernel caps this at its own limit.
const BACKLOG: u32 = 16_384;

/// Any two-way byte stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A stream whose kind no longer matters.
pub(crate) type BoxedStream = Box<dyn Stream>;

/// An address of the command line.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A bound endpoint.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Endpoint {
    /// `HOST:PORT` with an IP literal, or `unix:PATH`.
    pub(crate) fn parse(text: &str) -> Result<Self, LoadError> {
        match text.strip_prefix("unix:") {
            Some(path) => Ok(Self::Unix(path.into())),
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| LoadError::Usage(format!("\"{text}\" is neither IP:PORT nor unix:PATH"))),
        }
    }

    /// One connection, without Nagle's delay.
    pub(crate) async fn connect(&self) -> io::Result<BoxedStream> {
        match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        }
    }

    /// Binds; a unix path must not exist yet.
    pub(crate) fn listen(&self) -> io::Result<Listener> {
        match self {
            Self::Tcp(address) => {
                let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
                socket.set_reuseaddr(true)?;
                socket.bind(*address)?;
                socket.listen(BACKLOG).map(Listener::Tcp)
            }
            Self::Unix(path) => UnixListener::bind(path).map(|listener| Listener::Unix(listener, path.clone())),
        }
    }
}

impl Listener {
    /// The bound address in the form of the command line.
    pub(crate) fn address(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            Self::Unix(_, path) => Ok(format!("unix:{}", path.display())),
        }
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<BoxedStream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(listener, _) => listener.accept().await.map(|(stream, _)| Box::new(stream) as BoxedStream),
        }
    }
}
