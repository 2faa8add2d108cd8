#!/usr/bin/env python3
"""A conformance subject in Python: docs/semantics.md, implemented independently.

Given a host config, plugins, extensions' contributions and the kind of auth, it says which MCP
servers there are, in three views: `configured`, `runtime` and `effective`. It speaks the line
protocol of docs/protocol.md (version 1) and needs Python 3.9 or later, nothing else.

    mcp-overlay check --stdio "python3 examples/subjects/python/subject.py"

The sections below follow the specification. A comment such as `# gate.open` names the rule that is
decided there. With `--warnings`, what the specification drops or ignores "with a warning" is
reported on standard error.
"""

import ipaddress
import json
import re
import sys
from collections import namedtuple
from fractions import Fraction

PROFILE = "codex-pr-27191"
RESERVED_NAME = "codex_apps"
BACKEND_AUTH = ("chatgpt", "chatgpt_auth_tokens", "agent_identity", "personal_access_token")
SHOW_WARNINGS = "--warnings" in sys.argv[1:]


class Invalid(Exception):
    """A value that the specification does not accept. Whoever reads the value's surroundings knows
    what follows: the case is rejected, a plugin's server is dropped, or the case is no case."""


def warn(message):
    if SHOW_WARNINGS:
        print("warning:", message, file=sys.stderr)


# --- Resolution ----------------------------------------------------------------------------------


def resolve(case):
    """The answer to a case, without its `seq`: a function of the case alone (resolution.pure)."""
    profile = table(case).get("profile")
    if profile not in (None, PROFILE):
        return {"skipped": {"reason": f"unknown profile {profile!r}"}}

    problems = Problems()
    host, plugins, contributors, auth = read_case(case, problems)
    if problems:
        # rejection.smallest-path: code points have the order of their UTF-8 bytes.
        path = min(problems)
        return {"rejected": {"path": path, "reason": problems[path]}}

    configured, plugin_owners = merge_configured(host, plugins)
    contributions = all_contributions(host, contributors)
    runtime = overlay(configured, contributions)
    effective = apply_gate(host, auth, runtime, contributions)
    views = {"configured": configured, "runtime": runtime, "effective": effective}
    return {"views": views, "plugin_owners": plugin_owners}


def merge_configured(host, plugins):
    """configured.union, configured.owners-exact"""
    configured, owners = dict(host.servers), {}
    for plugin_id, entries in plugins:
        for name, entry in entries.items():
            if name in configured:  # configured.config-over-plugin, configured.first-plugin-wins
                continue
            try:
                configured[name] = read_server(entry)
                owners[name] = plugin_id
            except Invalid as invalid:  # configured.invalid-plugin-server-dropped
                warn(f"plugin {plugin_id!r}: server {name!r} dropped: {invalid}")
    return configured, owners


def all_contributions(host, contributors):
    """Pairs (name, server), in which the server None stands for `Remove`."""
    contributions = []
    for contributor in contributors:  # contribution.order
        if contributor is HOSTED_APPS:  # hosted.always-speaks
            # hosted.enabled-sets, hosted.disabled-removes
            contributions.append((RESERVED_NAME, host.apps_server if host.apps_on else None))
        else:
            contributions.extend(contributor)
    return contributions


def overlay(configured, contributions):
    """runtime.is-overlaid-configured, overlay.last-wins, overlay.untouched-stays"""
    runtime = dict(configured)
    for name, server in contributions:
        if server is None:
            runtime.pop(name, None)  # overlay.remove-deletes
        else:
            runtime[name] = server  # overlay.set-replaces-whole
    return runtime


def apply_gate(host, auth, runtime, contributions):
    """What becomes of the reserved name; effective.others-pass"""
    effective = dict(runtime)
    gate_open = host.apps_on and auth in BACKEND_AUTH  # gate.open
    # legacy.only-when-silent
    legacy_active = all(name != RESERVED_NAME for name, _ in contributions)
    if not gate_open:
        effective.pop(RESERVED_NAME, None)  # gate.closed-removes
    elif legacy_active:
        effective[RESERVED_NAME] = host.apps_server  # legacy.synthesizes-in-effective
    return effective  # gate.never-synthesizes: otherwise as in `runtime`, absent included


# --- The Apps server -----------------------------------------------------------------------------

CHATGPT_HOSTS = ("chatgpt.com", "chat.openai.com")
TOKEN_VARIABLE = "CODEX_CONNECTORS_TOKEN"
# Unicode's White_Space: what Python calls space without the separators U+001C to U+001F.
BLANK = re.compile(r"[^\S\x1c-\x1f]*")
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


