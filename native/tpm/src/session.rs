//! How commands are authorized.
#![forbid(unsafe_code)]

use tss_esapi::Context;
use tss_esapi::attributes::SessionAttributesBuilder;
use tss_esapi::constants::SessionType;
use tss_esapi::handles::KeyHandle;
use tss_esapi::interface_types::algorithm::HashingAlgorithm;
use tss_esapi::interface_types::session_handles::AuthSession;
use tss_esapi::structures::SymmetricDefinition;

use crate::status::{TpmError, TpmErrorKind};

/// What protects the way to the TPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// Nothing: authorizations are sent as they are. For a TPM in software on this machine.
    Password,
    /// An HMAC over each command and answer, the first parameter of each encrypted; the key is salted, so that who
    /// listens on the bus learns nothing (TPM 2.0 Part 1, 19.6 and 21).
    SaltedHmac,
}

/// The session a connection's commands share.
#[derive(Clone, Copy, Debug)]
pub struct Session(AuthSession);

impl Session {
    pub const PASSWORD: Self = Self(AuthSession::Password);

    /// # Errors
    /// When the TPM refuses it.
    pub fn salted(context: &mut Context, salt_key: KeyHandle) -> Result<Self, TpmError> {
        let session = context
            .execute_without_session(|context| {
                context.start_auth_session(
                    Some(salt_key),
                    None,
                    None,
                    SessionType::Hmac,
                    SymmetricDefinition::AES_128_CFB,
                    HashingAlgorithm::Sha256,
                )
            })?
            .ok_or_else(|| TpmError::new(TpmErrorKind::Other, "the TPM gave no session"))?;
        let (attributes, mask) =
            SessionAttributesBuilder::new().with_continue_session(true).with_decrypt(true).with_encrypt(true).build();
        context.tr_sess_set_attributes(session, attributes, mask)?;
        Ok(Self(session))
    }

    /// Runs a command that needs an authorization.
    ///
    /// # Errors
    /// The command's.
    pub fn authorize<T>(
        self,
        context: &mut Context,
        command: impl FnOnce(&mut Context) -> tss_esapi::Result<T>,
    ) -> Result<T, TpmError> {
        Ok(context.execute_with_session(Some(self.0), command)?)
    }

    /// Runs a command that needs none. A password session must not go with it (TPM_RC_ATTRIBUTES).
    ///
    /// # Errors
    /// The command's.
    pub fn protect<T>(
        self,
        context: &mut Context,
        command: impl FnOnce(&mut Context) -> tss_esapi::Result<T>,
    ) -> Result<T, TpmError> {
        let session = match self.0 {
            AuthSession::Password => None,
            session => Some(session),
        };
        Ok(context.execute_with_session(session, command)?)
    }

    #[must_use]
    pub fn handle(self) -> Option<tss_esapi::handles::SessionHandle> {
        match self.0 {
            AuthSession::Password => None,
            session => Some(session.into()),
        }
    }
}
