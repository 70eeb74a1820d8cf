//! The one thread that speaks with a TPM, and the line before it.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::station::Station;
use crate::status::{TpmError, TpmErrorKind};
use crate::watchdog;

/// Longer lines only make everybody late: a slow TPM does not do this many in an operation's time.
const MAX_WAITING: usize = 256;

/// Where a result goes, from whoever is first to have one: the thread or the watchdog.
pub struct Answer<T>(Arc<Mutex<Option<Settle<T>>>>);

type Settle<T> = Box<dyn FnOnce(Result<T, TpmError>) + Send>;
pub(crate) type Fail = Box<dyn FnOnce(TpmError) + Send>;

impl<T> Answer<T> {
    pub fn new(settle: impl FnOnce(Result<T, TpmError>) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(settle)))))
    }

    pub fn settle(&self, result: Result<T, TpmError>) {
        let settle = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(settle) = settle {
            settle(result);
        }
    }
}

impl<T> Clone for Answer<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

pub(crate) struct Job {
    work: Box<dyn FnOnce(&mut Station) + Send>,
    pub(crate) fail: Fail,
    limit: Duration,
    pub(crate) expires: Instant,
}

pub(crate) struct Running {
    pub(crate) fail: Option<Fail>,
    pub(crate) deadline: Instant,
}

#[derive(Default)]
pub(crate) struct Line {
    pub(crate) waiting: VecDeque<Job>,
    pub(crate) running: Option<Running>,
    /// The running job is past its deadline and was given up; the thread is in it still.
    pub(crate) stuck: bool,
    closing: bool,
    pub(crate) ended: bool,
    /// Until when the watchdog sleeps; nothing when it sleeps until it is woken.
    pub(crate) watched_until: Option<Instant>,
}

#[derive(Default)]
pub(crate) struct Shared {
    line: Mutex<Line>,
    pub(crate) work: Condvar,
    pub(crate) watch: Condvar,
    ended: Condvar,
}

impl Shared {
    pub(crate) fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse_more(&self) {
        self.line().closing = true;
        self.work.notify_one();
    }
}

/// A TPM's thread. A call into a TPM that hangs cannot be ended, so the thread is never replaced: while it hangs every
/// operation fails at once, and when the call returns the connection is dropped and the thread is good again.
pub struct DeviceThread {
    shared: Arc<Shared>,
}

impl DeviceThread {
    /// # Errors
    /// When the system gives no threads.
    pub fn start(station: Station) -> io::Result<Self> {
        let device = Self { shared: Arc::default() };
        let (worker, watcher) = (Arc::clone(&device.shared), Arc::clone(&device.shared));
        thread::Builder::new().name("svidecar-tpm".to_owned()).spawn(move || serve(&worker, station))?;
        thread::Builder::new().name("svidecar-tpm-w".to_owned()).spawn(move || watchdog::watch(&watcher))?;
        Ok(device)
    }

    /// Puts a step in line; its answer comes within `limit` of waiting and `limit` of running, if only as an error.
    pub fn submit<T: Send + 'static>(
        &self,
        limit: Duration,
        answer: Answer<T>,
        step: impl FnOnce(&mut Station) -> Result<T, TpmError> + Send + 'static,
    ) {
        let refusal = self.try_submit(limit, &answer, step);
        if let Some(error) = refusal {
            answer.settle(Err(error));
        }
    }

    fn try_submit<T: Send + 'static>(
        &self,
        limit: Duration,
        answer: &Answer<T>,
        step: impl FnOnce(&mut Station) -> Result<T, TpmError> + Send + 'static,
    ) -> Option<TpmError> {
        let (settler, failer) = (answer.clone(), answer.clone());
        let mut line = self.shared.line();
        if line.closing {
            return Some(TpmError::new(TpmErrorKind::Closed, "the TPM is closed"));
        }
        if line.stuck {
            return Some(TpmError::new(TpmErrorKind::Timeout, "the TPM has not answered for long"));
        }
        if line.waiting.len() >= MAX_WAITING {
            return Some(TpmError::new(TpmErrorKind::Busy, "too many operations wait for the TPM"));
        }
        let expires = Instant::now() + limit;
        line.waiting.push_back(Job {
            work: Box::new(move |station| settler.settle(step(station))),
            fail: Box::new(move |error| failer.settle(Err(error))),
            limit,
            expires,
        });
        if line.watched_until.is_none_or(|until| until > expires) {
            self.shared.watch.notify_one();
        }
        self.shared.work.notify_one();
        None
    }

    /// Flushes what is loaded and ends the thread, after what waits already. Answers though the thread hangs.
    pub fn close(&self, limit: Duration, answer: Answer<()>) {
        let finish = |station: &mut Station| {
            station.close();
            Ok(())
        };
        if self.try_submit(limit, &answer, finish).is_some() {
            answer.settle(Ok(()));
        }
        self.shared.refuse_more();
    }

    /// What is left to do with the thread when its environment ends.
    #[must_use]
    pub fn ending(&self) -> Ending {
        Ending(Arc::clone(&self.shared))
    }
}

impl Drop for DeviceThread {
    fn drop(&mut self) {
        self.shared.refuse_more();
    }
}

/// The end of a thread, which may be under way already: the object JavaScript held may have been collected.
pub struct Ending(Arc<Shared>);

impl Ending {
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.line().ended
    }

    /// Gives up what waits, lets the running step finish and flush within `limit`, and leaves a thread that hangs alone.
    pub fn wait(&self, limit: Duration) {
        self.0.refuse_more();
        let given_up = std::mem::take(&mut self.0.line().waiting);
        for job in given_up {
            (job.fail)(TpmError::new(TpmErrorKind::Closed, "the environment is closing"));
        }
        let line = self.0.line();
        let _ = self
            .0
            .ended
            .wait_timeout_while(line, limit, |line| !line.ended && !line.stuck)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

fn serve(shared: &Shared, mut station: Station) {
    while let Some(job) = next_job(shared) {
        let work = job.work;
        if catch_unwind(AssertUnwindSafe(|| work(&mut station))).is_err() {
            station.disconnect();
            let failed = shared.line().running.as_mut().and_then(|running| running.fail.take());
            if let Some(fail) = failed {
                fail(TpmError::new(TpmErrorKind::Other, "a defect of the addon"));
            }
        }
        if shared.line().stuck {
            // What the TPM did with the command that was given up is not known.
            station.disconnect();
        }
        let mut line = shared.line();
        line.running = None;
        line.stuck = false;
    }
    drop(station);
    shared.line().ended = true;
    shared.ended.notify_all();
    shared.watch.notify_all();
}

fn next_job(shared: &Shared) -> Option<Job> {
    let mut line = shared.line();
    loop {
        if let Some(mut job) = line.waiting.pop_front() {
            let deadline = Instant::now() + job.limit;
            let fail = std::mem::replace(&mut job.fail, Box::new(|_| ()));
            line.running = Some(Running { fail: Some(fail), deadline });
            return Some(job);
        }
        if line.closing {
            return None;
        }
        line = shared.work.wait(line).unwrap_or_else(PoisonError::into_inner);
    }
}

#[cfg(test)]
mod tests;
