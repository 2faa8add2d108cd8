//! Reads the current configuration: `config.toml` and the plugins, or a supplied text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::chatgpt_plugins;
use super::demanded;
use super::environments::environments_in;
use crate::bounded;
use crate::config::{
    ConfigError, Document, Environment, HostConfig, Loaded, MAX_CONFIG_BYTES, Override, Stdio,
    ThreadInputs, Warning,
};
use crate::files::{self, ReadError};
use crate::oauth::{StoreMode, store_mode};
use crate::plugin::{
    Plugin, PluginError, PluginPolicies, app_states, discover_plugins, installed_plugins,
    plugin_policies_in, plugin_states_in, plugins_are_on,
};

/// The file of settings in a host's home.
pub const CONFIG_FILE: &str = "config.toml";

/// The folder of plugins in a host's home.
pub const PLUGINS_FOLDER: &str = "plugins";

/// The folder in it where Codex installs plugins.
const CACHE_FOLDER: &str = "cache";

/// Where configuration comes from.
#[derive(Debug, Clone)]
pub enum ConfigSource {
    /// `config.toml` and the folder `plugins` in this home, with the plugins that Codex installed.
    Home(PathBuf),
    /// This text of a `config.toml`, without plugins and without a disk.
    Given(String),
    /// This text of a `config.toml`, which its owner can change as a user edits a file.
    Shared(ConfigText),
}

/// The text of a `config.toml` in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ConfigText(Arc<Mutex<String>>);

