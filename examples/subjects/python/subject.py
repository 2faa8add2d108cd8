#!/usr/bin/env python3
"""A conformance subject in Python: an independent implementation of docs/semantics.md.

It resolves a host config, plugins, contributions and the kind of auth to the three views
`configured`, `runtime` and `effective`, in every profile. It speaks the line protocol of
docs/protocol.md (version 1) and needs only Python 3.9 or later.

    mcp-overlay check --profile all --stdio "python3 examples/subjects/python/subject.py"

The sections follow the specification. A comment such as `# gate.open` names the rule that the code
implements. With `--warnings`, the warnings that the specification asks for go to standard error.

What wide cases add is beside this file: `plugins.py`, `selected.py` (the plugins of a thread, with
`paths.py`) and `requirements.py` (with `regex_lite.py`). `kinds.py` reads values for all of them.
"""

import ipaddress
import json
import re
import sys
import unicodedata
from collections import namedtuple
from fractions import Fraction
from functools import partial
from urllib.parse import unquote_to_bytes

from kinds import (
    Invalid,
    array,
    boolean,
    boolean_or_table,
    is_blank,
    list_of,
    one_of,
    only,
    optional,
    string,
    table,
    table_of,
    table_with,
)
from plugins import located, read_plugin, shaped, with_policy
from requirements import NO_REQUIREMENTS, read_requirements
from selected import read_offer, read_thread, thread_offers, winners

RESERVED_NAME = "codex_apps"
BACKEND_AUTH = (  # auth.words
    "chatgpt",
    "chatgpt_auth_tokens",
    "agent_identity",
    "personal_access_token",
    "headers",
)
SHOW_WARNINGS = "--warnings" in sys.argv[1:]


def warn(message):
    if SHOW_WARNINGS:
        print("warning:", message, file=sys.stderr)


# --- Profiles ------------------------------------------------------------------------------------

DEFAULT_PROFILE = "codex-pr-27191"

# profile: (parent, the rules that it adds, the rules that it drops)
#
# Only the rules that the code asks for are listed. The other rules hold in every profile, or come
# and go together with a listed one.
PROFILES = {
    DEFAULT_PROFILE: (
        None,
        {"legacy.synthesizes-in-effective", "endpoint.override-path", "server.remote-stdio-cwd"},
        set(),
    ),
    "codex-pr-27198": (
        "codex-pr-27191",
        {"legacy.first-in-runtime", "hosted.at-ps-mcp"},
        {"legacy.synthesizes-in-effective", "endpoint.override-path"},
    ),
    "codex-pr-27414": ("codex-pr-27198", {"overlay.set-replaces-but-disabled"}, set()),
    "codex-pr-27634": (
        "codex-pr-27414",
        {
            "owners.of-runtime",
            "plugin.entry-shape",
            "plugin.relative-cwd",
            "plugin.user-policy",
            "requirements.allow-list",
        },
        set(),
    ),
    "codex-pr-27607": ("codex-pr-27634", {"route.app-hides-server"}, set()),
    "codex-pr-27893": (
        "codex-pr-27607",
        {
            "selected.between-plugins-and-config",
            "selected.cwd-as-written",
            "selected.http-dropped",
        },
        set(),
    ),
    "codex-pr-29924": (
        "codex-pr-27893",
        {"apps-server.auth", "effective.auth-at-chatgpt-only", "server.auth"},
        {"server.remote-stdio-cwd"},
    ),
    "codex-pr-31803": (
        "codex-pr-29924",
        {
            "apps-server.sku-default",
            "requirements.matchers",
            "selected.cwd-in-root",
            "selected.http-no-environment",
            "server.approval-writes",
            "thread.ready-environments",
        },
        {"selected.cwd-as-written", "selected.http-dropped"},
    ),
    "codex-pr-31481": ("codex-pr-31803", {"apps-server.originator"}, set()),
}


def rules_of(profile):
    """The listed rules that hold in a profile."""
    parent, adds, drops = PROFILES[profile]
    inherited = frozenset() if parent is None else rules_of(parent)
    return inherited - drops | adds


