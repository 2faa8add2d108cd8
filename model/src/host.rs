//! Reading a host config.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::case::Profile;
use crate::endpoint::{DEFAULT_BASE_URL, is_valid_base, override_path};
use crate::resolution::Rejection;
use crate::server::{self, Server};

/// The path that an override means when it names none.
const DEFAULT_OVERRIDE: &str = "/ps/mcp";

/// A valid host config.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// The rules that it was read by.
    pub profile: Profile,
    /// `chatgpt_base_url`, as written.
    pub base_url: String,
    /// `apps_mcp_product_sku`.
    pub product_sku: Option<String>,
    /// Whether the Apps feature is on.
    pub apps: bool,
    /// The path override, when it is on.
    pub path_override: Option<String>,
    /// Whether `CODEX_CONNECTORS_TOKEN` is set to something that is not blank.
    pub connectors_token: bool,
    /// The host config's own servers.
    pub servers: BTreeMap<String, Server>,
}

/// Reads a host config by the rules of a profile.
///
/// # Errors
/// Every invalid place, in no order; the caller applies `rejection.smallest-path`.
pub fn read(host: &Value, profile: Profile) -> Result<Host, Vec<Rejection>> {
    let Value::Object(host) = host else {
        return Err(vec![wrong_type("host", "a table")]);
    };
    let mut rejections = Vec::new();
    let mut keep = |rejection: Rejection| rejections.push(rejection);

    let base_url = base_url(host).unwrap_or_else(|rejection| {
        keep(rejection);
        DEFAULT_BASE_URL.to_string()
    });
    let product_sku = text(host, "apps_mcp_product_sku").unwrap_or_else(|rejection| {
        keep(rejection);
        None
    });
    let product_sku = product_sku.or_else(|| default_sku(profile));
    let (apps, path_override) = features(host, profile, &mut keep);
    let connectors_token = connectors_token(host, &mut keep);
    let servers = servers(host, &mut keep);

    if rejections.is_empty() {
        Ok(Host { profile, base_url, product_sku, apps, path_override, connectors_token, servers })
    } else {
        Err(rejections)
    }
}

/// The value of an optional key; a null is an absent key (`value.null-is-absent`).
fn present<'a>(table: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    table.get(key).filter(|value| !value.is_null())
}

/// Rule `host.wrong-type`: A known key of the host config with a value of the wrong type MUST
/// reject the host config at that key; features other than the two above, and unknown keys, are
/// ignored with a warning.
fn wrong_type(path: &str, expected: &str) -> Rejection {
    Rejection::new(path, "host.wrong-type", format!("expected {expected}"))
}

fn text(host: &Map<String, Value>, key: &str) -> Result<Option<String>, Rejection> {
    match present(host, key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong_type(&format!("host.{key}"), "a string")),
    }
}

fn base_url(host: &Map<String, Value>) -> Result<String, Rejection> {
    match text(host, "chatgpt_base_url")? {
        None => Ok(DEFAULT_BASE_URL.to_string()),
        Some(url) if is_valid_base(&url) => Ok(url),
        Some(_) => Err(Rejection::new(
            "host.chatgpt_base_url",
            "endpoint.base-valid",
            "expected an absolute http or https URL without userinfo, query or fragment",
        )),
    }
}

/// Rule `apps-server.sku-default`: The Apps server MUST carry the header
/// `X-OpenAI-Product-Sku: codex` when no product SKU is configured.
fn default_sku(profile: Profile) -> Option<String> {
    (profile >= Profile::CodexPr31803).then(|| "codex".to_string())
}

