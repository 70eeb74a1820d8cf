//! Many connections that have moved some data and then lie idle, so that the tunnel's memory can be read.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::caller::{Caller, count_failure};
use crate::endpoint::BoxedStream;
use crate::error::LoadError;
use crate::options::Options;
use crate::report::{self, Tally};
use crate::request::Request;
use crate::stdin::Stdin;

/// Connections being opened at once.
const OPENING: usize = 16;
const BLOCK: usize = 16 << 10;

/// Opens a connection and sends `bytes` through it and back.
async fn open(caller: &Caller, bytes: u64) -> Result<BoxedStream, LoadError> {
    let failed = |source| LoadError::io("fill a connection", source);
    let mut stream = caller.connect().await?;
    Request::Echo.send(&mut stream, &[]).await?;
    let (mut reader, mut writer) = split(stream);
    let send = async {
        let block = vec![7; BLOCK];
        let mut left = bytes;
        while left > 0 {
            let length = left.min(BLOCK as u64);
            writer.write_all(block.get(..length as usize).unwrap_or(&block)).await?;
            left -= length;
        }
        writer.flush().await
    };
    let receive = async {
        let mut buffer = vec![0; BLOCK];
        let mut received = 0;
        while received < bytes {
            match reader.read(&mut buffer).await? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                length => received += length as u64,
            }
        }
        Ok(())
    };
    tokio::try_join!(send, receive).map_err(failed)?;
    Ok(reader.unsplit(writer))
}

async fn open_until(caller: &Caller, held: &mut Vec<BoxedStream>, wanted: usize, bytes: u64, tally: &mut Tally) {
    let slots = Arc::new(Semaphore::new(OPENING));
    let mut tasks = JoinSet::new();
    for _ in held.len()..wanted {
        let (caller, slots) = (caller.clone(), slots.clone());
        tasks.spawn(async move {
            let _slot = slots.acquire_owned().await;
            open(&caller, bytes).await
        });
    }
    for outcome in tasks.join_all().await {
        match outcome {
            Ok(stream) => held.push(stream),
            Err(error) => count_failure(tally, &error),
        }
    }
}

/// Opens the connections of each stage, prints `{"mode":"idle","holding":N,…}`, and waits for a line of standard
/// input before the next; ends at the end of standard input or after the last stage.
pub(crate) async fn run(options: &Options) -> Result<(), LoadError> {
    let caller = Caller::new(options)?;
    let mut stdin = Stdin::open();
    let mut held = Vec::new();
    let mut tally = Tally::default();
    for &stage in &options.stages {
        open_until(&caller, &mut held, stage, options.bytes, &mut tally).await;
        report::holding(held.len(), tally.failed);
        if !stdin.line().await {
            break;
        }
    }
    Ok(())
}
