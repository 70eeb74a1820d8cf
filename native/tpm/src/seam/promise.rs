//! Promises settled from the device's thread, with errors that keep our codes.

use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Object, ToNapiValue};

use super::error::{SeamError, from_napi, from_tpm, into_js};
use crate::device_thread::{Answer, DeviceThread};
use crate::station::Station;
use crate::status::TpmError;

/// An answer that is a promise; `finish` makes the value one of JavaScript, on JavaScript's thread.
///
/// # Errors
/// When the environment gives no promise.
pub fn promised<'env, T, Value>(
    env: &'env Env,
    finish: impl FnOnce(T) -> Value + Send + 'static,
) -> Result<(Answer<T>, Object<'env>), SeamError>
where
    T: Send + 'static,
    Value: ToNapiValue + 'static,
{
    let (deferred, promise) = env.create_deferred().map_err(from_napi)?;
    let answer = Answer::new(move |result: Result<T, TpmError>| {
        deferred.resolve(move |env: Env| result.map(finish).map_err(|error| into_js(env, from_tpm(&error))));
    });
    Ok((answer, promise))
}

/// A promise of what `step` gives on the device's thread.
///
/// # Errors
/// When the environment gives no promise.
pub fn promise<'env, T, Value>(
    env: &'env Env,
    (device, limit): (&DeviceThread, Duration),
    step: impl FnOnce(&mut Station) -> Result<T, TpmError> + Send + 'static,
    finish: impl FnOnce(T) -> Value + Send + 'static,
) -> Result<Object<'env>, SeamError>
where
    T: Send + 'static,
    Value: ToNapiValue + 'static,
{
    let (answer, promise) = promised(env, finish)?;
    device.submit(limit, answer, step);
    Ok(promise)
}
