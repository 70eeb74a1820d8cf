//! Buffers that a connection holds only while bytes are in them, so that an idle one costs no memory.
#![forbid(unsafe_code)]

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Few large system calls are cheaper than many small ones.
const LARGE: usize = 128 * 1024;
/// More than the longest TLS record (16,384 bytes and 261 around them).
const SMALL: usize = 18 * 1024;
/// Large buffers in use at once; further ones are small. Without this limit connections whose target stopped reading
/// could take any amount of memory.
const MAX_LARGE: usize = 256;
/// Large buffers kept for the next who needs one.
const MAX_KEPT: usize = 32;
/// A handshake message may be as long as rustls allows (65,535), with its records' headers.
const MAX_GROWN: usize = 80 * 1024;

static LARGE_IN_USE: AtomicUsize = AtomicUsize::new(0);
static KEPT: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// Bytes that wait to be processed, in a piece of memory that returns to the pool on drop.
#[derive(Debug)]
pub struct Buffer {
    memory: Box<[u8]>,
    start: usize,
    end: usize,
    pooled: bool,
}

impl Buffer {
    /// An empty buffer, large if there is one to spare.
    #[must_use]
    pub fn acquire() -> Self {
        if LARGE_IN_USE.fetch_add(1, Ordering::Relaxed) >= MAX_LARGE {
            LARGE_IN_USE.fetch_sub(1, Ordering::Relaxed);
            return Self { memory: vec![0; SMALL].into(), start: 0, end: 0, pooled: false };
        }
        let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { memory: kept.unwrap_or_else(|| vec![0; LARGE].into()), start: 0, end: 0, pooled: true }
    }

    /// The bytes that wait.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        self.memory.get(self.start..self.end).unwrap_or_default()
    }

    /// The bytes that wait, to be decrypted in place.
    #[must_use]
    pub fn filled_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The room behind the bytes that wait.
    #[must_use]
    pub fn free_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.end..).unwrap_or_default()
    }

    /// Says that `count` bytes were written into the room.
    pub fn fill(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.memory.len());
    }

    /// Says that `count` bytes are done with.
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Moves the waiting bytes to the front.
    pub fn compact(&mut self) {
        if self.start > 0 {
            self.memory.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }

    /// Makes room for `count` more bytes; `false` when that would pass the limit.
    #[must_use]
    pub fn reserve(&mut self, count: usize) -> bool {
        if self.memory.len() - self.end >= count {
            return true;
        }
        self.compact();
        let wanted = self.end.saturating_add(count);
        if wanted <= self.memory.len() {
            return true;
        }
        if wanted > MAX_GROWN.max(LARGE) {
            return false;
        }
        let mut memory = vec![0; wanted.next_power_of_two().max(MAX_GROWN)].into_boxed_slice();
        if let (Some(to), Some(from)) = (memory.get_mut(..self.end), self.memory.get(..self.end)) {
            to.copy_from_slice(from);
        }
        self.give_back();
        self.memory = memory;
        true
    }

    /// Appends `bytes`; `false` when that would pass the limit.
    #[must_use]
    pub fn append(&mut self, bytes: &[u8]) -> bool {
        if !self.reserve(bytes.len()) {
            return false;
        }
        if let Some(room) = self.free_mut().get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        }
        self.fill(bytes.len());
        true
    }

    fn give_back(&mut self) {
        if !mem::replace(&mut self.pooled, false) {
            return;
        }
        LARGE_IN_USE.fetch_sub(1, Ordering::Relaxed);
        let memory = mem::take(&mut self.memory);
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_KEPT {
            kept.push(memory);
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_the_order_they_went_in() {
        let mut buffer = Buffer::acquire();
        assert!(buffer.append(b"abc"));
        buffer.consume(1);
        assert!(buffer.append(b"de"));
        assert_eq!(buffer.filled(), b"bcde");
        buffer.compact();
        assert_eq!(buffer.filled(), b"bcde");
        buffer.consume(4);
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_buffer_grows_to_the_limit_and_not_beyond() {
        let mut buffer = Buffer { memory: vec![0; SMALL].into(), start: 0, end: 0, pooled: false };
        assert!(buffer.append(&[7; SMALL]));
        assert!(buffer.append(&[8; SMALL]));
        assert_eq!(buffer.filled().len(), 2 * SMALL);
        assert!(!buffer.reserve(LARGE));
    }
}