RULES = {profile: rules_of(profile) for profile in PROFILES}


# --- Resolution ----------------------------------------------------------------------------------


def resolve(case):
    """The answer to a case, without its `seq`: a function of the case alone (resolution.pure)."""
    profile = table(case).get("profile")
    if profile is None:
        profile = DEFAULT_PROFILE
    if not isinstance(profile, str) or profile not in RULES:
        return {"skipped": {"reason": f"unknown profile {profile!r}"}}
    rules = RULES[profile]

    problems = Problems()
    host, plugins, contributors, offers, auth, requirements = read_case(rules, case, problems)
    if problems:
        # rejection.smallest-path: code points have the order of their UTF-8 bytes.
        path = min(problems)
        return {"rejected": {"path": path, "reason": problems[path]}}

    apps_hide = "route.app-hides-server" in rules and auth in BACKEND_AUTH  # route.auth-alone
    configured, owners = merge_configured(rules, host, plugins, apps_hide, requirements)
    contributions = all_contributions(rules, host, contributors)
    overlays = legacy_contributions(rules, host) + contributions
    before = vetoing = configured
    if offers:
        before, vetoing = with_selected(configured, owners, winners(offers), host)
    runtime = overlay(rules, before, vetoing, overlays)
    effective = make_effective(rules, host, auth, runtime, contributions)
    if "owners.of-runtime" in rules:  # otherwise all owners stay: configured.owners-exact
        for name, _ in overlays:
            owners.pop(name, None)
    views = {"configured": configured, "runtime": runtime, "effective": effective}
    return {"views": views, "plugin_owners": owners}


def merge_configured(rules, host, plugins, apps_hide, requirements):
    """configured.union, and the plugin that each server comes from"""
    configured, owners = dict(host.servers), {}
    for plugin in plugins:
        for name, entry in plugin.entries.items():
            if name in configured:  # configured.config-over-plugin, configured.first-plugin-wins
                continue
            if apps_hide and name in plugin.apps:  # route.hidden-does-not-veto
                continue
            try:
                server = read_server(rules, located(plugin.root, shaped(rules, entry)))
            except Invalid as invalid:  # configured.invalid-plugin-server-dropped
                warn(f"plugin {plugin.id!r}: server {name!r} dropped: {invalid}")
                continue
            if name in plugin.policy:
                server = with_policy(server, plugin.policy[name])
            configured[name] = requirements.of_plugin(plugin.id, name, server)
            owners[name] = plugin.id
    return configured, owners


def with_selected(configured, owners, selected, host):
    """selected.between-plugins-and-config: all servers, and those that keep a name disabled"""
    servers, vetoing = dict(configured), dict(configured)  # selected.not-configured
    for name, offer in selected.items():
        if name not in host.servers:
            servers[name] = offer.server
            owners[name] = offer.plugin_id
            vetoing.pop(name, None)  # selected.disabled-is-no-veto
    return servers, vetoing


def all_contributions(rules, host, contributors):
    """Pairs (name, server). The server of a `Remove` is None."""
    path = "ps/mcp" if "hosted.at-ps-mcp" in rules else host.path_override
    hosted = [apps_contribution(rules, host, path)]  # hosted.always-speaks
    contributions = []
    for contributor in contributors:  # contribution.order
        contributions.extend(hosted if contributor is HOSTED_APPS else contributor)
    return contributions


def legacy_contributions(rules, host):
    """The legacy Apps loader acts like a contribution before all others."""
    return [apps_contribution(rules, host)] if "legacy.first-in-runtime" in rules else []


def apps_contribution(rules, host, path=None):
    """hosted.enabled-sets, hosted.disabled-removes"""
    return RESERVED_NAME, apps_server(rules, host, path) if host.apps_on else None


def overlay(rules, servers, vetoing, contributions):
    """runtime.is-overlaid-configured, runtime.three-phases, overlay.last-wins"""
    runtime = dict(servers)
    for name, server in contributions:
        if server is None:
            runtime.pop(name, None)  # overlay.remove-deletes
            continue
        disabled = not vetoing.get(name, {}).get("enabled", True)
        if disabled and "overlay.set-replaces-but-disabled" in rules:
            server = {**server, "enabled": False}  # overlay.disabled-stays
        runtime[name] = server  # overlay.set-replaces-whole
    return runtime


