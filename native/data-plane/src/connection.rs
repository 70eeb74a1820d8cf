//! The life of one connection: handshake, admission, dial, pump, outcome. One task, and the table can end it anywhere.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use crate::authorizer::Permit;
use crate::clock;
use crate::connection_entry::Judged;
use crate::connection_table::Registration;
use crate::endpoint::DialError;
use crate::handshake::{self, Established, Refused};
use crate::handshake_context::{Admission, HandshakeContext};
use crate::outcome::{Ending, Outcome};
use crate::pump::{Ends, Meter, Pump, Pumped};
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
        ending = live(&mut registration, socket, tunnel) => ending,
    };
    registration.finish(ending);
}

/// All but the pump is boxed: what is over before bytes flow must not stay in memory as long as its connection.
async fn live(registration: &mut Registration, socket: Socket, tunnel: Arc<TunnelState>) -> Ending {
    let pump = match Box::pin(prepare(registration, socket, tunnel)).await {
        Ok(pump) => pump,
        Err(ending) => return ending,
    };
    let Pumped { ending, alert } = pump.run().await;
    if let Some((peer, alert)) = alert {
        Box::pin(refusal::deliver(peer, Some(alert))).await;
    }
    ending
}

/// Everything before bytes flow. The snapshot is let go with it: an idle connection must not keep an old configuration
/// and its bundles in memory.
async fn prepare(
    registration: &mut Registration,
    socket: Socket,
    tunnel: Arc<TunnelState>,
) -> Result<Box<Pump>, Ending> {
    let snapshot = tunnel.snapshot();
    let (secured, plaintext) = match snapshot.settings.mode {
        Mode::Server => accept(registration, socket, &snapshot).await?,
        Mode::Client => connect(registration, socket, &snapshot).await?,
    };
    admit(registration, &tunnel, &snapshot).await?;
    let target = match plaintext {
        Some(plaintext) => plaintext,
        None => dial(&snapshot).await?,
    };
    let meter = Meter { entry: Arc::clone(registration.entry()), table: Arc::clone(registration.table()) };
    let Secured { session, buffers, permit, socket } = secured;
    Ok(Box::new(Pump::new(permit, session, buffers, Ends { peer: socket, target }, meter)))
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
    match handshake::run(&mut socket, context).await {
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

#[cfg(test)]
mod tests;
