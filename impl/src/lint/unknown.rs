//! Rules `misspelled-key`, `unknown-key`, `removed-key` and `no-effect`.

use toml::de::{DeTable, DeValue};

use super::carried_over;
use super::finding::{Finding, Found};
use super::known_keys::{self, Known};
use super::parsed::{Entry, entries, entries_of, get};
use super::path::{MAX_SHOWN, Path};
use super::rule::Rule;
use crate::config::Profile;
use crate::printable::one_line;

/// The keys that newer releases refuse, and what took their place.
const REMOVED: [(&str, &str); 2] = [
    (
        "profile",
        "move the settings of the profile to the file NAME.config.toml beside this one, and start Codex with \
         `--profile NAME`",
    ),
    ("experimental_thread_store_endpoint", "remove it"),
];

/// The table of `mcp-overlay-host`, which Codex ignores and the host reads.
const OF_THIS_HOST: &str = "mcp_overlay";

/// The findings about the keys of a file.
pub(super) fn check(root: &DeTable<'_>, profile: Profile, found: &mut Found) {
    walk(root, "", &Path::default(), found);
    for (key, instead) in REMOVED {
        if let Some(entry) = get(root, key) {
            let message = format!("Codex refuses a file with the old key `{key}`");
            let finding = Finding::new(Rule::RemovedKey, entry.key_span, message);
            let meaning = "refused by all releases from 0.138.0 on";
            found.push(finding.at(key.to_owned()).meaning(meaning).help(instead));
        }
    }
    profiles(root, found);
    without_effect(root, profile, found);
}

fn walk(table: &DeTable<'_>, pattern: &str, path: &Path, found: &mut Found) {
    for entry in entries(table) {
        if found.is_full() {
            found.more = true;
            return;
        }
        if pattern.is_empty() && entry.key == OF_THIS_HOST && entry.table().is_some() {
            continue;
        }
        match known_keys::look_up(pattern, entry.key, entry.table().is_some()) {
            Known::Yes(child) => {
                if let Some(inner) = entry.table()
                    && known_keys::leads_to_keys(&child)
                {
                    walk(inner, &child, &path.with(entry.key), found);
                }
            }
            Known::No => found.push(unknown(table, &entry, pattern, path)),
        }
    }
}

fn unknown(table: &DeTable<'_>, entry: &Entry<'_, '_>, pattern: &str, path: &Path) -> Finding {
    let here = path.with(entry.key);
    let name = here.last_shown();
    let place =
        |rule, message| Finding::new(rule, entry.key_span.clone(), message).at(here.to_string());
    let advice = carried_over::advice(entry.key, entry.text());
    if let Some((meaning, help)) = advice.filter(|_| known_keys::is_of_server(pattern)) {
        return place(Rule::UnknownKey, format!("unknown key {name}")).meaning(meaning).help(help);
    }
    if let Some(meant) = known_keys::meant(pattern, entry.key) {
        let message = format!("unknown key {name}: did you mean `{meant}`?");
        let finding = place(Rule::MisspelledKey, message);
        if get(table, meant).is_some_and(|other| !can_join(entry, &other)) {
            let help = format!("`{meant}` is there too: keep one of the two");
            return finding.meaning("ignored").help(help);
        }
        let finding = finding.meaning(consequence(pattern, meant, entry));
        let unit = known_keys::unit(meant);
        if unit.is_some() && known_keys::unit(entry.key) != unit {
            // The number may be meant in another unit, or in none that is written.
            let unit = unit.unwrap_or_default();
            return finding.help(format!("rename it to `{meant}`, and write the time in {unit}"));
        }
        if !known_keys::takes(meant, entry.value.get_ref()) {
            return finding
                .help(format!("write `{meant}`, with a value as Codex expects it there"));
        }
        let is_open = entry.table().is_some() && known_keys::has_keys_below(pattern, meant);
        let then = if is_open { "; what is in it is checked then" } else { "" };
        let help = format!("rename it to `{meant}`{then}");
        return finding.help(help).fix(here.rename(meant));
    }
    let finding = place(Rule::UnknownKey, format!("unknown key {name}"));
    if !pattern.is_empty() && known_keys::is_top_key(entry.key) {
        return finding
            .meaning("ignored in this table")
            .help("it is a setting of the whole file: move it above the first `[table]`");
    }
    if let Some(server) = server_above(pattern, path)
        && known_keys::is_server_key(entry.key)
    {
        return finding
            .meaning("ignored in this table")
            .help(format!("{name} is a key of the server: move it to `[{server}]`"));
    }
    match entry.key {
        "rmcp_client" | "experimental_use_rmcp_client" => finding
            .meaning("ignored")
            .help("remove it: Codex has one MCP client, and no setting for it"),
        _ => finding
            .meaning("ignored")
            .help("remove it, or look its name up in Codex's documentation"),
    }
}

