//! The configs of a sequence: anew, or the last one with a change.

use arbitrary::Unstructured;
use mcp_overlay_model::lifecycle::BASE;
use serde_json::{Map, Value, json};

/// The accounts of sequences.
pub(super) const ACCOUNTS: [&str; 2] = ["alice", "bob"];
/// Their threads.
pub(super) const THREADS: [&str; 3] = ["t1", "t2", "t3"];

/// The names of servers.
pub(super) const NAMES: [&str; 3] = ["a", "b", "c"];

pub(super) const URLS: [&str; 3] =
    ["https://one.example/mcp", "https://two.example/mcp", "https://three.example/mcp"];

/// Commands of stdio servers.
pub(super) const COMMANDS: [&str; 2] = ["first-stdio-server", "second-stdio-server"];

/// The name of a server, and its URL or command.
pub(super) type Named = (String, String);

/// What the last config was.
pub(super) struct Configs {
    has_commands: bool,
    /// The servers of the last config that is not broken.
    servers: Map<String, Value>,
    /// The enabled ones.
    pub(super) named: Vec<Named>,
    /// Whether the last config is broken.
    pub(super) is_broken: bool,
}

impl Configs {
    pub(super) fn new(has_commands: bool) -> Self {
        Configs { has_commands, servers: Map::new(), named: Vec::new(), is_broken: false }
    }

    pub(super) fn next(&mut self, bytes: &mut Unstructured<'_>) -> arbitrary::Result<Value> {
        let mut servers = match !self.servers.is_empty() && bytes.ratio(3, 5)? {
            true => self.with_a_change(bytes)?,
            false => self.all(bytes)?,
        };
        let is_off = bytes.ratio(1, 8)?;
        self.is_broken = bytes.ratio(1, 8)?;
        if self.is_broken {
            // Neither a command nor a URL.
            servers.insert("a".into(), json!({"enabled": true}));
            return Ok(config(&servers, is_off));
        }
        self.keep(servers);
        Ok(config(&self.servers, is_off))
    }

    /// The last config that is not broken.
    pub(super) fn mend(&mut self) -> Value {
        self.is_broken = false;
        config(&self.servers, false)
    }

    /// The last config that is not broken, without the server at this URL or of this command.
    pub(super) fn without(&mut self, server: &str) -> Value {
        let mut servers = self.servers.clone();
        servers.retain(|_, entry| at(entry).as_deref() != Some(server));
        self.is_broken = false;
        self.keep(servers);
        config(&self.servers, false)
    }

    fn keep(&mut self, servers: Map<String, Value>) {
        let enabled = servers.iter().filter(|(_, server)| server.get("enabled").is_none());
        self.named =
            enabled.filter_map(|(name, server)| Some((name.clone(), at(server)?))).collect();
        self.servers = servers;
    }

    fn all(&self, bytes: &mut Unstructured<'_>) -> arbitrary::Result<Map<String, Value>> {
        let mut servers = Map::new();
        for name in NAMES {
            if bytes.ratio(1, 3)? {
                continue;
            }
            let mut server = self.entry(bytes)?;
            if bytes.ratio(1, 6)? {
                server.insert("enabled".into(), false.into());
            }
            servers.insert(name.into(), server.into());
        }
        Ok(servers)
    }

    fn entry(&self, bytes: &mut Unstructured<'_>) -> arbitrary::Result<Map<String, Value>> {
        let (key, at) = match self.has_commands && bytes.ratio(1, 3)? {
            true => ("command", *bytes.choose(&COMMANDS)?),
            false => ("url", *bytes.choose(&URLS)?),
        };
        Ok(Map::from_iter([(key.to_string(), at.into())]))
    }

    /// One server goes, comes, is elsewhere, or is enabled or disabled.
    fn with_a_change(&self, bytes: &mut Unstructured<'_>) -> arbitrary::Result<Map<String, Value>> {
        let mut servers = self.servers.clone();
        let name = *bytes.choose(&NAMES)?;
        match bytes.int_in_range(0..=3)? {
            0 | 1 if servers.remove(name).is_some() => {}
            2 if servers.contains_key(name) => {
                if let Some(Value::Object(server)) = servers.get_mut(name)
                    && server.remove("enabled").is_none()
                {
                    server.insert("enabled".into(), false.into());
                }
            }
            _ => {
                servers.insert(name.into(), self.entry(bytes)?.into());
            }
        }
        Ok(servers)
    }
}

fn config(servers: &Map<String, Value>, is_off: bool) -> Value {
    let mut config = json!({"chatgpt_base_url": BASE, "mcp_servers": servers});
    if is_off && let Some(config) = config.as_object_mut() {
        config.insert("features".into(), json!({"apps": false}));
    }
    config
}

/// The URL or command of a server.
fn at(server: &Value) -> Option<String> {
    server.get("url").or(server.get("command"))?.as_str().map(str::to_string)
}
