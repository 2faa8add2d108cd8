//! The host's configuration: from `config.toml` with overrides, or from JSON.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::apps_url::BaseUrl;
use super::document::Document;
use super::environment::Environment;
use super::error::{ConfigError, Fault, Key, Loaded, Note, Notes, Origin};
use super::features::{DEFAULT_APPS_MCP_PATH, Features, read_features};
use super::node::{Kind, Node, Table};
use super::overrides::Override;
use super::place::Place;
use super::profile::{Behaviour, Profile};
use super::read::{owned_string, string, wrong_type};
use super::requirements::Requirements;
use super::server::{ServerConfig, ServerMap};
use super::server_read::read_server;
use super::servers::{Named, Servers};
use super::thread::ThreadInputs;
use crate::files::{self, ReadError};

/// The largest `config.toml` that is read, in bytes.
pub const MAX_CONFIG_BYTES: u64 = 4 * 1024 * 1024;

/// The part of the host's configuration that matters to MCP servers. Immutable: a changed
/// configuration is read anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    base_url: BaseUrl,
    features: Features,
    apps_mcp_product_sku: Option<String>,
    mcp_servers: Servers,
    environment: Environment,
    requirements: Arc<Requirements>,
    thread: Option<Arc<ThreadInputs>>,
}

impl HostConfig {
    /// This configuration, held to what an administrator demands. Rules `requirements.*`; without one
    /// in the profile it stays as it is.
    #[must_use]
    pub fn with_requirements(mut self, requirements: Requirements) -> Self {
        if !self.behaviour().requirements {
            return self;
        }
        self.features.apps = requirements.apps().unwrap_or(self.features.apps);
        let held = |(name, server): (&Arc<str>, &Arc<ServerConfig>)| {
            let allowed = requirements.allows_own(name, server);
            (Arc::clone(name), if allowed { Arc::clone(server) } else { server.disabled() })
        };
        if requirements.lists_servers() {
            let servers: ServerMap = self.mcp_servers.iter().map(held).collect();
            self.mcp_servers = servers.into();
        }
        self.requirements = Arc::new(requirements);
        self
    }

    /// This configuration, for a thread.
    #[must_use]
    pub fn in_thread(mut self, thread: ThreadInputs) -> Self {
        self.thread = Some(Arc::new(thread));
        self
    }

    /// What an administrator demands.
    #[must_use]
    pub fn requirements(&self) -> &Requirements {
        &self.requirements
    }

    /// The thread that this configuration is for, if it is for one.
    #[must_use]
    pub fn thread(&self) -> Option<&ThreadInputs> {
        self.thread.as_deref()
    }

    /// The base URL of the host's own API, as written or by default. Rules `endpoint.base-default`
    /// and `endpoint.base-valid`.
    #[must_use]
    pub fn chatgpt_base_url(&self) -> &str {
        self.base_url.as_str()
    }

    /// The features that matter to MCP servers.
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The configured product SKU. An empty one counts.
    #[must_use]
    pub fn apps_mcp_product_sku(&self) -> Option<&str> {
        self.apps_mcp_product_sku.as_deref()
    }

    /// The servers the user configured.
    #[must_use]
    pub fn mcp_servers(&self) -> &Arc<ServerMap> {
        self.mcp_servers.map()
    }

    /// The same in byte order of their names.
    pub(crate) fn servers_in_order(&self) -> &Arc<[Named]> {
        self.mcp_servers.in_order()
    }

