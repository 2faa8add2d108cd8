//! Reading a host config.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::decision::Rejection;
use crate::endpoint::{DEFAULT_BASE_URL, is_valid_base, override_path};
use crate::requirements::Demands;
use crate::rule::{Rule, RuleSet};
use crate::server::{self, Server};
use crate::wide::{DEFAULT_ORIGINATOR, Thread};

/// The environment variable whose token replaces the host's credentials.
pub const CONNECTORS_TOKEN: &str = "CODEX_CONNECTORS_TOKEN";

/// The path that an override means when it names none.
const DEFAULT_OVERRIDE: &str = "/ps/mcp";

/// Whether the host config has a key of this name. `env` stands for the environment of a real host.
pub(crate) fn is_key(name: &str) -> bool {
    let keys = ["chatgpt_base_url", "apps_mcp_product_sku", "features", "mcp_servers", "env"];
    keys.contains(&name)
}

/// A valid host config.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// The rules that it was read by, and that the views are made by.
    pub rules: RuleSet,
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
    /// The host config's own servers, disabled where the requirements say so.
    pub servers: BTreeMap<String, Server>,
    /// The rule that disabled a server, by its name.
    pub held: BTreeMap<String, Rule>,
    /// The originator of the thread that asks, if one does.
    pub originator: Option<String>,
}

impl Host {
    /// The same host, held to what an administrator demands, in a thread.
    #[must_use]
    pub fn held_to(mut self, demands: &Demands, thread: Option<&Thread>) -> Host {
        self.apps = demands.apps.unwrap_or(self.apps);
        for (name, server) in &mut self.servers {
            if let Some(rule) = demands.against_own(name, server) {
                *server = server::with_field(server, "enabled", Value::Bool(false));
                self.held.insert(name.clone(), rule);
            }
        }
        let named = |thread: &Thread| thread.originator.clone();
        let default = || DEFAULT_ORIGINATOR.to_string();
        self.originator = thread.map(|thread| named(thread).unwrap_or_else(default));
        self
    }
}

/// Reads a host config.
///
/// # Errors
/// Every invalid place, in no order; the caller applies `rejection.smallest-path`.
pub fn read(host: &Value, rules: RuleSet) -> Result<Host, Vec<Rejection>> {
    let Value::Object(host) = host else {
        return Err(vec![wrong_type("host", "a table")]);
    };
    let mut rejections = Vec::new();
    let mut keep = |rejection: Rejection| rejections.push(rejection);

    let base_url = base_url(host, rules).unwrap_or_else(|rejection| {
        keep(rejection);
        DEFAULT_BASE_URL.to_string()
    });
    let product_sku = text(host, "apps_mcp_product_sku").unwrap_or_else(|rejection| {
        keep(rejection);
        None
    });
    let (apps, path_override) = features(host, rules, &mut keep);
    let connectors_token = connectors_token(host, &mut keep);
    let servers = servers(host, rules, &mut keep);

    if rejections.is_empty() {
        Ok(Host {
            rules,
            base_url,
            product_sku,
            apps,
            path_override,
            connectors_token,
            servers,
            held: BTreeMap::new(),
            originator: None,
        })
    } else {
        Err(rejections)
    }
}

/// The value of an optional key; a null is an absent key (`value.null-is-absent`).
fn present<'a>(table: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    table.get(key).filter(|value| !value.is_null())
}

/// Rule `host.wrong-type`: A known key of the host config with a value of the wrong type MUST
/// reject the host config at that key; unknown keys are ignored with a warning, and so are unknown
/// features.
fn wrong_type(path: &str, expected: &str) -> Rejection {
    Rejection::new(path, Rule::HostWrongType, format!("expected {expected}"))
}

fn text(host: &Map<String, Value>, key: &str) -> Result<Option<String>, Rejection> {
    match present(host, key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong_type(&format!("host.{key}"), "a string")),
    }
}