impl ConfigText {
    /// Replaces the text. A host notices it as it notices another file.
    pub fn replace(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// The current text.
    #[must_use]
    pub fn now(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A parsed configuration. Two are equal if they hold the same `Arc`s.
#[derive(Debug, Clone)]
pub struct ConfigNow {
    /// The settings.
    pub host: Arc<HostConfig>,
    /// The plugins, in order.
    pub plugins: Arc<[Plugin]>,
    /// The apps that `[apps.ID] enabled = …` enables or disables. Other apps are enabled.
    pub apps: Arc<BTreeMap<String, bool>>,
    /// Where OAuth tokens are stored.
    pub oauth_store: StoreMode,
    /// The environments besides this machine, and the command of the executor of each.
    pub environments: Arc<BTreeMap<String, Stdio>>,
}

/// Why the configuration cannot be read. The message names the file, and line and column if
/// known.
#[derive(Debug, thiserror::Error)]
pub enum ConfigNowError {
    /// A setting is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file cannot be read.
    #[error("{}: {reason}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        reason: String,
    },
    /// The plugins cannot be listed.
    #[error(transparent)]
    Plugins(#[from] PluginError),
}

/// Reads the configuration, and returns the same `Arc`s while nothing changes.
#[derive(Debug)]
pub(super) struct ConfigReader {
    source: Mutex<ConfigSource>,
    environment: Environment,
    base: ConfigLayer,
}

/// Overrides of the configuration and the inputs of a thread, and the last configuration with them.
#[derive(Debug)]
pub struct ConfigLayer {
    overrides: Vec<Override>,
    thread: Option<ThreadInputs>,
    last: Mutex<Option<Last>>,
}

impl ConfigLayer {
    fn new(overrides: Vec<Override>, thread: Option<ThreadInputs>) -> Self {
        Self { overrides, thread, last: Mutex::default() }
    }

    /// Whether a thread selects plugins here.
    #[must_use]
    pub fn selects_plugins(&self) -> bool {
        self.thread.is_some()
    }

    fn last(&self) -> Option<Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug, Clone)]
struct Last {
    text: Arc<str>,
    /// The text of the administrator's requirements.
    demanded: Arc<str>,
    /// The plugins that the text enables or disables.
    states: BTreeMap<String, bool>,
    /// The user's policies for their servers.
    policies: Arc<PluginPolicies>,
    /// Whether plugins installed by Codex are used.
    installed: bool,
    /// The last warnings about plugins.
    warned: Vec<Warning>,
    now: ConfigNow,
}

impl Last {
    /// The plugins in this folder, under the user's policies.
    fn plugins(&self, folder: &Path) -> Result<Loaded<Vec<Plugin>>, PluginError> {
        let mut all = self.as_shipped(folder)?;
        for plugin in &mut all.value {
            if let Some(policies) = self.policies.get(&plugin.id) {
                plugin.apply_policies(policies);
            }
            let servers = if plugin.active { Some(&*plugin.servers) } else { None };
            let profile = self.now.host.profile();
            let warned = servers.map(|s| chatgpt_plugins::warnings(&plugin.id, s, profile));
            all.warnings.extend(warned.into_iter().flatten());
        }
        Ok(all)
    }

    /// The plugins in this folder. Those installed by Codex come first, as in Codex.
    fn as_shipped(&self, folder: &Path) -> Result<Loaded<Vec<Plugin>>, PluginError> {
        let profile = self.now.host.profile();
        let active = |id: &str| self.states.get(id).copied().unwrap_or(true);
        let own = if folder.is_dir() {
            discover_plugins(folder, profile, &active)?
        } else {
            Loaded { value: Vec::new(), warnings: Vec::new() }
        };
        if !self.installed {
            return Ok(own);
        }
        let is_own = |id: &str| own.value.iter().any(|plugin| plugin.id == id);
        let cache = folder.join(CACHE_FOLDER);
        let mut all = installed_plugins(&cache, &self.states, profile, &is_own);
        all.value.extend(own.value);
        all.warnings.extend(own.warnings);
        Ok(all)
    }
}

impl ConfigReader {
    pub(super) fn new(
        source: ConfigSource,
        overrides: Vec<Override>,
        environment: Environment,
    ) -> Self {
        Self { source: Mutex::new(source), environment, base: ConfigLayer::new(overrides, None) }
    }

    /// The host's own overrides.
    pub(super) fn base(&self) -> &ConfigLayer {
        &self.base
    }

    /// The host's own overrides, and these after them, for a thread with these inputs.
    pub(super) fn layer(&self, more: Vec<Override>, thread: Option<ThreadInputs>) -> ConfigLayer {
        ConfigLayer::new(self.base.overrides.iter().cloned().chain(more).collect(), thread)
    }

    /// Changes the source, unless its configuration is invalid.
    pub(super) fn replace(
        &self,
        source: ConfigSource,
    ) -> Result<(ConfigNow, Vec<Warning>), ConfigNowError> {
        let now = self.now_of(source.clone(), &self.base)?;
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = source;
        Ok(now)
    }

    /// The current configuration with the overrides of `layer`, and new warnings. Compares the text:
    /// a time stamp would miss two changes within its resolution.
    pub(super) fn now(
        &self,
        layer: &ConfigLayer,
    ) -> Result<(ConfigNow, Vec<Warning>), ConfigNowError> {
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.now_of(source, layer)
    }

    fn now_of(
        &self,
        source: ConfigSource,
        layer: &ConfigLayer,
    ) -> Result<(ConfigNow, Vec<Warning>), ConfigNowError> {
        let mut demanded = String::new();
        let (text, file, folder) = match source {
            ConfigSource::Given(text) => (text, "config".to_owned(), None),
            ConfigSource::Shared(text) => (text.now(), "config".to_owned(), None),
            ConfigSource::Home(home) => {
                let file = home.join(CONFIG_FILE);
                let text = read_within_limit(&file)?;
                demanded = read_within_limit(&demanded::file(&self.environment))?;
                (text, file.display().to_string(), Some(home.join(PLUGINS_FOLDER)))
            }
        };
        let mut warnings = Vec::new();
        let is_same = |last: &Last| *last.text == *text && *last.demanded == *demanded;
        let mut last = match layer.last().filter(is_same) {
            Some(last) => last,
            None => self.read((text, demanded), &file, layer, &mut warnings)?,
        };
        let plugins = match folder {
            Some(folder) => within_limit(&folder, {
                let (last, folder) = (last.clone(), folder.clone());
                move || last.plugins(&folder)
            })??,
            None => Loaded { value: Vec::new(), warnings: Vec::new() },
        };
        if *last.now.plugins != *plugins.value {
            last.now.plugins = plugins.value.into();
        }
        if last.warned != plugins.warnings {
            warnings.extend(plugins.warnings.iter().cloned());
            last.warned = plugins.warnings;
        }
        let now = last.now.clone();
        *layer.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        Ok((now, warnings))
    }

    /// Parses a new text and new requirements, without the plugins.
    fn read(
        &self,
        (text, demanded): (String, String),
        file: &str,
        layer: &ConfigLayer,
        warnings: &mut Vec<Warning>,
    ) -> Result<Last, ConfigNowError> {
        let environment = self.environment.clone();
        let document = Document::parse(&text, file, &layer.overrides)?;
        let host = HostConfig::from_document(&document, environment)?;
        let states = plugin_states_in(&document);
        let apps = app_states(&document);
        let store = store_mode(&document);
        // Warnings about other settings than servers are not for this host.
        let of_servers = |warning: &Warning| warning.key.starts_with("mcp_servers");
        warnings.extend(host.warnings.into_iter().filter(of_servers));
        warnings.extend(states.warnings.into_iter().chain(apps.warnings));
        warnings.extend(store.warnings);
        let policies = plugin_policies_in(&document, self.environment.profile());
        warnings.extend(policies.warnings);
        let (host, disabled) = demanded::held(host.value, &demanded, &self.environment)?;
        warnings.extend(disabled);
        let host = match &layer.thread {
            Some(thread) => host.in_thread(thread.clone()),
            None => host,
        };
        let environments = environments_in(&document);
        warnings.extend(environments.warnings);
        let apps = Arc::new(apps.value);
        let now = ConfigNow {
            host: Arc::new(host),
            plugins: Arc::default(),
            apps,
            oauth_store: store.value,
            environments: Arc::new(environments.value),
        };
        let installed = plugins_are_on(&document);
        Ok(Last {
            text: text.into(),
            demanded: demanded.into(),
            states: states.value,
            policies: Arc::new(policies.value),
            installed,
            warned: Vec::new(),
            now,
        })
    }
}

/// The text of this file, unless that takes too long.
fn read_within_limit(file: &Path) -> Result<String, ConfigNowError> {
    let path = file.to_owned();
    within_limit(file, move || read(&path))?
}

/// The result of reading `file`, unless that takes too long.
fn within_limit<T: Send + 'static>(
    file: &Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ConfigNowError> {
    bounded::FILES
        .run(bounded::LIMIT, work)
        .ok_or_else(|| ConfigNowError::File { file: file.to_owned(), reason: bounded::too_long() })
}

/// The text of a file of settings; empty without that file.
fn read(file: &Path) -> Result<String, ConfigNowError> {
    match files::read_text(file, MAX_CONFIG_BYTES) {
        Ok(text) => Ok(text),
        Err(ReadError::Missing) => Ok(String::new()),
        Err(error) => {
            Err(ConfigNowError::File { file: file.to_owned(), reason: error.to_string() })
        }
    }
}
