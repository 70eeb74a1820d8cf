//! The device thread's own: the TPM while it is open, and what it takes to open it again.
#![forbid(unsafe_code)]

use zeroize::Zeroizing;

use crate::exclusive_use::ExclusiveUse;
use crate::session::SessionKind;
use crate::status::{TpmError, TpmErrorKind};
use crate::tcti::Tcti;
use crate::tpm::Tpm;

pub struct Station {
    tcti: Tcti,
    sessions: SessionKind,
    owner_auth: Zeroizing<Vec<u8>>,
    claim: Option<ExclusiveUse>,
    tpm: Option<Tpm>,
}

impl Station {
    #[must_use]
    pub fn new(tcti: Tcti, sessions: SessionKind) -> Self {
        Self { tcti, sessions, owner_auth: Zeroizing::default(), claim: None, tpm: None }
    }

    /// Opens the TPM, or opens it anew.
    ///
    /// # Errors
    /// Those of `Tpm::open`, and `InUse`.
    pub fn open(&mut self, owner_auth: Zeroizing<Vec<u8>>) -> Result<&Tpm, TpmError> {
        self.owner_auth = owner_auth;
        self.reopen().map(|tpm| &*tpm)
    }

    /// Runs a step. A connection whose state is not the TPM's any more (it was started anew, cleared, or somebody
    /// flushed what was ours) is opened anew, once, and the step tried again: the caller need not know.
    ///
    /// # Errors
    /// The step's, or `Lost`.
    pub fn run<T>(&mut self, step: impl Fn(&mut Tpm) -> Result<T, TpmError>) -> Result<T, TpmError> {
        let Some(tpm) = &mut self.tpm else {
            return Err(TpmError::new(TpmErrorKind::Lost, "the TPM is not open"));
        };
        match step(tpm) {
            Err(error) if error.poisons() => {
                let outcome = self.reopen().and_then(step);
                if outcome.as_ref().is_err_and(TpmError::poisons) {
                    self.disconnect();
                }
                outcome
            }
            outcome => outcome,
        }
    }

    /// Ends the connection, flushing what it had loaded.
    pub fn disconnect(&mut self) {
        self.tpm = None;
    }

    /// The same, and lets others have the TPM.
    pub fn close(&mut self) {
        self.disconnect();
        self.claim = None;
        self.owner_auth = Zeroizing::default();
    }

    fn reopen(&mut self) -> Result<&mut Tpm, TpmError> {
        // First: its end flushes handles by their numbers, which would be the new connection's.
        self.disconnect();
        if self.claim.is_none() {
            self.claim = ExclusiveUse::claim(&self.tcti)?;
        }
        Ok(self.tpm.insert(Tpm::open(&self.tcti, self.sessions, &self.owner_auth)?))
    }
}
