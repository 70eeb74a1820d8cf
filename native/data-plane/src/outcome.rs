//! How a connection ended: a closed set, each with the word that statistics, audit and metrics use.
#![forbid(unsafe_code)]

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)+) => {
        /// How a connection ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Outcome { $($(#[$doc])* $variant,)+ }

        impl Outcome {
            /// Every outcome, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word for logs and metrics.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

outcomes! {
    /// Both sides closed in order.
    Completed = "completed";
    /// The peer's bytes ended without close_notify: something may be missing.
    Truncated = "truncated";
    /// The peer showed no certificate.
    NoCertificate = "no_certificate";
    /// The first bytes were not TLS.
    NotTls = "not_tls";
    /// No protocol version in common.
    TlsVersion = "tls_version";
    /// The peer's certificate breaks a rule of the X509-SVID standard.
    X509SvidInvalid = "x509_svid_invalid";
    /// No path to an authority of the peer's own trust domain.
    Untrusted = "untrusted";
    /// The peer's chain is expired or not yet valid.
    Expired = "expired";
    /// The authorizer said no.
    Denied = "denied";
    /// The authorizer threw, was too slow, or gave something that is no verdict.
    AuthorizerFailed = "authorizer_failed";
    /// The signer of our own key refused, was too slow, or gave something that is no signature.
    SignerFailed = "signer_failed";
    /// The handshake took longer than its time limit.
    HandshakeTimeout = "handshake_timeout";
    /// The handshake broke for another reason.
    HandshakeFailed = "handshake_failed";
    /// The peer refused us with an alert.
    RefusedByPeer = "refused_by_peer";
    /// The target could not be reached.
    TargetUnreachable = "target_unreachable";
    /// The target did not answer within the time limit.
    TargetTimeout = "target_timeout";
    /// The connection to the peer broke.
    PeerReset = "peer_reset";
    /// The connection on the plaintext side broke.
    TargetReset = "target_reset";
    /// No byte in either direction for the idle time limit.
    IdleTimeout = "idle_timeout";
    /// Older than the longest lifetime.
    Lifetime = "lifetime";
    /// Half closed, and silent for the closing time limit.
    CloseTimeout = "close_timeout";
    /// Judged again after a change of bundles or policy, and no longer trusted or allowed.
    Revoked = "revoked";
    /// The tunnel changed between handshake and admission, and the peer is not admitted as it now is.
    GenerationChanged = "generation_changed";
    /// The peer's SVID expired while connected, and the tunnel closes such connections.
    SvidExpired = "svid_expired";
    /// The tunnel itself has no valid SVID or no bundle.
    NoValidSvid = "no_valid_svid";
    /// As many connections as are allowed.
    Limit = "limit";
    /// A unix client whose uid is not on the list, or of another process where only the own one may connect.
    UidRefused = "uid_refused";
    /// Cut at the end of a drain.
    Drained = "drained";
    /// The tunnel was closed.
    Closed = "closed";
    /// A defect of the data plane ended this connection.
    Panicked = "panicked";
}

impl Outcome {
    /// Whether this takes back that the peer had been let in.
    #[must_use]
    pub fn withdraws_admission(self) -> bool {
        matches!(self, Self::RefusedByPeer | Self::Revoked | Self::GenerationChanged | Self::Panicked)
    }
}

/// An outcome and the sentence that explains it; the sentence is bounded and free of control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub outcome: Outcome,
    pub reason: String,
}

impl Ending {
    #[must_use]
    pub fn new(outcome: Outcome, reason: impl AsRef<str>) -> Self {
        Self { outcome, reason: printable(reason.as_ref()) }
    }
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, reason: String::new() }
    }
}

const MAX_REASON_CHARS: usize = 256;

/// Makes text that a peer may have chosen safe for one line of a log: printable ASCII stays, all else is escaped.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars().take(MAX_REASON_CHARS) {
        match character {
            '\\' => escaped.push_str("\\\\"),
            ' '..='~' => escaped.push(character),
            _ => escaped.extend(character.escape_default()),
        }
    }
    if text.chars().nth(MAX_REASON_CHARS).is_some() {
        escaped.push_str("...");
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_bounded_line_of_printable_ascii() {
        assert_eq!(printable("it's \"fine\""), "it's \"fine\"");
        assert_eq!(printable("a\r\nb\u{1b}[0m\u{202e}\\"), "a\\r\\nb\\u{1b}[0m\\u{202e}\\\\");
        let long = printable(&"ü".repeat(10_000));
        assert!(long.len() <= MAX_REASON_CHARS * "\\u{10ffff}".len() + 3);
        assert!(long.ends_with("..."));
    }

    #[test]
    fn every_outcome_has_a_name_of_its_own() {
        let mut names: Vec<_> = Outcome::ALL.iter().map(|outcome| outcome.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Outcome::ALL.len());
        assert!(Outcome::ALL.iter().enumerate().all(|(index, outcome)| *outcome as usize == index));
    }
}
