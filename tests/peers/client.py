"""Drives an app-server through every MCP method, against peers none of which we wrote.

Usage: client.py COMMAND [ARGUMENT]...  (the app-server; the peers are in the environment, see run)
"""

import base64
import json
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

from app_server import AppServer
from checks import Checks
from home import (
    CONFIG,
    ENVIRONMENT,
    MARKER,
    RECORDS,
    User,
    requests_at,
    stdio_everything,
    write_auth,
)

COMMAND = sys.argv[1:]
INVALID, NO_METHOD, BAD_PARAMS, INTERNAL = -32600, -32601, -32602, -32603
NOBODY = "00000000-0000-4000-8000-000000000000"

check = Checks()
home = Path(tempfile.mkdtemp(prefix="home-", dir=RECORDS)).resolve()
ann, bob = User("ann"), User("bob")
apps = []  # Every app-server of this run, for what must hold in all of them.


def start_app_server():
    # As much as it can be made to log: a token must not be in it.
    app = AppServer(COMMAND, home, ENVIRONMENT | {"RUST_LOG": "trace"})
    apps.append(app)
    return app


def write_config(text):
    (home / "config.toml").write_text(text)


def status(app, **params):
    """All entries of mcpServerStatus/list, by name."""
    return {s["name"]: s for s in app.request("mcpServerStatus/list", params)["data"]}


def call(app, thread, server, tool, **more):
    params = {"threadId": thread, "server": server, "tool": tool} | more
    return app.request("mcpServer/tool/call", params)


def text_of(result):
    return "".join(part.get("text", "") for part in result["content"])


def start_thread(app):
    """A thread and, by server, the statuses that its servers reported until all were decided."""
    thread = app.request("thread/start", {})["thread"]["id"]
    method = "mcpServer/startupStatus/updated"

    def states():
        reported = {}
        for update in app.notified(method, threadId=thread):
            reported.setdefault(update["name"], []).append(update["status"])
        return reported

    begun = {"codex_apps", "everything", "everything-http", "vault"}
    app.wait(
        lambda: begun <= states().keys() and all(s[-1] != "starting" for s in states().values())
    )
    return thread, states()


