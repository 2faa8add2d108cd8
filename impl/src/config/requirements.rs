//! What an administrator demands of servers. Rules `requirements.*`.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::error::{ConfigError, Origin};
use super::profile::Profile;
use super::server::{ServerConfig, Transport};

/// An administrator's requirements. The default demands nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    servers: Option<Allowed>,
    plugins: Option<BTreeMap<String, Allowed>>,
    apps: Option<bool>,
}

/// The server that is allowed under each name.
type Allowed = BTreeMap<String, Identity>;

/// A server by what it runs or contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Identity {
    /// This program with any arguments.
    Command(String),
    /// This program with arguments like these.
    CommandLine(String, Vec<Pattern>),
    /// A URL like this.
    Url(Pattern),
}

/// A text that is like another.
#[derive(Debug, Clone)]
enum Pattern {
    Exact(String),
    Prefix(String),
    /// The expression as it is written, and over a whole text.
    Expression(String, Regex),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) | (Self::Prefix(a), Self::Prefix(b)) => a == b,
            (Self::Expression(a, _), Self::Expression(b, _)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Pattern {}

impl Requirements {
    /// Reads requirements as JSON, by the rules of this profile. Where the profile has none, they
    /// demand nothing.
    ///
    /// # Errors
    /// Rule `requirements.invalid`, at the smallest path.
    pub fn from_json(written: &Value, profile: Profile) -> Result<Self, ConfigError> {
        let behaviour = profile.behaviour();
        if !behaviour.requirements {
            return Ok(Self::default());
        }
        let mut smallest: Option<String> = None;
        let mut read = |place: &str, entries: &Map<String, Value>| {
            let mut allowed = Allowed::new();
            for (name, entry) in entries {
                if let Some(identity) = identity(entry, behaviour.requirement_matchers) {
                    allowed.insert(name.clone(), identity);
                    continue;
                }
                let path = format!("{place}.{name}");
                if smallest.as_ref().is_none_or(|smallest| path < *smallest) {
                    smallest = Some(path);
                }
            }
            allowed
        };
        let servers = table(written, "mcp_servers");
        let servers = servers.map(|entries| read("requirements.mcp_servers", entries));
        let plugins = table(written, "plugins").map(|plugins| {
            let of_plugin = |(id, plugin): (&String, &Value)| {
                let place = format!("requirements.plugins.{id}.mcp_servers");
                let entries = table(plugin, "mcp_servers");
                (id.clone(), entries.map(|entries| read(&place, entries)).unwrap_or_default())
            };
            plugins.iter().map(of_plugin).collect()
        });
        let apps = table(written, "features").and_then(|features| features.get("apps")?.as_bool());
        match smallest {
            None => Ok(Self { servers, plugins, apps }),
            Some(path) => {
                let key = path.strip_prefix("requirements.").unwrap_or_default().to_owned();
                let message = "expected an `identity` with a `command` or a `url`".to_owned();
                Err(ConfigError::new(path, key, Origin::Memory, message))
            }
        }
    }

    /// Whether the Apps feature is on, if that is demanded. Rule `requirements.features`.
    pub(crate) fn apps(&self) -> Option<bool> {
        self.apps
    }

    /// Whether anything is demanded of the servers of the host config.
    pub(crate) fn lists_servers(&self) -> bool {
        self.servers.is_some()
    }

    /// Whether a server of the host config may be enabled. Rule `requirements.allow-list`.
    pub(crate) fn allows_own(&self, name: &str, server: &ServerConfig) -> bool {
        self.servers.as_ref().is_none_or(|allowed| allows(allowed, name, server))
    }

    /// Whether a server of a plugin may be enabled. Rules `requirements.plugins` and
    /// `requirements.empty-list`.
    pub(crate) fn allows_of_plugin(&self, id: &str, name: &str, server: &ServerConfig) -> bool {
        if self.servers.as_ref().is_some_and(BTreeMap::is_empty) {
            return false;
        }
        let Some(plugins) = &self.plugins else { return true };
        plugins.get(id).is_some_and(|allowed| allows(allowed, name, server))
    }

    /// Whether anything is demanded of the servers of plugins.
    pub(crate) fn lists_plugins(&self) -> bool {
        self.plugins.is_some() || self.servers.as_ref().is_some_and(BTreeMap::is_empty)
    }
}

fn table<'a>(of: &'a Value, key: &str) -> Option<&'a Map<String, Value>> {
    of.get(key)?.as_object()
}

fn allows(allowed: &Allowed, name: &str, server: &ServerConfig) -> bool {
    allowed.get(name).is_some_and(|identity| identity.is_of(server))
}

/// Rules `requirements.identity` and `requirements.matchers`.
fn identity(entry: &Value, with_patterns: bool) -> Option<Identity> {
    let written = table(entry, "identity")?;
    if let Some(command) = written.get("command").and_then(Value::as_str) {
        return Some(Identity::Command(command.to_owned()));
    }
    if let Some(url) = written.get("url").and_then(Value::as_str) {
        return Some(Identity::Url(Pattern::Exact(url.to_owned())));
    }
    if !with_patterns || written.len() != 1 {
        return None;
    }
    if let Some(url) = written.get("url") {
        return Some(Identity::Url(pattern(url)?));
    }
    let line = table(entry.get("identity")?, "command").filter(|line| line.len() == 2)?;
    let program = line.get("executable")?.as_str()?.to_owned();
    let arguments = line.get("args")?.as_array()?.iter().map(pattern).collect::<Option<_>>()?;
    Some(Identity::CommandLine(program, arguments))
}

fn pattern(written: &Value) -> Option<Pattern> {
    let members = written.as_object().filter(|members| members.len() == 2)?;
    let owned = |key: &str| members.get(key)?.as_str().map(str::to_owned);
    match members.get("match")?.as_str()? {
        "exact" => owned("value").map(Pattern::Exact),
        "prefix" => owned("value").map(Pattern::Prefix),
        "regex" => {
            let expression = owned("expression")?;
            // Alone, too: what is only valid inside of the group would end it.
            Regex::new(&expression).ok()?;
            let whole = Regex::new(&[r"\A(?:", &expression, r")\z"].concat()).ok()?;
            Some(Pattern::Expression(expression, whole))
        }
        _ => None,
    }
}

impl Pattern {
    fn is_like(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Expression(_, whole) => whole.is_match(text),
        }
    }
}

impl Identity {
    fn is_of(&self, server: &ServerConfig) -> bool {
        match (self, &server.transport) {
            (Self::Command(command), Transport::Stdio(stdio)) => stdio.command == *command,
            (Self::CommandLine(program, patterns), Transport::Stdio(stdio)) => {
                stdio.command == *program
                    && stdio.args.len() == patterns.len()
                    && patterns.iter().zip(&stdio.args).all(|(pattern, arg)| pattern.is_like(arg))
            }
            (Self::Url(pattern), Transport::StreamableHttp(http)) => pattern.is_like(&http.url),
            _ => false,
        }
    }
}
