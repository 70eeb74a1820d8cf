//! Promises settled from the runtime, with errors that keep our codes.

use std::future::Future;

use napi::Env;
use napi::bindgen_prelude::{Object, ToNapiValue};

use super::error::{NativeError, NativeErrorCode, from_napi, into_js};
use super::runtime::Environment;

/// A promise of what `work` gives; `finish` makes it a value of JavaScript, on JavaScript's thread.
///
/// # Errors
/// When the environment gives no promise.
pub fn promise<'env, Work, T, Finish, Value>(
    env: &'env Env,
    work: Work,
    finish: Finish,
) -> Result<Object<'env>, NativeError>
where
    Work: Future<Output = Result<T, NativeError>> + Send + 'static,
    T: Send + 'static,
    Finish: FnOnce(T) -> Value + Send + 'static,
    Value: ToNapiValue + 'static,
{
    let environment = Environment::of(env)?;
    let (deferred, promise) = env.create_deferred().map_err(from_napi)?;
    let runtime = environment.handle().clone();
    environment.spawn(async move {
        // In a task of its own: a panic must reject the promise, not leave it pending for ever.
        let result = runtime.spawn(work).await.unwrap_or_else(|error| Err(unfinished(&error)));
        deferred.resolve(move |env: Env| result.map(finish).map_err(|error| into_js(env, error)));
    });
    Ok(promise)
}

fn unfinished(error: &tokio::task::JoinError) -> NativeError {
    if error.is_cancelled() {
        napi::Error::new(NativeErrorCode::Closed, "the environment is closing".to_owned())
    } else {
        napi::Error::new(NativeErrorCode::Internal, "a defect of the data plane".to_owned())
    }
}
