//! What an administrator demands, and the originator of a thread.

use mcp_overlay_model::Rule;
use serde_json::json;

use crate::check_with;

/// Rule `requirements.allow-list`: With `requirements.mcp_servers`, a server of the host config
/// MUST be disabled unless the requirement of its own name matches it.
#[test]
fn requirements_allow_list_holds() {
    check_with(
        Rule::RequirementsAllowList,
        json!({"host": {"features": {"apps": false}, "mcp_servers": {"a": {"command": "srv", "enabled": false}}}, "requirements": {"mcp_servers": {"a": {"identity": {"command": "srv"}}}}}),
        json!({"configured": {"a": {"command": "srv", "enabled": false}}}),
    );
}

/// Rule `requirements.empty-list`: An empty `requirements.mcp_servers` MUST disable all servers of
/// the host config and of plugins, selected ones included; one with entries says nothing of
/// plugins.
#[test]
fn requirements_empty_list_holds() {
    check_with(
        Rule::RequirementsEmptyList,
        json!({"host": {"features": {"apps": false}, "mcp_servers": {"a": {"command": "srv"}}}, "requirements": {"mcp_servers": {}}}),
        json!({"configured": {"a": {"command": "srv", "enabled": false}}}),
    );
    check_with(
        Rule::RequirementsEmptyList,
        json!({"host": {"features": {"apps": false}}, "plugins": [{"id": "p", "mcp_servers": {"b": {"command": "srv"}}}], "requirements": {"mcp_servers": {"a": {"identity": {"command": "x"}}}}}),
        json!({"configured": {"b": {"command": "srv"}}}),
    );
}

/// Rule `requirements.plugins`: With `requirements.plugins`, a server of a plugin MUST be disabled
/// unless the requirement of its name under that plugin's id matches it; for a selected plugin of
/// a thread the id is that of its root.
#[test]
fn requirements_plugins_holds() {
    check_with(
        Rule::RequirementsPlugins,
        json!({"host": {"features": {"apps": false}}, "requirements": {"plugins": {"p": {}}}, "plugins": [{"id": "p", "mcp_servers": {"a": {"command": "srv"}}}]}),
        json!({"configured": {"a": {"command": "srv", "enabled": false}}}),
    );
}

/// Rule `requirements.apps-server-free`: Requirements MUST NOT be held against the Apps server or
/// a `Set`; only an entry of the user's under that name, disabled by them, disables it.
#[test]
fn requirements_apps_server_free_holds() {
    check_with(
        Rule::RequirementsAppsServerFree,
        json!({"host": {"features": {"apps": false}, "mcp_servers": {"b": {"command": "mine"}}}, "requirements": {"mcp_servers": {}}, "contributors": [{"id": "x", "contributions": [{"set": {"name": "a", "server": {"command": "x"}}}, {"set": {"name": "b", "server": {"command": "x"}}}]}]}),
        json!({"runtime": {"a": {"command": "x"}, "b": {"command": "x", "enabled": false}}}),
    );
}

/// Rule `requirements.identity`: `identity.command` as text MUST match a stdio server with that
/// command whatever its arguments, and `identity.url` as text an HTTP server with that URL, byte
/// for byte.
#[test]
fn requirements_identity_holds() {
    check_with(
        Rule::RequirementsIdentity,
        json!({"host": {"features": {"apps": false}, "mcp_servers": {"a": {"command": "srv", "args": ["x"]}, "b": {"url": "https://b.example/"}}}, "requirements": {"mcp_servers": {"a": {"identity": {"command": "srv", "url": "https://b.example"}}, "b": {"identity": {"url": "https://b.example"}}}}}),
        json!({"configured": {"a": {"command": "srv", "args": ["x"]}, "b": {"url": "https://b.example/", "enabled": false}}}),
    );
}

