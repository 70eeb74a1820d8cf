//! The other side of a tunnel: a program with the crates `spiffe` and `spiffe-rustls` that gets its SVIDs from a Workload
//! API and does mutual TLS with them. Its calls and what it prints are those of the peers in the other languages.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use spiffe::{JwtSvid, WorkloadApiClient, X509Source, X509SourceBuilder, X509Svid};
use spiffe_rustls::{authorizer, mtls_client, mtls_server};
use spiffe_rustls_tokio::{TlsAcceptor, TlsConnector};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "usage: peer COMMAND ADDRESS-OF-WORKLOAD-API HINT …
  dial  … PEER-ID HOST:PORT   send a line, print the answer
  serve … PEER-ID             print HOST:PORT, answer each line with the peer's ID and the line
  jwt   … AUDIENCE            fetch a token, validate it here and at the Workload API, print whose it is";

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(words: &[&str]) -> Outcome {
    match *words {
        ["dial", address, hint, peer, target] => dial(open(address, hint).await?, peer, target).await,
        ["serve", address, hint, peer] => serve(open(address, hint).await?, peer).await,
        ["jwt", address, hint, audience] => check_token(address, hint, audience).await,
        _ => Err(USAGE.into()),
    }
}

async fn open(address: &str, hint: &str) -> Outcome<X509Source> {
    let pick = ByHint(hint.to_owned());
    let source = X509SourceBuilder::new().endpoint(address).picker(pick).build();
    Ok(tokio::time::timeout(PATIENCE, source).await??)
}

struct ByHint(String);

impl spiffe::x509_source::SvidPicker for ByHint {
    fn pick_svid(&self, svids: &[Arc<X509Svid>]) -> Option<usize> {
        svids.iter().position(|svid| svid.hint() == Some(self.0.as_str()))
    }
}

async fn dial(source: X509Source, peer: &str, target: &str) -> Outcome {
    let config = mtls_client(source).authorize(authorizer::exact([peer])?).build()?;
    let connector = TlsConnector::new(Arc::new(config));
    // A name is sent whatever it is: the peer is verified by its SPIFFE ID.
    let (mut stream, _) = connector.connect_addr(target.parse()?, "lab.test".try_into()?).await?;
    stream.write_all(b"ping\n").await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    print!("{answer}");
    Ok(())
}

async fn serve(source: X509Source, peer: &str) -> Outcome {
    let config = mtls_server(source).authorize(authorizer::exact([peer])?).build()?;
    let acceptor = TlsAcceptor::new(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (connection, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok((stream, identity)) = acceptor.accept(connection).await else {
                return;
            };
            let peer = identity.spiffe_id().map(ToString::to_string).unwrap_or_default();
            // A connection that ends in the middle of a line is its peer's affair.
            let _ = answer_lines(stream, &peer).await;
        });
    }
}

async fn answer_lines(stream: impl AsyncRead + AsyncWrite, peer: &str) -> std::io::Result<()> {
    let (reading, mut writing) = tokio::io::split(stream);
    let mut lines = BufReader::new(reading).lines();
    while let Some(line) = lines.next_line().await? {
        writing.write_all(format!("{peer} {line}\n").as_bytes()).await?;
    }
    Ok(())
}

async fn check_token(address: &str, hint: &str, audience: &str) -> Outcome {
    let client = WorkloadApiClient::connect_to(address).await?;
    let svid = client.fetch_jwt_svid_by_hint([audience], None, hint).await?;
    let bundles = client.fetch_jwt_bundles().await?;
    let here = JwtSvid::parse_and_validate(svid.token(), &bundles, &[audience])?;
    let there = client.validate_jwt_token(audience, svid.token()).await?;
    println!("{} {}", here.spiffe_id(), there.spiffe_id());
    Ok(())
}
