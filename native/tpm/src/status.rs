//! What a TPM or its library answered, as one of a closed set.
#![forbid(unsafe_code)]

use std::fmt;

use tss_esapi::constants::response_code::Tss2ResponseCode;

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TpmErrorKind {
    /// Nothing answers, or the connection's state is no longer the TPM's: everything has to be opened anew.
    Lost,
    /// The operation took longer than it may.
    Timeout,
    /// There is more to do than the TPM can take.
    Busy,
    /// libtss2's plugin for this kind of connection is not installed.
    NoTransport,
    /// Another process uses this TPM, which has no resource manager.
    InUse,
    /// The owner hierarchy's authorization is wrong or missing.
    Authorization,
    /// The TPM refuses authorizations for a while (TPM 2.0 Part 1, 19.8).
    Lockout,
    /// The key was made by another TPM, or by this one before it was cleared.
    Foreign,
    /// The key's blob is not what the TPM made.
    Corrupt,
    /// The TPM cannot do this.
    NotSupported,
    /// What was given is not what the TPM takes.
    Invalid,
    /// No memory for another object or session.
    Memory,
    /// The TPM says that it is broken.
    Failure,
    Closed,
    /// Everything else.
    Other,
}

/// A failed operation; `code` is the TPM's or the library's own, when there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TpmError {
    pub kind: TpmErrorKind,
    pub code: Option<u32>,
    pub detail: String,
}

impl TpmError {
    #[must_use]
    pub fn new(kind: TpmErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, code: None, detail: detail.into() }
    }

    /// Whether the connection has to be opened anew before anything else is tried.
    #[must_use]
    pub fn poisons(&self) -> bool {
        matches!(self.kind, TpmErrorKind::Lost | TpmErrorKind::Failure)
    }
}

impl fmt::Display for TpmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{} ({code:#x})", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for TpmError {}

impl From<tss_esapi::Error> for TpmError {
    fn from(error: tss_esapi::Error) -> Self {
        match error {
            tss_esapi::Error::WrapperError(kind) => Self::new(TpmErrorKind::Invalid, kind.to_string()),
            tss_esapi::Error::Tss2Error(response) => match raw_code(response) {
                Some(code) => {
                    let (kind, detail) = classify(code);
                    Self { kind, code: Some(code), detail: detail.to_owned() }
                }
                None => Self::new(TpmErrorKind::Other, response.to_string()),
            },
        }
    }
}

/// The library keeps the number to itself and shows it only in its text.
fn raw_code(response: Tss2ResponseCode) -> Option<u32> {
    let text = match response {
        Tss2ResponseCode::Success => return None,
        Tss2ResponseCode::FormatZero(code) => code.to_string(),
        Tss2ResponseCode::FormatOne(code) => code.to_string(),
    };
    u32::from_str_radix(text.rsplit_once("0x")?.1, 16).ok()
}

const LAYER: u32 = 0xff_0000;
const TPM_LAYER: u32 = 0;
const RESOURCE_MANAGER_TPM_LAYER: u32 = 0xc_0000;
/// TSS2_BASE_RC_NOT_SUPPORTED of the TCTI layer: no plugin of that name.
const NO_TRANSPORT: u32 = 0xa_0015;

fn classify(code: u32) -> (TpmErrorKind, &'static str) {
    match code & LAYER {
        TPM_LAYER | RESOURCE_MANAGER_TPM_LAYER => classify_tpm(code & 0xffff),
        _ if code == NO_TRANSPORT => (TpmErrorKind::NoTransport, "libtss2 has no plugin for this kind of connection"),
        _ => (TpmErrorKind::Lost, "the TPM does not answer"),
    }
}

/// TPM 2.0 Part 2, 6.6: format-one codes have bit 7, and name a parameter, handle or session in bits 6 and 8 to 11.
fn classify_tpm(code: u32) -> (TpmErrorKind, &'static str) {
    if code & 0x80 != 0 { classify_format_one(code & 0x3f) } else { classify_format_zero(code) }
}

fn classify_format_one(number: u32) -> (TpmErrorKind, &'static str) {
    match number {
        0x0e | 0x22 => (TpmErrorKind::Authorization, "the authorization is wrong"),
        0x1f => (TpmErrorKind::Corrupt, "the key is not this TPM's, or was changed"),
        // HANDLE, NONCE, TICKET: somebody flushed what was ours, or the TPM was started anew.
        0x0b | 0x0f | 0x20 => (TpmErrorKind::Lost, "the TPM no longer has what was loaded"),
        // ASYMMETRIC, HASH, KEY_SIZE, MGF, MODE, TYPE, KDF, SCHEME, SYMMETRIC, CURVE
        0x01 | 0x03 | 0x07..=0x0a | 0x0c | 0x12 | 0x16 | 0x26 => {
            (TpmErrorKind::NotSupported, "the TPM does not support this")
        }
        // VALUE, RANGE, SIZE, KEY, BINDING, ECC_POINT
        0x04 | 0x0d | 0x15 | 0x1c | 0x25 | 0x27 => (TpmErrorKind::Invalid, "the TPM refuses what it was given"),
        _ => (TpmErrorKind::Other, "the TPM refused the command"),
    }
}

fn classify_format_zero(code: u32) -> (TpmErrorKind, &'static str) {
    match code {
        0x100 => (TpmErrorKind::Lost, "the TPM was not started"),
        0x101 => (TpmErrorKind::Failure, "the TPM is in failure mode"),
        0x902..=0x906 => (TpmErrorKind::Memory, "the TPM has no room for another object or session"),
        // CONTEXT_GAP, CANCELED, and a handle or session the command refers to that is gone
        0x901 | 0x909 | 0x910..=0x91e => (TpmErrorKind::Lost, "the TPM no longer has what was loaded"),
        0x921 => (TpmErrorKind::Lockout, "the TPM is locked after wrong authorizations"),
        // YIELDED, TESTING, NV_RATE, RETRY, NV_UNAVAILABLE: the library has tried several times already.
        0x908 | 0x90a | 0x920 | 0x922 | 0x923 => (TpmErrorKind::Busy, "the TPM asks to be tried again later"),
        // COMMAND_CODE
        0x143 => (TpmErrorKind::NotSupported, "the TPM does not have this command"),
        _ => (TpmErrorKind::Other, "the TPM refused the command"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_a_tpm_was_seen_to_give_mean_what_they_mean() {
        for (code, kind) in [
            (0xa_000a, TpmErrorKind::Lost),
            (0xa_0015, TpmErrorKind::NoTransport),
            (0x7_0007, TpmErrorKind::Lost),
            (0x98e, TpmErrorKind::Authorization),
            (0x9a2, TpmErrorKind::Authorization),
            (0x921, TpmErrorKind::Lockout),
            (0x1df, TpmErrorKind::Corrupt),
            (0x1d5, TpmErrorKind::Invalid),
            (0x902, TpmErrorKind::Memory),
            (0x100, TpmErrorKind::Lost),
            (0x101, TpmErrorKind::Failure),
            (0x910, TpmErrorKind::Lost),
            (0xc_0902, TpmErrorKind::Memory),
        ] {
            assert_eq!(classify(code).0, kind, "{code:#x}");
        }
    }
}