/// Rule `requirements.matchers`: `identity.command` as `{executable, args}` MUST match a stdio
/// server with exactly that command and as many arguments as matchers, each matching the argument
/// in its place, and `identity.url` as a matcher an HTTP server whose URL it matches; a matcher is
/// `{match: "exact", value}`, `{match: "prefix", value}` or `{match: "regex", expression}`, the
/// last over the whole value.
#[test]
fn requirements_matchers_holds() {
    check_with(
        Rule::RequirementsMatchers,
        json!({"host": {"features": {"apps": false}, "mcp_servers": {"a": {"command": "srv", "args": ["mcp", "x1"]}, "b": {"command": "srv", "args": ["mcp", "x1", "y"]}, "c": {"url": "https://c.example/more"}}}, "requirements": {"mcp_servers": {"a": {"identity": {"command": {"executable": "srv", "args": [{"match": "exact", "value": "mcp"}, {"match": "regex", "expression": "y|x[0-9]"}]}}}, "b": {"identity": {"command": {"executable": "srv", "args": [{"match": "exact", "value": "mcp"}, {"match": "prefix", "value": "x"}]}}}, "c": {"identity": {"url": {"match": "regex", "expression": "https://c\\.example"}}}}}}),
        json!({"configured": {"a": {"command": "srv", "args": ["mcp", "x1"]}, "b": {"command": "srv", "args": ["mcp", "x1", "y"], "enabled": false}, "c": {"url": "https://c.example/more", "enabled": false}}}),
    );
}

/// Rule `requirements.invalid`: A requirement without a valid `identity`, with a member that a
/// matcher form does not have, or with an expression that is invalid alone or as
/// `\A(?:expression)\z` MUST reject, at its place.
#[test]
fn requirements_invalid_holds() {
    check_with(
        Rule::RequirementsInvalid,
        json!({"requirements": {"mcp_servers": {"a": {}}}}),
        json!({"rejected": "requirements.mcp_servers.a"}),
    );
    check_with(
        Rule::RequirementsInvalid,
        json!({"requirements": {"mcp_servers": {"a": {"identity": "srv"}}}}),
        json!({"rejected": "requirements.mcp_servers.a"}),
    );
    check_with(
        Rule::RequirementsInvalid,
        json!({"requirements": {"mcp_servers": {"a": {"identity": {"url": {"match": "regex", "expression": "(?x)a # b"}}}}}}),
        json!({"rejected": "requirements.mcp_servers.a"}),
    );
    check_with(
        Rule::RequirementsInvalid,
        json!({"requirements": {"mcp_servers": {"b": {"identity": {"command": {"executable": "x", "args": []}, "more": 1}}, "a": {"identity": {"url": {"match": "exact"}}}}}}),
        json!({"rejected": "requirements.mcp_servers.a"}),
    );
    check_with(
        Rule::RequirementsInvalid,
        json!({"host": {"features": {"apps": false}}, "requirements": {"mcp_servers": {"a": {"identity": {"command": "x", "more": 1}, "more": 1}}}}),
        json!({"configured": {}}),
    );
}

/// Rule `requirements.features`: `requirements.features.apps` MUST count in place of
/// `features.apps`.
#[test]
fn requirements_features_holds() {
    check_with(
        Rule::RequirementsFeatures,
        json!({"auth": "chatgpt", "host": {"features": {"apps": false}}, "requirements": {"features": {"apps": true}}, "contributors": [{"id": "x", "contributions": [{"set": {"name": "codex_apps", "server": {"command": "x"}}}]}]}),
        json!({"effective": {"codex_apps": {"command": "x"}}}),
    );
}

/// Rule `apps-server.originator`: In a thread the Apps server MUST carry the header `originator:
/// <the thread's originator>` beside the product SKU, and otherwise none of that name.
#[test]
fn apps_server_originator_holds() {
    check_with(
        Rule::AppsServerOriginator,
        json!({"auth": "chatgpt", "thread": {}}),
        json!({"effective": {"codex_apps": {"url": "https://chatgpt.com/backend-api/wham/apps", "auth": "chatgpt", "startup_timeout_sec": 30, "http_headers": {"X-OpenAI-Product-Sku": "codex", "originator": "codex_cli_rs"}}}}),
    );
    check_with(
        Rule::AppsServerOriginator,
        json!({"auth": "chatgpt"}),
        json!({"effective": {"codex_apps": {"url": "https://chatgpt.com/backend-api/wham/apps", "auth": "chatgpt", "startup_timeout_sec": 30, "http_headers": {"X-OpenAI-Product-Sku": "codex"}}}}),
    );
}
