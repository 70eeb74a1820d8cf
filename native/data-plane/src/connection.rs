//! The life of one connection: handshake, admission, dial, pump, outcome. One task, and the table can end it anywhere.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use crate::authorizer::Permit;
use crate::clock::{self, Uptime};
use crate::connection_entry::Judged;
use crate::connection_table::Registration;
use crate::endpoint::DialError;
use crate::handshake::{self, Established, Refused};
use crate::handshake_context::{Admission, HandshakeContext};
use crate::outcome::{Ending, Outcome};
use crate::pump::{Direction, Meter, Pump};
use crate::refusal;
use crate::rejudgement;
use crate::snapshot::{Mode, Snapshot};
use crate::socket::Socket;
use crate::tls_session::{Buffers, TlsSession};
use crate::tunnel::TunnelState;
use crate::x509_svid::Usage;

/// Serves an accepted connection to its end.
pub async fn serve(mut registration: Registration, socket: Socket, tunnel: Arc<TunnelState>) {
    let entry = Arc::clone(registration.entry());
    let ending = tokio::select! {
        // An ending from outside goes first: a connection that was revoked passes no further byte.
        biased;
        ending = entry.ended() => ending,
        ending = Box::pin(live(&mut registration, socket, tunnel)) => ending,
    };
    registration.finish(ending);
}

async fn live(registration: &mut Registration, socket: Socket, tunnel: Arc<TunnelState>) -> Ending {
    let snapshot = tunnel.snapshot();
    let result = match snapshot.settings.mode {
        Mode::Server => accept(registration, socket, &snapshot).await,
        Mode::Client => connect(registration, socket, &snapshot).await,
    };
    let (parts, plaintext_or_peer) = match result {
        Ok(ready) => ready,
        Err(ending) => return ending,
    };
    match admit(registration, &tunnel, &snapshot).await {
        Ok(()) => pump(registration, snapshot, parts, plaintext_or_peer).await,
        Err(ending) => ending,
    }
}

/// The TLS side after its handshake, and its socket.
struct Secured {
    session: TlsSession,
    buffers: Buffers,
    permit: Permit,
    socket: Socket,
}

/// What a mode has before admission: the TLS side, and in client mode the plaintext side, which was there first.
type Ready = (Secured, Option<Socket>);

async fn accept(registration: &Registration, socket: Socket, snapshot: &Arc<Snapshot>) -> Result<Ready, Ending> {
    let secured = secure(registration, socket, snapshot, Usage::Client).await?;
    Ok((secured, None))
}

async fn connect(registration: &Registration, plaintext: Socket, snapshot: &Arc<Snapshot>) -> Result<Ready, Ending> {
    let peer = dial(snapshot).await?;
    let secured = secure(registration, peer, snapshot, Usage::Server).await?;
    Ok((secured, Some(plaintext)))
}

async fn secure(
    registration: &Registration,
    mut socket: Socket,
    snapshot: &Arc<Snapshot>,
    usage: Usage,
) -> Result<Secured, Ending> {
    let began = Instant::now();
    let deadline = began + snapshot.settings.times.handshake;
    let context = HandshakeContext::new(Arc::clone(snapshot), deadline, Arc::clone(registration.entry()));
    // Boxed: what a handshake needs must not stay in memory as long as its connection.
    match Box::pin(handshake::run(&mut socket, context)).await {
        Ok(established) => {
            registration.table().counters.handshakes.record(began.elapsed());
            let Established { session, buffers, admission: Admission { peer, chain, permit } } = established;
            // Set once: a connection has one handshake.
            let _ = registration.entry().judged.set(Judged { peer, chain, usage, time: clock::wall() });
            Ok(Secured { session, buffers, permit, socket })
        }
        Err(Refused { ending, peer, alert }) => {
            if let Some(peer) = peer {
                let chain = Vec::new();
                let _ = registration.entry().judged.set(Judged { peer: *peer, chain, usage, time: clock::wall() });
            }
            refusal::deliver(socket, alert).await;
            Err(ending)
        }
    }
}

async fn dial(snapshot: &Snapshot) -> Result<Socket, Ending> {
    let times = &snapshot.settings.times;
    snapshot.settings.target.dial(times.connect, times.keepalive).await.map_err(|error| match error {
        DialError::TimedOut => Ending::new(Outcome::TargetTimeout, "the target did not answer in time"),
        DialError::Unreachable(error) => Ending::new(Outcome::TargetUnreachable, error.to_string()),
    })
}

/// Lets a verified peer in. The connection is in the table already, so a change of the tunnel either finds it there or
/// is seen here.
async fn admit(registration: &mut Registration, tunnel: &TunnelState, judged_by: &Snapshot) -> Result<(), Ending> {
    if !registration.establish(judged_by.settings.limits.connections) {
        return Err(Ending::new(Outcome::Limit, "as many connections as the tunnel allows"));
    }
    let mut judged_by_generation = judged_by.generation;
    loop {
        let current = tunnel.snapshot();
        if current.generation == judged_by_generation {
            return Ok(());
        }
        if current.settings.mode != judged_by.settings.mode {
            return Err(Ending::new(Outcome::GenerationChanged, "the tunnel changed its mode during the handshake"));
        }
        if !current.judges_like(judged_by) {
            rejudgement::judge(registration.entry(), &current)
                .await
                .map_err(|ending| Ending { outcome: Outcome::GenerationChanged, reason: ending.reason })?;
        }
        judged_by_generation = current.generation;
        registration.entry().generation.store(current.generation, Ordering::Relaxed);
    }
}

async fn pump(
    registration: &Registration,
    snapshot: Arc<Snapshot>,
    secured: Secured,
    plaintext: Option<Socket>,
) -> Ending {
    let target = match plaintext {
        Some(plaintext) => plaintext,
        None => match dial(&snapshot).await {
            Ok(target) => target,
            Err(ending) => return ending,
        },
    };
    // An idle connection must not keep an old configuration and its bundles in memory.
    drop(snapshot);
    let Secured { session, buffers, permit, socket } = secured;
    let entry = Arc::clone(registration.entry());
    entry.traffic.last.store(Uptime::now().0, Ordering::Relaxed);
    let meter = Meter { entry, table: Arc::clone(registration.table()) };
    let inbound = if session.peer_closed() { Direction::Ending } else { Direction::Flowing };
    let pump = Pump { session, buffers, peer: socket, target, meter, inbound, outbound: Direction::Flowing };
    let pumped = pump.run(&permit).await;
    if let Some((peer, alert)) = pumped.alert {
        refusal::deliver(peer, Some(alert)).await;
    }
    pumped.ending
}

#[cfg(test)]
mod tests;
