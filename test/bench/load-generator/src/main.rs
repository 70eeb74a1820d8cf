//! The other ends of a benchmarked tunnel: callers that open connections and a backend that answers them, over TCP
//! or unix sockets, in plaintext or mutual TLS 1.3. Every result is one line of JSON on standard output.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking"))]

mod backend;
mod budget;
mod caller;
mod endpoint;
mod error;
mod handshakes;
mod identities;
mod idle;
mod options;
mod report;
mod request;
mod roundtrips;
mod stdin;
mod throughput;
mod tls;

use std::process::ExitCode;

use crate::error::LoadError;
use crate::options::{Mode, Options};

async fn run(options: Options) -> Result<(), LoadError> {
    match options.mode {
        Mode::Backend => backend::serve(&options).await,
        Mode::Handshakes => handshakes::run(&options).await,
        Mode::Upload | Mode::Download => throughput::run(&options).await,
        Mode::Roundtrips => roundtrips::run(&options).await,
        Mode::Idle => idle::run(&options).await,
    }
}

fn start() -> Result<(), LoadError> {
    let options = Options::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| LoadError::io("the runtime", source))?;
    let outcome = runtime.block_on(run(options));
    runtime.shutdown_background();
    outcome
}

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("svidecar-load: {error}");
            ExitCode::FAILURE
        }
    }
}
