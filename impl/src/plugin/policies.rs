//! The policies that a user has for the servers of plugins: `[plugins."ID".mcp_servers.NAME]`.

use std::collections::BTreeMap;

use super::policy::PluginPolicy;
#[cfg(feature = "lint")]
use crate::config::Note;
use crate::config::node::{Kind, Node};
use crate::config::{
    Behaviour, Document, Loaded, Notes, Override, Profile, Read, approval_mode, boolean, strings,
    table, tools, under, unknown_key,
};

/// How warnings name the text.
const FILE: &str = "config.toml";

const SERVER_OFF: &str = "; this server of the plugin is disabled";

/// The policies for the servers of each plugin, by the plugin's id and the server's name.
pub type PluginPolicies = BTreeMap<String, BTreeMap<String, PluginPolicy>>;

/// The policies in the text of a `config.toml` with `overrides` applied to it in order, by the rules of
/// this profile. A malformed one disables its server, with a warning, because that may be what was
/// meant. A text that is not TOML has none.
#[must_use]
pub fn plugin_policies(
    text: &str,
    overrides: &[Override],
    profile: Profile,
) -> Loaded<PluginPolicies> {
    match Document::parse(text, FILE, overrides) {
        Ok(document) => plugin_policies_in(&document, profile),
        Err(_) => Loaded { value: BTreeMap::new(), warnings: Vec::new() },
    }
}

/// As [`plugin_policies`], of a text that is parsed already.
pub(crate) fn plugin_policies_in(
    document: &Document<'_>,
    profile: Profile,
) -> Loaded<PluginPolicies> {
    let mut notes = Notes::default();
    let value = read(document, profile.behaviour(), &mut notes);
    Loaded { value, warnings: notes.into_warnings(|place| document.origin_in(FILE, place)) }
}

/// What is wrong with the policies, by the rules of the newest profile.
#[cfg(feature = "lint")]
pub(crate) fn policy_faults(document: &Document<'_>) -> Vec<Note> {
    let mut notes = Notes::of_faults();
    read(document, Profile::CodexPr31481.behaviour(), &mut notes);
    notes.into_kept()
}

fn read(
    document: &Document<'_>,
    behaviour: &'static Behaviour,
    notes: &mut Notes,
) -> PluginPolicies {
    let mut policies = PluginPolicies::new();
    let plugins = document.get("plugins").filter(|_| behaviour.plugin_entries);
    let Some(Kind::Table(plugins)) = plugins.map(Node::kind) else { return policies };
    for (id, plugin) in plugins.iter() {
        let Kind::Table(entry) = plugin.kind() else { continue };
        let Some(servers) = entry.get("mcp_servers") else { continue };
        let first = notes.len();
        policies.insert(id.to_owned(), of_plugin(servers, behaviour, notes));
        notes.under(first, "mcp_servers");
        notes.under(first, id);
    }
    notes.under(0, "plugins");
    policies
}

fn of_plugin(
    servers: Node<'_>,
    behaviour: &'static Behaviour,
    notes: &mut Notes,
) -> BTreeMap<String, PluginPolicy> {
    let mut policies = BTreeMap::new();
    let servers = match table(servers) {
        Ok(servers) => servers,
        Err(mut fault) => {
            fault.message.push_str("; ignored");
            notes.push_either(*fault);
            return policies;
        }
    };
    for (name, policy) in servers.iter() {
        let first = notes.len();
        let policy = policy_of(policy, behaviour, notes).unwrap_or_else(|mut fault| {
            fault.message.push_str(SERVER_OFF);
            notes.push_either(*fault);
            PluginPolicy { enabled: Some(false), ..PluginPolicy::default() }
        });
        notes.under(first, name);
        policies.insert(name.to_owned(), policy);
    }
    policies
}

fn policy_of(
    node: Node<'_>,
    behaviour: &'static Behaviour,
    notes: &mut Notes,
) -> Read<PluginPolicy> {
    let mut policy = PluginPolicy::default();
    for (key, value) in table(node)?.iter() {
        let first = notes.len();
        let read = match key {
            "enabled" => boolean(value).map(|on| policy.enabled = Some(on)),
            "default_tools_approval_mode" => approval_mode(value, behaviour)
                .map(|mode| policy.default_tools_approval_mode = Some(mode)),
            "enabled_tools" => strings(value).map(|tools| policy.enabled_tools = Some(tools)),
            "disabled_tools" => strings(value).map(|tools| policy.disabled_tools = Some(tools)),
            "tools" => {
                let read = tools(value, behaviour, notes).map(|tools| policy.tools = tools);
                notes.under(first, key);
                read
            }
            _ => {
                unknown_key(key, value, notes);
                Ok(())
            }
        };
        read.map_err(|fault| under(fault, key))?;
    }
    Ok(policy)
}
