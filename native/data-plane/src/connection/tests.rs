use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::crypto::aws_lc_rs::kx_group;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::audit::AuditRecord;
use crate::authorizer::{Authorizer, Verdict, VerdictFuture};
use crate::bundle_set::BundleSet;
use crate::endpoint::Endpoint;
use crate::identity::{Identity, IdentityKey};
use crate::listener::{Bound, ListenAddress};
use crate::outcome::Outcome;
use crate::snapshot::{ConnectionLimits, MinTlsVersion, Mode, Policy, Settings, Snapshot, TimeLimits, TlsSettings};
use crate::spiffe_id::SpiffeId;
use crate::tunnel::Tunnel;

const LEAF: &[u8] = include_bytes!("../../../../test/vectors/connection/leaf.pem");
const KEY: &[u8] = include_bytes!("../../../../test/vectors/connection/key.pem");
const AUTHORITY: &[u8] = include_bytes!("../../../../test/vectors/connection/authority.pem");
/// Far above what anything takes here.
const PATIENCE: Duration = Duration::from_secs(10);

/// Panics at its first questions and lets everybody in afterwards.
struct Panicking {
    first: usize,
    asked: AtomicUsize,
}

impl Authorizer for Panicking {
    fn authorize(&self, _: &SpiffeId, _: &[CertificateDer<'static>]) -> VerdictFuture {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(asked >= self.first, "the defect that this test is about");
        Box::pin(async { Ok(Verdict::Allowed) })
    }
}

fn settings(mode: Mode, target: SocketAddr) -> Settings {
    Settings {
        mode,
        target: Endpoint::Tcp { host: target.ip().to_string(), port: target.port() },
        tls: TlsSettings {
            alpn: Vec::new(),
            server_name: None,
            min_version: MinTlsVersion::Tls13,
            key_exchange: vec![kx_group::X25519],
        },
        times: TimeLimits {
            handshake: PATIENCE,
            connect: PATIENCE,
            close: PATIENCE,
            idle: None,
            lifetime: None,
            keepalive: None,
        },
        limits: ConnectionLimits { connections: 100, handshakes: 100 },
        close_on_expiry: false,
    }
}

async fn open(mode: Mode, target: SocketAddr, panics: usize) -> (Tunnel, SocketAddr) {
    let chain = vec![CertificateDer::from_pem_slice(LEAF).unwrap()];
    let key = PrivatePkcs8KeyDer::from_pem_slice(KEY).unwrap().secret_pkcs8_der().to_vec();
    let identity = Identity::prove(chain, IdentityKey::Pkcs8(key.into()), PATIENCE).await.unwrap();
    let authority = CertificateDer::from_pem_slice(AUTHORITY).unwrap().to_vec();
    let bundles = BundleSet::new([("example.org".to_owned(), vec![authority])]).unwrap();
    let policy = Policy::new(Arc::new(Panicking { first: panics, asked: AtomicUsize::new(0) }), false);
    let snapshot = Snapshot::first(settings(mode, target), Arc::new(identity), Arc::new(bundles), policy).unwrap();
    let bound = Bound::bind(ListenAddress::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
    let address = bound.address().parse().unwrap();
    (Tunnel::open(bound, snapshot, Handle::current()).unwrap(), address)
}

/// Sends back what it gets, to one connection after the other.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let mut received = [0; 5];
            if socket.read_exact(&mut received).is_ok() {
                socket.write_all(&received).unwrap();
            }
        }
    });
    address
}

async fn ask(address: SocketAddr) -> io::Result<Vec<u8>> {
    let asked = spawn_blocking(move || {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(b"hello")?;
        let mut answer = vec![0; 5];
        socket.read_exact(&mut answer)?;
        Ok(answer)
    });
    asked.await.unwrap()
}

async fn audited(tunnel: &Tunnel) -> AuditRecord {
    let audit = &tunnel.state().table().audit;
    timeout(PATIENCE, audit.added()).await.unwrap();
    audit.take().remove(0)
}

fn panics(tunnel: &Tunnel) -> u64 {
    let counters = &tunnel.state().table().counters;
    counters.outcomes().find(|(outcome, _)| *outcome == Outcome::Panicked).unwrap().1
}

/// That connection ends, as a cut and with nothing passed on; the next is served.
async fn ends_that_connection_alone(mode: Mode) {
    let (server, peer) = open(Mode::Server, echo(), usize::from(mode == Mode::Server)).await;
    let (client, address) = open(Mode::Client, peer, usize::from(mode == Mode::Client)).await;
    let panicking = if mode == Mode::Server { &server } else { &client };
    assert_eq!(ask(address).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let record = audited(panicking).await;
    assert_eq!((record.ending.outcome, record.allowed, record.bytes), (Outcome::Panicked, false, (0, 0)));
    assert_eq!(record.ending.reason, "a defect of the data plane ended this connection");
    assert_eq!(ask(address).await.unwrap(), b"hello");
    assert_eq!(panics(panicking), 1);
    timeout(PATIENCE, panicking.state().table().empty()).await.unwrap();
    timeout(PATIENCE, async { tokio::join!(client.close(), server.close()) }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_inside_a_connection_in_server_mode() {
    ends_that_connection_alone(Mode::Server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_inside_a_connection_in_client_mode() {
    ends_that_connection_alone(Mode::Client).await;
}

/// An identity has 32 places for handshakes; one that panics gives its own back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panics_use_up_no_places() {
    let (server, peer) = open(Mode::Server, echo(), 40).await;
    let (_client, address) = open(Mode::Client, peer, 0).await;
    for _ in 0..40 {
        ask(address).await.unwrap_err();
    }
    assert_eq!(ask(address).await.unwrap(), b"hello");
    assert_eq!(panics(&server), 40);
}
