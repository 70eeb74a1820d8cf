//! Tunnels as JavaScript holds them.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Object};
use napi_derive::napi;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::authorizer::{AuthorizeFunction, JsAuthorizer};
use super::error::{NativeError, closed, from_bind, from_io, from_tls};
use super::identity::{BindingBundleSet, BindingIdentity};
use super::listener::BindingListener;
use super::outcomes::{OutcomesFunction, deliver};
use super::promise::promise;
use super::runtime::Environment;
use super::settings::{BindingSettings, BindingUnixOptions, duration};
use super::stats::{BindingConnection, BindingStats, number, stats};
use crate::snapshot::{Change, Policy, Settings, Snapshot};
use crate::tunnel::Tunnel;

/// An open tunnel. It stays open when this is collected.
#[napi]
pub struct BindingTunnel {
    tunnel: Arc<Tunnel>,
    delivery: Arc<Delivery>,
}

/// The task that brings outcomes to JavaScript, and the word that ends it.
struct Delivery {
    closed: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Delivery {
    async fn finish(&self) {
        self.closed.send_replace(true);
        if let Some(task) = self.task.lock().await.take() {
            // Cancelled only with the runtime, when there is nobody left to deliver to.
            let _ = task.await;
        }
    }
}

fn policy(env: &Env, authorize: AuthorizeFunction, reads_chain: bool) -> Result<Policy, NativeError> {
    let authorizer = JsAuthorizer::new(authorize, Environment::of(env)?.closing());
    Ok(Policy::new(Arc::new(authorizer), reads_chain))
}

/// The state of a tunnel as it is opened.
#[napi]
pub struct BindingState(std::sync::Mutex<Option<Snapshot>>);

/// Builds the first snapshot of a tunnel.
#[napi(catch_unwind)]
pub fn create_state(
    env: &Env,
    settings: BindingSettings,
    identity: &BindingIdentity,
    bundles: &BindingBundleSet,
    authorize: AuthorizeFunction,
    reads_chain: bool,
) -> Result<BindingState, NativeError> {
    let policy = policy(env, authorize, reads_chain)?;
    let snapshot = Snapshot::first(Settings::try_from(settings)?, identity.get(), bundles.get(), policy);
    Ok(BindingState(std::sync::Mutex::new(Some(snapshot.map_err(|error| from_tls(&error))?))))
}

/// Begins to listen and to serve.
#[napi(catch_unwind, ts_return_type = "Promise<BindingTunnel>")]
pub fn open_tunnel<'env>(
    env: &'env Env,
    listener: &BindingListener,
    state: &BindingState,
    outcomes: OutcomesFunction,
) -> Result<Object<'env>, NativeError> {
    let environment = Environment::of(env)?;
    let bound = listener.take().ok_or_else(closed)?;
    let snapshot = state.0.lock().ok().and_then(|mut state| state.take()).ok_or_else(closed)?;
    let work = async move {
        let runtime = environment.handle().clone();
        let tunnel = Tunnel::open(bound, snapshot, runtime.clone()).map_err(|error| from_bind(&error))?;
        let tunnel = Arc::new(tunnel);
        environment.own(&tunnel);
        let (closed, until) = watch::channel(false);
        let task = runtime.spawn(deliver(Arc::clone(&tunnel), outcomes, until, environment.closing()));
        Ok((tunnel, Arc::new(Delivery { closed, task: Mutex::new(Some(task)) })))
    };
    promise(env, work, |(tunnel, delivery)| BindingTunnel { tunnel, delivery })
}

#[napi]
impl BindingTunnel {
    /// Swaps what is given; what is undefined stays. Returns the new generation.
    #[napi(catch_unwind)]
    pub fn update(
        &self,
        env: &Env,
        settings: Option<BindingSettings>,
        identity: Option<ClassInstance<BindingIdentity>>,
        bundles: Option<ClassInstance<BindingBundleSet>>,
        authorize: Option<AuthorizeFunction>,
        reads_chain: bool,
    ) -> Result<f64, NativeError> {
        let change = Change {
            settings: settings.map(Settings::try_from).transpose()?,
            identity: identity.map(|identity| identity.get()),
            bundles: bundles.map(|bundles| bundles.get()),
            policy: authorize.map(|authorize| policy(env, authorize, reads_chain)).transpose()?,
        };
        self.tunnel.update(change).map(number).map_err(|error| from_tls(&error))
    }

    /// Changes who may connect to a unix listener.
    #[napi(catch_unwind)]
    pub fn set_listen_options(&self, options: BindingUnixOptions) -> Result<(), NativeError> {
        self.tunnel.set_listen_options(&options.into()).map_err(|error| from_io(&error))
    }

    #[napi(catch_unwind)]
    pub fn stats(&self) -> BindingStats {
        stats(&self.tunnel)
    }

    /// Live connections, oldest first.
    #[napi(catch_unwind)]
    pub fn connections(&self, limit: u32) -> Vec<BindingConnection> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.tunnel.connections(limit).iter().map(|entry| BindingConnection::from(&**entry)).collect()
    }

    /// Stops accepting, waits, then cuts. Gives how many ended by themselves and how many were cut.
    #[napi(catch_unwind, ts_return_type = "Promise<[number, number]>")]
    pub fn drain<'env>(&self, env: &'env Env, timeout_ms: f64) -> Result<Object<'env>, NativeError> {
        let limit = duration(timeout_ms)?;
        let tunnel = Arc::clone(&self.tunnel);
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let work = async move { Ok(tunnel.drain(limit).await) };
        promise(env, work, move |(drained, cut)| vec![small(drained), small(cut)])
    }

    /// Stops accepting, cuts every connection, and delivers the last outcomes.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> Result<Object<'env>, NativeError> {
        let (tunnel, delivery) = (Arc::clone(&self.tunnel), Arc::clone(&self.delivery));
        let work = async move {
            tunnel.close().await;
            delivery.finish().await;
            Ok(())
        };
        promise(env, work, |()| ())
    }
}
