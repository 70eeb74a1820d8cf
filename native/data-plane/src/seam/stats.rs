//! Numbers and live connections of a tunnel, as JavaScript sees them.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use napi_derive::napi;

use crate::connection_entry::Entry;
use crate::counters::HANDSHAKE_BUCKETS_US;
use crate::tunnel::Tunnel;

/// Seconds in buckets: `counts` has one more element than `buckets`, none of them cumulative.
#[napi(object)]
pub struct BindingHistogram {
    pub buckets: Vec<f64>,
    pub counts: Vec<f64>,
    pub sum: f64,
}

/// The numbers of a tunnel since it was opened.
#[napi(object)]
pub struct BindingStats {
    pub generation: f64,
    pub listening: bool,
    pub active: u32,
    pub handshaking: u32,
    pub accepted: f64,
    pub outcomes: HashMap<String, f64>,
    pub bytes_from_peer: f64,
    pub bytes_to_peer: f64,
    pub verdicts_cached: u32,
    pub audit_lost: f64,
    pub paused_accepts: f64,
    pub handshake_seconds: BindingHistogram,
}

/// One live connection.
#[napi(object)]
pub struct BindingConnection {
    pub time: f64,
    pub generation: f64,
    pub remote: String,
    pub peer: Option<String>,
    pub serial_number: Option<String>,
    pub state: String,
    pub bytes_from_peer: f64,
    pub bytes_to_peer: f64,
}

/// Reads the numbers.
#[must_use]
pub fn stats(tunnel: &Tunnel) -> BindingStats {
    let snapshot = tunnel.state().snapshot();
    let table = tunnel.state().table();
    let counters = &table.counters;
    let occupancy = table.occupancy();
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    BindingStats {
        generation: number(snapshot.generation),
        listening: tunnel.listening(),
        active: small(occupancy.established),
        handshaking: small(occupancy.handshaking),
        accepted: number(counters.accepted.load(Ordering::Relaxed)),
        outcomes: counters.outcomes().map(|(outcome, count)| (outcome.name().to_owned(), number(count))).collect(),
        bytes_from_peer: number(counters.bytes_from_peer.load(Ordering::Relaxed)),
        bytes_to_peer: number(counters.bytes_to_peer.load(Ordering::Relaxed)),
        verdicts_cached: small(snapshot.policy.verdicts.count()),
        audit_lost: number(table.audit.lost()),
        paused_accepts: number(counters.paused_accepts.load(Ordering::Relaxed)),
        handshake_seconds: BindingHistogram {
            buckets: HANDSHAKE_BUCKETS_US.iter().map(|us| number(*us) / 1e6).collect(),
            counts: counters.handshakes.counts().into_iter().map(number).collect(),
            sum: counters.handshakes.sum().as_secs_f64(),
        },
    }
}

impl From<&Entry> for BindingConnection {
    fn from(entry: &Entry) -> Self {
        let peer = entry.judged.get().map(|judged| &judged.peer);
        Self {
            time: entry.accepted.as_secs_f64() * 1000.0,
            generation: number(entry.generation.load(Ordering::Relaxed)),
            remote: entry.remote.to_string(),
            peer: peer.map(|peer| peer.spiffe_id().as_str().to_owned()),
            serial_number: peer.map(|peer| peer.serial_number().to_owned()),
            state: entry.state().to_owned(),
            bytes_from_peer: number(entry.traffic.from_peer.load(Ordering::Relaxed)),
            bytes_to_peer: number(entry.traffic.to_peer.load(Ordering::Relaxed)),
        }
    }
}

/// A count as JavaScript has it: exact to 2^53.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "nine petabytes or connections are counted exactly")]
pub fn number(count: u64) -> f64 {
    count as f64
}
