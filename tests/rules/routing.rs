//! What auth, a plugin and its user decide about a plugin's servers.

use mcp_overlay_model::Rule;
use serde_json::json;

use crate::check_with;

/// Rule `route.app-hides-server`: With backend auth a server of an active plugin MUST be dropped,
/// from `configured` on, when the same plugin declares an app of exactly that name.
#[test]
fn an_app_hides_the_server_of_its_name_in_its_own_plugin() {
    check_with(
        Rule::RouteAppHidesServer,
        json!({"auth": "headers", "host": {"features": {"apps": false}}, "plugins": [{"id": "p", "active": false, "apps": {"a": "c"}}, {"id": "q", "apps": {"A": "c"}, "mcp_servers": {"a": {"command": "q"}}}]}),
        json!({"configured": {"a": {"command": "q"}}}),
    );
}

/// Rule `route.auth-alone`: Whether apps hide servers MUST be decided by auth alone: not by
/// `features.apps`, nor by whether the Apps server is there, nor by whether the app is accessible.
#[test]
fn apps_hide_by_auth_alone() {
    check_with(
        Rule::RouteAuthAlone,
        json!({"auth": "chatgpt", "plugins": [{"id": "p", "apps": {"a": "c"}, "mcp_servers": {"a": {"command": "p"}}}]}),
        json!({"configured": {}}),
    );
    check_with(
        Rule::RouteAuthAlone,
        json!({"auth": null, "plugins": [{"id": "p", "apps": {"a": "c"}, "mcp_servers": {"a": {"command": "p"}}}]}),
        json!({"configured": {"a": {"command": "p"}}}),
    );
}

/// Rule `route.blank-app-is-none`: An app whose connector id is empty or white space MUST count as
/// not declared.
#[test]
fn a_blank_connector_hides_nothing() {
    check_with(
        Rule::RouteBlankAppIsNone,
        json!({"auth": "chatgpt", "host": {"features": {"apps": false}}, "plugins": [{"id": "p", "apps": {"a": "", "b": "\t\u{2003}", "c": " x "}, "mcp_servers": {"a": {"command": "p"}, "b": {"command": "p"}, "c": {"command": "p"}}}]}),
        json!({"configured": {"a": {"command": "p"}, "b": {"command": "p"}}}),
    );
}

/// Rule `route.hidden-does-not-veto`: A server hidden by an app MUST count for nothing else: a
/// disabled one disables no contribution, and no requirement is held against it.
#[test]
fn a_hidden_server_counts_for_nothing() {
    check_with(
        Rule::RouteHiddenDoesNotVeto,
        json!({"auth": "chatgpt", "host": {"features": {"apps": false}}, "requirements": {"mcp_servers": {}}, "plugins": [{"id": "p", "apps": {"a": "c"}, "mcp_servers": {"a": {"command": "p"}}}], "contributors": [{"id": "x", "contributions": [{"set": {"name": "a", "server": {"command": "x"}}}]}]}),
        json!({"runtime": {"a": {"command": "x"}}}),
    );
}

/// Rule `auth.words`: `bedrock_api_key` MUST NOT be backend auth, and `headers` MUST be.
#[test]
fn a_key_is_no_account_and_headers_are() {
    check_with(
        Rule::AuthWords,
        json!({"auth": "bedrock_api_key", "contributors": [{"id": "x", "contributions": [{"set": {"name": "codex_apps", "server": {"command": "x"}}}]}]}),
        json!({"effective": {}}),
    );
    check_with(
        Rule::AuthWords,
        json!({"auth": "headers", "contributors": [{"id": "x", "contributions": [{"set": {"name": "codex_apps", "server": {"command": "x"}}}]}]}),
        json!({"effective": {"codex_apps": {"command": "x"}}}),
    );
}

/// Rule `plugin.entry-shape`: In a plugin's entry `type` MUST be ignored, whatever its value; of a
/// table `oauth`, `callbackPort` is dropped and `clientId` stands for `client_id` if that is
/// absent; an `oauth` that is then empty, or is no table, counts as absent.
#[test]
fn a_plugins_entry_is_read_as_a_plugin_writes_it() {
    check_with(
        Rule::PluginEntryShape,
        json!({"host": {"features": {"apps": false}}, "plugins": [{"id": "p", "mcp_servers": {"a": {"command": "srv", "type": 5, "oauth": "no"}, "b": {"url": "https://b.example", "oauth": {"clientId": "x", "client_id": "own"}}, "c": {"url": "https://c.example", "oauth": {"client_id": null}}}}]}),
        json!({"configured": {"a": {"command": "srv"}, "b": {"url": "https://b.example", "oauth": {"client_id": "own"}}, "c": {"url": "https://c.example", "oauth": {}}}}),
    );
}

/// Rule `plugin.relative-cwd`: A relative `cwd` of an installed plugin's server MUST be appended
/// to the plugin's folder.
#[test]
fn a_relative_cwd_is_below_the_plugin() {
    check_with(
        Rule::PluginRelativeCwd,
        json!({"host": {"features": {"apps": false}}, "plugins": [{"id": "p", "root": "/p/", "mcp_servers": {"a": {"command": "srv", "cwd": ""}, "b": {"command": "srv", "cwd": "/x"}, "c": {"command": "srv"}}}, {"id": "q", "mcp_servers": {"d": {"command": "srv", "cwd": "x"}}}]}),
        json!({"configured": {"a": {"command": "srv", "cwd": "/p/"}, "b": {"command": "srv", "cwd": "/x"}, "c": {"command": "srv"}, "d": {"command": "srv", "cwd": "x"}}}),
    );
}

/// Rule `plugin.user-policy`: A user's policy for a server of an installed plugin MUST set its
/// `enabled` (true if the policy does not say), replace `default_tools_approval_mode`,
/// `enabled_tools` and `disabled_tools` where it has them, and merge `tools` by tool.
#[test]
fn a_policy_is_over_the_plugin() {
    check_with(
        Rule::PluginUserPolicy,
        json!({"host": {"features": {"apps": false}}, "plugins": [{"id": "p", "policy": {"a": {"enabled": true, "enabled_tools": ["x"], "disabled_tools": [], "tools": {"read": {"approval_mode": "prompt"}, "n": {}}}, "absent": {"enabled": true}}, "mcp_servers": {"a": {"command": "srv", "enabled_tools": ["y"], "tools": {"read": {"approval_mode": "approve"}, "w": {}}}}}]}),
        json!({"configured": {"a": {"command": "srv", "enabled_tools": ["x"], "disabled_tools": [], "tools": {"read": {"approval_mode": "prompt"}, "n": {}, "w": {}}}}}),
    );
}
