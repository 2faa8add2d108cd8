//! What a host must warn about: the keys that it ignores and the servers that it drops.

use serde_json::{Map, Value};

use crate::case::{Case, Contribution, ContributorKind};
use crate::field::field;
use crate::host::is_key;
use crate::plugin;
use crate::rule::{Rule, RuleSet};

/// A warning that a MUST speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What is ignored or dropped, such as `host.mcp_servers.docs.colour`.
    pub path: String,
    /// The rule that demands it.
    pub rule: Rule,
}

/// Every warning that a valid case demands, in the order of the case. A null demands none: its key is
/// absent (`value.null-is-absent`).
///
/// Rule `configured.invalid-plugin-server-dropped`: An invalid server entry of a plugin MUST be
/// dropped (with a warning) and the rest of that plugin kept.
pub fn warnings(case: &Case, rules: RuleSet) -> Vec<Warning> {
    let mut found = Warnings { rules, found: Vec::new() };
    if let Some(host) = case.host.as_object() {
        found.of_host(host);
    }
    for (i, plugin) in case.plugins.iter().enumerate().filter(|(_, plugin)| plugin.active) {
        for (name, entry) in &plugin.mcp_servers {
            let path = || format!("plugins[{i}].mcp_servers.{name}");
            match plugin::read(plugin, name, entry, rules) {
                Ok(_) => found.of_server(&plugin::shaped(entry, rules), &path),
                Err(_) => found.add(path(), Rule::ConfiguredInvalidPluginServerDropped),
            }
        }
    }
    for (i, contributor) in case.contributors.iter().enumerate() {
        let ContributorKind::Scripted(list) = &contributor.kind else { continue };
        for (j, contribution) in list.iter().enumerate() {
            // Where no rule speaks of selected plugins, such a contribution is not looked at.
            let is_read = !matches!(contribution, Contribution::SelectedPlugin { .. })
                || rules.has(Rule::SelectedBetweenPluginsAndConfig);
            if let Some(server) = contribution.server().filter(|_| is_read) {
                found.of_server(server, &|| format!("contributors[{i}].contributions[{j}]"));
            }
        }
    }
    found.found
}

struct Warnings {
    rules: RuleSet,
    found: Vec<Warning>,
}

impl Warnings {
    fn add(&mut self, path: String, rule: Rule) {
        self.found.push(Warning { path, rule });
    }

    /// Rule `host.wrong-type`: A known key of the host config with a value of the wrong type MUST
    /// reject the host config at that key; unknown keys are ignored with a warning, and so are
    /// unknown features.
    fn of_host(&mut self, host: &Map<String, Value>) {
        for (key, value) in present(host) {
            match (key.as_str(), value) {
                ("mcp_servers", Value::Object(entries)) => {
                    for (name, entry) in entries {
                        self.of_server(entry, &|| format!("host.mcp_servers.{name}"));
                    }
                }
                ("features", Value::Object(features)) => {
                    let known = ["apps", "connectors", "apps_mcp_path_override"];
                    let unknown = present(features).filter(|(name, _)| !known.contains(&&***name));
                    for (name, _) in unknown {
                        self.add(format!("host.features.{name}"), Rule::HostWrongType);
                    }
                }
                (key, _) if !is_key(key) => self.add(format!("host.{key}"), Rule::HostWrongType),
                _ => {}
            }
        }
    }

    /// Rule `server.unknown-field`: An unknown field MUST be ignored with a warning; the legacy
    /// `name` field too. A known field of the wrong type is invalid.
    fn of_server(&mut self, entry: &Value, path: &dyn Fn() -> String) {
        for (name, value) in entry.as_object().into_iter().flat_map(present) {
            match (name.as_str(), value) {
                ("oauth", Value::Object(oauth)) => {
                    self.of_table(oauth, "client_id", || format!("{}.oauth", path()));
                }
                ("tools", Value::Object(tools)) => {
                    for (tool, settings) in tools {
                        let settings = settings.as_object().into_iter();
                        settings.for_each(|settings| {
                            let path = || format!("{}.tools.{tool}", path());
                            self.of_table(settings, "approval_mode", path);
                        });
                    }
                }
                (name, _) if name == "name" || field(name, self.rules).is_none() => {
                    self.add(format!("{}.{name}", path()), Rule::ServerUnknownField);
                }
                _ => {}
            }
        }
    }

    /// A table with one known key.
    fn of_table(&mut self, table: &Map<String, Value>, known: &str, path: impl Fn() -> String) {
        for (key, _) in present(table).filter(|(key, _)| *key != known) {
            self.add(format!("{}.{key}", path()), Rule::ServerUnknownField);
        }
    }
}

fn present(table: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    table.iter().filter(|(_, value)| !value.is_null())
}
