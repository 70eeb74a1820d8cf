//! A connected socket of either kind. Unless it was closed in order it is reset, also by the kernel when the process
//! goes away, so that whoever is on the other side cannot take a cut for an end.
#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{sleep, timeout};

const SENT_INTERVAL: Duration = Duration::from_millis(5);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connected socket.
#[derive(Debug)]
pub struct Socket(Kind);

impl Socket {
    /// A dialled TCP stream.
    #[must_use]
    pub fn dialled(stream: TcpStream) -> Self {
        // A socket that refuses the option is gone already.
        let _ = stream.set_zero_linger();
        Self(Kind::Tcp(stream))
    }

    /// A TCP stream accepted by a listener that resets what it closes: such a stream does so by itself.
    #[must_use]
    pub fn accepted(stream: TcpStream) -> Self {
        Self(Kind::Tcp(stream))
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self(Kind::Unix(stream))
    }
}

impl Socket {
    /// Reads once into `buffer`; 0 is the end of the other side's bytes.
    ///
    /// # Errors
    /// What the socket says.
    pub fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let read = match &mut self.0 {
            Kind::Tcp(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            Kind::Unix(stream) => Pin::new(stream).poll_read(context, &mut buffer),
        };
        ready!(read)?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Writes once; may take only a part.
    ///
    /// # Errors
    /// What the socket says.
    pub fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Kind::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    /// Ends our half of the connection; theirs stays open.
    ///
    /// # Errors
    /// What the socket says.
    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Kind::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    /// `poll_write` until all is taken.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|context| self.poll_write(context, bytes)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// Waits until the kernel has sent all that was written, at most `limit`: a reset throws away what it has not.
    pub async fn sent(&self, limit: Duration) {
        let Kind::Tcp(stream) = &self.0 else { return };
        // Writable then means that nothing is left unsent. Without the option the limit has to do.
        if socket2::SockRef::from(stream).set_tcp_notsent_lowat(1).is_err() {
            return;
        }
        let unsent = || {
            let mut sockets = [PollFd::new(stream, PollFlags::OUT)];
            // Asked outside of the runtime, whose own answer may be an old one.
            rustix::event::poll(&mut sockets, Some(&Timespec::default())).is_ok_and(|ready| ready == 0)
        };
        let all_sent = async {
            while unsent() {
                sleep(SENT_INTERVAL).await;
            }
        };
        // After the limit what is left is lost, as it is when the other side never reads it.
        let _ = timeout(limit, all_sent).await;
    }

    /// Says that both directions ended as they should, so that it closes instead of resetting. A unix socket has no
    /// reset; closing both directions at once is all there is.
    pub fn closed_in_order(&mut self) {
        if let Kind::Tcp(stream) = &self.0 {
            // A socket that refuses the option is gone already.
            let _ = socket2::SockRef::from(stream).set_linger(None);
        }
    }
}
