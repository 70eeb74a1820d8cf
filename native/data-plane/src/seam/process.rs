//! Questions about sockets and about this process.

use std::os::fd::BorrowedFd;

use napi_derive::napi;
use tokio::runtime::Builder;

use super::error::{NativeError, from_io};
use crate::peer_credentials;

/// The process on the other end of a unix socket.
#[napi(object)]
pub struct BindingPeerCredentials {
    pub uid: u32,
    pub gid: u32,
    pub pid: i32,
}

/// A soft and a hard limit.
#[napi(object)]
pub struct BindingLimit {
    pub soft: f64,
    pub hard: f64,
}

/// The version of this addon.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The credentials behind a connected unix socket's descriptor.
#[napi(catch_unwind)]
pub fn peer_credentials(descriptor: i32) -> Result<Option<BindingPeerCredentials>, NativeError> {
    if descriptor < 0 {
        return Ok(None);
    }
    let runtime = Builder::new_current_thread().enable_io().build().map_err(|error| from_io(&error))?;
    let _context = runtime.enter();
    // SAFETY: it is not -1, and the borrow ends before this returns to JavaScript, on whose thread alone the socket
    // that owns the descriptor can be closed. One that is not open is answered with EBADF.
    #[expect(unsafe_code, reason = "a descriptor comes from JavaScript as a number")]
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let peer = peer_credentials::of_descriptor(descriptor);
    Ok(peer.map(|peer| BindingPeerCredentials { uid: peer.uid, gid: peer.gid, pid: peer.pid }))
}

/// How many descriptors this process may hold.
#[napi(catch_unwind)]
pub fn nofile_limit() -> BindingLimit {
    let (soft, hard) = peer_credentials::nofile_limit();
    // Unlimited is Infinity to JavaScript; real limits are far below 2^53.
    let number = |limit: u64| u32::try_from(limit).map_or(f64::INFINITY, f64::from);
    BindingLimit { soft: number(soft), hard: number(hard) }
}

/// Forbids core files.
#[napi(catch_unwind)]
pub fn disable_core_files() -> Result<(), NativeError> {
    peer_credentials::disable_core_files().map_err(|error| from_io(&error.into()))
}
