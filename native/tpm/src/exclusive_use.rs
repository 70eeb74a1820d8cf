//! Keeps a second process of ours from a TPM that nothing else guards: both would flush what the other has loaded.
#![forbid(unsafe_code)]

use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::status::{TpmError, TpmErrorKind};
use crate::tcti::{Sharing, Tcti};

/// Held while the TPM is ours alone; the system takes it back from a process that ends, however it ends.
#[derive(Debug)]
pub struct ExclusiveUse {
    #[cfg(target_os = "linux")]
    _name: UnixListener,
}

impl ExclusiveUse {
    /// Nothing to hold where something else keeps clients apart.
    ///
    /// # Errors
    /// `InUse`
    pub fn claim(tcti: &Tcti) -> Result<Option<Self>, TpmError> {
        if tcti.sharing() != Sharing::Unguarded {
            return Ok(None);
        }
        bind(tcti.text()).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                TpmError::new(TpmErrorKind::InUse, "another process, or a provider with other settings, uses this TPM")
            }
            _ => TpmError::new(TpmErrorKind::Other, format!("the TPM cannot be claimed: {error}")),
        })
    }
}

/// A name in the abstract namespace: it belongs to the network namespace, as the TPM's own port does.
#[cfg(target_os = "linux")]
fn bind(tcti: &str) -> io::Result<Option<ExclusiveUse>> {
    let address = SocketAddr::from_abstract_name(format!("svidecar-tpm/{tcti}"))?;
    Ok(Some(ExclusiveUse { _name: UnixListener::bind_addr(&address)? }))
}

#[cfg(not(target_os = "linux"))]
fn bind(_tcti: &str) -> io::Result<Option<ExclusiveUse>> {
    Ok(None)
}
