//! One runtime for the process, shared by its JavaScript environments (the main thread and workers), and what has to
//! happen when one of them goes away.

use std::cell::RefCell;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use napi::Env;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;

use super::error::{NativeError, from_io, from_napi};
use crate::tunnel::Tunnel;

/// Steps of handshakes hold a thread each while they wait for JavaScript; their permits keep them far below this.
const MAX_BLOCKING_THREADS: usize = 512;
const IDLE_THREAD_LIMIT: Duration = Duration::from_secs(10);

static SHARED: Mutex<Option<Shared>> = Mutex::new(None);

struct Shared {
    runtime: Runtime,
    environments: usize,
}

thread_local! {
    /// Node runs one environment per thread.
    static ENVIRONMENT: RefCell<Option<Environment>> = const { RefCell::new(None) };
}

/// What belongs to one JavaScript environment.
#[derive(Clone)]
pub struct Environment {
    handle: Handle,
    closing: Arc<watch::Sender<bool>>,
    tunnels: Arc<Mutex<Vec<Weak<Tunnel>>>>,
}

/// Becomes ready when the environment goes away: who waits for JavaScript then waits in vain.
#[derive(Clone)]
pub struct Closing(watch::Receiver<bool>);

impl Closing {
    pub async fn wait(&mut self) {
        // A sender that is gone is an environment that is gone.
        let _ = self.0.wait_for(|closing| *closing).await;
    }
}

impl Environment {
    /// The environment of the calling thread; the runtime begins with the first.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn of(env: &Env) -> Result<Self, NativeError> {
        if let Some(environment) = ENVIRONMENT.with_borrow(Clone::clone) {
            return Ok(environment);
        }
        let environment = Self {
            handle: join_runtime().map_err(|error| from_io(&error))?,
            closing: Arc::new(watch::channel(false).0),
            tunnels: Arc::default(),
        };
        env.add_env_cleanup_hook(environment.clone(), Self::leave).map_err(from_napi)?;
        ENVIRONMENT.set(Some(environment.clone()));
        Ok(environment)
    }

    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    #[must_use]
    pub fn closing(&self) -> Closing {
        Closing(self.closing.subscribe())
    }

    /// Runs work that is not awaited here.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        // It settles a promise, or ends with its tunnel.
        drop(self.handle.spawn(work));
    }

    /// Remembers a tunnel, to be closed with the environment.
    pub fn own(&self, tunnel: &Arc<Tunnel>) {
        let mut tunnels = self.tunnels.lock().unwrap_or_else(PoisonError::into_inner);
        tunnels.retain(|tunnel| tunnel.strong_count() > 0);
        tunnels.push(Arc::downgrade(tunnel));
    }

    /// Fails who waits for JavaScript, cuts the tunnels, and gives up the runtime without waiting for it: this runs on
    /// JavaScript's own thread, for which those threads might be waiting.
    fn leave(self) {
        self.closing.send_replace(true);
        ENVIRONMENT.set(None);
        let tunnels = self.tunnels.lock().unwrap_or_else(PoisonError::into_inner);
        tunnels.iter().filter_map(Weak::upgrade).for_each(|tunnel| tunnel.cut());
        drop(tunnels);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = shared.take() {
            if last.environments > 1 {
                *shared = Some(Shared { environments: last.environments - 1, ..last });
            } else {
                last.runtime.shutdown_background();
            }
        }
    }
}

fn join_runtime() -> std::io::Result<Handle> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = &mut *shared {
        shared.environments += 1;
        return Ok(shared.runtime.handle().clone());
    }
    let runtime = Builder::new_multi_thread()
        .thread_name("svidecar-tunnel")
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .thread_keep_alive(IDLE_THREAD_LIMIT)
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    *shared = Some(Shared { runtime, environments: 1 });
    Ok(handle)
}
