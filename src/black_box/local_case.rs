//! A case with this run's addresses: the config, plugins and environment for a host, with every
//! server of the case pointing to a test server that records its requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use mcp_overlay_model::wide::Policy;
use mcp_overlay_model::{Auth, Case};
use serde_json::{Map, Value, json};
use toml::Table;

use super::narrow::LOOPBACK;
use super::server_kind::ServerKind;
use crate::cases::entries::entries;
use crate::subject::process::secrets::{nonce, nonce_for};

/// The addresses of the test servers.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    /// The Apps endpoint.
    pub(super) apps: SocketAddr,
    /// All other HTTP servers.
    pub(super) servers: SocketAddr,
    /// The command of the stdio server, as a list of arguments.
    pub(super) stdio: Vec<String>,
    /// The folder for the reports of the stdio servers.
    pub(super) reports: PathBuf,
    /// A nonce in the secrets of this run.
    pub(super) run: String,
    /// Whether the Apps endpoint keeps the URL of the case.
    pub(super) true_origin: bool,
}

/// A case with this run's addresses.
#[derive(Clone, Debug)]
pub(super) struct LocalCase {
    /// The mark in the path of every address of the case, which tells its requests from those of
    /// other cases.
    pub(super) mark: String,
    /// What the Apps endpoint does.
    pub(super) apps: ServerKind,
    /// The host config, without the environment.
    pub(super) config: Table,
    /// The plugins, with their server entries.
    pub(super) plugins: Vec<LocalPlugin>,
    /// All entries with an address; an address contains the entry's index.
    pub(super) entries: Vec<Entry>,
    /// The variables of the case, with their values.
    pub(super) environment: BTreeMap<String, Variable>,
}

/// A plugin as written to disk.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LocalPlugin {
    pub(super) name: String,
    pub(super) market: String,
    pub(super) active: bool,
    pub(super) servers: Map<String, Value>,
    /// The connector of each app that it declares.
    pub(super) apps: BTreeMap<String, String>,
    /// What the user says of its servers.
    pub(super) policy: BTreeMap<String, Policy>,
}

/// A server entry of the case.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The server's name.
    pub(super) name: String,
    /// Its `url` in the case.
    pub(super) url: Value,
    /// Its `command` in the case.
    pub(super) command: Value,
    /// Whether it has `enabled = false`.
    pub(super) disabled: bool,
}

/// A variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Variable {
    /// The value in the case.
    pub(super) written: String,
    /// The host's value: a unique secret, unless the case's value is blank.
    pub(super) local: String,
}

impl LocalCase {
    /// Gives a narrowed case this run's addresses.
    pub(super) fn new(case: &Case, addresses: &Addresses) -> Self {
        let entries = entries(case).filter(|entry| entry.is_object()).count();
        let apps = ServerKind::of_apps(entries);
        let mark = format!("n{}{}", apps.letter(), nonce());
        let mut localizer = Localizer { addresses, mark: &mark, entries: Vec::new() };
        let mut host = case.host.as_object().cloned().unwrap_or_default();
        let environment = environment(host.remove("env").as_ref(), &addresses.run);
        if let Some(Value::String(base)) = host.get_mut("chatgpt_base_url")
            && !addresses.true_origin
        {
            let authority = format!("{}/{mark}", addresses.apps);
            *base = base.replacen(LOOPBACK, &format!("http://{authority}"), 1);
            *base = base.replacen("@127.0.0.1", &format!("@{authority}"), 1);
        }
        if let Some(Value::Object(servers)) = host.get_mut("mcp_servers") {
            localizer.localize_all(servers);
        }
        let mut plugins = Vec::new();
        for plugin in &case.plugins {
            let mut servers = plugin.mcp_servers.clone();
            localizer.localize_all(&mut servers);
            let (name, market) = plugin.id.split_once('@').unwrap_or((&plugin.id, "market"));
            // Each case gets new plugin names, in the same order, because hosts cache plugins.
            let (name, market) = (format!("{name}-{mark}"), market.to_string());
            plugins.push(LocalPlugin {
                name,
                market,
                active: plugin.active,
                servers,
                apps: plugin.apps.clone(),
                policy: plugin.policy.clone(),
            });
        }
        let entries = localizer.entries;
        // A narrowed case has only values that TOML can represent.
        let config = Table::try_from(host).unwrap_or_default();
        LocalCase { mark, apps, config, plugins, entries, environment }
    }
}

impl LocalCase {
    /// Whether there is a server that must not be started: disabled, by its user too, of a disabled
    /// plugin, or hidden by an app.
    pub(super) fn has_disabled_server(&self, auth: Option<Auth>) -> bool {
        let is_routed = auth.is_some_and(Auth::is_backend);
        let keeps_one_off = |plugin: &LocalPlugin| {
            let is_off = |policy: &Policy| policy.enabled == Some(false);
            !plugin.active
                || plugin.policy.values().any(is_off)
                || (is_routed && !plugin.apps.is_empty())
        };
        self.entries.iter().any(|entry| entry.disabled)
            || self.plugins.iter().any(|plugin| !plugin.servers.is_empty() && keeps_one_off(plugin))
    }
}

fn environment(env: Option<&Value>, run: &str) -> BTreeMap<String, Variable> {
    let env = env.and_then(Value::as_object).into_iter().flatten();
    env.filter_map(|(name, value)| {
        let written = value.as_str()?.to_string();
        let blank = written.trim().is_empty();
        let local =
            if blank { written.clone() } else { format!("env-{name}-{}", nonce_for(run, name)) };
        Some((name.clone(), Variable { written, local }))
    })
    .collect()
}

struct Localizer<'a> {
    addresses: &'a Addresses,
    mark: &'a str,
    entries: Vec<Entry>,
}

impl Localizer<'_> {
    fn localize_all(&mut self, servers: &mut Map<String, Value>) {
        for (name, entry) in servers {
            if let Value::Object(entry) = entry {
                self.localize(name, entry);
            }
        }
    }

    /// An invalid entry gets an address too, to observe a host that accepts it.
    fn localize(&mut self, name: &str, entry: &mut Map<String, Value>) {
        let number = self.entries.len();
        let written = |field: &str| entry.get(field).cloned().unwrap_or_default();
        let (url, command) = (written("url"), written("command"));
        let disabled = written("enabled") == Value::Bool(false);
        if url.is_string() {
            let address = format!("http://{}/{}/{number}", self.addresses.servers, self.mark);
            entry.insert("url".into(), address.into());
        }
        if command.is_string()
            && let [program, own @ ..] = self.addresses.stdio.as_slice()
        {
            let args = entry.get("args").cloned().unwrap_or_else(|| json!([]));
            if let Value::Array(args) = args {
                let report = self.addresses.reports.join(format!("{}-{number}", self.mark));
                let own = own.iter().map(|argument| Value::from(argument.as_str()));
                let own = own.chain(["--report".into(), report.display().to_string().into()]);
                let own = own.chain(["--".into()]);
                entry.insert("args".into(), own.chain(args).collect());
            }
            entry.insert("command".into(), program.as_str().into());
        }
        self.entries.push(Entry { name: name.into(), url, command, disabled });
    }
}
