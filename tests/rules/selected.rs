//! Selected plugins.

use mcp_overlay_model::Rule;
use serde_json::json;

use crate::check_with;

/// Rule `selected.between-plugins-and-config`: In `runtime`, before the Apps loader and each `Set`
/// and `Remove`, a selected plugin's server MUST take the place of an installed plugin's and yield
/// to the host config's.
#[test]
fn selected_between_plugins_and_config_holds() {
    check_with(
        Rule::SelectedBetweenPluginsAndConfig,
        json!({"host": {"features": {"apps": false}, "mcp_servers": {"c": {"command": "config"}}}, "plugins": [{"id": "p", "mcp_servers": {"a": {"command": "installed"}}}], "contributors": [{"id": "x", "contributions": [{"set": {"name": "s", "server": {"command": "set"}}}, {"selected_plugin": {"name": "a", "plugin_id": "sel", "selection_order": 0, "server": {"command": "selected"}}}, {"selected_plugin": {"name": "c", "plugin_id": "sel", "selection_order": 0, "server": {"command": "selected"}}}, {"selected_plugin": {"name": "s", "plugin_id": "sel", "selection_order": 0, "server": {"command": "selected"}}}]}]}),
        json!({"runtime": {"a": {"command": "selected"}, "c": {"command": "config"}, "s": {"command": "set"}}, "plugin_owners": {"a": "sel"}}),
    );
}

/// Rule `selected.not-configured`: `configured` MUST NOT hold servers of selected plugins.
#[test]
fn selected_not_configured_holds() {
    check_with(
        Rule::SelectedNotConfigured,
        json!({"host": {"features": {"apps": false}}, "contributors": [{"id": "x", "contributions": [{"selected_plugin": {"name": "a", "plugin_id": "sel", "selection_order": 0, "server": {"command": "selected"}}}]}]}),
        json!({"configured": {}, "runtime": {"a": {"command": "selected"}}}),
    );
}

/// Rule `selected.first-selected-wins`: For a name of several selected plugins the one with the
/// lowest selection order MUST win, and of equal ones the last contribution.
#[test]
fn selected_first_selected_wins_holds() {
    check_with(
        Rule::SelectedFirstSelectedWins,
        json!({"host": {"features": {"apps": false}}, "contributors": [{"id": "x", "contributions": [{"selected_plugin": {"name": "a", "plugin_id": "late", "selection_order": 7, "server": {"command": "late"}}}]}, {"id": "y", "contributions": [{"selected_plugin": {"name": "a", "plugin_id": "early", "selection_order": 3, "server": {"command": "early"}}}]}]}),
        json!({"runtime": {"a": {"command": "early"}}, "plugin_owners": {"a": "early"}}),
    );
}

/// Rule `selected.disabled-is-no-veto`: A name MUST be disabled in `runtime` because of an earlier
/// source exactly when the server that wins among installed plugins, selected plugins and host
/// config is disabled and is not a selected plugin's.
#[test]
fn selected_disabled_is_no_veto_holds() {
    check_with(
        Rule::SelectedDisabledIsNoVeto,
        json!({"host": {"features": {"apps": false}}, "plugins": [{"id": "p", "mcp_servers": {"a": {"command": "p", "enabled": false}}}], "contributors": [{"id": "x", "contributions": [{"selected_plugin": {"name": "a", "plugin_id": "s", "selection_order": 0, "server": {"command": "s", "enabled": false}}}, {"selected_plugin": {"name": "b", "plugin_id": "s", "selection_order": 0, "server": {"command": "s", "enabled": false}}}, {"set": {"name": "a", "server": {"command": "x"}}}]}]}),
        json!({"configured": {"a": {"command": "p", "enabled": false}}, "runtime": {"a": {"command": "x"}, "b": {"command": "s", "enabled": false}}}),
    );
    check_with(
        Rule::SelectedDisabledIsNoVeto,
        json!({"host": {"features": {"apps": false}, "mcp_servers": {"a": {"command": "srv", "enabled": false}}}, "contributors": [{"id": "x", "contributions": [{"remove": {"name": "a"}}, {"set": {"name": "a", "server": {"command": "other", "required": true}}}]}]}),
        json!({"runtime": {"a": {"command": "other", "required": true, "enabled": false}}}),
    );
}

/// Rule `selected.reserved-name`: The legacy Apps loader MUST replace a selected plugin's
/// `codex_apps` when the Apps feature is on and remove it when it is off.
#[test]
fn selected_reserved_name_holds() {
    check_with(
        Rule::SelectedReservedName,
        json!({"auth": null, "host": {"features": {"apps": false}, "mcp_servers": {"codex_apps": {"command": "mine"}}}, "contributors": [{"id": "x", "contributions": [{"selected_plugin": {"name": "codex_apps", "plugin_id": "s", "selection_order": 0, "server": {"command": "s"}}}]}]}),
        json!({"configured": {"codex_apps": {"command": "mine"}}, "runtime": {}}),
    );
}

