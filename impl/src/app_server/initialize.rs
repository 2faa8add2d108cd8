//! `initialize`: the client introduces itself, and in orchestrator mode configures the host.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::options::{AUTH_VARIABLE, CONFIG_VARIABLE, Mode};
use super::server::AppServer;
use super::wire::{Reply, RpcError, echo};
use crate::auth::AuthStore;
use crate::host::ConfigSource;
use crate::oauth::{StoreMode, TokenStore};

/// The params of `initialize`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    client_info: ClientInfo,
    capabilities: Option<Capabilities>,
    /// Only in orchestrator mode.
    orchestrator: Option<Orchestrator>,
}

#[derive(Debug, Deserialize)]
struct ClientInfo {
    name: String,
    version: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    #[serde(default)]
    opt_out_notification_methods: Option<BTreeSet<String>>,
}

/// The configuration and credentials of a host without a disk, in `initialize` and each reload.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Orchestrator {
    /// The text of a `config.toml`.
    pub(crate) config: Option<String>,
    /// The content of an `auth.json`. Null signs out; absent changes nothing.
    #[serde(default, deserialize_with = "present")]
    pub(crate) auth: Option<Option<Value>>,
}

/// The value if the field is present, null included.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<Value>>, D::Error> {
    Deserialize::deserialize(value).map(Some)
}

/// Both may hold secrets.
impl std::fmt::Debug for Orchestrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Orchestrator").finish_non_exhaustive()
    }
}

pub(crate) fn initialize(server: &Arc<AppServer>, params: Params) -> Result<Reply, RpcError> {
    if server.ready.get().is_some() {
        return Err(RpcError::invalid_request("Already initialized"));
    }
    let home = match &server.options.mode {
        Mode::Local { codex_home } => {
            if params.orchestrator.is_some() {
                let message = "`orchestrator`: this app-server was not started with --orchestrator";
                return Err(RpcError::invalid_request(message));
            }
            let auth = AuthStore::open(codex_home, &server.options.environment);
            let source = ConfigSource::Home(codex_home.clone());
            let tokens = TokenStore::on_disk(codex_home, StoreMode::default());
            server.start_host(source, auth, tokens)?;
            codex_home.display().to_string()
        }
        Mode::Orchestrator => {
            start_orchestrated(server, params.orchestrator.unwrap_or_default())?;
            // The protocol requires an absolute path; this one does not exist.
            "/nonexistent".to_owned()
        }
    };
    let capabilities = params.capabilities.unwrap_or_default();
    server.client.opt_out(capabilities.opt_out_notification_methods.unwrap_or_default());
    let ClientInfo { name, version } = params.client_info;
    let (package, own) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let system = format!("{}; {}", std::env::consts::OS, std::env::consts::ARCH);
    Ok(Reply::Now(json!({
        "userAgent": format!("{package}/{own} ({system}) {}/{}", echo(&name), echo(&version)),
        "codexHome": home,
        "platformFamily": std::env::consts::FAMILY,
        "platformOs": std::env::consts::OS,
    })))
}

/// Configuration and credentials from `initialize`, else from the environment.
fn start_orchestrated(server: &Arc<AppServer>, given: Orchestrator) -> Result<(), RpcError> {
    let variable = |name: &str| -> Result<Option<String>, RpcError> {
        match server.options.environment.get(name).map(|value| value.to_str()) {
            None => Ok(None),
            Some(Some(text)) => Ok(Some(text.to_owned())),
            Some(None) => Err(RpcError::invalid_request(format!("{name} is not UTF-8"))),
        }
    };
    let config = match given.config {
        Some(config) => config,
        None => variable(CONFIG_VARIABLE)?.unwrap_or_default(),
    };
    let auth = match given.auth {
        Some(auth) => auth.map(|auth| auth.to_string()),
        None => variable(AUTH_VARIABLE)?,
    };
    let auth = AuthStore::fixed(auth.as_deref(), &server.options.environment);
    server.start_host(ConfigSource::Given(config), auth, TokenStore::in_memory())
}
