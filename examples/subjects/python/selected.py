"""Plugins that a thread selects, and what contributions offer of such plugins."""

from collections import namedtuple

import paths
from kinds import Invalid, list_of, only, optional, string, table
from plugins import appended, shaped

DEFAULT_ORIGINATOR = "codex_cli_rs"

Thread = namedtuple("Thread", "originator plugins environments")
Plugin = namedtuple("Plugin", "id environment root entries")
# A server of a selected plugin; the lowest order wins.
Offer = namedtuple("Offer", "order name plugin_id server")


def read_thread(thread):
    only(thread, "originator", "selected_plugins", "environments")
    originator = optional(thread, "originator", string)
    return Thread(
        DEFAULT_ORIGINATOR if originator is None else originator,
        optional(thread, "selected_plugins", list_of(read_plugin)) or [],
        optional(thread, "environments", list_of(string)),
    )


def read_plugin(plugin):
    only(plugin, "id", "environment_id", "root", "mcp_servers")
    strings = [string(plugin.get(key)) for key in ("id", "environment_id", "root")]
    return Plugin(*strings, optional(plugin, "mcp_servers", table) or {})


def read_offer(offer):
    """One in a contribution. Its server is as it was written: the caller reads it like a `Set`'s."""
    only(offer, "name", "plugin_id", "selection_order", "server")
    order = offer.get("selection_order")
    if type(order) is not int or not 0 <= order < 2**64 or "server" not in offer:
        raise Invalid("expected a `selection_order` and a `server`")
    name, plugin_id = string(offer.get("name")), string(offer.get("plugin_id"))
    return Offer(order, name, plugin_id, offer["server"])


def thread_offers(rules, thread, requirements, read_server, problems):
    """thread.executor-plugins"""
    offers = []
    for order, plugin in enumerate(thread.plugins):
        place = "thread.selected_plugins"  # selected.root-absolute
        if problems.read(place, paths.read_absolute, plugin.root, order) is None:
            continue
        is_ready = thread.environments is None or plugin.environment in thread.environments
        if "thread.ready-environments" in rules and not is_ready:
            continue
        for name, entry in plugin.entries.items():
            try:
                server = read_server(bound(rules, plugin, shaped(rules, entry)))
                if "env_vars" in server:  # selected.env-vars-stay
                    variables = server["env_vars"]
                    server["env_vars"] = [in_environment(plugin, one) for one in variables]
            except Invalid:  # selected.invalid-dropped
                continue
            server = requirements.of_plugin(plugin.id, name, server)
            offers.append(Offer(order, name, plugin.id, server))
    return offers


def bound(rules, plugin, entry):
    """The entry as it is in the plugin's environment and folder."""
    entry = {**table(entry), "environment_id": plugin.environment}  # selected.environment-bound
    if entry.get("command") is not None:
        in_folder = paths.in_root if "selected.cwd-in-root" in rules else cwd_as_written
        entry["cwd"] = in_folder(plugin.root, optional(entry, "cwd", string))
    elif "selected.http-dropped" in rules:
        raise Invalid("an HTTP server")
    elif "selected.http-no-environment" in rules and plugin.environment != "local":
        if entry.get("bearer_token_env_var") is not None or entry.get("env_http_headers"):
            raise Invalid("it would be sent what is in the host's environment")
    return entry


def cwd_as_written(root, cwd):
    """selected.cwd-as-written"""
    if cwd is None:
        return root
    if cwd.startswith("/"):
        return cwd
    if ".." in cwd.split("/"):
        raise Invalid("`..` in a relative `cwd`")
    return appended(root, cwd)


def in_environment(plugin, variable):
    is_local = plugin.environment == "local"
    written = variable if isinstance(variable, dict) else {"name": variable}
    if written.get("source") == ("remote" if is_local else "local"):
        raise Invalid("a variable of another environment")
    return variable if is_local else {**written, "source": "remote"}


def winners(offers):
    """selected.first-selected-wins: the offer that counts for each name"""
    best = {}
    for offer in offers:
        if offer.name not in best or offer.order <= best[offer.name].order:
            best[offer.name] = offer
    return best
