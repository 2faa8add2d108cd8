"""What a plugin's files and its user say of its servers."""

from collections import namedtuple

from kinds import boolean, is_blank, only, optional, string, table

# `apps`: the names of apps that it declares. `policy`: fields of the user for each server.
Plugin = namedtuple("Plugin", "id entries apps root policy")

POLICY_FIELDS = (
    "enabled",
    "default_tools_approval_mode",
    "enabled_tools",
    "disabled_tools",
    "tools",
)


def read_plugin(rules, fields, plugin):
    """`fields`: the kinds of a server's fields."""
    only(plugin, "id", "active", "mcp_servers", "apps", "root", "policy")
    plugin_id = string(plugin.get("id"))
    active = optional(plugin, "active", boolean) is not False
    entries = optional(plugin, "mcp_servers", table) or {}
    if not active:  # configured.inactive-plugin-ignored
        entries = {}
    apps = optional(plugin, "apps", read_apps)
    root = optional(plugin, "root", string)
    policy = optional(plugin, "policy", table) or {}
    policy = {name: read_policy(fields, policy[name]) for name in policy}
    if "plugin.relative-cwd" not in rules:  # nor are there policies
        root, policy = None, {}
    return Plugin(plugin_id, entries, apps or (), root, policy)


def read_apps(apps):
    """The names of those that count (route.blank-app-is-none)."""
    return [name for name, connector in table(apps).items() if not is_blank(string(connector))]


def read_policy(fields, policy):
    only(policy, *POLICY_FIELDS)
    given = {field: optional(policy, field, fields[field]) for field in policy}
    return {field: value for field, value in given.items() if value is not None}


def shaped(rules, entry):
    """plugin.entry-shape: a plugin's entry as a user would write it"""
    if "plugin.entry-shape" not in rules or not isinstance(entry, dict):
        return entry
    entry = {key: value for key, value in entry.items() if key != "type"}
    oauth = entry.pop("oauth", None)
    if isinstance(oauth, dict):
        client = {key: oauth[key] for key in oauth if key not in ("callbackPort", "clientId")}
        if "clientId" in oauth:
            client.setdefault("client_id", oauth["clientId"])
        if client:
            entry["oauth"] = client
    return entry


def located(root, entry):
    """plugin.relative-cwd"""
    if root is None or not isinstance(entry, dict):
        return entry
    cwd = entry.get("cwd")
    if not isinstance(cwd, str) or cwd.startswith("/"):
        return entry
    return {**entry, "cwd": appended(root, cwd)}


def appended(root, cwd):
    return root + cwd if root.endswith("/") else f"{root}/{cwd}"


def with_policy(server, policy):
    """plugin.user-policy"""
    tools = dict(server.get("tools", {}))
    for name, tool in policy.get("tools", {}).items():
        tools[name] = {**tools.get(name, {}), **tool}
    server = {**server, **policy, "tools": tools}
    if not tools:
        del server["tools"]
    if policy.get("enabled", True):
        server.pop("enabled", None)
    return server
