//! Bound addresses, held by JavaScript until a tunnel takes them.

use std::sync::{Mutex, PoisonError};

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use super::error::{NativeError, from_bind};
use super::promise::promise;
use super::settings::{BindingEndpoint, BindingUnixOptions, listen_address};
use crate::listener::Bound;

/// A bound address that nobody listens on yet.
#[napi]
pub struct BindingListener {
    bound: Mutex<Option<Bound>>,
    address: String,
}

#[napi]
impl BindingListener {
    #[napi(getter, catch_unwind)]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Gives the address up; nothing when a tunnel has taken it.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        drop(self.take());
    }
}

impl BindingListener {
    /// The address, for the tunnel that takes it.
    pub fn take(&self) -> Option<Bound> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Binds an address.
#[napi(catch_unwind, ts_return_type = "Promise<BindingListener>")]
pub fn bind_listener<'env>(
    env: &'env Env,
    endpoint: BindingEndpoint,
    options: Option<BindingUnixOptions>,
) -> Result<Object<'env>, NativeError> {
    let address = listen_address(endpoint, options)?;
    promise(env, async move { Bound::bind(address).map_err(|error| from_bind(&error)) }, |bound| BindingListener {
        address: bound.address(),
        bound: Mutex::new(Some(bound)),
    })
}
