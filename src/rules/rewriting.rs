//! Ways to write a case otherwise, which several sections share.

use mcp_overlay_model::Case;
use mcp_overlay_model::endpoint::DEFAULT_BASE_URL;
use serde_json::{Map, Value, json};

use crate::cases::entries::entries_mut;

/// The keys of the host config.
pub(super) fn host(case: &mut Case) -> Option<&mut Map<String, Value>> {
    case.host.as_object_mut()
}

/// Every server entry of the case that is a table.
pub(super) fn tables(case: &mut Case) -> impl Iterator<Item = &mut Map<String, Value>> {
    entries_mut(case).filter_map(Value::as_object_mut)
}

/// Writes another base URL.
pub(super) fn edit_base(case: &mut Case, edit: impl FnOnce(&str) -> String) {
    if let Some(host) = host(case) {
        let written = host.get("chatgpt_base_url").and_then(Value::as_str);
        let edited = edit(written.unwrap_or(DEFAULT_BASE_URL));
        host.insert("chatgpt_base_url".into(), edited.into());
    }
}

/// The path override, as written.
pub(super) fn path_override(case: &mut Case) -> Option<&mut Value> {
    host(case)?.get_mut("features")?.get_mut("apps_mcp_path_override")
}

/// Writes the path override with both of its keys.
pub(super) fn write_override_as_table(case: &mut Case) {
    let Some(written) = path_override(case) else {
        return;
    };
    let path = written.get("path").and_then(Value::as_str).map(str::to_string);
    let enabled = match &*written {
        Value::Bool(enabled) => *enabled,
        table => table.get("enabled").and_then(Value::as_bool).unwrap_or(path.is_some()),
    };
    let path = path.unwrap_or_else(|| "/ps/mcp".to_string());
    *written = json!({ "enabled": enabled, "path": path });
}
