//! Ways to read server entries and their names otherwise, and to show servers otherwise.

use mcp_overlay_model::{Answer, Case};
use serde_json::{Map, Value};

use super::change::{Entry, changed, with_views};
use crate::cases::entries::{entries, entries_mut};

/// A case in which these fields of every entry are read otherwise, wherever the entry is. `read`
/// returns a null for an absent field, and nothing for a value that stays as it is.
pub(in crate::rules) fn with_fields(
    case: &Case,
    fields: &[&str],
    read: impl Fn(&Value) -> Option<Value>,
) -> Option<Case> {
    let other = |entry: &Value, field: &str| read(entry.get(field)?);
    let any = |entry: &Value| fields.iter().any(|field| other(entry, field).is_some());
    entries(case).any(any).then(|| {
        let mut case = case.clone();
        for entry in entries_mut(&mut case) {
            for field in fields {
                let other = other(entry, field);
                if let (Some(value), Some(other)) = (entry.get_mut(*field), other) {
                    *value = other;
                }
            }
        }
        case
    })
}

/// The same, for texts.
pub(in crate::rules) fn with_texts(
    case: &Case,
    fields: &[&str],
    read: impl Fn(&str) -> Option<String>,
) -> Option<Case> {
    with_fields(case, fields, |value| read(value.as_str()?).map(Value::from))
}

/// The same, for lists.
pub(in crate::rules) fn with_lists(
    case: &Case,
    fields: &[&str],
    read: impl Fn(&[Value]) -> Vec<Value>,
) -> Option<Case> {
    with_fields(case, fields, |value| {
        let list = value.as_array()?;
        let other = read(list);
        (other != *list).then_some(Value::Array(other))
    })
}

/// The same, for tables.
pub(in crate::rules) fn with_tables(
    case: &Case,
    fields: &[&str],
    read: impl Fn(&Entry) -> Entry,
) -> Option<Case> {
    with_fields(case, fields, |value| {
        let table = value.as_object()?;
        let other = read(table);
        (other != *table).then_some(Value::Object(other))
    })
}

/// A table with other keys; of two that become the same the later one stays.
pub(in crate::rules) fn with_keys(table: &Entry, other: impl Fn(&str) -> String) -> Entry {
    table.iter().map(|(key, value)| (other(key), value.clone())).collect()
}

fn configured_maps(case: &Case) -> impl Iterator<Item = &Map<String, Value>> {
    let own = case.host.get("mcp_servers").and_then(Value::as_object);
    own.into_iter().chain(case.plugins.iter().map(|plugin| &plugin.mcp_servers))
}

/// The servers of the host config and those of each plugin, by name.
pub(in crate::rules) fn configured_maps_mut(
    case: &mut Case,
) -> impl Iterator<Item = &mut Map<String, Value>> {
    let own = case.host.get_mut("mcp_servers").and_then(Value::as_object_mut);
    own.into_iter().chain(case.plugins.iter_mut().map(|plugin| &mut plugin.mcp_servers))
}

/// A case in which the host config and the plugins name their servers otherwise.
pub(in crate::rules) fn with_names(case: &Case, rename: fn(&str) -> String) -> Option<Case> {
    let mut names = configured_maps(case).flat_map(Map::keys);
    names.any(|name| rename(name) != *name).then(|| {
        let mut case = case.clone();
        for servers in configured_maps_mut(&mut case) {
            *servers = with_keys(servers, rename);
        }
        case
    })
}

/// A case whose host config and plugins have no servers of such names.
pub(in crate::rules) fn without_names(case: &Case, lost: fn(&str) -> bool) -> Option<Case> {
    let mut names = configured_maps(case).flat_map(Map::keys);
    names.any(|name| lost(name)).then(|| {
        let mut case = case.clone();
        for servers in configured_maps_mut(&mut case) {
            servers.retain(|name, _| !lost(name));
        }
        case
    })
}

/// An answer in which a field of every server is shown otherwise, in all views. `show` returns a
/// null for an absent field, and nothing for a value that stays as it is.
pub(in crate::rules) fn with_shown(
    answer: &Answer,
    field: &str,
    show: impl Fn(&Value) -> Option<Value>,
) -> Option<Answer> {
    let Answer::Resolved { views, .. } = answer else {
        return None;
    };
    let other = |server: &Value| show(server.get(field)?);
    let all = [&views.configured, &views.runtime, &views.effective];
    if !all.into_iter().flat_map(|view| view.values()).any(|server| other(server).is_some()) {
        return None;
    }
    with_views(answer, |views| {
        for view in [&mut views.configured, &mut views.runtime, &mut views.effective] {
            for server in view.values_mut() {
                match other(server) {
                    None => {}
                    Some(Value::Null) => *server = changed(server, |s| drop(s.remove(field))),
                    Some(value) => {
                        *server = changed(server, |s| drop(s.insert(field.into(), value)));
                    }
                }
            }
        }
    })
}

/// The `auth` of `runtime` in `effective`, where `keeps` says so of the URL.
pub(in crate::rules) fn with_auth_where(
    answer: &Answer,
    keeps: fn(&str) -> bool,
) -> Option<Answer> {
    with_views(answer, |views| {
        for (name, server) in &mut views.effective {
            let before = views.runtime.get(name).and_then(|server| server.get("auth")).cloned();
            let url = server.get("url").and_then(Value::as_str).unwrap_or_default();
            let auth = before.filter(|_| keeps(url));
            if auth.as_ref() != server.get("auth") {
                *server = changed(server, |server| match auth {
                    Some(auth) => drop(server.insert("auth".into(), auth)),
                    None => drop(server.remove("auth")),
                });
            }
        }
    })
}
