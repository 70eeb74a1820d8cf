//! Addresses to dial, and the sockets that come of them.
#![forbid(unsafe_code)]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{Instant, sleep, timeout_at};

use crate::socket::Socket;

/// How often a full backlog is tried again.
const BACKLOG_INTERVAL: Duration = Duration::from_millis(10);

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `host` is an IP literal or a name, resolved at each dial.
    Tcp {
        host: String,
        port: u16,
    },
    Unix(PathBuf),
}

/// Why a dial came to nothing.
#[derive(Debug)]
pub enum DialError {
    TimedOut,
    Unreachable(io::Error),
}

impl Endpoint {
    /// Dials within `limit`. Every address of a name is tried, each with its share of the time that is left, so that
    /// one address that swallows packets does not use up the time of the next.
    ///
    /// # Errors
    /// The time limit, or what the last address answered.
    pub async fn dial(&self, limit: Duration, keepalive: Option<Duration>) -> Result<Socket, DialError> {
        let deadline = Instant::now() + limit;
        match self {
            Self::Unix(path) => match timeout_at(deadline, dial_unix(path)).await {
                Ok(Ok(stream)) => Ok(stream.into()),
                Ok(Err(error)) => Err(DialError::Unreachable(error)),
                Err(_) => Err(DialError::TimedOut),
            },
            Self::Tcp { host, port } => {
                let (stream, address) = match host.parse::<IpAddr>() {
                    Ok(ip) => dial_tcp(&[SocketAddr::new(ip, *port)], deadline).await?,
                    Err(_) => dial_tcp(&resolve(host, *port, deadline).await?, deadline).await?,
                };
                // On a loopback address there is no link that could be cut.
                let keepalive = keepalive.filter(|_| !address.ip().is_loopback());
                tune(&stream, keepalive).map_err(DialError::Unreachable)?;
                Ok(Socket::dialled(stream))
            }
        }
    }
}

/// A unix socket does not let anybody wait for room in its backlog (unix(7), `EAGAIN`); a burst would be refused.
async fn dial_unix(path: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(BACKLOG_INTERVAL).await,
            dialled => return dialled,
        }
    }
}

async fn resolve(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, DialError> {
    match timeout_at(deadline, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        Ok(Err(error)) => Err(DialError::Unreachable(error)),
        Err(_) => Err(DialError::TimedOut),
    }
}

async fn dial_tcp(addresses: &[SocketAddr], deadline: Instant) -> Result<(TcpStream, SocketAddr), DialError> {
    let mut last = DialError::Unreachable(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX).max(1);
        match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok((stream, *address)),
            Ok(Err(error)) => last = DialError::Unreachable(error),
            Err(_) => last = DialError::TimedOut,
        }
    }
    Err(last)
}

/// Sets what every TCP socket of a tunnel needs; on a listening socket it passes to each accepted one.
///
/// Without keepalive and `TCP_USER_TIMEOUT` a cut link leaks connections for ever.
///
/// # Errors
/// When the system refuses an option.
pub fn tune(socket: &impl std::os::fd::AsFd, keepalive: Option<Duration>) -> io::Result<()> {
    sockopt::set_tcp_nodelay(socket, true)?;
    let Some(interval) = keepalive else { return Ok(()) };
    sockopt::set_socket_keepalive(socket, true)?;
    let whole_seconds = Duration::from_secs(interval.as_secs().max(1));
    sockopt::set_tcp_keepidle(socket, whole_seconds)?;
    sockopt::set_tcp_keepintvl(socket, (whole_seconds / 4).max(Duration::from_secs(1)))?;
    sockopt::set_tcp_keepcnt(socket, 4)?;
    #[cfg(target_os = "linux")]
    sockopt::set_tcp_user_timeout(socket, u32::try_from(interval.as_millis() * 2).unwrap_or(u32::MAX))?;
    Ok(())
}
