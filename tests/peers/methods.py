"""Every method, once in each way in which it is meant to be used, and in some in which it is not."""

import base64
import gzip
import json
import time
import uuid

from home import requests_at
from world import (
    BAD_PARAMS,
    INTERNAL,
    INVALID,
    NO_METHOD,
    OVERLOADED,
    NOBODY,
    call,
    check,
    home,
    our_processes,
    soon,
    start_thread,
    status,
    text_of,
)


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
        big = "x" * 1_000_000
        echoed = text_of(call(app, thread, server, "echo", arguments={"message": big}))
        check.true(echoed == f"Echo: {big}", f"{server}: a message of a megabyte")
        # A resource of one session: the thread has kept its own.
        file = {"name": "a.gz", "data": "data:text/plain,hello"}
        link = call(app, thread, server, "gzip-file-as-resource", arguments=file)["content"][0]
        read = {"server": server, "uri": link["uri"]}
        found = app.request("mcpServer/resource/read", read | {"threadId": thread})["contents"][0]
        unpacked = gzip.decompress(base64.b64decode(found["blob"]))
        check.same(unpacked.decode(), "hello", f"{server}: a resource of the thread's session")
        check.refused(lambda: app.request("mcpServer/resource/read", read), None, "")
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


def crowd(app, thread):
    """More at once than anybody waits for: each request has its answer, late ones a refusal."""
    ids = [
        app.send("mcpServer/resource/read", {"server": "a", "uri": "b://c", "threadId": NOBODY})
        for _ in range(3000)
    ]
    codes = [app.answer(id)["error"]["code"] for id in ids]
    check.true(set(codes) <= {INVALID, OVERLOADED}, f"codes: {set(codes)}")
    ids = [app.send("mcpServerStatus/list", {"threadId": thread}) for _ in range(20)]
    answers = [app.answer(id) for id in ids]
    other = [a for a in answers if a.get("error", {}).get("code", OVERLOADED) != OVERLOADED]
    check.same(other, [], "twenty listings at once")
    check.true(any("result" in a for a in answers), "all of twenty listings were refused")
    check.true("echo" in status(app)["everything"]["tools"], "goes on after the crowd")


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
