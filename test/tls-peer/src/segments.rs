//! A socket that lets bytes out only a few at a time.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

/// So that each segment is read on its own, also on a busy machine: without a pause the kernel joins them.
const PAUSE: Duration = Duration::from_micros(200);

pub(crate) struct Segments {
    socket: TcpStream,
    segment: usize,
}

impl Segments {
    pub(crate) fn new(socket: TcpStream, segment: usize) -> Self {
        Self { socket, segment: segment.max(1) }
    }
}

impl Read for Segments {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buffer)
    }
}

impl Write for Segments {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some((segment, _)) = bytes.split_at_checked(self.segment) else { return self.socket.write(bytes) };
        sleep(PAUSE);
        self.socket.write(segment)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
