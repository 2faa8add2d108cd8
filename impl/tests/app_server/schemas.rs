//! The schemas of the protocol, by method.

use std::collections::BTreeMap;
use std::path::Path;

use jsonschema::Validator;
use serde_json::Value;

/// The methods with schemas, and the names of their schemas.
const METHODS: [(&str, Option<&str>, Option<&str>); 9] = [
    ("initialize", Some("InitializeParams"), Some("InitializeResponse")),
    ("app/list", Some("AppsListParams"), Some("AppsListResponse")),
    ("config/mcpServer/reload", None, Some("McpServerRefreshResponse")),
    (
        "mcpServerStatus/list",
        Some("ListMcpServerStatusParams"),
        Some("ListMcpServerStatusResponse"),
    ),
    ("mcpServer/resource/read", Some("McpResourceReadParams"), Some("McpResourceReadResponse")),
    ("mcpServer/tool/call", Some("McpServerToolCallParams"), Some("McpServerToolCallResponse")),
    (
        "mcpServer/oauth/login",
        Some("McpServerOauthLoginParams"),
        Some("McpServerOauthLoginResponse"),
    ),
    ("mcpServer/startupStatus/updated", Some("McpServerStatusUpdatedNotification"), None),
    ("mcpServer/oauthLogin/completed", Some("McpServerOauthLoginCompletedNotification"), None),
];

/// Validates messages against the schemas.
pub(crate) struct Schemas {
    params: BTreeMap<&'static str, Validator>,
    results: BTreeMap<&'static str, Validator>,
}

impl Schemas {
    pub(crate) fn read() -> Self {
        let mut schemas = Self { params: BTreeMap::new(), results: BTreeMap::new() };
        for (method, params, result) in METHODS {
            schemas.params.extend(params.map(|name| (method, validator(name))));
            schemas.results.extend(result.map(|name| (method, validator(name))));
        }
        schemas
    }

    /// Panics if the params of a request or notification do not match the schema.
    pub(crate) fn check_params(&self, method: &str, params: &Value) {
        check("params", method, self.params.get(method), params);
    }

    /// Panics if a result does not match the schema.
    pub(crate) fn check_result(&self, method: &str, result: &Value) {
        check("result", method, self.results.get(method), result);
    }
}

fn check(what: &str, method: &str, validator: Option<&Validator>, value: &Value) {
    let Some(validator) = validator else { return };
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what} of {method}: {}\n{value:#}", errors.join("; "));
}

fn validator(name: &str) -> Validator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/app-server-schemas");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

#[test]
fn a_mismatch_with_a_schema_is_detected() {
    let schemas = Schemas::read();
    let noticed =
        |check: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).is_err();
    let wrong = serde_json::json!({ "data": [{ "name": "docs" }] });
    assert!(noticed(&|| schemas.check_result("mcpServerStatus/list", &wrong)));
    let wrong = serde_json::json!({ "name": "docs", "status": "started" });
    assert!(noticed(&|| schemas.check_params("mcpServer/startupStatus/updated", &wrong)));
}
