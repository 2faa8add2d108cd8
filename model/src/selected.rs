//! Servers of selected plugins: those that a contribution offers, and those of a thread's roots.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::decision::{By, Decided, Rejection, View};
use crate::host::Host;
use crate::plugin::{appended, shaped};
use crate::requirements::Demands;
use crate::root_path::RootPath;
use crate::rule::{Rule, RuleSet};
use crate::server::{self, Server};
use crate::wide::{SelectedRoot, Thread};

/// The environment of this machine.
const LOCAL: &str = "local";

/// What a selected plugin says of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// The name.
    pub name: String,
    /// The place of the plugin in the selection.
    pub order: u64,
    /// Where it comes from.
    pub by: By,
    /// The server, or `None`: it is dropped.
    pub server: Option<Server>,
    /// Why.
    pub rule: Rule,
}

/// The servers of a thread's roots.
///
/// # Errors
/// Every root that is no absolute path.
pub fn read(
    thread: Option<&Thread>,
    demands: &Demands,
    rules: RuleSet,
) -> Result<Vec<Selected>, Vec<Rejection>> {
    let Some(thread) = thread.filter(|_| rules.has(Rule::ThreadExecutorPlugins)) else {
        return Ok(Vec::new());
    };
    let mut rejections = Vec::new();
    let mut all = Vec::new();
    for (position, plugin) in thread.selected_plugins.iter().enumerate() {
        // Rule `selected.root-absolute`: A selected plugin's `root` MUST be an absolute path or a
        // `file:` URI; anything else rejects at `thread.selected_plugins[i]`.
        let Some(root) = RootPath::parse(&plugin.root) else {
            rejections.push(Rejection::new(
                format!("thread.selected_plugins[{position}]"),
                Rule::SelectedRootAbsolute,
                "expected `root` to be an absolute path or a `file:` URI",
            ));
            continue;
        };
        // Rule `thread.ready-environments`: A selected plugin whose environment is not ready MUST
        // yield nothing.
        let ready =
            thread.environments.as_ref().filter(|_| rules.has(Rule::ThreadReadyEnvironments));
        let is_ready = ready.is_none_or(|ready| ready.contains(&plugin.environment_id));
        // Rule `thread.executor-plugins`: The executor-plugins contributor MUST yield the servers
        // of the thread's selected plugins, with their place in the list as the selection order,
        // and nothing when no thread asks.
        for (name, entry) in &plugin.mcp_servers {
            let (server, rule) = match read_entry(plugin, &root, entry, rules) {
                _ if !is_ready => (None, Rule::ThreadReadyEnvironments),
                Ok((server, changed)) => held(plugin, name, server, changed, demands),
                Err(rule) => (None, rule),
            };
            let (by, order) = (By::SelectedRoot(position), position as u64);
            all.push(Selected { name: name.clone(), order, by, server, rule });
        }
    }
    if rejections.is_empty() { Ok(all) } else { Err(rejections) }
}

fn held(
    plugin: &SelectedRoot,
    name: &str,
    server: Server,
    changed: Rule,
    demands: &Demands,
) -> (Option<Server>, Rule) {
    match demands.against_plugin(&plugin.id, name, &server) {
        Some(rule) => (Some(server::with_field(&server, "enabled", Value::Bool(false))), rule),
        None => (Some(server), changed),
    }
}

/// A server, and the rule that made it another one than was written.
///
/// Rule `selected.invalid-dropped`: An invalid server of a selected plugin MUST be dropped and the
/// rest of that plugin kept.
fn read_entry(
    plugin: &SelectedRoot,
    root: &RootPath,
    entry: &Value,
    rules: RuleSet,
) -> Result<(Server, Rule), Rule> {
    let dropped = Rule::SelectedInvalidDropped;
    let shaped = shaped(entry, rules);
    let mut fields = shaped.as_object().cloned().ok_or(dropped)?;
    let mut changed = Rule::ThreadExecutorPlugins;
    // Rule `selected.environment-bound`: A server of a selected plugin MUST be in that plugin's
    // environment, whatever `environment_id` it declares.
    let bound = Value::from(plugin.environment_id.as_str());
    if fields.insert("environment_id".into(), bound.clone()).is_some_and(|old| old != bound) {
        changed = Rule::SelectedEnvironmentBound;
    }
    let runs = fields.get("command").is_some_and(|command| !command.is_null());
    if runs {
        changed = place(plugin, root, &mut fields, rules)?.unwrap_or(changed);
        let bound = bind_variables(&mut fields, plugin.environment_id == LOCAL);
        changed = bound?.unwrap_or(changed);
    } else if plugin.environment_id != LOCAL && reads_environment(&fields, rules) {
        return Err(Rule::SelectedHttpNoEnvironment);
    }
    let server = server::read(&Value::Object(fields), rules).map_err(|_| dropped)?;
    // Rule `selected.http-dropped`: An HTTP server of a selected plugin MUST be dropped.
    if !runs && rules.has(Rule::SelectedHttpDropped) {
        return Err(Rule::SelectedHttpDropped);
    }
    Ok((server, changed))
}

