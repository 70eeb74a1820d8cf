//! The connections of a tunnel: each can be found, judged again and ended from outside, and leaves the table when it is
//! dropped, however that comes about.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::audit::AuditQueue;
use crate::connection_entry::{Entry, Remote};
use crate::counters::Counters;
use crate::outcome::{Ending, Outcome};

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    live: BTreeMap<u64, Arc<Entry>>,
    /// Handshakes not done, oldest first.
    unfinished: BTreeSet<u64>,
    established: usize,
}

/// All connections of a tunnel.
#[derive(Debug, Default)]
pub struct ConnectionTable {
    inner: Mutex<Inner>,
    left: Notify,
    pub counters: Counters,
    pub audit: AuditQueue,
}

/// How many connections are in which phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy {
    pub established: usize,
    pub handshaking: usize,
}

impl ConnectionTable {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers an accepted connection. At `max_handshakes` the oldest unfinished one gives way, so that silent
    /// strangers cannot keep good clients out.
    #[must_use]
    pub fn register(self: &Arc<Self>, remote: Remote, generation: u64, max_handshakes: usize) -> Registration {
        self.counters.accepted.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.lock();
        inner.next += 1;
        let id = inner.next;
        let entry = Arc::new(Entry::new(id, remote, generation));
        if inner.unfinished.len() >= max_handshakes.max(1)
            && let Some(oldest) = inner.unfinished.pop_first()
            && let Some(oldest) = inner.live.get(&oldest)
        {
            oldest.end(Ending::new(Outcome::Limit, "the oldest of too many unfinished handshakes"));
        }
        inner.live.insert(id, Arc::clone(&entry));
        inner.unfinished.insert(id);
        drop(inner);
        Registration { table: Arc::clone(self), entry, phase: Phase::Unfinished, ending: None }
    }

    /// Counts and audits a connection that is refused without a handshake.
    pub fn refuse(&self, remote: Remote, generation: u64, ending: Ending) {
        self.counters.accepted.fetch_add(1, Ordering::Relaxed);
        self.counters.ended(ending.outcome);
        self.audit.push(Entry::new(0, remote, generation).record(ending, false));
    }

    /// Whether one more established connection is allowed.
    #[must_use]
    pub fn has_room(&self, max_connections: usize) -> bool {
        self.lock().established < max_connections
    }

    /// How many connections there are.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        let inner = self.lock();
        Occupancy { established: inner.established, handshaking: inner.live.len() - inner.established }
    }

    /// Every connection at this moment, oldest first, at most `limit`.
    #[must_use]
    pub fn entries(&self, limit: usize) -> Vec<Arc<Entry>> {
        self.lock().live.values().take(limit).map(Arc::clone).collect()
    }

    /// Ends every connection at this moment; says how many.
    pub fn end_all(&self, ending: &Ending) -> usize {
        let entries = self.entries(usize::MAX);
        entries.iter().for_each(|entry| entry.end(ending.clone()));
        entries.len()
    }

    /// Waits until no connection is left.
    pub async fn empty(&self) {
        loop {
            let left = self.left.notified();
            if self.lock().live.is_empty() {
                return;
            }
            left.await;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Unfinished,
    Established,
}

/// A connection's place in the table, held by its task. Dropping it removes the entry, counts and audits.
#[derive(Debug)]
pub struct Registration {
    table: Arc<ConnectionTable>,
    entry: Arc<Entry>,
    phase: Phase,
    ending: Option<Ending>,
}

impl Registration {
    #[must_use]
    pub fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    #[must_use]
    pub fn table(&self) -> &Arc<ConnectionTable> {
        &self.table
    }

    /// Moves from the unfinished to the established; `false` when there are as many as allowed.
    #[must_use]
    pub fn establish(&mut self, max_connections: usize) -> bool {
        let mut inner = self.table.lock();
        if inner.established >= max_connections {
            return false;
        }
        inner.unfinished.remove(&self.entry.id());
        inner.established += 1;
        self.phase = Phase::Established;
        true
    }

    /// Says how the connection ended.
    pub fn finish(mut self, ending: Ending) {
        self.ending = Some(ending);
    }

    fn ending(&mut self) -> Ending {
        // Without a word from the task it was dropped: by a panic, or with the runtime.
        self.ending.take().or_else(|| self.entry.ending().cloned()).unwrap_or_else(|| {
            if std::thread::panicking() {
                Ending::new(Outcome::Panicked, "a defect of the data plane ended this connection")
            } else {
                Outcome::Closed.into()
            }
        })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let ending = self.ending();
        let mut inner = self.table.lock();
        inner.live.remove(&self.entry.id());
        inner.unfinished.remove(&self.entry.id());
        if self.phase == Phase::Established {
            inner.established -= 1;
        }
        let empty = inner.live.is_empty();
        drop(inner);
        self.table.counters.ended(ending.outcome);
        self.table.audit.push(self.entry.record(ending, self.phase == Phase::Established));
        if empty {
            self.table.left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