def apps_url(base, path_override):
    url = base.string.rstrip("/")  # endpoint.base-trimmed
    segments = base["path"].rstrip("/").split("/")
    under_backend = "backend-api" in segments
    is_chatgpt = base["scheme"].lower() == "https" and base["host"].lower() in CHATGPT_HOSTS
    if is_chatgpt and not under_backend:  # endpoint.chatgpt-host
        url += "/backend-api"
        under_backend = True
    elif not under_backend and ("api", "codex") not in zip(segments, segments[1:]):
        url += "/api/codex"  # endpoint.other-host
    if path_override is not None:
        return f"{url}/{path_override}"  # endpoint.override-path
    return f"{url}/wham/apps" if under_backend else f"{url}/apps"  # endpoint.default-path


def make_apps_server(base, path_override, sku, env):
    """apps-server.shape"""
    server = {"url": apps_url(base, path_override), "startup_timeout_sec": 30}
    if sku is not None:  # apps-server.sku-header
        server["http_headers"] = {"X-OpenAI-Product-Sku": sku}
    if not BLANK.fullmatch(env.get(TOKEN_VARIABLE, "")):  # apps-server.bearer-env
        server["bearer_token_env_var"] = TOKEN_VARIABLE
    return server


# --- Features and servers ------------------------------------------------------------------------

Host = namedtuple("Host", "servers apps_on apps_server")
HOST_KEYS = {"chatgpt_base_url", "apps_mcp_product_sku", "features", "env", "mcp_servers"}


class Problems(dict):
    """Why a case is rejected: path -> reason."""

    def read(self, path, kind, value):
        try:
            return kind(value)
        except Invalid as invalid:
            self[path] = str(invalid)
            return None


def read_host(host, problems):
    if problems.read("host", table, host) is None:
        return None

    def take(holder, path, kind):  # host.wrong-type
        value = holder.get(path.rpartition(".")[2])
        return None if value is None else problems.read(path, kind, value)  # value.null-is-absent

    base = take(host, "host.chatgpt_base_url", base_url)
    sku = take(host, "host.apps_mcp_product_sku", string)
    features = take(host, "host.features", table) or {}
    apps = take(features, "host.features.apps", boolean)
    path_override = take(features, "host.features.apps_mcp_path_override", read_path_override)
    env = {
        name: problems.read(f"host.env.{name}", string, value)
        for name, value in (take(host, "host.env", table) or {}).items()
    }
    servers = {  # server.invalid-rejects-config
        name: problems.read(f"host.mcp_servers.{name}", read_server, entry)
        for name, entry in (take(host, "host.mcp_servers", table) or {}).items()
    }
    for key in host.keys() - HOST_KEYS | features.keys() - {"apps", "apps_mcp_path_override"}:
        warn(f"host config: unknown key or feature {key!r} ignored")
    if problems:
        return None
    apps_server = make_apps_server(base or DEFAULT_BASE, path_override, sku, env)
    return Host(servers, apps is not False, apps_server)  # features.apps-default-on


def read_path_override(value):
    """features.override-forms: the path without its leading slashes, None when it is off."""
    if isinstance(value, bool):
        value = {"enabled": value}
    only(value, "enabled", "path")
    enabled = optional(value, "enabled", boolean)
    path = optional(value, "path", string)
    if enabled is False or (enabled is None and path is None):
        return None
    path = "ps/mcp" if path is None else path.lstrip("/")
    if not path:  # endpoint.override-path
        raise Invalid("the path is empty")
    return path


def read_server(entry):
    """A server as a user writes it, brought into canonical form."""
    server = {}
    for field, value in table(entry).items():
        if field not in FIELDS:  # server.unknown-field
            warn(f"server: unknown field {field!r} ignored")
        elif value is not None:  # value.null-is-absent
            try:
                server[field] = FIELDS[field](value)
            except Invalid as invalid:
                raise Invalid(f"`{field}`: {invalid}") from None

    stdio = "command" in server
    if stdio == ("url" in server):  # server.transport
        raise Invalid("exactly one of `command` and `url` must be given")
    foreign = server.keys() & (HTTP_FIELDS if stdio else STDIO_FIELDS).keys()
    if foreign:  # server.foreign-field
        raise Invalid(f"`{min(foreign)}` belongs to the other transport")
    remote = server.get("environment_id", "local") != "local"
    if stdio and remote and not server.get("cwd", "").startswith("/"):  # server.remote-stdio-cwd
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
#
# A kind is a function that takes a value as it was written and returns its canonical form.


