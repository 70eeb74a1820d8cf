//! What lies in the TPM's few slots.
#![forbid(unsafe_code)]

use tss_esapi::Context;
use tss_esapi::constants::CapabilityType;
use tss_esapi::constants::tss::{TPM2_LOADED_SESSION_FIRST, TPM2_TRANSIENT_FIRST};
use tss_esapi::handles::ObjectHandle;
use tss_esapi::structures::CapabilityData;

use crate::status::TpmError;

/// More than any TPM has slots.
const MAX_HANDLES: u32 = 64;

/// Flushes every transient object and loaded session. For a TPM that is ours alone: a process that was killed left its
/// handles there, and after the third nothing could be loaded any more.
///
/// # Errors
/// When the TPM does not answer.
pub fn flush_all(context: &mut Context) -> Result<(), TpmError> {
    for first in [TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST] {
        let (found, _more) = context.get_capability(CapabilityType::Handles, first, MAX_HANDLES)?;
        let CapabilityData::Handles(handles) = found else { continue };
        for handle in handles.into_inner() {
            let handle = context.tr_from_tpm_public(handle)?;
            context.flush_context(handle)?;
        }
    }
    Ok(())
}

/// A handle that is flushed when the step that needed it is over, also when the step failed.
///
/// # Errors
/// That of the step, else that of the flush.
pub fn with_flush<T>(
    context: &mut Context,
    handle: ObjectHandle,
    step: impl FnOnce(&mut Context) -> Result<T, TpmError>,
) -> Result<T, TpmError> {
    let outcome = step(context);
    let flushed = context.flush_context(handle);
    let value = outcome?;
    flushed?;
    Ok(value)
}