/// The Apps feature and the path override.
fn features(
    host: &Map<String, Value>,
    profile: Profile,
    reject: &mut impl FnMut(Rejection),
) -> (bool, Option<String>) {
    let features = match present(host, "features") {
        None => return (true, None),
        Some(Value::Object(features)) => features,
        Some(_) => {
            reject(wrong_type("host.features", "a table"));
            return (true, None);
        }
    };
    // Rule `features.apps-default-on`: `features.apps` absent MUST mean on.
    let apps = match present(features, "apps") {
        None => true,
        Some(Value::Bool(apps)) => *apps,
        Some(_) => {
            reject(wrong_type("host.features.apps", "a boolean"));
            true
        }
    };
    // Rule `features.override-ignored`: `features.apps_mcp_path_override` MUST be ignored, whatever
    // its value.
    if profile >= Profile::CodexPr27198 {
        return (apps, None);
    }
    let path_override = path_override(features).unwrap_or_else(|rejection| {
        reject(rejection);
        None
    });
    (apps, path_override)
}

/// Rule `features.override-forms`: `features.apps_mcp_path_override` MUST accept a boolean or a
/// table `{enabled?, path?}`; absent `enabled` means on if `path` is given, else off; on without a
/// path means `/ps/mcp`; another key in the table rejects the host config.
fn path_override(features: &Map<String, Value>) -> Result<Option<String>, Rejection> {
    let place = "host.features.apps_mcp_path_override";
    let broken = |reason: &str| Err(Rejection::new(place, "features.override-forms", reason));
    let (enabled, path) = match present(features, "apps_mcp_path_override") {
        None => return Ok(None),
        Some(Value::Bool(enabled)) => (*enabled, None),
        Some(Value::Object(table)) => {
            if table.keys().any(|key| key != "enabled" && key != "path") {
                return broken("expected no other keys than `enabled` and `path`");
            }
            let path = match present(table, "path") {
                None => None,
                Some(Value::String(path)) => Some(path.as_str()),
                Some(_) => return broken("expected `path` to be a string"),
            };
            match present(table, "enabled") {
                None => (path.is_some(), path),
                Some(Value::Bool(enabled)) => (*enabled, path),
                Some(_) => return broken("expected `enabled` to be a boolean"),
            }
        }
        Some(_) => return Err(wrong_type(place, "a boolean or a table")),
    };
    let path = path.unwrap_or(DEFAULT_OVERRIDE);
    match enabled {
        false => Ok(None),
        true if override_path(path).is_empty() => {
            Err(Rejection::new(place, "endpoint.override-path", "the path is empty"))
        }
        true => Ok(Some(path.to_string())),
    }
}

/// Rule `apps-server.bearer-env`: With `CODEX_CONNECTORS_TOKEN` set to a value that is not blank,
/// `bearer_token_env_var` MUST be that variable's name; unset or blank, absent.
fn connectors_token(host: &Map<String, Value>, reject: &mut impl FnMut(Rejection)) -> bool {
    let variables = match present(host, "env") {
        None => return false,
        Some(Value::Object(variables)) => variables,
        Some(_) => {
            reject(wrong_type("host.env", "a table"));
            return false;
        }
    };
    for (name, value) in variables {
        if !value.is_string() {
            reject(wrong_type(&format!("host.env.{name}"), "a string"));
        }
    }
    variables
        .get(crate::apps::CONNECTORS_TOKEN)
        .and_then(Value::as_str)
        .is_some_and(|token| !token.trim().is_empty())
}

fn servers(
    host: &Map<String, Value>,
    reject: &mut impl FnMut(Rejection),
) -> BTreeMap<String, Server> {
    let entries = match present(host, "mcp_servers") {
        None => return BTreeMap::new(),
        Some(Value::Object(entries)) => entries,
        Some(_) => {
            reject(wrong_type("host.mcp_servers", "a table"));
            return BTreeMap::new();
        }
    };
    let mut servers = BTreeMap::new();
    for (name, entry) in entries {
        match server::read(entry) {
            Ok(server) => {
                servers.insert(name.clone(), server);
            }
            // Rule `server.invalid-rejects-config`: An invalid server in the host config MUST
            // reject the whole host config, at `host.mcp_servers.<name>`.
            Err(invalid) => reject(Rejection::new(
                format!("host.mcp_servers.{name}"),
                invalid.rule,
                invalid.reason,
            )),
        }
    }
    servers
}
