//! How much work all callers do together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::options::Options;

/// Shared by the callers; each takes one unit before it does it.
pub(crate) struct Budget {
    left: AtomicU64,
    deadline: Option<Instant>,
}

impl Budget {
    /// The count and duration of the command line, starting now.
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            left: AtomicU64::new(options.count),
            deadline: options.duration.map(|duration| Instant::now() + duration),
        }
    }

    /// True when one more may be done.
    pub(crate) fn take(&self) -> bool {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return false;
        }
        let take_one = |left: u64| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one).is_ok()
    }
}
