//! What has to happen when a JavaScript environment goes away.

use std::cell::RefCell;
use std::time::Duration;

use napi::Env;

use super::error::{SeamError, from_napi};
use crate::device_thread::{DeviceThread, Ending};

thread_local! {
    /// Node runs one environment per thread, and its clean-up hook on that thread.
    static DEVICES: RefCell<Option<Vec<Owned>>> = const { RefCell::new(None) };
}

struct Owned {
    ending: Ending,
    limit: Duration,
}

/// Has the device's thread flush what it loaded before the environment ends: what a process leaves in a TPM without
/// resource manager is in everybody's way. For at most `limit`.
///
/// # Errors
/// When the environment takes no hook.
pub fn own(env: &Env, device: &DeviceThread, limit: Duration) -> Result<(), SeamError> {
    let first = DEVICES.with_borrow(Option::is_none);
    if first {
        env.add_env_cleanup_hook((), |()| leave()).map_err(from_napi)?;
    }
    DEVICES.with_borrow_mut(|devices| {
        let devices = devices.get_or_insert_default();
        devices.retain(|owned| !owned.ending.is_over());
        devices.push(Owned { ending: device.ending(), limit });
    });
    Ok(())
}

fn leave() {
    for owned in DEVICES.take().unwrap_or_default() {
        owned.ending.wait(owned.limit);
    }
}