/// The server whose table has the table at this path in it.
fn server_above(pattern: &str, path: &Path) -> Option<String> {
    let is_inside = pattern.starts_with("mcp_servers.*.");
    is_inside.then(|| path.first(2).to_string())
}

/// Whether two tables have no key in common, so that one can be added to the other.
fn can_join(one: &Entry<'_, '_>, other: &Entry<'_, '_>) -> bool {
    match (one.table(), other.table()) {
        (Some(one), Some(other)) => entries(one).all(|entry| get(other, entry.key).is_none()),
        _ => false,
    }
}

/// What it means that a key is not there, because it is misspelled.
fn consequence(pattern: &str, meant: &str, entry: &Entry<'_, '_>) -> String {
    let so = match (pattern, meant) {
        ("", "mcp_servers") => {
            let many = entry.table().map_or(0, DeTable::len);
            let servers = if many == 1 { "server" } else { "servers" };
            return format!("ignored, so Codex does not see the {many} {servers} in it");
        }
        ("", "features") => "so all features have their defaults",
        ("mcp_servers.*" | "plugins.*.mcp_servers.*", "enabled") => match entry.value.get_ref() {
            DeValue::Boolean(false) => "so this server is enabled",
            _ => "so this server is enabled as by default",
        },
        ("plugins.*", "enabled") => "so this plugin is enabled",
        ("mcp_servers.*", "command" | "url") => "so this server has no transport",
        ("mcp_servers.*", "args") => "so the command starts without these arguments",
        ("mcp_servers.*", "env" | "env_vars") => "so the command does not get these variables",
        ("mcp_servers.*", "cwd") => "so the command starts in the folder of Codex",
        ("mcp_servers.*", "bearer_token_env_var") => "so requests carry no bearer token",
        ("mcp_servers.*", "http_headers" | "env_http_headers") => "so these headers are not sent",
        ("mcp_servers.*", "auth") => "so ChatGPT credentials are not sent",
        ("mcp_servers.*", "required") => "so Codex goes on if this server does not start",
        ("mcp_servers.*", "startup_timeout_sec" | "tool_timeout_sec" | "startup_timeout_ms") => {
            "so the default timeout applies"
        }
        ("mcp_servers.*" | "plugins.*.mcp_servers.*", "enabled_tools") => {
            "so all tools of this server are offered"
        }
        ("mcp_servers.*" | "plugins.*.mcp_servers.*", "disabled_tools") => {
            "so no tool of this server is left out"
        }
        (_, "default_tools_approval_mode" | "approval_mode") => "so the default approval applies",
        _ => return format!("ignored, so `{meant}` has its default"),
    };
    format!("ignored, {so}")
}

/// Releases from 0.138.0 on have profiles in files of their own.
fn profiles(root: &DeTable<'_>, found: &mut Found) {
    for profile in entries_of(root, "profiles").filter(|profile| profile.table().is_some()) {
        let path = Path::default().with("profiles").with(profile.key);
        let name = one_line(profile.key, MAX_SHOWN);
        let message = format!("the profile `{name}` has no effect");
        let finding = Finding::new(Rule::NoEffect, profile.key_span.clone(), message);
        let meaning =
            "ignored; and while it is here, Codex does not start with `--profile` and this name";
        let help = format!("move its settings to the file {name}.config.toml beside this one");
        found.push(finding.at(path.to_string()).meaning(meaning).help(help));
    }
}

fn without_effect(root: &DeTable<'_>, profile: Profile, found: &mut Found) {
    let mut add = |entry: &Entry<'_, '_>, path: Path, meaning: &str| {
        let message = format!("{} has no effect", path.last_shown());
        let finding = Finding::new(Rule::NoEffect, entry.key_span.clone(), message)
            .at(path.to_string())
            .meaning(meaning)
            .help("remove it")
            .fix(path.remove());
        found.push(finding);
    };
    if !profile.behaviour().path_override_counts {
        for entry in entries_of(root, "features") {
            if entry.key == "apps_mcp_path_override" {
                let path = Path::default().with("features").with(entry.key);
                add(&entry, path, "releases from 0.140.0 on ignore it");
            }
        }
    }
    for server in entries_of(root, "mcp_servers") {
        let name = server.table().and_then(|table| get(table, "name"));
        if let Some(entry) = name {
            let path = Path::default().with("mcp_servers").with(server.key).with("name");
            add(&entry, path, "the server's name is the key of its table");
        }
    }
}
