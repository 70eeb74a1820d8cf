//! Records of ended connections, brought to JavaScript in batches: one call, awaited, before the next.

use std::sync::Arc;
use std::time::Duration;

use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, UnknownReturnValue};
use napi_derive::napi;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::runtime::Closing;
use crate::audit::AuditRecord;
use crate::connection_table::ConnectionTable;
use crate::tunnel::Tunnel;

/// Ends that come close together cross together.
const GATHER: Duration = Duration::from_millis(5);
/// After this JavaScript is stuck, and the batch counts as lost.
const DELIVERY_LIMIT: Duration = Duration::from_secs(30);

/// Strong, and the only strong one: an open tunnel keeps the process alive.
pub type OutcomesFunction =
    ThreadsafeFunction<Vec<BindingOutcome>, UnknownReturnValue, Vec<BindingOutcome>, Status, false, false, 4>;

/// One ended connection. Times are milliseconds, absolute ones since 1970.
#[napi(object)]
pub struct BindingOutcome {
    pub time: f64,
    pub generation: f64,
    pub remote: String,
    pub peer: Option<String>,
    pub serial_number: Option<String>,
    pub allowed: bool,
    pub outcome: String,
    pub reason: String,
    pub bytes_from_peer: f64,
    pub bytes_to_peer: f64,
    pub duration_ms: f64,
}

impl From<AuditRecord> for BindingOutcome {
    fn from(record: AuditRecord) -> Self {
        let (peer, serial_number) = record.peer.unzip();
        Self {
            time: record.time.as_secs_f64() * 1000.0,
            generation: number(record.generation),
            remote: record.remote,
            peer,
            serial_number,
            allowed: record.allowed,
            outcome: record.ending.outcome.name().to_owned(),
            reason: record.ending.reason,
            bytes_from_peer: number(record.bytes.0),
            bytes_to_peer: number(record.bytes.1),
            duration_ms: record.duration.as_secs_f64() * 1000.0,
        }
    }
}

/// A count as JavaScript has it: exact to 2^53.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "nine petabytes or connections are counted exactly")]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// Brings records to JavaScript until the tunnel is closed and the last one is delivered. Holds the tunnel, so that
/// garbage collection of its handle closes no socket. With the environment there is nobody left to deliver to.
pub async fn deliver(
    tunnel: Arc<Tunnel>,
    outcomes: OutcomesFunction,
    mut closed: watch::Receiver<bool>,
    mut closing: Closing,
) {
    tokio::select! {
        biased;
        () = closing.wait() => {}
        () = deliver_until(&tunnel, &outcomes, &mut closed) => {}
    }
}

async fn deliver_until(tunnel: &Tunnel, outcomes: &OutcomesFunction, closed: &mut watch::Receiver<bool>) {
    let table = Arc::clone(tunnel.state().table());
    loop {
        tokio::select! {
            () = table.audit.added() => {}
            () = asked_to_close(closed) => break,
        }
        sleep(GATHER).await;
        deliver_waiting(&table, outcomes).await;
    }
    deliver_waiting(&table, outcomes).await;
}

/// Pends for ever once the handle was collected: that is no word to close, and the connections go on.
async fn asked_to_close(closed: &mut watch::Receiver<bool>) {
    if closed.wait_for(|closed| *closed).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn deliver_waiting(table: &ConnectionTable, outcomes: &OutcomesFunction) {
    loop {
        let records = table.audit.take();
        let count = records.len();
        if count == 0 {
            return;
        }
        let batch = records.into_iter().map(BindingOutcome::from).collect();
        if !matches!(timeout(DELIVERY_LIMIT, outcomes.call_async_catch(batch)).await, Ok(Ok(_))) {
            table.audit.count_lost(count);
            // Whoever throws at a batch will throw at the next.
            sleep(GATHER).await;
        }
    }
}