    /// The environment variables that resolution looks at.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The rules that this configuration is resolved by.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.environment.profile()
    }

    /// What the profile of this configuration does.
    pub(crate) fn behaviour(&self) -> &'static Behaviour {
        self.profile().behaviour()
    }

    /// The endpoint of the Apps server. Rules `endpoint.*`.
    #[must_use]
    pub fn apps_endpoint(&self) -> String {
        self.base_url.apps_endpoint(self.features.apps_mcp_path_override.as_deref())
    }

    /// The endpoint of the Apps server that the hosted-apps extension contributes. Rule
    /// `hosted.at-ps-mcp`.
    #[must_use]
    pub fn hosted_apps_endpoint(&self) -> String {
        if self.behaviour().hosted_at_ps_mcp {
            self.base_url.apps_endpoint(Some(DEFAULT_APPS_MCP_PATH))
        } else {
            self.apps_endpoint()
        }
    }

    /// Reads the text of a `config.toml` and puts `overrides` over it in order. `file` is how
    /// errors and warnings name the text. The table `plugins` is not a host setting; see
    /// [`plugin_states`](crate::plugin_states).
    ///
    /// # Errors
    /// The text is not TOML, or rules `host.*`, `server.*`, `endpoint.*`, `features.*` reject it.
    pub fn from_toml_str(
        text: &str,
        file: &str,
        overrides: &[Override],
        env: Environment,
    ) -> Result<Loaded<Self>, ConfigError> {
        Self::from_document(&Document::parse(text, file, overrides)?, env)
    }

    /// As [`from_toml_str`](Self::from_toml_str), of a text that is parsed already.
    pub(crate) fn from_document(
        document: &Document<'_>,
        env: Environment,
    ) -> Result<Loaded<Self>, ConfigError> {
        read_host(document.root(), env, "plugins", |place| document.origin(place))
    }

    /// Reads `config.toml` in `codex_home`; without that file the configuration is empty.
    ///
    /// # Errors
    /// As [`from_toml_str`](Self::from_toml_str); or the file cannot be read, is larger than
    /// [`MAX_CONFIG_BYTES`] or is not UTF-8.
    pub fn load(
        codex_home: &Path,
        overrides: &[Override],
        env: Environment,
    ) -> Result<Loaded<Self>, ConfigError> {
        let path = codex_home.join("config.toml");
        let file = path.display().to_string();
        let text = match files::read_text(&path, MAX_CONFIG_BYTES) {
            Ok(text) => text,
            Err(ReadError::Missing) => String::new(),
            Err(error) => {
                let origin = Origin::File(file.into());
                let message = format!("cannot be read: {error}");
                return Err(ConfigError::new(ROOT.into(), String::new(), origin, message));
            }
        };
        Self::from_toml_str(&text, &file, overrides, env)
    }

    /// Reads the host object of the conformance protocol. Its key `env` is not looked at: the
    /// environment is `env`.
    ///
    /// # Errors
    /// Rules `host.*`, `server.*`, `endpoint.*`, `features.*` reject it.
    pub fn from_json(host: &Value, env: Environment) -> Result<Loaded<Self>, ConfigError> {
        read_host(Node::Json(host), env, "env", |_| Origin::Memory)
    }
}

const ROOT: &str = "host";

/// The rejection with the smallest path. Rule `rejection.smallest-path`.
#[derive(Default)]
struct Rejections {
    smallest: Option<(String, Fault)>,
    /// Those with other paths, if they are wanted.
    others: Option<Vec<Note>>,
}

impl Rejections {
    /// Adds a fault at `path`, given by its steps below the host; `fault` has the key below them.
    fn add(&mut self, path: &[&str], mut fault: Fault) {
        path.iter().rev().for_each(|step| fault.key.under(step));
        let path = [&[ROOT], path].concat().join(".");
        let other = if self.smallest.as_ref().is_none_or(|(smallest, _)| path < *smallest) {
            self.smallest.replace((path, fault)).map(|(_, fault)| fault)
        } else {
            Some(fault)
        };
        if let (Some(others), Some(other)) = (&mut self.others, other) {
            others.push(*other);
        }
    }
}

/// Every fault for which a host rejects this document, in no order.
#[cfg(feature = "lint")]
pub(crate) fn every_fault(document: &Document<'_>, environment: Environment) -> Vec<Note> {
    let mut rejections = Rejections { others: Some(Vec::new()), ..Rejections::default() };
    let mut notes = Notes::of_faults();
    read_keys(document.root(), environment, "plugins", &mut notes, &mut rejections);
    let smallest = rejections.smallest.map(|(_, fault)| *fault);
    let others = rejections.others.unwrap_or_default();
    smallest.into_iter().chain(others).chain(notes.into_kept()).collect()
}

