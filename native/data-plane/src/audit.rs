//! The records of ended connections on their way to TypeScript: a bounded queue whose losses are counted.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::outcome::Ending;

const MAX_WAITING: usize = 16_384;
const MAX_BATCH: usize = 1_024;

/// One ended connection.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// When it was accepted, since 1970.
    pub time: Duration,
    pub generation: u64,
    pub remote: String,
    /// The peer's SPIFFE ID and serial number, once verified.
    pub peer: Option<(String, String)>,
    /// Whether the peer was let in, and stayed so.
    pub allowed: bool,
    pub ending: Ending,
    /// Plaintext bytes from and to the peer.
    pub bytes: (u64, u64),
    pub duration: Duration,
}

/// Records that wait.
#[derive(Debug, Default)]
pub struct AuditQueue {
    waiting: Mutex<VecDeque<AuditRecord>>,
    added: Notify,
    lost: AtomicU64,
}

impl AuditQueue {
    /// Adds a record, or counts its loss when too many wait: a slow reader must not make the data plane grow.
    pub fn push(&self, record: AuditRecord) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            self.count_lost(1);
            return;
        }
        waiting.push_back(record);
        drop(waiting);
        self.added.notify_one();
    }

    /// Waits until there is a record.
    pub async fn added(&self) {
        while self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            self.added.notified().await;
        }
    }

    /// Takes the oldest records; none when none wait.
    #[must_use]
    pub fn take(&self) -> Vec<AuditRecord> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(MAX_BATCH);
        waiting.drain(..count).collect()
    }

    /// Counts records that reached nobody.
    pub fn count_lost(&self, count: usize) {
        self.lost.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// How many records were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;

    fn record() -> AuditRecord {
        AuditRecord {
            time: Duration::ZERO,
            generation: 1,
            remote: String::new(),
            peer: None,
            allowed: false,
            ending: Outcome::Limit.into(),
            bytes: (0, 0),
            duration: Duration::ZERO,
        }
    }

    #[test]
    fn what_does_not_fit_is_counted_and_what_fits_is_kept() {
        let queue = AuditQueue::default();
        for _ in 0..MAX_WAITING + 5 {
            queue.push(record());
        }
        assert_eq!(queue.lost(), 5);
        let mut taken = 0;
        loop {
            match queue.take().len() {
                0 => break,
                count => taken += count,
            }
        }
        assert_eq!(taken, MAX_WAITING);
    }
}
