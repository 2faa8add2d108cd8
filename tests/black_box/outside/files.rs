//! The files of each app-server: copies of the client's, with the addresses and commands of the
//! servers in between.

use std::path::Path;

use toml::{Table, Value};

use crate::shared::Shared;

/// When a configuration is taken up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    List,
    Start,
    /// The how-manieth.
    Reload(usize),
}

impl Shared {
    pub(crate) fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.home.join(name)).ok()
    }

    /// The configuration on the client's disk, as an app-server takes it up. One that is no TOML is
    /// taken up as it is.
    pub(crate) fn take_up(
        &self,
        host: usize,
        text: &str,
        occasion: Occasion,
    ) -> Result<Table, String> {
        let mut config: Table = text.parse().map_err(|_| text.to_string())?;
        let before = self.state().configs.get(&host).cloned().unwrap_or_default();
        if let Some(servers) = config.get_mut("mcp_servers").and_then(Value::as_table_mut) {
            let had = before.get("mcp_servers").and_then(Value::as_table);
            self.spoil(servers, had.unwrap_or(&Table::new()), occasion);
        } else if self.is("removed-stdio-servers-stay")
            && let (Occasion::Reload(_), Some(Value::Table(had))) =
                (occasion, before.get("mcp_servers"))
        {
            let mut servers = Table::new();
            self.spoil(&mut servers, had, occasion);
            config.insert("mcp_servers".into(), Value::Table(servers));
        }
        Ok(config)
    }

    fn spoil(&self, servers: &mut Table, had: &Table, occasion: Occasion) {
        let at_reload = matches!(occasion, Occasion::Reload(_));
        match &*self.fault {
            "disabled-servers-load-in-new-threads" if occasion == Occasion::Start => {
                enable(servers, |_| true);
            }
            "keeps-disabled-servers" if at_reload => {
                enable(servers, |name| had.get(name).is_some_and(is_enabled));
            }
            "enables-everything-at-the-second-reload" if occasion == Occasion::Reload(2) => {
                enable(servers, |_| true);
            }
            "removed-stdio-servers-stay" if at_reload => {
                for (name, server) in had.iter().filter(|(_, server)| has(server, "command")) {
                    servers.entry(name.clone()).or_insert_with(|| server.clone());
                }
            }
            "keeps-the-url-of-a-known-name" if at_reload => {
                for (name, server) in servers {
                    let url = had.get(name).and_then(|server| server.get("url"));
                    if let (Some(url), true) = (url, has(server, "url")) {
                        server.as_table_mut().unwrap().insert("url".into(), url.clone());
                    }
                }
            }
            "keeps-the-headers-of-a-known-name" if at_reload => {
                keep(servers, had, "http_headers");
            }
            "keeps-the-environment-of-a-known-name" if at_reload => keep(servers, had, "env"),
            "reopens-every-connection-at-a-reload" => changed(servers, occasion, |_| true),
            "restarts-every-process-at-a-reload" => {
                changed(servers, occasion, |server| has(server, "command"));
            }
            "reopens-all-if-one-server-changed" if servers != had => {
                changed(servers, occasion, |_| true);
            }
            "one-down-server-keeps-threads-from-starting" if occasion == Occasion::Start => {
                for server in servers.iter_mut().filter_map(|(_, server)| server.as_table_mut()) {
                    server.insert("required".into(), Value::Boolean(true));
                }
            }
            _ => {}
        }
    }
}

fn has(server: &Value, key: &str) -> bool {
    server.get(key).is_some()
}

fn is_enabled(server: &Value) -> bool {
    server.get("enabled").and_then(Value::as_bool) != Some(false)
}

/// Gives each server what one of this name had in this field.
fn keep(servers: &mut Table, had: &Table, key: &str) {
    for (name, server) in servers {
        let before = had.get(name).and_then(|server| server.get(key)).cloned();
        if let (Some(before), Some(server)) = (before, server.as_table_mut()) {
            server.insert(key.into(), before);
        }
    }
}

fn enable(servers: &mut Table, which: impl Fn(&str) -> bool) {
    for (name, server) in servers.iter_mut() {
        if let Some(server) = server.as_table_mut().filter(|_| which(name)) {
            server.remove("enabled");
        }
    }
}

/// Gives these servers a setting that is another one after each reload, so that the app-server takes
/// them for other servers.
fn changed(servers: &mut Table, occasion: Occasion, which: impl Fn(&Value) -> bool) {
    let Occasion::Reload(number) = occasion else { return };
    for (_, server) in servers.iter_mut().filter(|(_, server)| which(server)) {
        if let Some(server) = server.as_table_mut() {
            let seconds = i64::try_from(60 + number).unwrap();
            server.insert("tool_timeout_sec".into(), Value::Integer(seconds));
        }
    }
}

/// Puts this program between the app-server and its stdio servers.
pub(crate) fn with_stand_ins(config: &Table, host: usize, socket: &Path) -> Table {
    let mut config = config.clone();
    let program = std::env::current_exe().unwrap().display().to_string();
    let servers = config.get_mut("mcp_servers").and_then(Value::as_table_mut);
    for (name, server) in servers.into_iter().flatten() {
        let Some(server) = server.as_table_mut() else { continue };
        let Some(Value::String(command)) = server.get("command").cloned() else { continue };
        let head = ["stdio", &socket.display().to_string(), &host.to_string(), name, &command];
        let mut arguments: Vec<Value> = head.map(Value::from).to_vec();
        if let Some(Value::Array(own)) = server.get("args") {
            arguments.extend(own.iter().cloned());
        }
        server.insert("command".into(), program.clone().into());
        server.insert("args".into(), arguments.into());
    }
    config
}

/// Writes a file in one rename, or deletes it.
pub(crate) fn put(path: &Path, text: Option<&str>) {
    if std::fs::read_to_string(path).ok().as_deref() == text {
        return;
    }
    let Some(text) = text else {
        let _ = std::fs::remove_file(path);
        return;
    };
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, path).unwrap();
}