def make_effective(rules, host, auth, runtime, contributions):
    """effective.others-pass, effective.others-pass-but-auth"""
    effective = dict(runtime)  # gate.passes-runtime, gate.passes-but-auth, gate.never-synthesizes
    if not (host.apps_on and auth in BACKEND_AUTH):  # gate.open
        effective.pop(RESERVED_NAME, None)  # gate.closed-removes
    elif "legacy.synthesizes-in-effective" in rules:
        if all(name != RESERVED_NAME for name, _ in contributions):  # legacy.only-when-silent
            effective[RESERVED_NAME] = apps_server(rules, host, host.path_override)
    if "effective.auth-at-chatgpt-only" in rules:
        for name, server in effective.items():
            if "auth" in server and not is_at_chatgpt(server["url"]):  # `oauth` is never written
                effective[name] = {field: server[field] for field in server if field != "auth"}
    return effective


# The WHATWG URL standard's reading of an `https` URL, as far as it decides about the origin: any
# number of slashes or backslashes, userinfo up to the last @ before the path, the host, the port.
HTTPS_URL = re.compile(
    r"https:[/\\]*(?:[^/\\?#]*@)?(?P<host>[^/\\?#@:]*)(?::(?P<port>[0-9]*))?(?:[/\\?#].*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
C0_AND_SPACE = "".join(map(chr, range(0x21)))
TAB_OR_NEWLINE = re.compile(r"[\t\n\r]")
# IDNA's mapping (UTS 46) where it differs from NFKC: code points that are ignored, full stops that
# separate labels, and others that NFKC maps to a full stop but IDNA does not allow.
IGNORED = (
    "\u00ad\u034f\u180b-\u180d\u180f\u200b\u2060\u2064\ufe00-\ufe0f\ufeff"
    "\U0001bca0-\U0001bca3\U000e0100-\U000e01ef"
)
IDNA_MAPPING = ((f"[{IGNORED}]", ""), ("[\u3002\uff61]", "."), ("[\u2024\ufe52]", "\ufffd"))


def is_at_chatgpt(url):
    """effective.auth-at-chatgpt-only: whether a URL has the origin https://chatgpt.com."""
    parts = HTTPS_URL.fullmatch(TAB_OR_NEWLINE.sub("", url.strip(C0_AND_SPACE)))
    if parts is None or (parts["port"] or "443").lstrip("0") != "443":
        return False
    host = unquote_to_bytes(parts["host"]).decode("utf-8", "replace")
    for pattern, replacement in IDNA_MAPPING:
        host = re.sub(pattern, replacement, host)
    return unicodedata.normalize("NFKC", host).casefold() == "chatgpt.com"


# --- The Apps server -----------------------------------------------------------------------------

CHATGPT_HOSTS = ("chatgpt.com", "chat.openai.com")
TOKEN_VARIABLE = "CODEX_CONNECTORS_TOKEN"
# RFC 3986 without userinfo, query and fragment. Without re.ASCII, U+017F would be taken for an s.
BASE_URL = re.compile(
    r"""(?! .* % (?! [0-9A-F]{2} ) )  # every % begins an escape
        (?P<scheme> https? ) ://
        (?P<host> \[ (?P<ipv6> [0-9A-F:.]+ ) \] | [A-Z0-9._~!$&'()*+,;=-]+ )
        (?: : 0* (?P<port> [0-9]* ) )?
        (?P<path> (?: / [A-Z0-9._~!$&'()*+,;=:@%/-]* )? )""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)


def base_url(value):
    """endpoint.base-valid"""
    base = BASE_URL.fullmatch(string(value))
    if base is None:
        raise Invalid("expected an http or https URL without userinfo, query or fragment")
    port = base["port"] or "0"
    if len(port) > 5 or int(port) > 65535:
        raise Invalid("the port is too large")
    if base["ipv6"] is not None:
        try:
            ipaddress.IPv6Address(base["ipv6"])
        except ValueError:
            raise Invalid("the host in brackets is no IPv6 address") from None
    return base


DEFAULT_BASE = BASE_URL.fullmatch("https://chatgpt.com/backend-api/")


def apps_url(base, path):
    """The Apps server's URL; without a path, at the default one."""
    url = base.string.rstrip("/")  # endpoint.base-trimmed
    # endpoint.whole-host, endpoint.whole-segments
    segments = base["path"].rstrip("/").split("/")
    under_backend = "backend-api" in segments
    is_chatgpt = base["scheme"].lower() == "https" and base["host"].lower() in CHATGPT_HOSTS
    if is_chatgpt and not under_backend:  # endpoint.chatgpt-host
        url += "/backend-api"
        under_backend = True
    elif not under_backend and ("api", "codex") not in zip(segments, segments[1:]):
        url += "/api/codex"  # endpoint.other-host
    if path is None:  # endpoint.default-path, endpoint.legacy-path
        path = "wham/apps" if under_backend else "apps"
    return f"{url}/{path}"


def apps_server(rules, host, path):
    """apps-server.shape"""
    server = {"url": apps_url(host.base, path), "startup_timeout_sec": 30}
    if host.sku is not None:
        server["http_headers"] = {"X-OpenAI-Product-Sku": host.sku}  # apps-server.sku-header
    elif "apps-server.sku-default" in rules:  # otherwise apps-server.no-sku-no-header
        server["http_headers"] = {"X-OpenAI-Product-Sku": "codex"}
    if host.originator is not None and "apps-server.originator" in rules:
        server["http_headers"]["originator"] = host.originator
    if host.has_token:  # apps-server.bearer-env
        server["bearer_token_env_var"] = TOKEN_VARIABLE
    if "apps-server.auth" in rules:
        server["auth"] = "chatgpt"
    return server


# --- Features and servers ------------------------------------------------------------------------

# `originator` is that of the thread, None without one.
Host = namedtuple("Host", "servers apps_on base path_override sku has_token originator")
HOST_KEYS = {"chatgpt_base_url", "apps_mcp_product_sku", "features", "env", "mcp_servers"}
PATH_OVERRIDE = "apps_mcp_path_override"
FEATURES = {"apps", "connectors", PATH_OVERRIDE}


class Problems(dict):
    """Why a case is rejected: path -> reason."""

    def read(self, path, kind, value, member=None):
        """`member`: the name or the number of what is read in what is at the path."""
        try:
            return kind(value)
        except Invalid as invalid:
            if member is not None:
                path += f"[{member}]" if isinstance(member, int) else f".{member}"
            self[path] = str(invalid)
            return None


def read_host(rules, host, thread, requirements, problems):
    if problems.read("host", table, host) is None:
        return None

    def take(holder, path, kind):  # host.wrong-type
        value = holder.get(path.rpartition(".")[2])
        return None if value is None else problems.read(path, kind, value)  # value.null-is-absent

    base = take(host, "host.chatgpt_base_url", base_url)
    sku = take(host, "host.apps_mcp_product_sku", string)
    features = take(host, "host.features", table) or {}
    apps = take(features, "host.features.apps", boolean)
    connectors = take(features, "host.features.connectors", boolean)
    override = take(features, f"host.features.{PATH_OVERRIDE}", partial(read_path_override, rules))
    for name in features.keys() - FEATURES:
        if features[name] is not None:  # features.boolean: a table is ignored
            problems.read(f"host.features.{name}", boolean_or_table, features[name])
    env = {
        name: problems.read("host.env", string, value, name)
        for name, value in (take(host, "host.env", table) or {}).items()
    }
    read = partial(read_server, rules)
    servers = {  # server.invalid-rejects-config
        name: problems.read("host.mcp_servers", read, entry, name)
        for name, entry in (take(host, "host.mcp_servers", table) or {}).items()
    }
    for key in host.keys() - HOST_KEYS | features.keys() - FEATURES:
        warn(f"host config: unknown key or feature {key!r} ignored")
    if problems:
        return None
    has_token = not is_blank(env.get(TOKEN_VARIABLE, ""))
    # features.connectors-alias, features.apps-default-on
    apps_on = apps is not False if connectors is None else connectors
    apps_on = requirements.features.get("apps", apps_on)  # requirements.features
    servers = requirements.of_host(servers)
    originator = None if thread is None else thread.originator
    return Host(servers, apps_on, base or DEFAULT_BASE, override, sku, has_token, originator)


def read_path_override(rules, value):
    """features.override-forms: the path without its leading slashes, None when it is off."""
    if isinstance(value, bool):
        value = {"enabled": value}
    only(value, "enabled", "path")
    enabled = optional(value, "enabled", boolean)
    path = optional(value, "path", string)
    if "endpoint.override-path" not in rules:  # features.override-ignored
        return None
    if enabled is False or (enabled is None and path is None):
        return None
    path = "ps/mcp" if path is None else path.lstrip("/")
    if not path:  # endpoint.override-not-empty
        raise Invalid("the path is empty")
    return path


def read_server(rules, entry):
    """The canonical form of a server as a user writes it."""
    known, server = FIELDS[rules], {}
    for field, value in table(entry).items():
        if field not in known:  # server.unknown-field
            warn(f"server: unknown field {field!r} ignored")
        elif value is not None:  # value.null-is-absent
            try:
                server[field] = known[field](value)
            except Invalid as invalid:
                raise Invalid(f"`{field}`: {invalid}") from None

    stdio = "command" in server
    if stdio == ("url" in server):  # server.transport
        raise Invalid("exactly one of `command` and `url` must be given")
    foreign = server.keys() & (HTTP_FIELDS if stdio else STDIO_FIELDS).keys()
    if foreign:  # server.foreign-field
        raise Invalid(f"`{min(foreign)}` belongs to the other transport")
    remote_stdio = stdio and server.get("environment_id", "local") != "local"
    absolute_cwd = server.get("cwd", "").startswith("/")
    if "server.remote-stdio-cwd" in rules and remote_stdio and not absolute_cwd:
        raise Invalid("a remote stdio server needs an absolute `cwd`")

    server.pop("name", None)
    startup_timeout = server.pop("startup_timeout_ms", None)
    if startup_timeout is not None:  # server.durations: counts only without `startup_timeout_sec`
        server.setdefault("startup_timeout_sec", startup_timeout)
    for field, default in DEFAULTS.items():
        if server.get(field) == default:
            del server[field]
    return server


# --- Fields --------------------------------------------------------------------------------------


def env_var(value):
    """server.env-vars: a view keeps the form that was written."""
    if isinstance(value, str):
        return value
    only(value, "name", "source")
    written = {"name": string(value.get("name"))}
    source = optional(value, "source", one_of("local", "remote"))
    return written if source is None else {**written, "source": source}


def seconds(value):
    """server.durations: the nearest double, rounded to the nanosecond, an exact half to even."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):  # a bool is an int to Python
        raise Invalid("expected seconds")
    value = float(value)
    if not 0 <= value < 2**64:
        raise Invalid("expected seconds, finite, not negative and less than 2^64")
    return in_seconds(round(Fraction(value) * 10**9))


def milliseconds(value):
    """server.durations: whole, so an int; a float will not do."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**64:
        raise Invalid("expected whole milliseconds from 0 to 2^64 - 1")
    return in_seconds(value * 10**6)


def in_seconds(nanoseconds):
    return nanoseconds / 10**9  # Python rounds the quotient of two ints to the nearest double


def refused(value):
    raise Invalid("a secret belongs in the environment")


STDIO_FIELDS = {
    "args": list_of(string),
    "env": table_of(string),
    "env_vars": list_of(env_var),
    "cwd": string,
}
HTTP_FIELDS = {
    "bearer_token_env_var": string,
    "http_headers": table_of(string),
    "env_http_headers": table_of(string),
    "auth": one_of("oauth", "chatgpt"),
    "oauth": table_with("client_id", string),
    "oauth_resource": string,
}


def fields_of(rules):
    """The fields that a profile knows, and the kind of each."""
    # server.approval-modes, server.approval-writes
    writes = ("writes",) if "server.approval-writes" in rules else ()
    approval_mode = one_of("auto", "prompt", "approve", *writes)
    fields = {
        "command": string,
        "url": string,
        **STDIO_FIELDS,
        **HTTP_FIELDS,
        "environment_id": string,
        "enabled": boolean,
        "required": boolean,
        "supports_parallel_tool_calls": boolean,
        "startup_timeout_sec": seconds,
        "startup_timeout_ms": milliseconds,
        "tool_timeout_sec": seconds,
        "default_tools_approval_mode": approval_mode,
        "enabled_tools": list_of(string),
        "disabled_tools": list_of(string),
        "scopes": list_of(string),
        "tools": table_of(table_with("approval_mode", approval_mode)),
        "name": string,
        "bearer_token": refused,  # server.foreign-field, whichever the transport
    }
    if "server.auth" not in rules:
        del fields["auth"]
    return fields


FIELDS = {rules: fields_of(rules) for rules in RULES.values()}
DEFAULTS = {
    **{"args": [], "env_vars": [], "tools": {}, "environment_id": "local", "auth": "oauth"},
    **{"enabled": True, "required": False, "supports_parallel_tool_calls": False},
}


# --- The protocol: a case ------------------------------------------------------------------------
#
# An Invalid that escapes from here means that the case is no case.

HOSTED_APPS = object()
CASE_KEYS = "id", "profile", "host", "plugins", "contributors", "auth", "thread", "requirements"
read_auth = one_of("api_key", "bedrock_api_key", *BACKEND_AUTH)


def read_case(rules, case, problems):
    only(case, *CASE_KEYS)
    optional(case, "id", string)
    auth = optional(case, "auth", read_auth)
    requirements, thread = NO_REQUIREMENTS, optional(case, "thread", read_thread)
    if case.get("requirements") is not None and "requirements.allow-list" in rules:
        requirements = read_requirements(rules, case["requirements"], problems)
    read = partial(read_server, rules)
    of_thread, offers = [], []
    if thread is not None and "selected.between-plugins-and-config" in rules:
        of_thread = thread_offers(rules, thread, requirements, read, problems)
    plugins = optional(case, "plugins", list_of(partial(read_plugin, rules, FIELDS[rules]))) or []
    contributors = []
    for i, contributor in enumerate(optional(case, "contributors", array) or []):
        path = f"contributors[{i}].contributions"
        contributions, more = read_contributor(rules, contributor, of_thread, path, problems)
        contributors.append(contributions)
        offers += more
    # An absent host is {}, a null is a host config that is not a table.
    host = read_host(rules, case.get("host", {}), thread, requirements, problems)
    return host, plugins, contributors, offers, auth, requirements


def read_contributor(rules, contributor, of_thread, path, problems):
    """HOSTED_APPS or a list of contributions, see `all_contributions`; and offers."""
    only(contributor, "id", "hosted_apps", "contributions", "executor_plugins")
    string(contributor.get("id"))
    hosted = optional(contributor, "hosted_apps", only)  # only {}
    executor = optional(contributor, "executor_plugins", only)  # only {}
    contributions = optional(contributor, "contributions", array)
    if [hosted, executor, contributions].count(None) != 2:
        raise Invalid("a contributor has exactly one of its three members")
    if hosted is not None:
        return HOSTED_APPS, ()
    if executor is not None:  # thread.executor-plugins
        return (), of_thread
    read, result, offers = partial(read_server, rules), [], []
    for j, contribution in enumerate(contributions):
        if "selected_plugin" in contribution:
            offer = read_offer(only(contribution, "selected_plugin")["selected_plugin"])
            if "selected.between-plugins-and-config" in rules:
                # server.invalid-rejects-config
                offers.append(offer._replace(server=problems.read(path, read, offer.server, j)))
        else:
            result.append(read_contribution(read, contribution, path, j, problems))
    return result, offers


def read_contribution(read, contribution, path, j, problems):
    if len(only(contribution, "set", "remove")) != 1:
        raise Invalid("a contribution is exactly one of `set` and `remove`")
    if "remove" in contribution:
        return string(only(contribution["remove"], "name").get("name")), None
    named = only(contribution["set"], "name", "server")
    if "server" not in named:
        raise Invalid("`set` needs a `server`")
    # server.invalid-rejects-config
    return string(named.get("name")), problems.read(path, read, named["server"], j)


# --- The protocol: the conversation --------------------------------------------------------------

MAX_LINE = 16 * 1024 * 1024
TOO_DEEP = object()  # marks a request of which only the outline could be read
WELCOME = {
    "version": 1,
    "implementation": {"name": "python-example", "version": "0.1.0", "language": "Python"},
    "profiles": list(PROFILES),
    "capabilities": ["resolve", "wide-cases"],
}


class NotARequest(Exception):
    """The line is no request of the protocol: the conversation ends."""


def read_integer(digits):
    # More than 20 digits are in no range of the specification, and slow to convert.
    return int(digits) if len(digits) <= 20 else float(digits)


def refuse_constant(word):
    raise ValueError(f"{word} is not JSON")  # Python's reader knows NaN and Infinity


DECODER = json.JSONDecoder(parse_int=read_integer, parse_constant=refuse_constant)
ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)
TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[^"\[\]{}]+|.', re.DOTALL)


def outline(text):
    """The line with null for every list and object in it: what can be read however deep it is."""
    kept, depth = [], 0
    for match in TOKEN.finditer(text):
        token = match[0]
        if token in ("[", "{"):
            depth += 1
            if depth == 2:
                kept.append("null")
        if depth < 2:
            kept.append(token)
        if token in ("]", "}"):
            depth -= 1
    return "".join(kept)


def read_request(line):
    if len(line) > MAX_LINE and not line.endswith(b"\n"):
        raise NotARequest("a line is at most 16 MiB")
    try:
        text = line.decode("utf-8")
        try:
            request = DECODER.decode(text)
        except RecursionError:
            request = {**table(DECODER.decode(outline(text))), TOO_DEEP: True}
    except (ValueError, Invalid) as error:  # ValueError: neither UTF-8 nor JSON
        raise NotARequest(f"not JSON: {error}") from None
    if not isinstance(request, dict) or request.get("cmd") not in ("start", "resolve", "stop"):
        raise NotARequest("expected an object whose `cmd` is `start`, `resolve` or `stop`")
    return request


def answer_start(request):
    if type(request.get("version")) is not int or request["version"] != 1:
        raise NotARequest("expected `start` with version 1")
    return WELCOME


def answer_resolve(request, line):
    seq = request.get("seq")
    if type(seq) is not int or not 0 <= seq < 2**64 or "case" not in request:
        raise NotARequest("expected `resolve` with a `seq` and a `case`")
    try:
        if TOO_DEEP in request:
            raise Invalid("it is nested too deeply")
        if b"\\u" in line:  # a lone surrogate is in no UTF-8 text
            json.dumps(request["case"], ensure_ascii=False).encode("utf-8")
        return {"seq": seq, **resolve(request["case"])}
    except (Invalid, UnicodeEncodeError) as error:
        message = f"not a case: {error}"
    except Exception as error:  # a fault of this program; the conversation goes on
        message = f"{type(error).__name__}: {error}"
    return {"seq": seq, "errored": {"message": message}}


def converse(lines, out):
    """Answers until `stop` or the end of input; returns the exit status."""
    started = False
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            request = read_request(line)
            if request["cmd"] == "stop":
                break
            if (request["cmd"] == "start") == started:
                raise NotARequest("expected `start` once, as the first request")
            answer = answer_resolve(request, line) if started else answer_start(request)
        except NotARequest as error:
            print(f"error: line {number}: {error}", file=sys.stderr)
            return 2
        started = True
        out.write(ENCODER.encode(answer).encode("ascii") + b"\n")
        out.flush()
    return 0


if __name__ == "__main__":
    read_line = sys.stdin.buffer.readline
    sys.exit(converse(iter(lambda: read_line(MAX_LINE + 1), b""), sys.stdout.buffer))
