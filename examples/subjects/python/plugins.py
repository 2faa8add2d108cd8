"""What a plugin's files and its user say of its servers."""

from collections import namedtuple

from kinds import boolean, is_blank, only, optional, string, table, table_of

# `apps`: the names of apps that it declares. `policy`: fields of the user for each server.
Plugin = namedtuple("Plugin", "id entries apps root policy")

POLICY_FIELDS = (
    "enabled",
    "default_tools_approval_mode",
    "enabled_tools",
    "disabled_tools",
    "tools",
)


def read_plugin(rules, kinds, plugin):
    """`kinds`: those of a server's fields."""
    only(plugin, "id", "active", "mcp_servers", "apps", "root", "policy")
    plugin_id = string(plugin.get("id"))
    active = optional(plugin, "active", boolean) is not False
    entries = optional(plugin, "mcp_servers", table) or {}
    if not active:  # configured.inactive-plugin-ignored
        entries = {}
    apps = optional(plugin, "apps", table_of(string)) or {}
    root = optional(plugin, "root", string)

    def read_policy(policy):
        only(policy, *POLICY_FIELDS)
        fields = {field: optional(policy, field, kinds[field]) for field in policy}
        return {field: value for field, value in fields.items() if value is not None}

    policy = optional(plugin, "policy", table_of(read_policy)) or {}
    if "plugin.relative-cwd" not in rules:  # nor are there policies
        root, policy = None, {}
    # route.blank-app-is-none
    declared = {name for name, connector in apps.items() if not is_blank(connector)}
    return Plugin(plugin_id, entries, declared, root, policy)


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


def located(entry, root):
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