/// Rule `thread.executor-plugins`: The executor-plugins contributor MUST yield the servers of the
/// thread's selected plugins, with their place in the list as the selection order, and nothing
/// when no thread asks.
#[test]
fn thread_executor_plugins_holds() {
    check_with(
        Rule::ThreadExecutorPlugins,
        json!({"host": {"features": {"apps": false}}, "contributors": [{"id": "executor-plugins", "executor_plugins": {}}]}),
        json!({"runtime": {}}),
    );
    check_with(
        Rule::ThreadExecutorPlugins,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "local", "root": "/s", "mcp_servers": {"a": {"command": "s"}}}]}}),
        json!({"runtime": {}}),
    );
    check_with(
        Rule::ThreadExecutorPlugins,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "local", "root": "/s", "mcp_servers": {"a": {"command": "s"}}}, {"id": "t", "environment_id": "local", "root": "/t", "mcp_servers": {"a": {"command": "t"}, "b": {"command": "t"}}}]}, "contributors": [{"id": "executor-plugins", "executor_plugins": {}}]}),
        json!({"plugin_owners": {"a": "s", "b": "t"}}),
    );
}

/// Rule `thread.ready-environments`: A selected plugin whose environment is not ready MUST yield
/// nothing.
#[test]
fn thread_ready_environments_holds() {
    check_with(
        Rule::ThreadReadyEnvironments,
        json!({"host": {"features": {"apps": false}}, "thread": {"environments": ["local"], "selected_plugins": [{"id": "r", "environment_id": "gpu-box", "root": "/plugins/r", "mcp_servers": {"a": {"url": "https://r.example"}, "b": {"url": "https://r.example"}}}, {"id": "s", "environment_id": "local", "root": "/plugins/s", "mcp_servers": {"a": {"url": "https://s.example"}}}]}, "contributors": [{"id": "executor-plugins", "executor_plugins": {}}]}),
        json!({"runtime": {"a": {"url": "https://s.example"}}}),
    );
}

/// Rule `selected.http-dropped`: An HTTP server of a selected plugin MUST be dropped.
#[test]
fn selected_http_dropped_holds() {
    check_with(
        Rule::SelectedHttpDropped,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "gpu-box", "root": "/plugins/s", "mcp_servers": {"a": {"url": "https://s.example"}}}]}, "contributors": [{"id": "executor-plugins", "executor_plugins": {}}]}),
        json!({"runtime": {}}),
    );
}

/// Rule `selected.environment-bound`: A server of a selected plugin MUST be in that plugin's
/// environment, whatever `environment_id` it declares.
#[test]
fn selected_environment_bound_holds() {
    check_with(
        Rule::SelectedEnvironmentBound,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "gpu-box", "root": "/plugins/s", "mcp_servers": {"a": {"command": "srv", "cwd": "/plugins/s", "environment_id": "local"}}}]}, "contributors": [{"id": "executor-plugins", "executor_plugins": {}}]}),
        json!({"runtime": {"a": {"command": "srv", "cwd": "/plugins/s", "environment_id": "gpu-box"}}}),
    );
}

/// Rule `selected.cwd-as-written`: A stdio server of a selected plugin MUST have as `cwd` the root
/// if it declares none, an absolute path as it is written, and else the root with the relative
/// path appended; a relative path with `..` is invalid.
#[test]
fn selected_cwd_as_written_holds() {
    check_with(
        Rule::SelectedCwdAsWritten,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "gpu-box", "root": "/plugins/s", "mcp_servers": {"a": {"command": "srv"}, "b": {"command": "srv", "cwd": "x/y"}, "c": {"command": "srv", "cwd": "../t"}, "d": {"command": "srv", "cwd": "/elsewhere"}}}]}, "contributors": [{"id": "executor-plugins", "executor_plugins": {}}]}),
        json!({"runtime": {"a": {"command": "srv", "cwd": "/plugins/s", "environment_id": "gpu-box"}, "b": {"command": "srv", "cwd": "/plugins/s/x/y", "environment_id": "gpu-box"}, "d": {"command": "srv", "cwd": "/elsewhere", "environment_id": "gpu-box"}}}),
    );
}

/// Rule `selected.cwd-in-root`: A stdio server of a selected plugin MUST have as `cwd` the root if
/// it declares none, else what it declares resolved against the root; a `cwd` that is not the root
/// or below it is invalid.
#[test]
fn selected_cwd_in_root_holds() {
    check_with(
        Rule::SelectedCwdInRoot,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "gpu-box", "root": "/plugins/s", "mcp_servers": {"a": {"command": "srv"}, "b": {"command": "srv", "cwd": "x/../y"}, "c": {"command": "srv", "cwd": "../t"}, "d": {"command": "srv", "cwd": "/plugins/s2"}, "e": {"command": "srv", "cwd": "../s/z"}}}]}, "contributors": [{"id": "executor-plugins", "executor_plugins": {}}]}),
        json!({"runtime": {"a": {"command": "srv", "cwd": "/plugins/s", "environment_id": "gpu-box"}, "b": {"command": "srv", "cwd": "/plugins/s/y", "environment_id": "gpu-box"}, "e": {"command": "srv", "cwd": "/plugins/s/z", "environment_id": "gpu-box"}}}),
    );
    check_with(
        Rule::SelectedCwdInRoot,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "gpu-box", "root": "C:\\plugins\\s", "mcp_servers": {"a": {"command": "srv", "cwd": "x/y"}, "b": {"command": "srv", "cwd": "/t"}, "c": {"command": "srv", "cwd": "D:x"}}}]}, "contributors": [{"id": "executor-plugins", "executor_plugins": {}}]}),
        json!({"runtime": {"a": {"command": "srv", "cwd": "C:\\plugins\\s\\x\\y", "environment_id": "gpu-box"}}}),
    );
}

