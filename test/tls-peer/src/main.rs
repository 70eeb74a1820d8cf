//! One TLS 1.3 connection with a chain and a key that need not belong together, as client or as server, and one line
//! of JSON that says how it ended: `{"alert":51}`, `{"received":"…"}` or `{"error":"…"}`.
//!
//! `svidecar-tls-peer client ADDRESS CHAIN.pem KEY.pem [SEGMENT]`: at most SEGMENT bytes leave at a time.
//! `svidecar-tls-peer server ADDRESS CHAIN.pem KEY.pem`: prints `{"port":N}` first. An empty CHAIN sends no certificate.
#![forbid(unsafe_code)]

mod config;
mod segments;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ConnectionCommon, ServerConnection, SideData};

use crate::config::Material;
use crate::segments::Segments;

/// No test waits longer.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// What is sent as soon as the handshake is done on this side.
const GREETING: &[u8] = b"hello from the peer";

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match arguments.as_slice() {
        ["client", address, chain, key, rest @ ..] => run_client(address, chain, key, rest.first().copied()),
        ["server", address, chain, key] => run_server(address, chain, key),
        _ => Err("usage: svidecar-tls-peer client|server ADDRESS CHAIN KEY [SEGMENT]".into()),
    };
    match ended {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run_client(address: &str, chain: &str, key: &str, segment: Option<&str>) -> Result<String, Failure> {
    let segment = segment.map_or(Ok(usize::MAX), str::parse)?;
    let config = config::client(Material::load(chain, key)?)?;
    let mut tls = ClientConnection::new(Arc::new(config), ServerName::try_from("peer.invalid")?)?;
    let socket = prepare(TcpStream::connect(address)?)?;
    Ok(describe(&talk(&mut tls, &mut Segments::new(socket, segment))))
}

fn run_server(address: &str, chain: &str, key: &str) -> Result<String, Failure> {
    let config = config::server(Material::load(chain, key)?)?;
    let listener = TcpListener::bind(address)?;
    println!("{{\"port\":{}}}", listener.local_addr()?.port());
    let mut tls = ServerConnection::new(Arc::new(config))?;
    let (socket, _) = listener.accept()?;
    Ok(describe(&talk(&mut tls, &mut Segments::new(prepare(socket)?, usize::MAX))))
}

fn prepare(socket: TcpStream) -> io::Result<TcpStream> {
    socket.set_read_timeout(Some(TIME_LIMIT))?;
    socket.set_write_timeout(Some(TIME_LIMIT))?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Shakes hands, greets, and reads until something comes back or the connection ends.
fn talk<S: SideData>(tls: &mut ConnectionCommon<S>, socket: &mut Segments) -> io::Result<Vec<u8>> {
    while tls.is_handshaking() {
        tls.complete_io(socket)?;
    }
    tls.writer().write_all(GREETING)?;
    // A peer that has refused us already may have closed; its alert is still to be read.
    let _ = tls.write_tls(socket);
    let mut received = vec![0; 1024];
    loop {
        match tls.reader().read(&mut received) {
            Ok(count) => {
                received.truncate(count);
                return Ok(received);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tls.complete_io(socket)?;
            }
            Err(error) => return Err(error),
        }
    }
}

fn describe(ended: &io::Result<Vec<u8>>) -> String {
    match ended {
        Ok(received) => format!("{{\"received\":\"{}\"}}", received.escape_ascii()),
        Err(error) => match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::AlertReceived(alert)) => format!("{{\"alert\":{}}}", u8::from(*alert)),
            _ => format!("{{\"error\":\"{}\"}}", error.to_string().escape_default()),
        },
    }
}
