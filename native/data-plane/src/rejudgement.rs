//! Connections that are judged again after a change of bundles or policy.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clock;
use crate::connection_entry::{Entry, Judged};
use crate::connection_table::ConnectionTable;
use crate::judgement;
use crate::outcome::{Ending, Outcome};
use crate::snapshot::Snapshot;
use crate::x509_svid::verify_again;

/// Questions to the authorizer at once.
const PARALLEL: usize = 64;
/// A verdict that takes longer is none.
const VERDICT_LIMIT: Duration = Duration::from_secs(5);

/// Judges every connection that was let in, and ends those that would not be let in now.
pub async fn judge_all(table: Arc<ConnectionTable>, snapshot: Arc<Snapshot>) {
    let mut open: JoinSet<()> = JoinSet::new();
    for entry in table.entries(usize::MAX) {
        if entry.judged.get().is_none() {
            continue;
        }
        if open.len() >= PARALLEL {
            open.join_next().await;
        }
        let snapshot = Arc::clone(&snapshot);
        open.spawn(async move {
            if let Err(ending) = judge(&entry, &snapshot).await {
                entry.end(ending);
            }
        });
    }
    while open.join_next().await.is_some() {}
}

/// Judges one connection by `snapshot`.
///
/// # Errors
/// Why it would not be let in now.
pub async fn judge(entry: &Entry, snapshot: &Snapshot) -> Result<(), Ending> {
    let Some(judged) = entry.judged.get() else { return Ok(()) };
    if let Err(reason) = still_trusted(judged, snapshot) {
        return Err(Ending::new(Outcome::Revoked, reason));
    }
    let verdict = match judgement::remembered(&snapshot.policy, judged.peer.spiffe_id(), &judged.chain) {
        Ok(verdict) => Ok(verdict),
        Err(question) => match timeout(VERDICT_LIMIT, question.ask()).await {
            Ok(answer) => answer,
            Err(_) => return Err(Ending::new(Outcome::Revoked, "the authorizer did not answer in time")),
        },
    };
    match verdict {
        Ok(crate::authorizer::Verdict::Allowed) => Ok(()),
        Ok(crate::authorizer::Verdict::Denied { reason }) => Err(Ending::new(Outcome::Revoked, reason)),
        Err(_) => Err(Ending::new(Outcome::Revoked, "the authorizer failed")),
    }
}

/// An authority removed before its own end was revoked. One that was pruned after its end closes nothing: a rotation
/// never drops a connection. Judged at the time of the handshake, for the leaf may have expired since.
fn still_trusted(judged: &Judged, snapshot: &Snapshot) -> Result<(), String> {
    let trust_domain = judged.peer.spiffe_id().trust_domain();
    if snapshot.bundles.bundle(trust_domain).is_none() {
        return Err(format!("the bundle of trust domain {trust_domain} is gone"));
    }
    if snapshot.bundles.holds(trust_domain, judged.peer.authority_sha256())
        || judged.peer.authority_not_after().as_secs() < clock::wall().as_secs()
    {
        return Ok(());
    }
    // The authority may have been renewed with the same key.
    match verify_again(&judged.chain, &snapshot.bundles, judged.usage, judged.time) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("its authority was removed before it expired: {error}")),
    }
}
