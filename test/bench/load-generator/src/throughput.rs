//! Bulk in one direction: each caller moves its bytes over one connection.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::caller::{Caller, count_failure, receive, run_callers};
use crate::error::LoadError;
use crate::options::{Mode, Options};
use crate::report::Tally;
use crate::request::Request;

const BUFFER: usize = 256 << 10;

/// Everything is counted as sent when the backend says that it has arrived.
async fn upload(caller: &Caller, bytes: u64) -> Result<u64, LoadError> {
    let failed = |source| LoadError::io("upload", source);
    let mut stream = caller.connect().await?;
    Request::Sink(bytes).send(&mut stream, &[]).await?;
    let block = vec![0; BUFFER];
    let mut left = bytes;
    while left > 0 {
        let length = left.min(BUFFER as u64);
        let part = block.get(..length as usize).unwrap_or(&block);
        stream.write_all(part).await.map_err(failed)?;
        left -= length;
    }
    stream.flush().await.map_err(failed)?;
    receive(&mut stream, &mut [0]).await?;
    Ok(bytes)
}

async fn download(caller: &Caller, bytes: u64) -> Result<u64, LoadError> {
    let mut stream = caller.connect().await?;
    Request::Source(bytes).send(&mut stream, &[]).await?;
    let mut buffer = vec![0; BUFFER];
    let mut received = 0;
    while received < bytes {
        let length = stream.read(&mut buffer).await.map_err(|source| LoadError::io("download", source))?;
        if length == 0 {
            return Err(LoadError::WrongAnswer);
        }
        received += length as u64;
    }
    Ok(received)
}

/// Latency is of a caller's whole transfer.
pub(crate) async fn run(options: &Options) -> Result<(), LoadError> {
    let (mode, bytes) = (options.mode, options.bytes);
    run_callers(options, |caller| async move {
        let mut tally = Tally::default();
        let started = Instant::now();
        let outcome = match mode {
            Mode::Download => download(&caller, bytes).await,
            _ => upload(&caller, bytes).await,
        };
        match outcome {
            Ok(moved) => {
                tally.bytes += moved;
                tally.latencies.push(started.elapsed());
            }
            Err(error) => count_failure(&mut tally, &error),
        }
        tally
    })
    .await
}