fn base_url(host: &Map<String, Value>, rules: RuleSet) -> Result<String, Rejection> {
    match text(host, "chatgpt_base_url")? {
        None => Ok(DEFAULT_BASE_URL.to_string()),
        Some(url) if is_valid_base(&url) || !rules.has(Rule::EndpointBaseValid) => Ok(url),
        Some(_) => Err(Rejection::new(
            "host.chatgpt_base_url",
            Rule::EndpointBaseValid,
            "expected an absolute http or https URL without userinfo, query or fragment",
        )),
    }
}

/// The Apps feature and the path override.
fn features(
    host: &Map<String, Value>,
    rules: RuleSet,
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
    let mut switch = |name: &str| match present(features, name) {
        None => None,
        Some(Value::Bool(on)) => Some(*on),
        Some(_) => {
            reject(wrong_type(&format!("host.features.{name}"), "a boolean"));
            None
        }
    };
    let (apps, connectors) = (switch("apps"), switch("connectors"));
    // Rule `features.connectors-alias`: `features.connectors` MUST be a boolean that means what
    // `features.apps` means, and MUST count when both are there.
    //
    // Rule `features.apps-default-on`: `features.apps` absent MUST mean on.
    let apps = connectors.or(apps).unwrap_or(true);
    check_other_features(features, reject);
    let path_override = path_override(features, rules).unwrap_or_else(|rejection| {
        reject(rejection);
        None
    });
    (apps, path_override)
}

/// Rule `features.boolean`: An unknown feature that is neither a boolean nor a table MUST reject
/// the host config at that feature.
fn check_other_features(features: &Map<String, Value>, reject: &mut impl FnMut(Rejection)) {
    for (name, value) in features {
        let is_known = ["apps", "connectors", "apps_mcp_path_override"].contains(&name.as_str());
        let may_be = value.is_boolean() || value.is_object() || value.is_null();
        if !is_known && !may_be {
            let path = format!("host.features.{name}");
            reject(Rejection::new(path, Rule::FeaturesBoolean, "expected a boolean"));
        }
    }
}

/// The path of an override that is on.
///
/// Rule `features.override-forms`: `features.apps_mcp_path_override` MUST accept a boolean or a
/// table `{enabled?, path?}`; absent `enabled` means on if `path` is given, else off; on without a
/// path means `/ps/mcp`; another key in the table rejects the host config.
///
/// Rule `features.override-ignored`: `features.apps_mcp_path_override` MUST be a boolean or a table
/// `{enabled?: boolean, path?: string}`, and MUST have no effect; anything else rejects the host
/// config at `host.features.apps_mcp_path_override`.
fn path_override(
    features: &Map<String, Value>,
    rules: RuleSet,
) -> Result<Option<String>, Rejection> {
    let place = "host.features.apps_mcp_path_override";
    let has_effect = rules.has(Rule::FeaturesOverrideForms);
    let form = if has_effect { Rule::FeaturesOverrideForms } else { Rule::FeaturesOverrideIgnored };
    let broken = |reason: &str| Err(Rejection::new(place, form, reason));
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
    if !enabled || !has_effect {
        return Ok(None);
    }
    let path = path.unwrap_or(DEFAULT_OVERRIDE);
    if override_path(path).is_empty() && rules.has(Rule::EndpointOverrideNotEmpty) {
        // Rule `endpoint.override-not-empty`: An override that is on and whose path is empty after
        // its leading slashes SHOULD reject the host config at
        // `host.features.apps_mcp_path_override`.
        return Err(Rejection::new(place, Rule::EndpointOverrideNotEmpty, "the path is empty"));
    }
    Ok(Some(path.to_string()))
}

/// Rule `apps-server.bearer-env`: With `CODEX_CONNECTORS_TOKEN` set to a value that is not blank,
/// the Apps server's `bearer_token_env_var` MUST be that variable's name; unset or blank, absent.
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
        .get(CONNECTORS_TOKEN)
        .and_then(Value::as_str)
        .is_some_and(|token| !token.trim().is_empty())
}

fn servers(
    host: &Map<String, Value>,
    rules: RuleSet,
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
        match server::read(entry, rules) {
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
