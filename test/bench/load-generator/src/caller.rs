//! A caller: opens connections to the tunnel under measurement, in plaintext or mutual TLS.

use std::future::Future;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::endpoint::{BoxedStream, Endpoint};
use crate::error::LoadError;
use crate::options::Options;
use crate::report::Tally;
use crate::tls;

/// A connection that takes longer than this is a failure, not a measurement.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens connections; cheap to clone.
#[derive(Clone)]
pub(crate) struct Caller {
    endpoint: Endpoint,
    connector: Option<TlsConnector>,
    name: ServerName<'static>,
}

impl Caller {
    /// As the command line says.
    pub(crate) fn new(options: &Options) -> Result<Self, LoadError> {
        let config = options.tls.as_ref().map(tls::client_config).transpose()?;
        let name = ServerName::try_from("localhost").map_err(|error| LoadError::Usage(error.to_string()))?;
        Ok(Self { endpoint: options.endpoint.clone(), connector: config.map(TlsConnector::from), name })
    }

    /// A connection, its handshake done.
    pub(crate) async fn connect(&self) -> Result<BoxedStream, LoadError> {
        let stream = patiently("connect", self.endpoint.connect()).await?;
        match &self.connector {
            None => Ok(stream),
            Some(connector) => {
                let stream = patiently("handshake", connector.connect(self.name.clone(), stream)).await?;
                Ok(Box::new(stream))
            }
        }
    }
}

async fn patiently<T>(what: &str, work: impl Future<Output = std::io::Result<T>>) -> Result<T, LoadError> {
    let outcome = timeout(PATIENCE, work).await.unwrap_or_else(|elapsed| Err(elapsed.into()));
    outcome.map_err(|source| LoadError::io(what, source))
}

/// Reads exactly as many bytes as `buffer` holds, within the caller's patience.
pub(crate) async fn receive(stream: &mut BoxedStream, buffer: &mut [u8]) -> Result<(), LoadError> {
    patiently("receive", stream.read_exact(buffer)).await.map(|_| ())
}

/// Waits for the other side's end; how it ends is of no interest once the work is done.
pub(crate) async fn drain(stream: &mut BoxedStream) {
    let mut rest = [0; 64];
    while let Ok(Ok(1..)) = timeout(PATIENCE, stream.read(&mut rest)).await {}
}

/// Runs `work` as each of the callers at once, adds up what they did and prints it. The first failure's reason goes
/// to standard error; the rest are counted.
pub(crate) async fn run_callers<W, F>(options: &Options, work: W) -> Result<(), LoadError>
where
    W: Fn(Caller) -> F,
    F: Future<Output = Tally> + Send + 'static,
{
    let caller = Caller::new(options)?;
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..options.callers {
        tasks.spawn(work(caller.clone()));
    }
    let mut total = Tally::default();
    for tally in tasks.join_all().await {
        total.add(tally);
    }
    total.print(options.mode.name(), options.callers, started);
    Ok(())
}

/// Counts a failure and says why, once a measurement is enough.
pub(crate) fn count_failure(tally: &mut Tally, error: &LoadError) {
    if tally.failed == 0 {
        eprintln!("svidecar-load: {error}");
    }
    tally.failed += 1;
}
