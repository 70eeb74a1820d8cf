//! The command line: a mode, then `--name value` pairs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::error::LoadError;

const USAGE: &str = "usage: svidecar-load backend --listen ADDRESS [TLS]
       svidecar-load handshakes --connect ADDRESS [--callers N] [--count N | --seconds N] [TLS]
       svidecar-load upload|download --connect ADDRESS [--callers N] [--bytes PER-CALLER] [TLS]
       svidecar-load roundtrips --connect ADDRESS [--callers N] [--count N | --seconds N] [TLS]
       svidecar-load idle --connect ADDRESS [--stages N,N,…] [--bytes EACH-WAY] [TLS]
ADDRESS is HOST:PORT or unix:PATH; TLS is --cert FILE --key FILE --ca FILE [--key-exchange X25519|X25519MLKEM768]
and, to be another peer for each connection, [--identities FILE, leaves over the one key, [--first-identity N]]";

/// What to be: the backend, or callers doing one kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Backend,
    Handshakes,
    Upload,
    Download,
    Roundtrips,
    Idle,
}

impl Mode {
    /// The word on the command line and in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Handshakes => "handshakes",
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Roundtrips => "roundtrips",
            Self::Idle => "idle",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Backend, Self::Handshakes, Self::Upload, Self::Download, Self::Roundtrips, Self::Idle]
            .into_iter()
            .find(|mode| mode.name() == word)
    }
}

/// Certificate files, PEM; their presence turns TLS on.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) ca: PathBuf,
    pub(crate) key_exchange: String,
    /// Leaves to present in turn instead of `cert`.
    pub(crate) identities: Option<PathBuf>,
    pub(crate) first_identity: usize,
}

/// The whole command line.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) endpoint: Endpoint,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) callers: usize,
    /// Connections or round trips in all; given up at `duration` when that comes first.
    pub(crate) count: u64,
    pub(crate) duration: Option<Duration>,
    pub(crate) bytes: u64,
    pub(crate) stages: Vec<usize>,
}

struct Flags(HashMap<String, String>);

impl Flags {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, LoadError> {
        let mut flags = HashMap::new();
        while let Some(flag) = arguments.next() {
            let name = flag.strip_prefix("--").ok_or_else(|| usage(&flag))?;
            let value = arguments.next().ok_or_else(|| usage(&flag))?;
            flags.insert(name.to_owned(), value);
        }
        Ok(Self(flags))
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn required(&mut self, name: &str) -> Result<String, LoadError> {
        self.text(name).ok_or_else(|| LoadError::Usage(format!("--{name} is missing\n{USAGE}")))
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, LoadError> {
        self.text(name).map(|value| value.parse().map_err(|_| usage(&value))).transpose()
    }

    fn tls(&mut self) -> Result<Option<TlsFiles>, LoadError> {
        let Some(cert) = self.text("cert") else {
            return Ok(None);
        };
        Ok(Some(TlsFiles {
            cert: cert.into(),
            key: self.required("key")?.into(),
            ca: self.required("ca")?.into(),
            key_exchange: self.text("key-exchange").unwrap_or_else(|| "X25519".to_owned()),
            identities: self.text("identities").map(PathBuf::from),
            first_identity: self.number("first-identity")?.unwrap_or(0) as usize,
        }))
    }

    fn stages(&mut self) -> Result<Vec<usize>, LoadError> {
        let text = self.text("stages").unwrap_or_else(|| "1000,9000".to_owned());
        text.split(',').map(|stage| stage.parse().map_err(|_| usage(&text))).collect()
    }

    fn end(self) -> Result<(), LoadError> {
        self.0.into_keys().next().map_or(Ok(()), |name| Err(usage(&name)))
    }
}

fn usage(word: &str) -> LoadError {
    LoadError::Usage(format!("cannot use \"{word}\"\n{USAGE}"))
}

impl Options {
    /// Reads the words after the program's name.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, LoadError> {
        let word = arguments.next().unwrap_or_default();
        let mode = Mode::parse(&word).ok_or_else(|| usage(&word))?;
        let mut flags = Flags::parse(arguments)?;
        let address = flags.required(if mode == Mode::Backend { "listen" } else { "connect" })?;
        let seconds = flags.number("seconds")?;
        let count = flags.number("count")?;
        let options = Self {
            mode,
            endpoint: Endpoint::parse(&address)?,
            tls: flags.tls()?,
            callers: flags.number("callers")?.map_or(1, |callers| callers.max(1) as usize),
            count: count.unwrap_or(if seconds.is_some() { u64::MAX } else { 1_000 }),
            duration: seconds.map(Duration::from_secs),
            bytes: flags.number("bytes")?.unwrap_or(1 << 20),
            stages: flags.stages()?,
        };
        flags.end()?;
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, LoadError> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_mode_and_its_flags_are_read() {
        let options = parse("handshakes --connect 127.0.0.1:1 --callers 8 --count 50").unwrap();
        assert_eq!((options.mode, options.callers, options.count), (Mode::Handshakes, 8, 50));
        assert!(options.tls.is_none());
    }

    #[test]
    fn an_unknown_flag_or_mode_is_refused() {
        assert!(parse("handshakes --connect 127.0.0.1:1 --colour red").is_err());
        assert!(parse("juggle --connect 127.0.0.1:1").is_err());
    }

    #[test]
    fn identities_are_presented_from_the_first_one_unless_another_is_named() {
        let tls = |line| parse(&format!("handshakes --connect unix:/x --cert c --key k --ca a {line}")).unwrap().tls;
        let first = |line| tls(line).map(|files| (files.identities, files.first_identity));
        assert_eq!(first(""), Some((None, 0)));
        assert_eq!(first("--identities many --first-identity 7"), Some((Some("many".into()), 7)));
    }

    #[test]
    fn seconds_without_a_count_bound_the_work_by_time_alone() {
        let options = parse("roundtrips --connect unix:/x --seconds 2").unwrap();
        assert_eq!((options.count, options.duration), (u64::MAX, Some(Duration::from_secs(2))));
    }
}
