//! How a plugin writes an entry, where it differs from an entry of `config.toml`.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The entry as a user would write it. Rule `plugin.entry-shape`.
pub(crate) fn shaped(entry: &Value) -> Cow<'_, Value> {
    let Value::Object(fields) = entry else { return Cow::Borrowed(entry) };
    if !fields.contains_key("type") && !fields.contains_key("oauth") {
        return Cow::Borrowed(entry);
    }
    let kept = fields.iter().filter_map(|(key, value)| match key.as_str() {
        "type" => None,
        "oauth" => Some((key.clone(), Value::Object(client(value.as_object()?)?))),
        _ => Some((key.clone(), value.clone())),
    });
    Cow::Owned(Value::Object(kept.collect()))
}

/// The OAuth settings; `None` if there are none.
fn client(written: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut client = Map::new();
    for (key, value) in written {
        match key.as_str() {
            "callbackPort" => {}
            "clientId" if written.contains_key("client_id") => {}
            "clientId" => drop(client.insert("client_id".to_owned(), value.clone())),
            _ => drop(client.insert(key.clone(), value.clone())),
        }
    }
    (!client.is_empty()).then_some(client)
}

/// The entry with a relative `cwd` appended to the plugin's folder. Rule `plugin.relative-cwd`.
pub(crate) fn with_cwd_below<'a>(entry: &'a Value, root: Option<&str>) -> Cow<'a, Value> {
    let (Some(root), Some(Value::String(cwd))) = (root, entry.get("cwd")) else {
        return Cow::Borrowed(entry);
    };
    if cwd.starts_with('/') {
        return Cow::Borrowed(entry);
    }
    let cwd = below(root, cwd);
    let mut entry = entry.clone();
    if let Some(written) = entry.get_mut("cwd") {
        *written = Value::String(cwd);
    }
    Cow::Owned(entry)
}

/// A relative path below a folder, as text.
pub(crate) fn below(folder: &str, relative: &str) -> String {
    match folder.ends_with('/') {
        true => [folder, relative].concat(),
        false => [folder, "/", relative].concat(),
    }
}
