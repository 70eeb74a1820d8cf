//! Gives up what takes too long: a call into a TPM has no time limit of its own.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Instant;

use crate::device_thread::{Fail, Line, Shared};
use crate::status::{TpmError, TpmErrorKind};

type Overdue = Vec<(Fail, TpmErrorKind)>;

/// Runs until the device thread has ended.
pub(crate) fn watch(shared: &Shared) {
    let mut line = shared.line();
    while !line.ended {
        let overdue = take_overdue(&mut line, Instant::now());
        if !overdue.is_empty() {
            drop(line);
            for (fail, kind) in overdue {
                fail(TpmError::new(kind, reason(kind)));
            }
            line = shared.line();
            continue;
        }
        line.watched_until = next_deadline(&line);
        line = match line.watched_until {
            None => shared.watch.wait(line).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let pause = until.saturating_duration_since(Instant::now());
                shared.watch.wait_timeout(line, pause).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

fn reason(kind: TpmErrorKind) -> &'static str {
    match kind {
        TpmErrorKind::Timeout => "the TPM did not answer in time",
        _ => "the TPM is busy: the operation did not get its turn in time",
    }
}

/// A running job that hangs takes everybody behind it along; one that waits too long goes alone.
fn take_overdue(line: &mut Line, now: Instant) -> Overdue {
    let mut overdue: Overdue = Vec::new();
    if let Some(running) = &mut line.running
        && running.deadline <= now
        && let Some(fail) = running.fail.take()
    {
        line.stuck = true;
        overdue.push((fail, TpmErrorKind::Timeout));
        overdue.extend(line.waiting.drain(..).map(|job| (job.fail, TpmErrorKind::Timeout)));
    }
    let (late, in_time): (VecDeque<_>, VecDeque<_>) = line.waiting.drain(..).partition(|job| job.expires <= now);
    line.waiting = in_time;
    overdue.extend(late.into_iter().map(|job| (job.fail, TpmErrorKind::Busy)));
    overdue
}

fn next_deadline(line: &Line) -> Option<Instant> {
    let running = line.running.as_ref().filter(|running| running.fail.is_some()).map(|running| running.deadline);
    line.waiting.iter().map(|job| job.expires).chain(running).min()
}
