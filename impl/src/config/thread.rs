//! The frozen inputs of a thread: who it is of, and the plugins that it selects. Rules `thread.*` and
//! `selected.*`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::entry_shape::{below, shaped};
use super::error::{ConfigError, Notes, Origin};
use super::native_path::NativePath;
use super::node::Node;
use super::profile::{Behaviour, Profile};
use super::server::{
    EnvVar, EnvVarSource, LOCAL_ENVIRONMENT, ServerConfig, ServerMap, Stdio, StreamableHttp,
    Transport,
};
use super::server_read::read_server;

/// The absolute path that a root is written as, as a path or as a `file:` URI. Rule
/// `selected.root-absolute`.
#[cfg(feature = "network")]
pub(crate) fn native_root(root: &str) -> Option<String> {
    NativePath::parse(root).map(|path| path.to_string())
}

/// The originator of a thread that names none.
pub const DEFAULT_ORIGINATOR: &str = "codex_cli_rs";

/// The frozen inputs of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadInputs {
    originator: String,
    selected: Vec<SelectedPlugin>,
    /// The ready environments; without a value all are.
    ready: Option<BTreeSet<String>>,
}

/// A plugin that a thread selects, in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedPlugin {
    /// Its id.
    pub id: Arc<str>,
    /// The environment that owns its root.
    pub environment_id: String,
    /// Its valid servers, each bound to that environment.
    pub servers: ServerMap,
}

impl ThreadInputs {
    /// Reads a thread as JSON, by the rules of this profile. Invalid servers are dropped: rule
    /// `selected.invalid-dropped`.
    ///
    /// # Errors
    /// Rule `selected.root-absolute`, at the smallest path.
    pub fn from_json(written: &Value, profile: Profile) -> Result<Self, ConfigError> {
        let behaviour = profile.behaviour();
        let mut selected = Vec::new();
        let mut wrong: Option<String> = None;
        let plugins = written.get("selected_plugins").and_then(Value::as_array);
        let plugins = plugins.filter(|_| behaviour.selected_plugins);
        for (index, plugin) in plugins.into_iter().flatten().enumerate() {
            match SelectedPlugin::read(plugin, behaviour) {
                Some(plugin) => selected.push(plugin),
                None => {
                    let path = format!("thread.selected_plugins[{index}]");
                    let smallest = wrong.take().filter(|smallest| *smallest < path);
                    wrong = smallest.or(Some(path));
                }
            }
        }
        if let Some(path) = wrong {
            let message = "expected a `root` that is an absolute path or a `file:` URI".to_owned();
            return Err(ConfigError::new(path, String::new(), Origin::Memory, message));
        }
        let ready = written.get("environments").and_then(Value::as_array);
        let ready = ready.filter(|_| behaviour.ready_environments);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let originator = written.get("originator").and_then(text);
        Ok(Self {
            originator: originator.unwrap_or_else(|| DEFAULT_ORIGINATOR.to_owned()),
            selected,
            ready: ready.map(|ready| ready.iter().filter_map(text).collect()),
        })
    }

    /// The program that the thread is of.
    #[must_use]
    pub fn originator(&self) -> &str {
        &self.originator
    }

    /// The selected plugins whose environment is ready, each with its place in the selection. Rule
    /// `thread.ready-environments`.
    pub fn selected(&self) -> impl Iterator<Item = (u64, &SelectedPlugin)> {
        let is_ready = |plugin: &SelectedPlugin| {
            self.ready.as_ref().is_none_or(|ready| ready.contains(&plugin.environment_id))
        };
        (0..).zip(&self.selected).filter(move |(_, plugin)| is_ready(plugin))
    }
}

