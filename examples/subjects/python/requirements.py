"""What an administrator demands: which servers may run, by their identity, and features."""

from functools import partial

from kinds import Invalid, boolean, list_of, only, optional, string, table, table_of
from regex_lite import parse
from regex_match import matches


class Requirements:
    """`servers` and `plugins` are None where nothing is demanded of them."""

    def __init__(self, servers, plugins, features):
        self.servers, self.plugins, self.features = servers, plugins, features

    def of_host(self, servers):
        """requirements.allow-list: those of the host config, disabled unless they are allowed."""
        if self.servers is None:
            return servers
        return {name: held(self.servers.get(name), servers[name]) for name in servers}

    def of_plugin(self, plugin_id, name, server):
        """requirements.plugins, requirements.empty-list: the same for one of a plugin"""
        if self.servers == {}:
            return held(None, server)
        if self.plugins is None:
            return server
        return held(self.plugins.get(plugin_id, {}).get(name), server)


NO_REQUIREMENTS = Requirements(None, None, {})


def held(is_allowed, server):
    if is_allowed is not None and is_allowed(server):
        return server
    return {**server, "enabled": False}


def read_requirements(rules, requirements, problems):
    only(requirements, "mcp_servers", "plugins", "features")

    def read_servers(holder, path):
        servers = optional(holder, "mcp_servers", table)
        if servers is None:
            return None
        kind = partial(read_requirement, rules)  # requirements.invalid
        return {name: problems.read(path, kind, servers[name], name) for name in servers}

    plugins, of_plugins = optional(requirements, "plugins", table), {}
    for plugin_id, plugin in (plugins or {}).items():
        path = f"requirements.plugins.{plugin_id}.mcp_servers"
        of_plugins[plugin_id] = read_servers(only(plugin, "mcp_servers"), path) or {}
    servers = read_servers(requirements, "requirements.mcp_servers")
    features = optional(requirements, "features", table_of(boolean)) or {}
    return Requirements(servers, None if plugins is None else of_plugins, features)


def read_requirement(rules, requirement):
    """The question whether a server has the identity (requirements.identity)."""
    identity = table(table(requirement).get("identity"))
    command, url = identity.get("command"), identity.get("url")
    if isinstance(command, str):
        return lambda server: server.get("command") == command
    if isinstance(url, str):
        return lambda server: server.get("url") == url
    if "requirements.matchers" not in rules or len(identity) != 1:
        raise Invalid("expected `command` or `url`")
    if url is not None:
        is_url = read_matcher(url)
        return lambda server: "url" in server and is_url(server["url"])
    only(command, "executable", "args")
    executable = string(command.get("executable"))
    matchers = list_of(read_matcher)(command.get("args"))

    def is_command(server):
        args = server.get("args", [])
        return (
            server.get("command") == executable
            and len(args) == len(matchers)
            and all(is_match(arg) for is_match, arg in zip(matchers, args))
        )

    return is_command


def read_matcher(matcher):
    """requirements.matchers: the question whether a text matches"""
    form = table(matcher).get("match")
    if form == "regex":
        return read_regex(string(only(matcher, "match", "expression").get("expression")))
    value = string(only(matcher, "match", "value").get("value"))
    if form == "exact":
        return lambda text: text == value
    if form == "prefix":
        return lambda text: text.startswith(value)
    raise Invalid("expected `match` to be `exact`, `prefix` or `regex`")


def read_regex(expression):
    """It must be valid alone too: `a)|(?:b` is so in the parentheses only."""
    whole = parse(rf"\A(?:{expression})\z")
    if whole is None or parse(expression) is None:
        raise Invalid("invalid expression")
    return partial(matches, whole)
