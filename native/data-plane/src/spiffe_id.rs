//! SPIFFE IDs by the exact rules of SPIFFE-ID section 2. No URL parser takes part: those lower-case hosts and resolve
//! `..`, so that two different texts would become one identity.
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;

const SCHEME: &str = "spiffe://";
/// SPIFFE-ID section 2.3: implementations must support this many bytes and should not make more.
const MAX_ID_BYTES: usize = 2048;
/// SPIFFE-ID section 2.3, after the length of a host in RFC 3986.
const MAX_TRUST_DOMAIN_BYTES: usize = 255;

/// A SPIFFE ID that keeps every rule of SPIFFE-ID section 2; with or without a path. Cheap to clone.
#[derive(Clone, Eq)]
pub struct SpiffeId {
    id: Arc<str>,
    trust_domain_end: usize,
}

impl SpiffeId {
    /// Parses `spiffe://trust-domain[/path]`, exactly: no case is folded, nothing is decoded or resolved.
    ///
    /// # Errors
    /// The first rule of SPIFFE-ID section 2 that the text breaks.
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        if text.len() > MAX_ID_BYTES {
            return Err(SpiffeIdError::TooLong);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(SpiffeIdError::Scheme)?;
        let (trust_domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        validate_trust_domain(trust_domain)?;
        validate_path(path)?;
        Ok(Self { id: Arc::from(text), trust_domain_end: SCHEME.len() + trust_domain.len() })
    }

    /// The trust domain's name, without the scheme.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        self.id.get(SCHEME.len()..self.trust_domain_end).unwrap_or_default()
    }

    /// The path with its leading slash; empty for the ID of a trust domain.
    #[must_use]
    pub fn path(&self) -> &str {
        self.id.get(self.trust_domain_end..).unwrap_or_default()
    }

    /// The whole ID, in the one form it has.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.id
    }
}

impl PartialEq for SpiffeId {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl std::hash::Hash for SpiffeId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpiffeId({})", self.id)
    }
}

/// The rule of SPIFFE-ID section 2 that a text breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpiffeIdError {
    /// More than 2048 bytes (2.3).
    TooLong,
    /// Not `spiffe://` in lower case (2).
    Scheme,
    /// Nothing between the scheme and the path (2.1).
    TrustDomainMissing,
    /// More than 255 bytes of trust domain (2.3).
    TrustDomainTooLong,
    /// Upper case, a port, user information, percent-encoding, IPv6, a query, or another character (2.1).
    TrustDomainCharacter,
    /// A slash at the end (2.2).
    TrailingSlash,
    /// Two slashes in a row (2.2).
    EmptySegment,
    /// A segment `.` or `..` (2.2).
    DotSegment,
    /// Percent-encoding, a query, a fragment, or another character (2.2).
    PathCharacter,
}

impl fmt::Display for SpiffeIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "it is longer than 2048 bytes",
            Self::Scheme => "it does not begin with spiffe://",
            Self::TrustDomainMissing => "it has no trust domain",
            Self::TrustDomainTooLong => "its trust domain is longer than 255 bytes",
            Self::TrustDomainCharacter => "a trust domain holds only a-z, 0-9, '.', '-' and '_'",
            Self::TrailingSlash => "it ends with a slash",
            Self::EmptySegment => "its path has an empty segment",
            Self::DotSegment => "its path has a segment that is '.' or '..'",
            Self::PathCharacter => "a path segment holds only a-z, A-Z, 0-9, '.', '-' and '_'",
        })
    }
}

impl std::error::Error for SpiffeIdError {}

/// Checks the name of a trust domain alone (SPIFFE-ID section 2.1). It need be neither a DNS name nor an address.
///
/// # Errors
/// The first rule that the name breaks.
pub fn validate_trust_domain(name: &str) -> Result<(), SpiffeIdError> {
    if name.is_empty() {
        return Err(SpiffeIdError::TrustDomainMissing);
    }
    if name.len() > MAX_TRUST_DOMAIN_BYTES {
        return Err(SpiffeIdError::TrustDomainTooLong);
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    if name.bytes().all(allowed) { Ok(()) } else { Err(SpiffeIdError::TrustDomainCharacter) }
}

fn validate_path(path: &str) -> Result<(), SpiffeIdError> {
    let Some(segments) = path.strip_prefix('/') else { return Ok(()) };
    if segments.is_empty() || segments.ends_with('/') {
        return Err(SpiffeIdError::TrailingSlash);
    }
    segments.split('/').try_for_each(validate_segment)
}

fn validate_segment(segment: &str) -> Result<(), SpiffeIdError> {
    match segment {
        "" => return Err(SpiffeIdError::EmptySegment),
        "." | ".." => return Err(SpiffeIdError::DotSegment),
        _ => {}
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if segment.bytes().all(allowed) { Ok(()) } else { Err(SpiffeIdError::PathCharacter) }
}

#[cfg(test)]
mod tests;