def our_processes():
    """The processes that a host of this run started and that are still there."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True, check=True
    )
    return [line for line in listed.stdout.splitlines() if f"{MARKER}-" in line]


def soon(condition, seconds=2):
    end = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return holds


def handshake(app):
    early = {"clientInfo": {"name": "peers", "title": None, "version": "1"}}
    check.refused(lambda: app.request("mcpServerStatus/list", {}), INVALID, "Not initialized")
    check.refused(lambda: app.request("thread/start", {}), INVALID, "Not initialized")
    result = app.request("initialize", early)
    check.same(result["codexHome"], str(home), "codexHome")
    check.same(result["platformFamily"], "unix", "platformFamily")
    check.true(result["userAgent"], "userAgent is empty")
    check.refused(lambda: app.request("initialize", early), INVALID, "Already initialized")
    app.notify("initialized")


def threads(app):
    thread, states = start_thread(app)
    check.true(uuid.UUID(thread), "a thread's id is no UUID")
    check.true(
        any(n["thread"]["id"] == thread for n in app.notified("thread/started")),
        "no thread/started",
    )
    ready = {
        name: ["starting", "ready"] for name in ("codex_apps", "everything", "everything-http")
    }
    check.same(states, ready | {"vault": ["starting", "failed"]}, "statuses reported, by server")
    failed = app.notified("mcpServer/startupStatus/updated", name="vault", status="failed")
    check.true(failed and failed[0]["error"], "the failed start has no error text")
    check.same(len(our_processes()), 1, "processes: the enabled stdio server and no other")
    return thread


def statuses(app, thread):
    names = ["codex_apps", "everything", "everything-http", "off", "vault"]
    auth = ["bearerToken", "unsupported", "bearerToken", "unsupported", "notLoggedIn"]
    for where in ({}, {"threadId": thread}, {"threadId": thread, "detail": "full"}):
        page = app.request("mcpServerStatus/list", where)
        check.same([s["name"] for s in page["data"]], names, f"names with {where}")
        check.same([s["authStatus"] for s in page["data"]], auth, f"authStatus with {where}")
        check.true(page.get("nextCursor") is None, f"a next cursor after all, with {where}")
        servers = {s["name"]: s for s in page["data"]}
        tools = sorted(servers["codex_apps"]["tools"])
        check.same(tools, ["calendar_add", "calendar_list", "notes_meta"], "tools of codex_apps")
        meta = servers["codex_apps"]["tools"]["notes_meta"].get("_meta", {})
        check.same(meta.get("connector_id"), "connector_notes", "a tool's _meta is passed on")
        uris = sorted(r["uri"] for r in servers["codex_apps"]["resources"])
        check.same(uris, ["notes://scan", "notes://today"], "resources of codex_apps")
        for name in ("everything", "everything-http"):
            check.true("echo" in servers[name]["tools"], f"{name} has no echo")
            check.same(servers[name]["serverInfo"]["name"], "mcp-servers/everything", "serverInfo")
            check.same(len(servers[name]["resourceTemplates"]), 2, f"templates of {name}")
        check.same(servers["off"]["tools"], {}, "tools of the disabled server")
    for where in ({}, {"threadId": thread}):
        servers = status(app, detail="toolsAndAuthOnly", **where)
        found = [
            servers[name][kind] for name in names for kind in ("resources", "resourceTemplates")
        ]
        check.same(found, [[]] * 10, "resources with toolsAndAuthOnly")
        check.true("echo" in servers["everything"]["tools"], "tools with toolsAndAuthOnly")

    listed, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = app.request(
            "mcpServerStatus/list", {"limit": 2, "cursor": cursor, "threadId": thread}
        )
        listed += [s["name"] for s in page["data"]]
        cursor, pages = page.get("nextCursor"), pages + 1
    check.same((listed, pages), (names, 3), "names by pages of two, and how many pages")
    for cursor in ("two", "-1", "99"):
        check.refused(
            lambda: app.request("mcpServerStatus/list", {"cursor": cursor}), INVALID, "cursor"
        )
    check.refused(lambda: status(app, threadId=NOBODY), INVALID, f"thread not found: {NOBODY}")
    check.true(
        soon(lambda: len(our_processes()) == 1), "a connection made for a listing was left open"
    )


def resources(app, thread):
    def read(server, uri, **more):
        return app.request("mcpServer/resource/read", {"server": server, "uri": uri} | more)[
            "contents"
        ][0]

    for where in ({}, {"threadId": thread}):
        check.same(
            read("codex_apps", "notes://today", **where)["text"], "a note", f"text with {where}"
        )
        scan = read("codex_apps", "notes://scan", **where)
        check.same(base64.b64decode(scan["blob"]), b"\x89PNG", f"blob with {where}")
        check.same(scan["mimeType"], "image/png", "a blob's type")
        for server in ("everything", "everything-http"):
            text = read(server, "demo://resource/dynamic/text/7", **where)["text"]
            check.true(text.startswith("Resource 7: "), f"text of {server} with {where}: {text}")
            blob = base64.b64decode(read(server, "demo://resource/dynamic/blob/7", **where)["blob"])
            check.true(blob.startswith(b"Resource 7: "), f"blob of {server} with {where}")
        for server, uri in [
            ("nobody", "notes://today"),
            ("everything", "demo://nothing"),
            ("off", "notes://a"),
        ]:
            check.refused(lambda: read(server, uri, **where), None, "")
    check.refused(
        lambda: read("everything", "x://y", threadId=NOBODY), INVALID, f"thread not found: {NOBODY}"
    )


def tool_calls(app, thread):
    for server in ("everything", "everything-http"):
        echoed = call(app, thread, server, "echo", arguments={"message": "ho"})
        check.same(text_of(echoed), "Echo: ho", f"{server}: echo")
        check.true(not echoed.get("isError"), f"{server}: echo is no error")
        weather = call(
            app, thread, server, "get-structured-content", arguments={"location": "Chicago"}
        )
        check.true(
            "temperature" in (weather.get("structuredContent") or {}),
            f"{server}: structuredContent",
        )
        image = call(app, thread, server, "get-tiny-image")
        check.true(any(part["type"] == "image" for part in image["content"]), f"{server}: an image")
        refused = call(app, thread, server, "get-sum", arguments={"a": "no number"})
        check.same(refused.get("isError"), True, f"{server}: a tool's error is a result")
    listed = call(app, thread, "codex_apps", "calendar_list", arguments={"day": "Monday"})
    check.same(text_of(listed), "nothing on Monday", "codex_apps: calendar_list")
    full = call(app, thread, "codex_apps", "calendar_add", arguments={"day": "Friday"})
    check.same(
        (full.get("isError"), "Friday is full" in text_of(full)),
        (True, True),
        "a tool that refuses",
    )

    meta = json.loads(
        text_of(call(app, thread, "codex_apps", "notes_meta", _meta={"from": "peers"}))
    )
    check.same(meta.get("threadId"), thread, "threadId in the _meta that codex_apps got")
    check.same(meta.get("from"), "peers", "the caller's own _meta")
    calls = [
        json.loads(r["body"]) for r in requests_at("everything") if '"tools/call"' in r["body"]
    ]
    check.same(
        {c["params"]["_meta"].get("threadId") for c in calls},
        {thread},
        "threadId at everything-http",
    )

    environment = json.loads(text_of(call(app, thread, "everything", "get-env")))
    check.same(
        environment.get("PEERS_GIVEN"), "given", "the configured environment of a stdio server"
    )
    check.true(
        "PEERS_SECRET" not in environment, "the host's own environment reached a stdio server"
    )

    check.refused(
        lambda: call(app, thread, "nobody", "echo"),
        (INVALID, INTERNAL),
        "unknown MCP server 'nobody'",
    )
    check.refused(lambda: call(app, thread, "off", "echo"), (INVALID, INTERNAL), "off")
    check.refused(
        lambda: call(app, NOBODY, "everything", "echo"), INVALID, f"thread not found: {NOBODY}"
    )

    # Answers that take long do not keep others waiting, and come in the order in which they are done.
    slow = {"threadId": thread, "server": "everything", "tool": "trigger-long-running-operation"}
    started = time.monotonic()
    ids = [
        app.send("mcpServer/tool/call", slow | {"arguments": {"duration": 1, "steps": 2}})
        for _ in range(4)
    ]
    check.same(
        text_of(call(app, thread, "everything", "echo", arguments={"message": "quick"})),
        "Echo: quick",
        "echo",
    )
    check.true(time.monotonic() - started < 0.8, "a quick call waited for slow ones")
    check.true(all("result" in app.answer(id) for id in ids), "a slow call failed")
    check.true(time.monotonic() - started < 3, "four calls of a second each went one by one")


def wrong_use(app, thread):
    def refused(method, params, code, message=""):
        error = app.answer(app.send(method, params)).get("error", {})
        check.same(error.get("code"), code, f"{method} {params}: {error}")

    refused("mcpServer/nothing", {}, NO_METHOD)
    refused("tools/list", {}, NO_METHOD)
    refused("mcpServer/tool/call", {"server": "everything"}, BAD_PARAMS)
    refused("mcpServer/tool/call", {"threadId": thread, "server": 5, "tool": "echo"}, BAD_PARAMS)
    refused("mcpServer/resource/read", {}, BAD_PARAMS)
    refused("mcpServer/resource/read", None, BAD_PARAMS)
    refused("mcpServerStatus/list", {"detail": "everything"}, BAD_PARAMS)
    refused("mcpServerStatus/list", {"limit": -1}, BAD_PARAMS)
    refused("mcpServerStatus/list", [], BAD_PARAMS)
    refused("app/list", {"limit": "two"}, BAD_PARAMS)
    refused("mcpServer/oauth/login", {"scopes": []}, BAD_PARAMS)
    for line in (
        "this is no JSON",
        "{",
        "[]",
        "17",
        '"text"',
        "",
        '{"id":{},"method":"x"}',
        "\ufeff{}",
    ):
        app.write(line)
    app.notify("nobody/knows/this", {"a": 1})
    app.write('{"id":"a text","method":"mcpServerStatus/list","params":{"limit":1}}')
    check.true("result" in app.answer("a text"), "an id that is a text")
    check.true(
        "echo" in status(app)["everything"]["tools"], "goes on after lines that make no sense"
    )


def reload(app, thread):
    unknown = "unknown MCP server 'late'"
    echo = {"arguments": {"message": "late"}}
    write_config(CONFIG + stdio_everything("late"))
    check.true("late" in status(app), "a server added to the config is listed")
    check.true("late" in status(app, threadId=thread), "it is listed with the thread too")
    check.refused(lambda: call(app, thread, "late", "echo", **echo), (INVALID, INTERNAL), unknown)
    check.same(app.request("config/mcpServer/reload"), {}, "the answer to a reload")
    check.same(
        text_of(call(app, thread, "late", "echo", **echo)), "Echo: late", "its tool, after a reload"
    )
    reported = app.notified("mcpServer/startupStatus/updated", name="late", threadId=thread)
    check.same([r["status"] for r in reported], ["starting", "ready"], "its start is reported")
    check.same(
        text_of(call(app, thread, "everything", "echo", **echo)), "Echo: late", "an older server"
    )
    thread_2, states = start_thread(app)
    check.same(states.get("late"), ["starting", "ready"], "a new thread starts it too")

    write_config(CONFIG + "\n[mcp_servers.broken\nx")
    line = CONFIG.count("\n") + 2
    place = rf"config\.toml.*{line}\D+\d+"
    check.refused(lambda: app.request("config/mcpServer/reload"), INTERNAL, place)
    for server in ("late", "everything", "codex_apps"):
        tool = (
            ("calendar_list", {"arguments": {"day": "late"}})
            if server == "codex_apps"
            else ("echo", echo)
        )
        result = call(app, thread, server, tool[0], **tool[1])
        check.true("late" in text_of(result), f"{server} goes on while the config is broken")

    write_config(CONFIG)
    app.request("config/mcpServer/reload")
    for each in (thread, thread_2):
        check.refused(lambda: call(app, each, "late", "echo", **echo), (INVALID, INTERNAL), unknown)
        check.true(
            "Echo" in text_of(call(app, each, "everything", "echo", **echo)), "an older server"
        )
    check.true(
        soon(lambda: not any("late" in p for p in our_processes())),
        "a removed server's process stays",
    )


def connectors(app, thread):
    for where in ({}, {"threadId": thread}, {"forceRefetch": True}):
        found = app.request("app/list", where)
        found = {
            a["id"]: (a["name"], a.get("description"), a["isAccessible"]) for a in found["data"]
        }
        expected = {
            "connector_calendar": ("Calendar", "Meetings and free time", True),
            "connector_notes": ("Notes", "What was written down", True),
        }
        check.same(found, expected, f"connectors with {where}")
    first = app.request("app/list", {"limit": 1})
    second = app.request("app/list", {"limit": 1, "cursor": first["nextCursor"]})
    ids = [a["id"] for page in (first, second) for a in page["data"]]
    check.same(sorted(ids), sorted(expected), "connectors by pages of one")
    check.true(second.get("nextCursor") is None, "a page after the last")
    check.refused(lambda: app.request("app/list", {"cursor": "x"}), INVALID, "cursor")


def login(app, thread):
    def start(name, **more):
        return app.request("mcpServer/oauth/login", {"name": name} | more)

    check.refused(lambda: start("nobody"), INVALID, "No MCP server named 'nobody' found.")
    stdio = "OAuth login is only supported for streamable HTTP servers."
    check.refused(lambda: start("everything"), INVALID, stdio)
    check.refused(lambda: start("codex_apps"), (INVALID, INTERNAL), "")
    check.refused(lambda: start("everything-http"), (INVALID, INTERNAL), "")
    url = start("vault", timeoutSecs=20)["authorizationUrl"]
    # The peer grants at once, so its answer leads straight back to the host, as a browser would go.
    with urllib.request.urlopen(url, timeout=10) as page:
        check.same(page.status, 200, "what the browser is shown at the end")
    completed = "mcpServer/oauthLogin/completed"
    app.wait(lambda: app.notified(completed, name="vault"), 10)
    ended = [(n["success"], n.get("error")) for n in app.notified(completed, name="vault")]
    check.same(ended, [(True, None)], "how the login ended")
    check.same(status(app)["vault"]["authStatus"], "oAuth", "authStatus after the login")
    check.same(list(status(app)["vault"]["tools"]), ["open_vault"], "tools after the login")
    app.request("config/mcpServer/reload")
    check.same(
        text_of(call(app, thread, "vault", "open_vault")), "gold", "a call after login and reload"
    )
    kept = home / ".credentials.json"
    check.same(
        oct(stat.S_IMODE(kept.stat().st_mode)), "0o600", "who may read the stored credentials"
    )

    url = start("vault", timeoutSecs=1)["authorizationUrl"]
    app.wait(lambda: len(app.notified(completed, name="vault")) > 1, 10)
    ended = app.notified(completed, name="vault")[-1]
    check.true(not ended["success"] and ended["error"], f"a login that nobody finishes: {ended}")


def other_user(app, thread):
    """auth.json is replaced, as another process's login does; nothing is said to the app-server."""
    before = len(requests_at("apps"))
    write_auth(home, bob.auth_json())
    call(app, thread, "codex_apps", "calendar_list", arguments={"day": "Monday"})
    status(app)
    seen = {r["headers"].get("authorization") for r in requests_at("apps")[before:]}
    # The old session may be closed with what opened it.
    calls = [r for r in requests_at("apps")[before:] if r["method"] == "POST"]
    check.same(
        {r["headers"].get("authorization") for r in calls}, {f"Bearer {bob.access_token}"}, "bearer"
    )
    check.same({r["headers"].get("chatgpt-account-id") for r in calls}, {bob.account}, "account id")
    check.true(
        seen <= {f"Bearer {u.access_token}" for u in (ann, bob)}, f"other credentials: {seen}"
    )

    write_auth(home, {"OPENAI_API_KEY": "sk-" + "peers-key"})
    unknown = "unknown MCP server 'codex_apps'"
    gone = lambda: call(app, thread, "codex_apps", "calendar_list", arguments={"day": "Monday"})
    check.refused(gone, (INVALID, INTERNAL), unknown)
    check.true("codex_apps" not in status(app), "codex_apps is listed with an API key")
    check.same(app.request("app/list", {})["data"], [], "connectors with an API key")

    write_auth(home, ann.auth_json())
    check.true("codex_apps" in status(app), "codex_apps is back with its user")
    app.request("config/mcpServer/reload")
    check.same(text_of(gone()), "nothing on Monday", "codex_apps can be called again")


