//! A case put in its place: the config, credentials, plugins and environment that a host is started
//! with, every server of the case pointing at a test server that tells what it was asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use mcp_overlay_model::Case;
use serde_json::{Map, Value, json};
use toml::Table;

use super::narrow::LOOPBACK;
use super::secrets::nonce;

/// Where the test servers of a case are.
#[derive(Clone, Debug)]
pub(super) struct Sites {
    /// The Apps endpoint.
    pub(super) apps: SocketAddr,
    /// All other HTTP servers.
    pub(super) servers: SocketAddr,
    /// The command of the stdio server, an argument each.
    pub(super) stdio: Vec<String>,
    /// Where stdio servers tell what they were started with.
    pub(super) reports: PathBuf,
    /// In the secrets of this run.
    pub(super) run: String,
    /// Whether the Apps endpoint is at the URLs of the case themselves.
    pub(super) true_origin: bool,
}

/// A case with the addresses of this run in it.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// In the path of every address of the case: no request is taken for another case's.
    pub(super) mark: String,
    /// The host config but for the environment.
    pub(super) config: Table,
    /// Server entries by plugin id, and whether the plugin is active.
    pub(super) plugins: Vec<PlacedPlugin>,
    /// Every entry that has an address, by its number in the addresses.
    pub(super) entries: Vec<Entry>,
    /// The variables of the case, and what they are set to.
    pub(super) environment: BTreeMap<String, Variable>,
}

/// A plugin as it goes to disk.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PlacedPlugin {
    pub(super) name: String,
    pub(super) market: String,
    pub(super) active: bool,
    pub(super) servers: Map<String, Value>,
}

/// A server entry of the case.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The server's name.
    pub(super) name: String,
    /// Its `url` as the case has it.
    pub(super) url: Value,
    /// Its `command` as the case has it.
    pub(super) command: Value,
}

/// A variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Variable {
    /// The value in the case.
    pub(super) written: String,
    /// What the host gets: a secret of its own where it is not blank.
    pub(super) placed: String,
}

impl Placed {
    /// Puts a case that is within reach in its place.
    pub(super) fn new(case: &Case, sites: &Sites) -> Self {
        let mark = format!("n{}", nonce());
        let mut placing = Placing { sites, mark: &mark, entries: Vec::new() };
        let mut host = case.host.as_object().cloned().unwrap_or_default();
        let environment = environment(host.remove("env").as_ref(), &sites.run);
        if let Some(Value::String(base)) = host.get_mut("chatgpt_base_url")
            && !sites.true_origin
        {
            *base = base.replacen(LOOPBACK, &format!("http://{}/{mark}", sites.apps), 1);
        }
        if let Some(Value::Object(servers)) = host.get_mut("mcp_servers") {
            placing.place_all(servers);
        }
        let mut plugins = Vec::new();
        for plugin in &case.plugins {
            let mut servers = plugin.mcp_servers.clone();
            placing.place_all(&mut servers);
            let (name, market) = plugin.id.split_once('@').unwrap_or((&plugin.id, "market"));
            // New names for each case, in the same order: hosts keep what they read of a plugin.
            let (name, market) = (format!("{name}-{mark}"), market.to_string());
            plugins.push(PlacedPlugin { name, market, active: plugin.active, servers });
        }
        let entries = placing.entries;
        // Within reach there is nothing that TOML cannot say.
        let config = Table::try_from(host).unwrap_or_default();
        Placed { mark, config, plugins, entries, environment }
    }
}

fn environment(env: Option<&Value>, run: &str) -> BTreeMap<String, Variable> {
    let env = env.and_then(Value::as_object).into_iter().flatten();
    env.filter_map(|(name, value)| {
        let written = value.as_str()?.to_string();
        let blank = written.trim().is_empty();
        let placed = if blank { written.clone() } else { format!("env-{name}-{run}") };
        Some((name.clone(), Variable { written, placed }))
    })
    .collect()
}

struct Placing<'a> {
    sites: &'a Sites,
    mark: &'a str,
    entries: Vec<Entry>,
}

impl Placing<'_> {
    fn place_all(&mut self, servers: &mut Map<String, Value>) {
        for (name, entry) in servers {
            if let Value::Object(entry) = entry {
                self.place(name, entry);
            }
        }
    }

    /// Also an entry that is invalid gets addresses: a host that takes it for valid is to be seen.
    fn place(&mut self, name: &str, entry: &mut Map<String, Value>) {
        let number = self.entries.len();
        let written = |field: &str| entry.get(field).cloned().unwrap_or_default();
        let (url, command) = (written("url"), written("command"));
        if url.is_string() {
            let address = format!("http://{}/{}/{number}", self.sites.servers, self.mark);
            entry.insert("url".into(), address.into());
        }
        if command.is_string()
            && let [program, own @ ..] = self.sites.stdio.as_slice()
        {
            let args = entry.get("args").cloned().unwrap_or_else(|| json!([]));
            if let Value::Array(args) = args {
                let report = self.sites.reports.join(format!("{}-{number}", self.mark));
                let own = own.iter().map(|argument| Value::from(argument.as_str()));
                let own = own.chain(["--report".into(), report.display().to_string().into()]);
                let own = own.chain(["--".into()]);
                entry.insert("args".into(), own.chain(args).collect());
            }
            entry.insert("command".into(), program.as_str().into());
        }
        self.entries.push(Entry { name: name.into(), url, command });
    }
}
