//! Settings as JavaScript writes them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use napi_derive::napi;

use super::error::{NativeError, invalid};
use crate::endpoint::Endpoint;
use crate::listener::ListenAddress;
use crate::snapshot::{ConnectionLimits, MinTlsVersion, Mode, Settings, TimeLimits, TlsSettings};
use crate::tls_config::key_exchange_group;
use crate::unix_path::UnixOptions;

#[napi(string_enum = "lowercase")]
pub enum BindingMode {
    Client,
    Server,
}

/// `path` alone, or `host` and `port`.
#[napi(object)]
pub struct BindingEndpoint {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub path: Option<String>,
}

/// Who may connect to a unix listener.
#[napi(object)]
pub struct BindingUnixOptions {
    pub mode: u32,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub allow_uids: Option<Vec<u32>>,
    pub own_process: Option<bool>,
}

/// How a tunnel works. 0 ms is off where a limit can be off.
#[napi(object)]
pub struct BindingSettings {
    pub mode: BindingMode,
    pub target: BindingEndpoint,
    pub alpn: Vec<String>,
    pub server_name: String,
    pub min_tls_version: String,
    pub key_exchange: Vec<String>,
    pub handshake_timeout_ms: f64,
    pub connect_timeout_ms: f64,
    pub close_timeout_ms: f64,
    pub idle_timeout_ms: f64,
    pub max_connection_lifetime_ms: f64,
    pub max_connections: u32,
    pub max_handshakes: u32,
    pub keepalive_ms: f64,
    pub close_on_expiry: bool,
}

impl TryFrom<BindingSettings> for Settings {
    type Error = NativeError;

    fn try_from(settings: BindingSettings) -> Result<Self, NativeError> {
        Ok(Self {
            times: times(&settings)?,
            mode: match settings.mode {
                BindingMode::Client => Mode::Client,
                BindingMode::Server => Mode::Server,
            },
            target: endpoint(settings.target)?,
            limits: ConnectionLimits {
                connections: usize::try_from(settings.max_connections).unwrap_or(usize::MAX),
                handshakes: usize::try_from(settings.max_handshakes).unwrap_or(usize::MAX),
            },
            tls: tls(settings.alpn, settings.server_name, &settings.min_tls_version, &settings.key_exchange)?,
            close_on_expiry: settings.close_on_expiry,
        })
    }
}

fn times(settings: &BindingSettings) -> Result<TimeLimits, NativeError> {
    Ok(TimeLimits {
        handshake: duration(settings.handshake_timeout_ms)?,
        connect: duration(settings.connect_timeout_ms)?,
        close: duration(settings.close_timeout_ms)?,
        idle: optional(settings.idle_timeout_ms)?,
        lifetime: optional(settings.max_connection_lifetime_ms)?,
        keepalive: optional(settings.keepalive_ms)?,
    })
}

/// Milliseconds as JavaScript counts them.
///
/// # Errors
/// When it is no duration.
pub fn duration(milliseconds: f64) -> Result<Duration, NativeError> {
    Duration::try_from_secs_f64(milliseconds / 1000.0).map_err(|_| invalid("a duration is negative or not a number"))
}

fn optional(milliseconds: f64) -> Result<Option<Duration>, NativeError> {
    duration(milliseconds).map(|limit| (!limit.is_zero()).then_some(limit))
}

fn tls(
    alpn: Vec<String>,
    server_name: String,
    min_version: &str,
    key_exchange: &[String],
) -> Result<TlsSettings, NativeError> {
    let groups: Option<Vec<_>> = key_exchange.iter().map(|name| key_exchange_group(name)).collect();
    let key_exchange = groups.filter(|groups| !groups.is_empty());
    Ok(TlsSettings {
        alpn: alpn.into_iter().map(String::into_bytes).collect(),
        server_name: (!server_name.is_empty()).then_some(server_name),
        min_version: match min_version {
            "1.2" => MinTlsVersion::Tls12,
            "1.3" => MinTlsVersion::Tls13,
            _ => return Err(invalid("minTlsVersion is neither 1.2 nor 1.3")),
        },
        key_exchange: key_exchange.ok_or_else(|| invalid("keyExchange is empty or names an unknown group"))?,
    })
}

fn endpoint(endpoint: BindingEndpoint) -> Result<Endpoint, NativeError> {
    match endpoint {
        BindingEndpoint { path: Some(path), host: None, port: None } => Ok(Endpoint::Unix(PathBuf::from(path))),
        BindingEndpoint { path: None, host: Some(host), port: Some(port) } => Ok(Endpoint::Tcp { host, port }),
        _ => Err(invalid("an endpoint is a path, or a host and a port")),
    }
}

/// An address to listen on: an IP literal or `localhost`, or a path.
///
/// # Errors
/// When it is neither.
pub fn listen_address(
    endpoint: BindingEndpoint,
    options: Option<BindingUnixOptions>,
) -> Result<ListenAddress, NativeError> {
    match (endpoint, options) {
        (BindingEndpoint { path: Some(path), host: None, port: None }, Some(options)) => {
            Ok(ListenAddress::Unix(PathBuf::from(path), options.into()))
        }
        (BindingEndpoint { path: None, host: Some(host), port: Some(port) }, None) => {
            let ip = match host.as_str() {
                "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                literal => literal.parse(),
            };
            let ip = ip.map_err(|_| invalid("a listener's host is an IP address or localhost"))?;
            Ok(ListenAddress::Tcp(SocketAddr::new(ip, port)))
        }
        _ => Err(invalid("a listener is a path with options, or a host and a port")),
    }
}

impl From<BindingUnixOptions> for UnixOptions {
    fn from(options: BindingUnixOptions) -> Self {
        Self {
            mode: options.mode,
            owner: options.uid,
            group: options.gid,
            allow_uids: options.allow_uids,
            own_process: options.own_process == Some(true),
        }
    }
}
