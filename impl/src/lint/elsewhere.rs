//! Rules `hides-plugin` and `requirement-disables`: what other files say about a server.

use toml::de::{DeTable, DeValue};

use super::finding::{Finding, Found};
use super::parsed::{Entry, entries_of, get};
use super::path::{Path, shown};
use super::rule::Rule;
use super::surroundings::Surroundings;
use crate::hosted_apps::CODEX_APPS;
use crate::plugin::Plugin;

/// The findings about servers that plugins or requirements name too.
pub(super) fn check(root: &DeTable<'_>, given: &Surroundings, found: &mut Found) {
    // Codex refuses requirements that are not TOML when it starts; that is no fault of this file.
    let requirements = given.requirements.as_deref().and_then(|text| DeTable::parse(text).ok());
    let requirements = requirements.as_ref().map(|table| table.get_ref());
    for server in entries_of(root, "mcp_servers") {
        if server.key == CODEX_APPS || server.table().is_none() {
            continue;
        }
        hides_plugin(&server, &given.plugins, found);
        if let Some(table) = requirements {
            requirement_disables(&server, table, found);
        }
    }
}

fn about(server: &Entry<'_, '_>, rule: Rule, message: String) -> Finding {
    let path = Path::default().with("mcp_servers").with(server.key);
    Finding::new(rule, server.key_span.clone(), message).at(path.to_string())
}

fn hides_plugin(server: &Entry<'_, '_>, plugins: &[Plugin], found: &mut Found) {
    let has = |plugin: &&Plugin| plugin.active && plugin.servers.contains_key(server.key);
    if let Some(plugin) = plugins.iter().find(has) {
        let (name, id) = (shown(server.key), shown(&plugin.id));
        let message = format!("{name} takes the place of a server of the plugin {id}");
        let finding = about(server, Rule::HidesPlugin, message);
        found.push(
            finding.meaning("the plugin's server is not used").help("rename it if you want both"),
        );
    }
}

/// Rule `requirements.allow-list` of upstream. Forms that this reader does not know allow the server,
/// because a finding has to be true.
fn requirement_disables(server: &Entry<'_, '_>, requirements: &DeTable<'_>, found: &mut Found) {
    let Some(allowed) = get(requirements, "mcp_servers").and_then(|entry| entry.table()) else {
        return;
    };
    let enabled = server.table().and_then(|table| get(table, "enabled"));
    if enabled.is_some_and(|entry| entry.value.get_ref().as_bool() == Some(false)) {
        return;
    }
    let requirement = get(allowed, server.key);
    let meaning = match requirement {
        None => "the requirements do not list this name",
        Some(requirement) if is_met(server, &requirement) => return,
        Some(_) => "the requirements allow another command or URL under this name",
    };
    let message = format!("the administrator's requirements disable {}", shown(server.key));
    let finding = about(server, Rule::RequirementDisables, message);
    found.push(finding.meaning(meaning).help("ask the administrator to allow it"));
}

fn is_met(server: &Entry<'_, '_>, requirement: &Entry<'_, '_>) -> bool {
    let Some(server) = server.table() else { return true };
    let identity = requirement.table().and_then(|table| get(table, "identity")?.table());
    let Some(identity) = identity else { return true };
    let value = |key| get(identity, key).map(|entry| entry.value.get_ref());
    // As text the command counts alone.
    let (key, wanted) = match (value("command"), value("url")) {
        (Some(DeValue::String(command)), _) => ("command", command),
        (_, Some(DeValue::String(url))) => ("url", url),
        _ => return true,
    };
    get(server, key).is_some_and(|entry| entry.text() == Some(wanted.as_ref()))
}
