//! A lock on a file that the kernel gives back when its holder ends, however it ends.
#![forbid(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Held as long as it lives.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of the file at `path`, which is made (0600) when it is not there; `None` when somebody else, or
    /// this process under another descriptor, holds it.
    ///
    /// # Errors
    /// When the file cannot be opened, or its file system knows no locks.
    pub fn acquire(path: &Path) -> io::Result<Option<Self>> {
        // Never truncated and never removed: whoever waits for a name that was removed waits for another file.
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_and_free_again_when_dropped() {
        let path = std::env::temp_dir().join(format!("svidecar-lock-{}", std::process::id()));
        let held = FileLock::acquire(&path).unwrap();
        assert!(held.is_some());
        assert!(FileLock::acquire(&path).unwrap().is_none());
        drop(held);
        assert!(FileLock::acquire(&path).unwrap().is_some());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_lock_below_a_directory_that_is_not_there_is_an_error() {
        assert!(FileLock::acquire(Path::new("/nonexistent/lock")).is_err());
    }
}
