//! A tunnel: one listener, one current snapshot, and the connections made under it.
#![forbid(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::clock;
use crate::connection;
use crate::connection_entry::Entry;
use crate::connection_table::ConnectionTable;
use crate::listener::{Accepted, BindError, Bound, Listener};
use crate::outcome::{Ending, Outcome};
use crate::rejudgement;
use crate::snapshot::{Change, Snapshot};
use crate::sweep;
use crate::unix_path::UnixOptions;

/// After a failed accept: a process without descriptors would otherwise spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// What the tasks of a tunnel share.
#[derive(Debug)]
pub struct TunnelState {
    snapshot: ArcSwap<Snapshot>,
    table: Arc<ConnectionTable>,
}

impl TunnelState {
    /// The current snapshot. A handshake takes it once and keeps to it.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    #[must_use]
    pub fn table(&self) -> &Arc<ConnectionTable> {
        &self.table
    }
}

/// A tunnel that accepts until it is drained, closed or dropped.
#[derive(Debug)]
pub struct Tunnel {
    state: Arc<TunnelState>,
    runtime: Handle,
    listener: Mutex<Option<Arc<Listener>>>,
    accepting: AtomicBool,
    tasks: Mutex<Tasks>,
}

#[derive(Debug)]
struct Tasks {
    accept: Option<JoinHandle<()>>,
    sweep: JoinHandle<()>,
    rejudge: Option<JoinHandle<()>>,
}

impl Tunnel {
    /// Begins to listen and to serve.
    ///
    /// # Errors
    /// What the system says to the listener.
    pub fn open(bound: Bound, snapshot: Snapshot, runtime: Handle) -> Result<Self, BindError> {
        let _context = runtime.enter();
        let listener = Arc::new(bound.listen()?);
        listener.tune(snapshot.settings.times.keepalive)?;
        let state = Arc::new(TunnelState {
            snapshot: ArcSwap::from_pointee(snapshot),
            table: Arc::new(ConnectionTable::default()),
        });
        let accept = runtime.spawn(accept(Arc::clone(&listener), Arc::clone(&state)));
        let sweep = runtime.spawn(sweep::run(Arc::clone(&state)));
        Ok(Self {
            state,
            runtime,
            listener: Mutex::new(Some(listener)),
            accepting: AtomicBool::new(true),
            tasks: Mutex::new(Tasks { accept: Some(accept), sweep, rejudge: None }),
        })
    }

    #[must_use]
    pub fn state(&self) -> &Arc<TunnelState> {
        &self.state
    }

    /// Whether it accepts connections.
    #[must_use]
    pub fn listening(&self) -> bool {
        self.accepting.load(Ordering::Relaxed)
    }

    /// Swaps the snapshot and judges live connections again if they might be judged otherwise. Returns the generation.
    ///
    /// # Errors
    /// When rustls refuses the settings; nothing has changed then.
    pub fn update(&self, change: Change) -> Result<u64, rustls::Error> {
        // Held over the swap, so that two updates cannot build on the same snapshot.
        let mut tasks = self.lock_tasks();
        let old = self.state.snapshot();
        let new = Arc::new(old.next(change)?);
        self.state.snapshot.store(Arc::clone(&new));
        if let Some(listener) = &*self.lock_listener() {
            // What the kernel refuses now it refused at open already; connections work without.
            let _ = listener.tune(new.settings.times.keepalive);
        }
        if !new.judges_like(&old) {
            // The newer judgement covers all that the older one would have.
            if let Some(older) = tasks.rejudge.take() {
                older.abort();
            }
            let judging = rejudgement::judge_all(Arc::clone(&self.state.table), Arc::clone(&new));
            tasks.rejudge = Some(self.runtime.spawn(judging));
        }
        Ok(new.generation)
    }

