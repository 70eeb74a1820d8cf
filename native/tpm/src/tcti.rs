//! The connection to a TPM, and whether others share it.
#![forbid(unsafe_code)]

use std::str::FromStr;

use tss_esapi::tcti_ldr::TctiNameConf;

use crate::status::{TpmError, TpmErrorKind};

/// A connection as the operator names it: `device:/dev/tpmrm0`, `swtpm:host=127.0.0.1,port=2321`, `tabrmd`.
#[derive(Clone, Debug)]
pub struct Tcti {
    text: String,
    name: TctiNameConf,
}

/// Who else may be speaking with the TPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// A resource manager keeps its clients apart, and drops what they leave.
    Managed,
    /// The kernel lets one process open the device.
    KernelExclusive,
    /// Nothing keeps a second process away.
    Unguarded,
}

impl Tcti {
    /// # Errors
    /// `Invalid` for a text that names no connection.
    pub fn parse(text: &str) -> Result<Self, TpmError> {
        let name = TctiNameConf::from_str(text)
            .map_err(|_| TpmError::new(TpmErrorKind::Invalid, "there is no such connection to a TPM"))?;
        Ok(Self { text: text.to_owned(), name })
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn name(&self) -> TctiNameConf {
        self.name.clone()
    }

    #[must_use]
    pub fn sharing(&self) -> Sharing {
        match self.name {
            TctiNameConf::Tabrmd(_) => Sharing::Managed,
            TctiNameConf::Device(_) if self.text.contains("/tpmrm") => Sharing::Managed,
            TctiNameConf::Device(_) => Sharing::KernelExclusive,
            TctiNameConf::Swtpm(_) | TctiNameConf::Mssim(_) => Sharing::Unguarded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_resource_manager_keeps_clients_apart() {
        for (text, sharing) in [
            ("device:/dev/tpmrm0", Sharing::Managed),
            ("tabrmd", Sharing::Managed),
            ("device:/dev/tpm0", Sharing::KernelExclusive),
            ("swtpm:host=127.0.0.1,port=2321", Sharing::Unguarded),
        ] {
            assert_eq!(Tcti::parse(text).unwrap().sharing(), sharing, "{text}");
        }
    }
}
