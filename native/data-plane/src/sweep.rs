//! Deadlines of established connections. One task looks at all of them: a timer per connection would wake each, and the
//! runtime's timers stand still while the machine sleeps.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;

use crate::clock::{self, Uptime};
use crate::connection_entry::Entry;
use crate::outcome::{Ending, Outcome};
use crate::snapshot::Settings;
use crate::tunnel::TunnelState;

const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(5);

/// Ends connections that are past a limit, for ever.
pub async fn run(tunnel: Arc<TunnelState>) {
    loop {
        let settings = Arc::clone(&tunnel.snapshot().settings);
        sleep(interval(&settings)).await;
        let now = Uptime::now();
        for entry in tunnel.table().entries(usize::MAX) {
            if let Some(ending) = overdue(&entry, &settings, now) {
                entry.end(ending);
            }
        }
    }
}

/// An eighth of the shortest limit, so that none is passed by much.
fn interval(settings: &Settings) -> Duration {
    let times = &settings.times;
    let shortest = [Some(times.close), times.idle, times.lifetime].into_iter().flatten().min().unwrap_or(LONGEST);
    (shortest / 8).clamp(SHORTEST, LONGEST)
}

fn overdue(entry: &Entry, settings: &Settings, now: Uptime) -> Option<Ending> {
    let judged = entry.judged.get()?;
    let times = &settings.times;
    let silent = now.since(entry.last_activity());
    if settings.close_on_expiry && judged.peer.not_after().as_secs() < clock::wall().as_secs() {
        return Some(Ending::new(Outcome::SvidExpired, "the peer's SVID expired"));
    }
    if times.lifetime.is_some_and(|limit| now.since(entry.started) >= limit) {
        return Some(Outcome::Lifetime.into());
    }
    if entry.traffic.half_closed.load(Ordering::Relaxed) && silent >= times.close {
        return Some(Ending::new(Outcome::CloseTimeout, "one side ended, the other neither sent nor ended"));
    }
    times.idle.is_some_and(|limit| silent >= limit).then(|| Outcome::IdleTimeout.into())
}
