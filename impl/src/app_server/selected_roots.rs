//! The plugins that a thread selects by their roots. They are read once: rule
//! `thread.executor-plugins`.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::server::Ready;
use crate::config::{ThreadInputs, native_root};
use crate::host::{Configuration, chatgpt_warnings};
use crate::plugin::{DEFAULT_SERVERS, MANIFEST};
use crate::printable::one_line;

/// The most roots of a thread.
const MAX_ROOTS: usize = 100;

/// A root of capabilities, as a client selects it.
#[derive(Deserialize)]
pub(crate) struct Root {
    id: String,
    location: Location,
}

/// Where a root is.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Location {
    /// In an environment, at an absolute path.
    Environment { environment_id: String, path: String },
}

/// The inputs of a thread that selects these roots, read now. `None` if it selects none, or nobody can
/// by the rules of the profile. A root without a readable plugin has no servers, with a warning.
pub(super) async fn inputs(
    ready: &Ready,
    configuration: &Configuration,
    roots: &[Root],
) -> Result<Option<ThreadInputs>, String> {
    let profile = configuration.profile();
    if roots.is_empty() || !profile.selects_plugins() {
        return Ok(None);
    }
    if roots.len() > MAX_ROOTS {
        return Err(format!("a thread selects at most {MAX_ROOTS} roots"));
    }
    let warn = |id: &str, reason: &str| {
        let id = one_line(id, 100);
        ready.host.warn(&format!("selected plugin `{id}`: {reason}"));
    };
    // An invalid path is refused below, whatever is there.
    let valid = |root: &&Root| native_root(root.path()).is_some();
    let read = roots.iter().map(async |root| match Some(root).filter(valid) {
        Some(root) => root.servers(ready, configuration).await,
        None => Ok(Map::new()),
    });
    let mut selected = Vec::new();
    for (root, servers) in roots.iter().zip(join_all(read).await) {
        let servers = servers.unwrap_or_else(|reason| {
            warn(&root.id, &format!("{reason}; it has no servers"));
            Map::new()
        });
        let environment = root.environment();
        selected.push(json!({
            "id": root.id, "environment_id": environment, "root": root.path(), "mcp_servers": servers,
        }));
    }
    let written = json!({ "selected_plugins": selected });
    let inputs = ThreadInputs::from_json(&written, profile).map_err(|error| {
        format!(
            "{}: {error}",
            error.path().replace("thread.selected_plugins", "selectedCapabilityRoots")
        )
    })?;
    for ((_, plugin), written) in inputs.selected().zip(&selected) {
        let names = written.get("mcp_servers").and_then(Value::as_object);
        let names: BTreeSet<_> = names.into_iter().flat_map(Map::keys).collect();
        for name in names.into_iter().filter(|name| !plugin.servers.contains_key(name.as_str())) {
            let name = one_line(name, 100);
            let environment = one_line(&plugin.environment_id, 100);
            let reason =
                format!("its server `{name}` is not valid in {environment:?} and is ignored");
            warn(&plugin.id, &reason);
        }
        for warning in chatgpt_warnings(&plugin.id, &plugin.servers, profile) {
            ready.host.warn(&warning);
        }
    }
    Ok(Some(inputs))
}

impl Root {
    fn environment(&self) -> &str {
        let Location::Environment { environment_id, .. } = &self.location;
        environment_id
    }

    fn path(&self) -> &str {
        let Location::Environment { path, .. } = &self.location;
        path
    }

    /// The entries of the plugin's servers, as it writes them.
    async fn servers(
        &self,
        ready: &Ready,
        configuration: &Configuration,
    ) -> Result<Map<String, Value>, String> {
        let root = native_root(self.path()).unwrap_or_default();
        let environment = self.environment();
        let read = async |name: &str| -> Result<Option<Map<String, Value>>, String> {
            let text = ready.connector.read_file(configuration, environment, &root, name).await?;
            let Some(text) = text else { return Ok(None) };
            match serde_json::from_str(&text) {
                Ok(Value::Object(object)) => Ok(Some(object)),
                Ok(_) => Err(format!("{name}: expected a JSON object")),
                Err(error) => Err(format!(
                    "{name}: not valid JSON: line {}, column {}",
                    error.line(),
                    error.column()
                )),
            }
        };
        let missing = || format!("there is no {MANIFEST} in its root");
        let mut manifest = read(MANIFEST).await?.ok_or_else(missing)?;
        let file = match manifest.remove("mcpServers") {
            Some(Value::Object(servers)) => return Ok(servers),
            None | Some(Value::Null) => read(DEFAULT_SERVERS).await?.unwrap_or_default(),
            Some(Value::String(name)) => {
                read(&name).await?.ok_or_else(|| format!("there is no {name} in its root"))?
            }
            Some(_) => return Err("`mcpServers`: expected a path, or the servers".to_owned()),
        };
        match file.get("mcpServers") {
            Some(Value::Object(servers)) => Ok(servers.clone()),
            _ => Ok(file),
        }
    }
}
