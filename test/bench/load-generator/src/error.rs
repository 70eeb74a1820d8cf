//! What can go wrong in a measurement; each ends it, or is counted as a failed connection.

use std::fmt;
use std::io;

/// Why a measurement, or one connection of it, failed.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The command line does not make sense.
    Usage(String),
    /// A socket or file operation failed.
    Io {
        /// What was being done.
        what: String,
        /// The system's own error.
        source: io::Error,
    },
    /// Certificates or keys that rustls does not take.
    Tls(rustls::Error),
    /// A certificate or key file that is not what it should be.
    Material(String),
    /// The other side answered something else than it was asked for.
    WrongAnswer,
}

impl LoadError {
    /// An I/O error together with what was being done.
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Material(text) => formatter.write_str(text),
            Self::Io { what, source } => write!(formatter, "{what}: {source}"),
            Self::Tls(source) => write!(formatter, "TLS: {source}"),
            Self::WrongAnswer => formatter.write_str("the answer is not what was asked for"),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Tls(source) => Some(source),
            Self::Usage(_) | Self::Material(_) | Self::WrongAnswer => None,
        }
    }
}

impl From<rustls::Error> for LoadError {
    fn from(source: rustls::Error) -> Self {
        Self::Tls(source)
    }
}