/// Reads a host config. The unknown key `silent` gets no warning.
fn read_host(
    node: Node<'_>,
    environment: Environment,
    silent: &str,
    origin: impl Fn(Place) -> Origin,
) -> Result<Loaded<HostConfig>, ConfigError> {
    let mut rejections = Rejections::default();
    let mut notes = Notes::default();
    let host = read_keys(node, environment, silent, &mut notes, &mut rejections);
    match rejections.smallest {
        None => Ok(Loaded { value: host, warnings: notes.into_warnings(origin) }),
        Some((path, fault)) => {
            let Note { key: Key(key), place, message } = *fault;
            Err(ConfigError::new(path, key, origin(place), message))
        }
    }
}

fn read_keys(
    node: Node<'_>,
    environment: Environment,
    silent: &str,
    notes: &mut Notes,
    rejections: &mut Rejections,
) -> HostConfig {
    let mut host = HostConfig {
        base_url: BaseUrl::default(),
        features: Features::default(),
        apps_mcp_product_sku: None,
        mcp_servers: Servers::default(),
        environment,
        requirements: Arc::default(),
        thread: None,
    };
    match node.kind() {
        Kind::Table(table) => {
            for (key, value) in table.iter() {
                if !value.is_null() && key != silent {
                    read_key(&mut host, key, value, notes, rejections);
                }
            }
        }
        _ => rejections.add(&[], wrong_type(node, "a table")),
    }
    host
}

fn read_key(
    host: &mut HostConfig,
    key: &str,
    node: Node<'_>,
    notes: &mut Notes,
    rejections: &mut Rejections,
) {
    let first = notes.len();
    match key {
        "chatgpt_base_url" => match base_url(node) {
            Ok(base) => host.base_url = base,
            Err(fault) => rejections.add(&[key], fault),
        },
        "apps_mcp_product_sku" => match owned_string(node) {
            Ok(sku) => host.apps_mcp_product_sku = Some(sku),
            Err(fault) => rejections.add(&[key], fault),
        },
        "features" => {
            let behaviour = host.behaviour();
            host.features = read_features(node, behaviour, notes, |feature, fault| match feature {
                Some(feature) => rejections.add(&[key, feature], fault),
                None => rejections.add(&[key], fault),
            });
        }
        "mcp_servers" => match node.kind() {
            Kind::Table(table) => {
                host.mcp_servers = read_servers(table, host.behaviour(), notes, rejections).into();
            }
            _ => rejections.add(&[key], wrong_type(node, "a table of servers")),
        },
        _ => notes.push(Note::new(node.place(), "unknown key, ignored")),
    }
    notes.under(first, key);
}

/// Rule `endpoint.base-valid`.
fn base_url(node: Node<'_>) -> Result<BaseUrl, Fault> {
    const EXPECTED: &str = "an absolute http or https URL without user, query or fragment, \
                            for example https://chatgpt.com/backend-api/";
    let text = string(node)?;
    BaseUrl::parse(text).map_err(|found| Note::wrong(node.place(), found, EXPECTED))
}

/// Rule `server.invalid-rejects-config`.
fn read_servers(
    table: Table<'_>,
    behaviour: &'static Behaviour,
    notes: &mut Notes,
    rejections: &mut Rejections,
) -> ServerMap {
    let mut servers = ServerMap::new();
    for (name, node) in table.iter() {
        let first = notes.len();
        match read_server(node, behaviour, notes) {
            Ok(server) => {
                servers.insert(Arc::from(name), Arc::new(server));
            }
            Err(fault) => rejections.add(&["mcp_servers", name], fault),
        }
        notes.under(first, name);
    }
    servers
}