def of_type(python_type, words):
    def kind(value):
        if not isinstance(value, python_type):
            raise Invalid(f"expected {words}")
        return value

    return kind


string = of_type(str, "a string")
boolean = of_type(bool, "a boolean")
array = of_type(list, "a list")
table = of_type(dict, "a table")


def one_of(*words):
    def kind(value):
        if value not in words:
            raise Invalid(f"expected one of {', '.join(words)}")
        return value

    return kind


def list_of(kind):
    return lambda value: [kind(item) for item in array(value)]


def table_of(kind):
    return lambda value: {key: kind(item) for key, item in table(value).items()}


def optional(holder, key, kind):
    """The value of an optional key, None if there is none (value.null-is-absent)."""
    value = holder.get(key)
    return None if value is None else kind(value)


def table_with(key, kind):
    """A table of which one key counts; others are ignored (server.unknown-field)."""

    def read(value):
        item = optional(table(value), key, kind)
        return {} if item is None else {key: item}

    return read


def only(value, *keys):
    """A table without other keys than these."""
    for key in table(value):
        if key not in keys:
            raise Invalid(f"unknown key {key!r}")
    return value


def env_var(value):
    """server.env-vars: a view keeps the form that was written."""
    if isinstance(value, str):
        return value
    only(value, "name", "source")
    written = {"name": string(value.get("name"))}
    source = optional(value, "source", one_of("local", "remote"))
    return written if source is None else {**written, "source": source}


def seconds(value):
    """server.durations: kept to the nanosecond, an exact half goes to the even one."""
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
    whole, rest = divmod(nanoseconds, 10**9)
    return whole + rest / 1e9


def refused(value):
    raise Invalid("a secret belongs in the environment")


approval_mode = one_of("auto", "prompt", "approve")

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
    "oauth": table_with("client_id", string),
    "oauth_resource": string,
}
FIELDS = {
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
DEFAULTS = {
    **{"args": [], "env_vars": [], "tools": {}, "environment_id": "local"},
    **{"enabled": True, "required": False, "supports_parallel_tool_calls": False},
}


# --- The protocol: a case ------------------------------------------------------------------------
#
# An Invalid that escapes from here means that the case is no case.

HOSTED_APPS = object()
read_auth = one_of("api_key", *BACKEND_AUTH)


def read_case(case, problems):
    only(case, "id", "profile", "host", "plugins", "contributors", "auth")
    optional(case, "id", string)
    auth = optional(case, "auth", read_auth)
    plugins = optional(case, "plugins", list_of(read_plugin)) or []
    contributors = [
        read_contributor(contributor, f"contributors[{i}]", problems)
        for i, contributor in enumerate(optional(case, "contributors", array) or [])
    ]
    # An absent host is {}, a null is a host config that is not a table.
    return read_host(case.get("host", {}), problems), plugins, contributors, auth


def read_plugin(plugin):
    only(plugin, "id", "active", "mcp_servers")
    active = optional(plugin, "active", boolean) is not False
    entries = optional(plugin, "mcp_servers", table) or {}
    return string(plugin.get("id")), entries if active else {}  # configured.inactive-plugin-ignored


def read_contributor(contributor, path, problems):
    """HOSTED_APPS or a list of contributions, see `all_contributions`."""
    only(contributor, "id", "hosted_apps", "contributions")
    string(contributor.get("id"))
    hosted = optional(contributor, "hosted_apps", only)  # only {}
    contributions = optional(contributor, "contributions", array)
    if (hosted is None) == (contributions is None):
        raise Invalid("a contributor has exactly one of `hosted_apps` and `contributions`")
    if hosted is not None:
        return HOSTED_APPS
    return [
        read_contribution(contribution, f"{path}.contributions[{j}]", problems)
        for j, contribution in enumerate(contributions)
    ]


def read_contribution(contribution, path, problems):
    if len(only(contribution, "set", "remove")) != 1:
        raise Invalid("a contribution is exactly one of `set` and `remove`")
    if "remove" in contribution:
        return string(only(contribution["remove"], "name").get("name")), None
    named = only(contribution["set"], "name", "server")
    if "server" not in named:
        raise Invalid("`set` needs a `server`")
    # server.invalid-rejects-config
    return string(named.get("name")), problems.read(path, read_server, named["server"])


# --- The protocol: the conversation --------------------------------------------------------------

MAX_LINE = 16 * 1024 * 1024
TOO_DEEP = object()  # marks a request of which only the outline could be read
WELCOME = {
    "version": 1,
    "implementation": {"name": "python-example", "version": "0.1.0", "language": "Python"},
    "profiles": [PROFILE],
    "capabilities": ["resolve"],
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
