//! Everything a handshake needs, swapped whole: old or new, never mixed.
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::SupportedKxGroup;
use rustls::pki_types::UnixTime;

use crate::authorizer::Authorizer;
use crate::bundle_set::BundleSet;
use crate::endpoint::Endpoint;
use crate::identity::Identity;
use crate::tls_config::TlsConfig;
use crate::verdict_cache::VerdictCache;

/// Which side of a tunnel speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Plaintext in, mutual TLS out.
    Client,
    /// Mutual TLS in, plaintext out.
    Server,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinTlsVersion {
    Tls12,
    Tls13,
}

/// How TLS is spoken.
#[derive(Clone)]
pub struct TlsSettings {
    pub alpn: Vec<Vec<u8>>,
    /// Sent as SNI in client mode. It takes no part in verification.
    pub server_name: Option<String>,
    pub min_version: MinTlsVersion,
    /// In order of preference.
    pub key_exchange: Vec<&'static dyn SupportedKxGroup>,
}

/// Time limits; `None` is off.
#[derive(Clone, Debug)]
pub struct TimeLimits {
    pub handshake: Duration,
    pub connect: Duration,
    /// From the last byte after the first half was closed.
    pub close: Duration,
    pub idle: Option<Duration>,
    pub lifetime: Option<Duration>,
    pub keepalive: Option<Duration>,
}

/// How many connections a tunnel holds.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    pub connections: usize,
    pub handshakes: usize,
}

/// What an operator set for a tunnel.
#[derive(Clone)]
pub struct Settings {
    pub mode: Mode,
    pub target: Endpoint,
    pub tls: TlsSettings,
    pub times: TimeLimits,
    pub limits: ConnectionLimits,
    /// Close connections whose peer's SVID expires.
    pub close_on_expiry: bool,
}

/// An authorizer and the verdicts it has given.
pub struct Policy {
    pub authorizer: Arc<dyn Authorizer>,
    pub reads_chain: bool,
    pub verdicts: VerdictCache,
}

impl Policy {
    #[must_use]
    pub fn new(authorizer: Arc<dyn Authorizer>, reads_chain: bool) -> Self {
        Self { authorizer, reads_chain, verdicts: VerdictCache::default() }
    }
}

/// The state of a tunnel at one moment.
pub struct Snapshot {
    pub generation: u64,
    pub settings: Arc<Settings>,
    pub identity: Arc<Identity>,
    pub bundles: Arc<BundleSet>,
    pub policy: Arc<Policy>,
    /// Finished once: building one per connection would cost memory and time.
    pub tls: TlsConfig,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot(generation {}, {:?})", self.generation, self.identity)
    }
}

/// The parts of a snapshot that may be replaced; what is `None` stays.
#[derive(Default)]
pub struct Change {
    pub settings: Option<Settings>,
    pub identity: Option<Arc<Identity>>,
    pub bundles: Option<Arc<BundleSet>>,
    pub policy: Option<Policy>,
}

impl Snapshot {
    /// The first snapshot of a tunnel, generation 1.
    ///
    /// # Errors
    /// When rustls refuses the settings.
    pub fn first(
        settings: Settings,
        identity: Arc<Identity>,
        bundles: Arc<BundleSet>,
        policy: Policy,
    ) -> Result<Self, rustls::Error> {
        let tls = TlsConfig::new(&settings)?;
        Ok(Self { generation: 1, settings: Arc::new(settings), identity, bundles, policy: Arc::new(policy), tls })
    }

    /// The next snapshot. What a change leaves out is shared with this one.
    ///
    /// # Errors
    /// When rustls refuses the settings; nothing has changed then.
    pub fn next(&self, change: Change) -> Result<Self, rustls::Error> {
        let (settings, tls) = match change.settings {
            Some(settings) => {
                let tls = TlsConfig::new(&settings)?;
                (Arc::new(settings), tls)
            }
            None => (Arc::clone(&self.settings), self.tls.clone()),
        };
        Ok(Self {
            generation: self.generation + 1,
            settings,
            identity: change.identity.unwrap_or_else(|| Arc::clone(&self.identity)),
            bundles: match change.bundles {
                Some(bundles) if !bundles.is_same_as(&self.bundles) => bundles,
                Some(_) | None => Arc::clone(&self.bundles),
            },
            policy: change.policy.map_or_else(|| Arc::clone(&self.policy), Arc::new),
            tls,
        })
    }

    /// Whether a handshake can be attempted: a valid SVID of our own, and somebody to trust.
    #[must_use]
    pub fn can_serve(&self, time: UnixTime) -> bool {
        self.identity.valid_at(time) && self.bundles.trust_domains().next().is_some()
    }

    /// Whether both judge peers alike: the same bundles and the same policy.
    #[must_use]
    pub fn judges_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bundles, &other.bundles) && Arc::ptr_eq(&self.policy, &other.policy)
    }
}