impl SelectedPlugin {
    /// `None` if its root is no absolute path.
    fn read(written: &Value, behaviour: &'static Behaviour) -> Option<Self> {
        let text = |key: &str| written.get(key).and_then(Value::as_str);
        let root = text("root")?;
        let folder = Folder {
            root,
            path: NativePath::parse(root)?,
            environment_id: text("environment_id")?,
            behaviour,
        };
        let entries = written.get("mcp_servers").and_then(Value::as_object);
        let server = |(name, entry): (&String, &Value)| {
            Some((Arc::from(name.as_str()), Arc::new(folder.server(entry)?)))
        };
        Some(Self {
            id: Arc::from(text("id")?),
            environment_id: folder.environment_id.to_owned(),
            servers: entries.into_iter().flatten().filter_map(server).collect(),
        })
    }
}

/// Where a selected plugin is.
struct Folder<'a> {
    root: &'a str,
    path: NativePath,
    environment_id: &'a str,
    behaviour: &'static Behaviour,
}

impl Folder<'_> {
    /// A server of the plugin; `None` if it is dropped.
    fn server(&self, entry: &Value) -> Option<ServerConfig> {
        let mut entry: Map<String, Value> = shaped(entry).as_object()?.clone();
        // Rule `selected.environment-bound`: what the entry says is not even looked at.
        entry.remove("environment_id");
        let mut notes = Notes::default();
        let entry = Value::Object(entry);
        let mut server = read_server(Node::Json(&entry), self.behaviour, &mut notes).ok()?;
        match &mut server.transport {
            Transport::Stdio(stdio) => {
                self.place(stdio)?;
                // Rule `server.remote-stdio-cwd`: of the folder that it then has.
                let absolute = stdio.cwd.as_ref().is_some_and(|cwd| cwd.starts_with('/'));
                let checked = self.behaviour.remote_cwd_checked && !self.is_local();
                (!checked || absolute).then_some(())?;
                self.bind(stdio)?;
            }
            Transport::StreamableHttp(http) => self.check_http(http)?,
        }
        if !self.is_local() {
            server.environment_id = self.environment_id.to_owned().into();
        }
        Some(server)
    }

    fn is_local(&self) -> bool {
        self.environment_id == LOCAL_ENVIRONMENT
    }

    /// Rules `selected.cwd-in-root` and `selected.cwd-as-written`.
    fn place(&self, stdio: &mut Stdio) -> Option<()> {
        let cwd = match &stdio.cwd {
            None if self.behaviour.selected_cwd_in_root => self.path.to_string(),
            None => self.root.to_owned(),
            Some(cwd) if self.behaviour.selected_cwd_in_root => self.path.resolve(cwd)?.to_string(),
            Some(cwd) if cwd.starts_with('/') => return Some(()),
            Some(cwd) if cwd.split('/').any(|step| step == "..") => return None,
            Some(cwd) => below(self.root, cwd),
        };
        stdio.cwd = Some(cwd);
        Some(())
    }

    /// Rule `selected.env-vars-stay`: a variable is read in the environment that owns the plugin.
    fn bind(&self, stdio: &mut Stdio) -> Option<()> {
        let foreign = if self.is_local() { EnvVarSource::Remote } else { EnvVarSource::Local };
        for variable in &mut stdio.env_vars {
            let (name, source) = match variable {
                EnvVar::Name(name) => (name, None),
                EnvVar::Sourced { name, source } => (name, *source),
            };
            if source == Some(foreign) {
                return None;
            }
            if !self.is_local() {
                let name = std::mem::take(name);
                *variable = EnvVar::Sourced { name, source: Some(EnvVarSource::Remote) };
            }
        }
        Some(())
    }

    /// Rules `selected.http-dropped` and `selected.http-no-environment`: the host must not fill in its
    /// own variables where a plugin of elsewhere says.
    fn check_http(&self, http: &StreamableHttp) -> Option<()> {
        let headers = http.env_http_headers.as_ref().is_some_and(|headers| !headers.is_empty());
        let reads_ours = http.bearer_token_env_var.is_some() || headers;
        let allowed = self.is_local() || !reads_ours;
        (self.behaviour.selected_http && allowed).then_some(())
    }
}
