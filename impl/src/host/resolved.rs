//! The results of resolution.

use std::sync::Arc;

use super::config_now::ConfigNow;
use crate::auth::AuthNow;
use crate::config::{Profile, ServerConfig, Transport};
use crate::connection::authorize::HostCredentialSource;
use crate::connection::recipient::{gets_host_credentials, is_authorised_by_host};
use crate::connection::{ConnectContext, Executor};
use crate::hosted_apps::CODEX_APPS;
use crate::manager::McpRuntimeConfig;
use crate::view::{Iter, View};

/// A configuration, resolved up to auth. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Configuration {
    pub(super) now: ConfigNow,
    pub(super) runtime: Arc<McpRuntimeConfig>,
}

impl Configuration {
    /// Whether the app of this id is enabled.
    #[must_use]
    pub fn app_is_enabled(&self, id: &str) -> bool {
        self.now.apps.get(id).copied().unwrap_or(true)
    }

    /// The executor for the environments of this configuration.
    pub(super) fn executor(&self, executor: Executor) -> Executor {
        match executor {
            Executor::Named(named) => {
                Executor::Named(named.defined(Arc::clone(&self.now.environments)))
            }
            other => other,
        }
    }

    /// The profile that it is resolved by.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.now.host.profile()
    }

    /// The resolution before auth.
    #[must_use]
    pub fn runtime(&self) -> &Arc<McpRuntimeConfig> {
        &self.runtime
    }
}

/// The servers of a host after the auth gate. Only a [`Host`](super::Host) creates one, so that no
/// code connects to a server that the gate removes.
#[derive(Debug, Clone)]
pub struct EffectiveView(pub(super) View);

impl EffectiveView {
    /// The server of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<ServerConfig>> {
        self.0.get(name)
    }

    /// The servers in byte order of their names.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.0.iter()
    }
}

/// The configuration and auth of one moment, and the resulting view.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub(super) configuration: Configuration,
    pub(super) auth: Arc<AuthNow>,
    pub(super) view: EffectiveView,
    pub(super) credentials: BoundCredentials,
}

/// The host's credentials, for connections of one resolved view.
#[derive(Clone)]
pub(super) struct BoundCredentials(pub(super) Arc<dyn HostCredentialSource>);

impl std::fmt::Debug for BoundCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoundCredentials").finish_non_exhaustive()
    }
}

impl Resolved {
    /// The servers.
    #[must_use]
    pub fn view(&self) -> &EffectiveView {
        &self.view
    }

    /// The sign-in.
    #[must_use]
    pub fn auth(&self) -> &Arc<AuthNow> {
        &self.auth
    }

    /// The configuration.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The context for connections to servers of this view: they get credentials of its sign-in or
    /// none, even if the account changes while they are opened.
    #[must_use]
    pub fn bound(&self, context: ConnectContext) -> ConnectContext {
        let source = || Arc::clone(&self.credentials.0);
        ConnectContext {
            host_credentials: context.host_credentials.is_some().then(source),
            executor: self.configuration.executor(context.executor),
            ..context
        }
    }

    /// Whether this is the same view for the same sign-in as `other`.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.view.0.ptr_eq(&other.view.0) && Arc::ptr_eq(&self.auth, &other.auth)
    }

    /// Whether the host's own credentials are for this server of the view, even if its configuration
    /// has an authorization that is sent instead. Rules `credentials.apps-only` and
    /// `credentials.where-auth-says`.
    #[must_use]
    pub fn is_authorised_by_host(&self, name: &str, server: &ServerConfig) -> bool {
        let profile = self.configuration.now.host.profile();
        match &server.transport {
            Transport::StreamableHttp(http) => is_authorised_by_host(name, http, profile),
            Transport::Stdio(_) => false,
        }
    }

    /// Whether the host's own credentials, if there are any, are sent to this server of the view.
    #[must_use]
    pub fn sends_credentials(&self, name: &str, server: &ServerConfig) -> bool {
        let profile = self.configuration.now.host.profile();
        match &server.transport {
            Transport::StreamableHttp(http) => gets_host_credentials(name, http, profile),
            Transport::Stdio(_) => false,
        }
    }

    /// The sign-in that a connection to this server depends on: it carries the host's credentials, or
    /// the gate removes the server. The connection ends with that sign-in.
    pub(super) fn auth_for(&self, name: &str, server: &ServerConfig) -> Option<Arc<AuthNow>> {
        let bound = name == CODEX_APPS || self.is_authorised_by_host(name, server);
        bound.then(|| Arc::clone(&self.auth))
    }
}