/// Sets the working folder.
///
/// Rule `selected.cwd-in-root`: A stdio server of a selected plugin MUST have as `cwd` the root if
/// it declares none, else what it declares resolved against the root; a `cwd` that is not the root
/// or below it is invalid.
///
/// Rule `selected.cwd-as-written`: A stdio server of a selected plugin MUST have as `cwd` the root
/// if it declares none, an absolute path as it is written, and else the root with the relative path
/// appended; a relative path with `..` is invalid.
fn place(
    plugin: &SelectedRoot,
    root: &RootPath,
    fields: &mut Map<String, Value>,
    rules: RuleSet,
) -> Result<Option<Rule>, Rule> {
    let in_root = rules.has(Rule::SelectedCwdInRoot);
    let rule = if in_root { Rule::SelectedCwdInRoot } else { Rule::SelectedCwdAsWritten };
    let cwd = match fields.get("cwd") {
        None | Some(Value::Null) if in_root => root.to_string(),
        None | Some(Value::Null) => plugin.root.clone(),
        Some(Value::String(cwd)) if in_root => root.below(cwd).ok_or(rule)?.to_string(),
        Some(Value::String(cwd)) if cwd.starts_with('/') => cwd.clone(),
        Some(Value::String(cwd)) if cwd.split('/').any(|part| part == "..") => return Err(rule),
        Some(Value::String(cwd)) => appended(&plugin.root, cwd),
        // Of the wrong type, and found so when the entry is read.
        Some(_) => return Ok(None),
    };
    let cwd = Value::from(cwd);
    let before = fields.insert("cwd".into(), cwd.clone());
    Ok((before.as_ref() != Some(&cwd)).then_some(rule))
}

/// Rule `selected.env-vars-stay`: In an environment other than `local` every entry of `env_vars` of
/// a selected plugin's server MUST become `{name, source: "remote"}`, and one with source `local`
/// is invalid; in `local` one with source `remote` is invalid and the others stay as written.
fn bind_variables(fields: &mut Map<String, Value>, local: bool) -> Result<Option<Rule>, Rule> {
    let rule = Rule::SelectedEnvVarsStay;
    let Some(Value::Array(variables)) = fields.get_mut("env_vars") else { return Ok(None) };
    let before = variables.clone();
    for variable in variables.iter_mut() {
        let foreign = if local { "remote" } else { "local" };
        if variable.get("source").and_then(Value::as_str) == Some(foreign) {
            return Err(rule);
        }
        // What is no variable stays as it is, and is found so when the entry is read.
        match variable {
            Value::String(name) if !local => *variable = json!({"name": name, "source": "remote"}),
            Value::Object(table) if !local && table.get("source").is_none_or(Value::is_null) => {
                table.insert("source".into(), "remote".into());
            }
            _ => {}
        }
    }
    Ok((*variables != before).then_some(rule))
}

/// Rule `selected.http-no-environment`: In an environment other than `local` an HTTP server of a
/// selected plugin MUST be invalid with `bearer_token_env_var` or with an `env_http_headers` that
/// is not empty.
fn reads_environment(fields: &Map<String, Value>, rules: RuleSet) -> bool {
    let has_bearer = fields.get("bearer_token_env_var").is_some_and(|name| !name.is_null());
    let headers = fields.get("env_http_headers").and_then(Value::as_object);
    let has_headers = headers.is_some_and(|headers| !headers.is_empty());
    rules.has(Rule::SelectedHttpNoEnvironment) && (has_bearer || has_headers)
}

/// Rule `selected.between-plugins-and-config`: In `runtime`, before the Apps loader and each `Set`
/// and `Remove`, a selected plugin's server MUST take the place of an installed plugin's and yield
/// to the host config's.
///
/// Rule `selected.not-configured`: `configured` MUST NOT hold servers of selected plugins. This
/// adds them to what it passes on.
pub fn add(host: &Host, catalog: &mut View, selected: &[Selected]) {
    let mut by_name: BTreeMap<&str, Vec<&Selected>> = BTreeMap::new();
    for offer in selected {
        by_name.entry(&offer.name).or_default().push(offer);
    }
    for (name, offers) in by_name {
        let rule = Rule::SelectedBetweenPluginsAndConfig;
        let valid: Vec<&&Selected> = offers.iter().filter(|o| o.server.is_some()).collect();
        // Rule `selected.first-selected-wins`: For a name of several selected plugins the one with
        // the lowest selection order MUST win, and of equal ones the last contribution.
        let winner = valid.iter().rev().min_by_key(|offer| offer.order);
        match (winner, catalog.get(name)) {
            (Some(_), Some(own)) if host.servers.contains_key(name) => {
                let own = own.passed_on(rule);
                catalog.insert(name.to_string(), own);
            }
            (Some(winner), earlier) => {
                let replaces = earlier.is_some_and(|earlier| earlier.server.is_some());
                let rule = match winner.rule {
                    _ if valid.len() > 1 => Rule::SelectedFirstSelectedWins,
                    Rule::ThreadExecutorPlugins if replaces => rule,
                    rule => rule,
                };
                let decided = Decided::new(winner.server.clone(), rule, winner.by);
                catalog.insert(name.to_string(), decided);
            }
            (None, None) => {
                if let Some(dropped) = offers.first() {
                    let decided = Decided::new(None, dropped.rule, dropped.by);
                    catalog.insert(name.to_string(), decided);
                }
            }
            (None, Some(_)) => {}
        }
    }
}

/// Whether an input is a selected plugin.
pub fn is_selected(by: By) -> bool {
    matches!(by, By::SelectedRoot(_) | By::SelectedContribution { .. })
}
