//! New connections, one after another per caller: connect, handshake, one small request and its answer, orderly end.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::AsyncWriteExt;

use crate::budget::Budget;
use crate::caller::{Caller, count_failure, drain, receive, run_callers};
use crate::error::LoadError;
use crate::options::Options;
use crate::report::Tally;
use crate::request::Request;

const PAYLOAD: [u8; 64] = [7; 64];

async fn one_connection(caller: &Caller, tally: &mut Tally) -> Result<(), LoadError> {
    let started = Instant::now();
    let mut stream = caller.connect().await?;
    Request::Echo.send(&mut stream, &PAYLOAD).await?;
    let mut answer = [0; PAYLOAD.len()];
    receive(&mut stream, &mut answer).await?;
    if answer != PAYLOAD {
        return Err(LoadError::WrongAnswer);
    }
    tally.latencies.push(started.elapsed());
    tally.bytes += PAYLOAD.len() as u64;
    stream.shutdown().await.map_err(|source| LoadError::io("close", source))?;
    drain(&mut stream).await;
    Ok(())
}

/// Latency is from the connect to the answer.
pub(crate) async fn run(options: &Options) -> Result<(), LoadError> {
    let budget = Arc::new(Budget::of(options));
    run_callers(options, |caller| {
        let budget = budget.clone();
        async move {
            let mut tally = Tally::default();
            while budget.take() {
                if let Err(error) = one_connection(&caller, &mut tally).await {
                    count_failure(&mut tally, &error);
                }
            }
            tally
        }
    })
    .await
}
