//! Who is on the other end of a unix socket, and limits of this process.
#![forbid(unsafe_code)]

use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream as StdUnixStream;

use rustix::net::{AddressFamily, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::UnixStream;

/// The process on the other end of a unix socket, as the kernel recorded it when the connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCredentials {
    pub uid: u32,
    pub gid: u32,
    /// 0 when the process lives in a PID namespace that this one cannot see.
    pub pid: i32,
}

/// Reads `SO_PEERCRED` of a connected unix socket.
#[must_use]
pub fn of_stream(stream: &UnixStream) -> Option<PeerCredentials> {
    let credentials = stream.peer_cred().ok()?;
    let (uid, gid) = (credentials.uid(), credentials.gid());
    // The kernel says -1 where it recorded nobody, and nobody must not pass for a uid.
    (uid != u32::MAX).then_some(PeerCredentials { uid, gid, pid: credentials.pid().unwrap_or(0) })
}

/// Reads `SO_PEERCRED` of somebody else's descriptor; `None` when it is no connected unix socket. The descriptor is
/// looked at through a duplicate and stays as it was. Must be called within a runtime.
#[must_use]
pub fn of_descriptor(descriptor: BorrowedFd<'_>) -> Option<PeerCredentials> {
    if sockopt::socket_domain(descriptor).ok()? != AddressFamily::UNIX {
        return None;
    }
    let stream = StdUnixStream::from(descriptor.try_clone_to_owned().ok()?);
    of_stream(&UnixStream::from_std(stream).ok()?)
}

/// How many descriptors this process may hold: soft and hard limit, `u64::MAX` when unlimited.
#[must_use]
pub fn nofile_limit() -> (u64, u64) {
    let limit = getrlimit(Resource::Nofile);
    (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX))
}

/// Forbids core files for this process and its children: a core holds every private key in memory.
///
/// # Errors
/// When the system refuses.
pub fn disable_core_files() -> rustix::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
}
