//! Unix sockets as files: bound under a temporary name, given their mode and owner, renamed into place when they listen,
//! removed when they close, and never taken from somebody else.
#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::UnixListener;

use crate::listener::BindError;

const BACKLOG: i32 = 4096;
static NEXT_NAME: AtomicU32 = AtomicU32::new(0);

/// Who may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixOptions {
    pub mode: u32,
    pub owner: Option<u32>,
    pub group: Option<u32>,
    pub allow_uids: Option<Vec<u32>>,
    /// Only this very process may connect.
    pub own_process: bool,
}

/// A socket bound under its temporary name; the name goes with it.
#[derive(Debug)]
pub struct UnixBound {
    socket: rustix::fd::OwnedFd,
    path: PathBuf,
    options: UnixOptions,
    temporary: Removed,
}

impl UnixBound {
    /// Checks what is at `path` and binds beside it.
    ///
    /// # Errors
    /// Who has the path, or what the system says.
    pub fn bind(path: PathBuf, options: UnixOptions) -> Result<Self, BindError> {
        check_replaceable(&path)?;
        let address_of = |path: &Path| SocketAddrUnix::new(path);
        // A path that is too long must be reported for its own sake, not for the temporary one's.
        address_of(&path)?;
        let temporary = temporary_name(&path)?;
        let socket = rustix::net::socket_with(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        rustix::net::bind(&socket, &address_of(&temporary)?)?;
        let temporary = Removed::new(temporary)?;
        // It does not listen yet, so nobody can connect before mode and owner are as they must be.
        temporary.apply(&options)?;
        Ok(Self { socket, path, options, temporary })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub fn options(&self) -> &UnixOptions {
        &self.options
    }

    /// Listens, then takes its place: whoever finds the path finds somebody listening.
    ///
    /// # Errors
    /// Who took the path meanwhile, or what the system says.
    pub fn listen(self) -> Result<(UnixListener, UnixPlaced), BindError> {
        check_replaceable(&self.path)?;
        rustix::net::listen(&self.socket, BACKLOG)?;
        let listener = UnixListener::from_std(StdUnixListener::from(self.socket))?;
        let placed = self.temporary.rename(self.path)?;
        Ok((listener, UnixPlaced(placed)))
    }
}

/// The file of a listening socket, removed on drop if it is still the same.
#[derive(Debug)]
pub struct UnixPlaced(Removed);

impl UnixPlaced {
    /// Sets mode and owner.
    ///
    /// # Errors
    /// What the system says.
    pub fn apply(&self, options: &UnixOptions) -> io::Result<()> {
        self.0.apply(options)
    }
}

/// A file that is removed on drop unless another took its place.
#[derive(Debug)]
struct Removed {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Removed {
    fn new(path: PathBuf) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(&path)?;
        Ok(Self { path, device: metadata.dev(), inode: metadata.ino() })
    }

    fn apply(&self, options: &UnixOptions) -> io::Result<()> {
        if options.owner.is_some() || options.group.is_some() {
            chown(&self.path, options.owner, options.group)?;
        }
        fs::set_permissions(&self.path, fs::Permissions::from_mode(options.mode))
    }

    fn rename(mut self, path: PathBuf) -> io::Result<Self> {
        fs::rename(&self.path, &path)?;
        self.path = path;
        Ok(self)
    }
}

impl Drop for Removed {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode));
        if ours {
            // Already gone is as good as removed; a directory that forbids it leaves a stale socket, which the next
            // start replaces.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Nothing, or a socket of ours that nobody answers.
fn check_replaceable(path: &Path) -> Result<(), BindError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !metadata.file_type().is_socket() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(BindError::SocketNotOurs);
    }
    if answers(path)? { Err(BindError::SocketInUse) } else { Ok(()) }
}

/// A full backlog is an answer too: somebody holds the socket. Without waiting, since exports must not block.
fn answers(path: &Path) -> Result<bool, BindError> {
    let socket = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )?;
    match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
        Ok(()) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INPROGRESS) => {
            drop(UnixStream::from(socket));
            Ok(true)
        }
        Err(rustix::io::Errno::CONNREFUSED | rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// In the same directory, since a rename must not cross file systems; short, since a socket's path may have 107 bytes.
fn temporary_name(path: &Path) -> Result<PathBuf, BindError> {
    let directory = path.parent().ok_or(io::Error::from(io::ErrorKind::InvalidInput))?;
    let number = NEXT_NAME.fetch_add(1, Ordering::Relaxed);
    let temporary = directory.join(format!(".{:x}-{number:x}", rustix::process::getpid().as_raw_nonzero()));
    match fs::symlink_metadata(&temporary) {
        // A process that had our number and died; its socket cannot be anybody's.
        Ok(metadata) if metadata.file_type().is_socket() => fs::remove_file(&temporary)?,
        Ok(_) => return Err(BindError::SocketNotOurs),
        Err(_) => {}
    }
    Ok(temporary)
}
