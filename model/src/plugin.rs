//! A plugin's entry: how a plugin writes it, and what the user says of it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::case::{Auth, Plugin};
use crate::rule::{Rule, RuleSet};
use crate::server::{self, Invalid, Server};
use crate::wide::Policy;

/// A server, and the rule that made it another one than was written.
pub(crate) struct Read {
    pub(crate) server: Server,
    pub(crate) changed: Option<Rule>,
}

/// Reads an entry of an installed plugin, and what the user says of it.
///
/// # Errors
/// The entry is invalid.
pub(crate) fn read(
    plugin: &Plugin,
    name: &str,
    entry: &Value,
    rules: RuleSet,
) -> Result<Read, Invalid> {
    let shaped = shaped(entry, rules);
    let mut changed = (oauth_of(&shaped) != oauth_of(entry)).then_some(Rule::PluginEntryShape);
    let placed = placed(&shaped, plugin.root.as_deref(), rules);
    if matches!(placed, Cow::Owned(_)) {
        changed = Some(Rule::PluginRelativeCwd);
    }
    let mut server = server::read(&placed, rules)?;
    let policy = plugin.policy.get(name).filter(|_| rules.has(Rule::PluginUserPolicy));
    if let Some(policy) = policy {
        let before = server.clone();
        server = with_policy(server, policy);
        changed = (server != before).then_some(Rule::PluginUserPolicy).or(changed);
    }
    Ok(Read { server, changed })
}

fn oauth_of(entry: &Value) -> Option<&Value> {
    entry.get("oauth").filter(|oauth| !oauth.is_null())
}

/// Rule `plugin.entry-shape`: In a plugin's entry `type` MUST be ignored, whatever its value; of a
/// table `oauth`, `callbackPort` is dropped and `clientId` stands for `client_id` if that is
/// absent; an `oauth` that is then empty, or is no table, counts as absent.
pub(crate) fn shaped(entry: &Value, rules: RuleSet) -> Cow<'_, Value> {
    let written = entry.as_object().filter(|_| rules.has(Rule::PluginEntryShape));
    let Some(written) = written.filter(|e| e.contains_key("type") || e.contains_key("oauth"))
    else {
        return Cow::Borrowed(entry);
    };
    let mut shaped = written.clone();
    shaped.remove("type");
    if let Some(Value::Object(mut oauth)) = shaped.remove("oauth") {
        oauth.remove("callbackPort");
        if let Some(id) = oauth.remove("clientId") {
            oauth.entry("client_id").or_insert(id);
        }
        if !oauth.is_empty() {
            shaped.insert("oauth".into(), Value::Object(oauth));
        }
    }
    Cow::Owned(Value::Object(shaped))
}

/// Rule `plugin.relative-cwd`: A relative `cwd` of an installed plugin's server MUST be appended to
/// the plugin's folder.
fn placed<'a>(entry: &'a Value, root: Option<&str>, rules: RuleSet) -> Cow<'a, Value> {
    let cwd = entry.get("cwd").and_then(Value::as_str).filter(|cwd| !cwd.starts_with('/'));
    match (root.filter(|_| rules.has(Rule::PluginRelativeCwd)), cwd, entry.as_object()) {
        (Some(root), Some(cwd), Some(entry)) => {
            let mut placed = entry.clone();
            placed.insert("cwd".into(), appended(root, cwd).into());
            Cow::Owned(Value::Object(placed))
        }
        _ => Cow::Borrowed(entry),
    }
}

/// A path with a relative one appended, as text.
pub(crate) fn appended(root: &str, relative: &str) -> String {
    let joint = if root.ends_with('/') { "" } else { "/" };
    format!("{root}{joint}{relative}")
}

/// Rule `plugin.user-policy`: A user's policy for a server of an installed plugin MUST set its
/// `enabled` (true if the policy does not say), replace `default_tools_approval_mode`,
/// `enabled_tools` and `disabled_tools` where it has them, and merge `tools` by tool.
fn with_policy(server: Server, policy: &Policy) -> Server {
    let enabled = policy.enabled.unwrap_or(true);
    let mut server = if enabled {
        server::without_field(&server, "enabled")
    } else {
        server::with_field(&server, "enabled", Value::Bool(false))
    };
    let mode = policy.default_tools_approval_mode.as_ref().map(|mode| Value::from(mode.as_str()));
    let enabled_tools = policy.enabled_tools.as_ref().map(|tools| Value::from(tools.as_slice()));
    let disabled_tools = policy.disabled_tools.as_ref().map(|tools| Value::from(tools.as_slice()));
    for (field, value) in [
        ("default_tools_approval_mode", mode),
        ("enabled_tools", enabled_tools),
        ("disabled_tools", disabled_tools),
    ] {
        if let Some(value) = value {
            server = server::with_field(&server, field, value);
        }
    }
    if policy.tools.is_empty() {
        return server;
    }
    let mut tools = server.get("tools").and_then(Value::as_object).cloned().unwrap_or_default();
    for (tool, said) in &policy.tools {
        let settings = tools.entry(tool).or_insert_with(|| Value::Object(Map::new()));
        if let (Some(mode), Some(settings)) = (&said.approval_mode, settings.as_object_mut()) {
            settings.insert("approval_mode".into(), mode.as_str().into());
        }
    }
    server::with_field(&server, "tools", Value::Object(tools))
}

/// Rule `route.app-hides-server`: With backend auth a server of an active plugin MUST be dropped,
/// from `configured` on, when the same plugin declares an app of exactly that name.
///
/// Rule `route.auth-alone`: Whether apps hide servers MUST be decided by auth alone: not by
/// `features.apps`, nor by whether the Apps server is there, nor by whether the app is accessible.
pub(crate) fn is_hidden(plugin: &Plugin, name: &str, auth: Option<Auth>, rules: RuleSet) -> bool {
    // Rule `route.blank-app-is-none`: An app whose connector id is empty or white space MUST count
    // as not declared.
    let is_declared = plugin.apps.get(name).is_some_and(|id| !id.trim().is_empty());
    rules.has(Rule::RouteAppHidesServer) && auth.is_some_and(Auth::is_backend) && is_declared
}
