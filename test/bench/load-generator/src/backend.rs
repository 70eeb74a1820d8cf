//! The backend: does what each connection's first bytes ask for, until standard input ends.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::endpoint::BoxedStream;
use crate::error::LoadError;
use crate::options::Options;
use crate::request::Request;
use crate::stdin::Stdin;
use crate::{report, tls};

/// Small, because thousands of echoing connections are held at once.
const ECHO_BUFFER: usize = 16 << 10;
const BULK_BUFFER: usize = 256 << 10;

fn failed(source: std::io::Error) -> LoadError {
    LoadError::io("serve a connection", source)
}

async fn echo(stream: &mut BoxedStream) -> Result<(), LoadError> {
    let mut buffer = vec![0; ECHO_BUFFER];
    loop {
        let length = stream.read(&mut buffer).await.map_err(failed)?;
        let Some(received @ [_, ..]) = buffer.get(..length) else {
            return Ok(());
        };
        stream.write_all(received).await.map_err(failed)?;
        stream.flush().await.map_err(failed)?;
    }
}

async fn sink(stream: &mut BoxedStream, mut left: u64) -> Result<(), LoadError> {
    let mut buffer = vec![0; BULK_BUFFER];
    while left > 0 {
        let length = stream.read(&mut buffer).await.map_err(failed)?;
        if length == 0 {
            return Err(LoadError::WrongAnswer);
        }
        left = left.saturating_sub(length as u64);
    }
    stream.write_all(b"!").await.map_err(failed)
}

async fn source(stream: &mut BoxedStream, mut left: u64) -> Result<(), LoadError> {
    let block = vec![0; BULK_BUFFER];
    while left > 0 {
        let length = left.min(BULK_BUFFER as u64);
        let part = block.get(..length as usize).unwrap_or(&block);
        stream.write_all(part).await.map_err(failed)?;
        left -= length;
    }
    Ok(())
}

async fn answer(mut stream: BoxedStream) -> Result<(), LoadError> {
    match Request::receive(&mut stream).await? {
        Request::Echo => echo(&mut stream).await?,
        Request::Sink(amount) => sink(&mut stream, amount).await?,
        Request::Source(amount) => source(&mut stream, amount).await?,
    }
    stream.shutdown().await.map_err(failed)
}

async fn serve_one(stream: BoxedStream, acceptor: Option<TlsAcceptor>) -> Result<(), LoadError> {
    match acceptor {
        None => answer(stream).await,
        Some(acceptor) => {
            let stream = acceptor.accept(stream).await.map_err(|source| LoadError::io("accept TLS", source))?;
            answer(Box::new(stream)).await
        }
    }
}

/// Listens, prints `{"listening":"ADDRESS"}`, and serves until standard input ends.
pub(crate) async fn serve(options: &Options) -> Result<(), LoadError> {
    let config = options.tls.as_ref().map(tls::server_config).transpose()?;
    let acceptor = config.map(|config: Arc<_>| TlsAcceptor::from(config));
    let bind_failed = |source| LoadError::io("listen", source);
    let listener = options.endpoint.listen().map_err(bind_failed)?;
    report::listening(&listener.address().map_err(bind_failed)?);
    let mut stdin = Stdin::open();
    loop {
        tokio::select! {
            () = stdin.ended() => return Ok(()),
            accepted = listener.accept() => {
                let stream = accepted.map_err(|source| LoadError::io("accept", source))?;
                // A connection that fails shows at its caller, which counts it.
                tokio::spawn(serve_one(stream, acceptor.clone()));
            }
        }
    }
}