/// Rule `selected.env-vars-stay`: In an environment other than `local` every entry of `env_vars`
/// of a selected plugin's server MUST become `{name, source: "remote"}`, and one with source
/// `local` is invalid; in `local` one with source `remote` is invalid and the others stay as
/// written.
#[test]
fn selected_env_vars_stay_holds() {
    check_with(
        Rule::SelectedEnvVarsStay,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "local", "root": "/s", "mcp_servers": {"a": {"command": "s", "env_vars": ["A", {"name": "B", "source": "local"}]}, "b": {"command": "s", "env_vars": [{"name": "B", "source": "remote"}]}}}]}, "contributors": [{"id": "executor-plugins", "executor_plugins": {}}]}),
        json!({"runtime": {"a": {"command": "s", "cwd": "/s", "env_vars": ["A", {"name": "B", "source": "local"}]}}}),
    );
}

/// Rule `selected.http-no-environment`: In an environment other than `local` an HTTP server of a
/// selected plugin MUST be invalid with `bearer_token_env_var` or with an `env_http_headers` that
/// is not empty.
#[test]
fn selected_http_no_environment_holds() {
    check_with(
        Rule::SelectedHttpNoEnvironment,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "local", "root": "/s", "mcp_servers": {"a": {"url": "https://s.example", "bearer_token_env_var": "T"}}}, {"id": "t", "environment_id": "x", "root": "/t", "mcp_servers": {"b": {"url": "https://t.example", "env_http_headers": {"X": "Y"}}}}]}, "contributors": [{"id": "executor-plugins", "executor_plugins": {}}]}),
        json!({"runtime": {"a": {"url": "https://s.example", "bearer_token_env_var": "T"}}}),
    );
}

/// Rule `selected.invalid-dropped`: An invalid server of a selected plugin MUST be dropped and the
/// rest of that plugin kept.
#[test]
fn selected_invalid_dropped_holds() {
    check_with(
        Rule::SelectedInvalidDropped,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "local", "root": "/s", "mcp_servers": {"a": 5, "b": {}, "c": {"command": "s", "cwd": 5}, "d": {"command": "s"}}}]}, "contributors": [{"id": "executor-plugins", "executor_plugins": {}}]}),
        json!({"runtime": {"d": {"command": "s", "cwd": "/s"}}}),
    );
}

/// Rule `selected.root-absolute`: A selected plugin's `root` MUST be an absolute path or a `file:`
/// URI; anything else rejects at `thread.selected_plugins[i]`.
#[test]
fn selected_root_absolute_holds() {
    check_with(
        Rule::SelectedRootAbsolute,
        json!({"host": {"features": {"apps": false}}, "thread": {"environments": [], "selected_plugins": [{"id": "s", "environment_id": "local", "root": "C:x"}]}}),
        json!({"rejected": "thread.selected_plugins[0]"}),
    );
    check_with(
        Rule::SelectedRootAbsolute,
        json!({"host": 1, "thread": {"selected_plugins": [{"id": "s", "environment_id": "local", "root": ""}]}}),
        json!({"rejected": "host"}),
    );
    check_with(
        Rule::SelectedRootAbsolute,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "local", "root": "\\\\h\\s"}, {"id": "s", "environment_id": "local", "root": "file:///x"}, {"id": "s", "environment_id": "local", "root": "d:/"}]}}),
        json!({"runtime": {}}),
    );
    // As the URL standard reads it, a URI without a path is that of the root.
    check_with(
        Rule::SelectedRootAbsolute,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "local", "root": "FILE://localhost"}, {"id": "t", "environment_id": "local", "root": "file://"}]}}),
        json!({"runtime": {}}),
    );
    // What looks like a drive is one, also where a host would be.
    check_with(
        Rule::SelectedRootAbsolute,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "local", "root": "file://C:"}, {"id": "t", "environment_id": "local", "root": "file:///d|/s"}]}}),
        json!({"runtime": {}}),
    );
    check_with(
        Rule::SelectedRootAbsolute,
        json!({"host": {"features": {"apps": false}}, "thread": {"selected_plugins": [{"id": "s", "environment_id": "local", "root": "file://host"}]}}),
        json!({"rejected": "thread.selected_plugins[0]"}),
    );
}