def logout(app, thread):
    check.same(app.request("account/logout"), {}, "the answer to a logout")
    check.true(not (home / "auth.json").exists(), "auth.json is still there")
    before = len([r for r in requests_at("apps") if r["method"] != "DELETE"])
    check.true("codex_apps" not in status(app), "codex_apps is still listed")
    check.true(
        "codex_apps" not in status(app, threadId=thread),
        "codex_apps is still listed for the thread",
    )
    late = lambda: call(app, thread, "codex_apps", "calendar_list", arguments={"day": "Monday"})
    check.refused(late, (INVALID, INTERNAL), "unknown MCP server 'codex_apps'")
    check.same(app.request("app/list", {})["data"], [], "connectors after the logout")
    after = len([r for r in requests_at("apps") if r["method"] != "DELETE"])
    check.same(after - before, 0, "requests to the Apps server after the logout")
    echoed = call(app, thread, "everything", "echo", arguments={"message": "on"})
    check.same(text_of(echoed), "Echo: on", "other servers go on")


def end(app):
    took = app.end()
    check.true(took < 2, f"the app-server took {took:.1f} s to exit")
    check.same(app.process.returncode, 0, "exit status")
    check.true(soon(lambda: our_processes() == []), f"left over: {our_processes()}")


def ends_in_the_middle():
    """Standard input ends while servers start, and while a tool runs."""
    write_auth(home, ann.auth_json())
    app = start_app_server()
    app.begin()
    app.request("thread/start", {})
    end(app)

    app = start_app_server()
    app.begin()
    thread, states = start_thread(app)
    check.same(
        states["vault"], ["starting", "ready"], "the login of the earlier process still counts"
    )
    slow = {"arguments": {"duration": 20, "steps": 2}}
    operation = {
        "threadId": thread,
        "server": "everything",
        "tool": "trigger-long-running-operation",
    }
    app.send("mcpServer/tool/call", operation | slow)
    end(app)

    app = start_app_server()
    app.begin()
    start_thread(app)
    app.process.terminate()
    app.process.wait(5)
    check.true(soon(lambda: our_processes() == []), f"left over after SIGTERM: {our_processes()}")


