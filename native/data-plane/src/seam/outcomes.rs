//! Records of ended connections, brought to JavaScript in batches: one call, awaited, before the next.

use std::sync::Arc;
use std::time::Duration;

use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, UnknownReturnValue};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::runtime::Closing;
use crate::audit::AuditRecord;
use crate::connection_table::ConnectionTable;
use crate::tunnel::Tunnel;

/// Ends that come close together cross together.
const GATHER: Duration = Duration::from_millis(20);
/// After this JavaScript is stuck, and the batch counts as lost.
const DELIVERY_LIMIT: Duration = Duration::from_secs(30);

/// Strong, and the only strong one: an open tunnel keeps the process alive.
pub type OutcomesFunction = ThreadsafeFunction<String, UnknownReturnValue, String, Status, false, false, 4>;

/// One ended connection. Times are milliseconds, absolute ones since 1970. A batch crosses as JSON: JavaScript reads a
/// text in one go, where objects made from here would cost a call for each of their fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeRecord {
    time: f64,
    generation: u64,
    remote: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    allowed: bool,
    outcome: &'static str,
    reason: String,
    bytes_from_peer: u64,
    bytes_to_peer: u64,
    duration_ms: f64,
}

impl From<AuditRecord> for OutcomeRecord {
    fn from(record: AuditRecord) -> Self {
        let (peer, serial_number) = record.peer.unzip();
        Self {
            time: record.time.as_secs_f64() * 1000.0,
            generation: record.generation,
            remote: record.remote,
            peer,
            serial_number,
            allowed: record.allowed,
            outcome: record.ending.outcome.name(),
            reason: record.ending.reason,
            bytes_from_peer: record.bytes.0,
            bytes_to_peer: record.bytes.1,
            duration_ms: record.duration.as_secs_f64() * 1000.0,
        }
    }
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
        let records: Vec<_> = table.audit.take().into_iter().map(OutcomeRecord::from).collect();
        let count = records.len();
        if count == 0 {
            return;
        }
        let delivered = match serde_json::to_string(&records) {
            Ok(batch) => matches!(timeout(DELIVERY_LIMIT, outcomes.call_async_catch(batch)).await, Ok(Ok(_))),
            Err(_) => false,
        };
        if !delivered {
            table.audit.count_lost(count);
            // Whoever throws at a batch will throw at the next.
            sleep(GATHER).await;
        }
    }
}
