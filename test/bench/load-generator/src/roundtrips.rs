//! 64 bytes there and back, over one connection per caller.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::AsyncWriteExt;

use crate::budget::Budget;
use crate::caller::{Caller, count_failure, receive, run_callers};
use crate::endpoint::BoxedStream;
use crate::error::LoadError;
use crate::options::Options;
use crate::report::Tally;
use crate::request::Request;

const PAYLOAD: [u8; 64] = [7; 64];

async fn one_roundtrip(stream: &mut BoxedStream) -> Result<(), LoadError> {
    let mut answer = [0; PAYLOAD.len()];
    stream.write_all(&PAYLOAD).await.map_err(|source| LoadError::io("send", source))?;
    receive(stream, &mut answer).await
}

async fn one_caller(caller: Caller, budget: &Budget, tally: &mut Tally) -> Result<(), LoadError> {
    let mut stream = caller.connect().await?;
    Request::Echo.send(&mut stream, &[]).await?;
    // The first one also waits for the tunnel to dial the backend.
    one_roundtrip(&mut stream).await?;
    while budget.take() {
        let started = Instant::now();
        one_roundtrip(&mut stream).await?;
        tally.latencies.push(started.elapsed());
        tally.bytes += PAYLOAD.len() as u64;
    }
    Ok(())
}

/// Latency is of one round trip on an established connection.
pub(crate) async fn run(options: &Options) -> Result<(), LoadError> {
    let budget = Arc::new(Budget::of(options));
    run_callers(options, |caller| {
        let budget = budget.clone();
        async move {
            let mut tally = Tally::default();
            if let Err(error) = one_caller(caller, &budget, &mut tally).await {
                count_failure(&mut tally, &error);
            }
            tally
        }
    })
    .await
}