def credentials():
    requests = requests_at("apps")
    allowed = {(f"Bearer {user.access_token}", user.account) for user in (ann, bob)}
    sent = {
        (r["headers"].get("authorization"), r["headers"].get("chatgpt-account-id"))
        for r in requests
    }
    check.same(sent, allowed, "who asked the Apps server")
    check.same(
        {r["path"] for r in requests}, {"/api/codex/ps/mcp"}, "where the Apps server was asked"
    )
    secrets = ann.secrets + bob.secrets
    for peer in ("everything", "vault"):
        raw = Path(RECORDS, f"{peer}.jsonl").read_text()
        check.true(not any(secret in raw for secret in secrets), f"a token reached {peer}")
        check.true("chatgpt-account-id" not in raw.lower(), f"the account id reached {peer}")
    sent = [r["headers"] for r in requests_at("everything")]
    check.same(
        {h.get("authorization") for h in sent},
        {"Bearer bearer-for-everything"},
        "everything's own bearer",
    )
    check.same({h.get("x-peers") for h in sent}, {"configured"}, "everything's own header")
    said = "".join(line for app in apps for line in app.lines)
    check.true(
        not any(secret in said for secret in secrets), "a token is in standard output or error"
    )
    kept = (home / ".credentials.json").read_text()
    issued = [
        word for word in kept.split('"') if word.startswith(("oauth-access-", "oauth-refresh-"))
    ]
    check.true(issued, "no stored OAuth token was found to look for")
    check.true(not any(token in said for token in issued), "an OAuth token is in the output")
    check.true(
        "bearer-for-everything" not in said, "a bearer from the environment is in the output"
    )


def schemas():
    check.count += sum(app.validated for app in apps)
    check.same(
        [v for app in apps for v in app.violations], [], "what the app-server said that it must not"
    )


def main():
    write_config(CONFIG)
    write_auth(home, ann.auth_json())
    app = start_app_server()
    with check.group("handshake"):
        handshake(app)
    thread = None
    with check.group("thread and start of servers"):
        thread = threads(app)
    for name, group in [
        ("status", statuses),
        ("resources", resources),
        ("tools", tool_calls),
        ("wrong use", wrong_use),
        ("reload", reload),
        ("connectors", connectors),
        ("OAuth login", login),
        ("auth.json replaced", other_user),
        ("logout", logout),
    ]:
        with check.group(name):
            group(app, thread)
    with check.group("end of standard input"):
        end(app)
    for name, group in [
        ("ends in the middle", ends_in_the_middle),
        ("credentials", credentials),
        ("schemas", schemas),
    ]:
        with check.group(name):
            group()
    print(
        f"{check.total} checks; "
        + (f"failed: {', '.join(check.failed)}" if check.failed else "all passed")
    )
    for app in apps:
        if app.process.poll() is None:
            app.process.kill()
    return 1 if check.failed else 0


sys.exit(main())