    /// Changes mode, owner and admitted uids of a unix listener.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_listen_options(&self, options: &UnixOptions) -> io::Result<()> {
        match &*self.lock_listener() {
            Some(listener) => listener.set_options(options),
            None => Ok(()),
        }
    }

    /// The connections there are, oldest first.
    #[must_use]
    pub fn connections(&self, limit: usize) -> Vec<Arc<Entry>> {
        self.state.table.entries(limit)
    }

    /// Stops accepting; the address is free afterwards.
    pub async fn stop_accepting(&self) {
        if let Some(accept) = self.forget_listener() {
            // Cancelled is what it is to be; only its end matters, which frees the address.
            let _ = accept.await;
        }
    }

    /// Serves who is in the backlog: they were told that they are connected, and may have sent all they have to say.
    fn take_waiting(&self, listener: &Listener) {
        // A process without descriptors has to leave them.
        while let Ok(Some(accepted)) = listener.accept_waiting() {
            take(accepted, &self.state);
        }
    }

    fn forget_listener(&self) -> Option<JoinHandle<()>> {
        self.accepting.store(false, Ordering::Relaxed);
        self.lock_listener().take();
        let accept = self.lock_tasks().accept.take();
        accept.inspect(JoinHandle::abort)
    }

    /// Stops accepting, waits for connections to end by themselves, and cuts those that are left. Says how many ended
    /// by themselves and how many were cut.
    pub async fn drain(&self, limit: Duration) -> (usize, usize) {
        let listener = self.lock_listener().clone();
        self.stop_accepting().await;
        if let Some(listener) = listener {
            self.take_waiting(&listener);
        }
        let before = self.state.table.entries(usize::MAX).len();
        if timeout(limit, self.state.table.empty()).await.is_ok() {
            return (before, 0);
        }
        let cut = self.state.table.end_all(&Ending::new(Outcome::Drained, "cut at the end of the drain"));
        self.settle().await;
        (before.saturating_sub(cut), cut)
    }

    /// Stops accepting and cuts every connection.
    pub async fn close(&self) {
        self.stop_accepting().await;
        self.cut();
        self.settle().await;
    }

    /// `close` without waiting for its effect.
    pub fn cut(&self) {
        drop(self.forget_listener());
        self.state.table.end_all(&Ending::from(Outcome::Closed));
    }

    /// Ending is quick: nothing a connection waits for outlasts its end.
    async fn settle(&self) {
        let _ = timeout(SETTLE_LIMIT, self.state.table.empty()).await;
    }

    fn lock_tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_listener(&self) -> MutexGuard<'_, Option<Arc<Listener>>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.cut();
        let mut tasks = self.lock_tasks();
        tasks.sweep.abort();
        if let Some(rejudge) = tasks.rejudge.take() {
            rejudge.abort();
        }
    }
}

async fn accept(listener: Arc<Listener>, tunnel: Arc<TunnelState>) {
    loop {
        match listener.accept().await {
            Ok(accepted) => take(accepted, &tunnel),
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => {
                tunnel.table.counters.paused_accepts.fetch_add(1, Ordering::Relaxed);
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Begins the task of an accepted connection, or refuses it at once.
fn take(accepted: Accepted, tunnel: &Arc<TunnelState>) {
    let snapshot = tunnel.snapshot.load();
    let limits = snapshot.settings.limits;
    let refused = if !accepted.uid_allowed {
        Some(Ending::new(Outcome::UidRefused, "the client's uid is not on the list, or it is another process"))
    } else if !snapshot.can_serve(clock::wall()) {
        Some(Ending::new(Outcome::NoValidSvid, "the tunnel has no valid SVID or no bundle"))
    } else if !tunnel.table.has_room(limits.connections) {
        Some(Ending::new(Outcome::Limit, "as many connections as the tunnel allows"))
    } else {
        None
    };
    match refused {
        Some(ending) => tunnel.table.refuse(accepted.remote, snapshot.generation, ending),
        None => {
            let registration = tunnel.table.register(accepted.remote, snapshot.generation, limits.handshakes);
            // The table ends it: every entry can be ended, and an ended connection's task returns.
            drop(tokio::spawn(connection::serve(registration, accepted.socket, Arc::clone(tunnel))));
        }
    }
}
