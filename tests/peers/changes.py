"""What changes under a running app-server: its config, its user, its logins, and its own end."""

import os
import signal
import stat
import time
import urllib.request

from app_server import Refused
from home import APPS_BASE_URL, CONFIG, requests_at, stdio_everything, write_auth
from world import (
    INTERNAL,
    INVALID,
    ann,
    bob,
    call,
    check,
    home,
    our_processes,
    soon,
    start_app_server,
    start_thread,
    status,
    text_of,
    write_config,
)


def ask_apps(app, thread):
    """What codex_apps answers as long as it is there."""
    return text_of(call(app, thread, "codex_apps", "calendar_list", arguments={"day": "Monday"}))


def echo(app, thread, word, server="everything"):
    return text_of(call(app, thread, server, "echo", arguments={"message": word}))


def reload(app, thread):
    def late(of):
        return echo(app, of, "here", "late")

    unknown = "unknown MCP server 'late'"
    write_config(CONFIG + stdio_everything("late"))
    check.true("late" in status(app), "a server added to the config is listed")
    check.true("late" in status(app, threadId=thread), "it is listed with the thread too")
    check.refused(lambda: late(thread), (INVALID, INTERNAL), unknown)
    check.same(app.request("config/mcpServer/reload"), {}, "the answer to a reload")
    check.same(late(thread), "Echo: here", "its tool, after a reload")
    started = {"name": "late", "threadId": thread}
    app.wait(lambda: len(app.notified("mcpServer/startupStatus/updated", **started)) == 2, 2)
    reported = app.notified("mcpServer/startupStatus/updated", **started)
    check.same([r["status"] for r in reported], ["starting", "ready"], "its start is reported")
    check.same(echo(app, thread, "on"), "Echo: on", "an older server goes on")
    second, states = start_thread(app)
    check.same(states.get("late"), ["starting", "ready"], "a new thread starts it too")

    broken = "\n[mcp_servers.broken\nx"
    write_config(CONFIG + broken)
    line = (CONFIG + broken).count("\n")
    place = rf"config\.toml\D+{line}\D+\d+"
    check.refused(lambda: app.request("config/mcpServer/reload"), INTERNAL, place)
    check.same(late(thread), "Echo: here", "a server while the config is broken")
    check.same(echo(app, thread, "on"), "Echo: on", "another while the config is broken")
    check.same(ask_apps(app, thread), "nothing on Monday", "codex_apps while the config is broken")

    write_config(CONFIG)
    app.request("config/mcpServer/reload")
    for each in (thread, second):
        check.refused(lambda: late(each), (INVALID, INTERNAL), unknown)
        check.same(echo(app, each, "on"), "Echo: on", "an older server goes on")

    def left():
        return [process for process in our_processes() if process.endswith("late")]

    check.true(soon(lambda: not left()), f"a removed server's process stays: {left()}")
    app.request("thread/unsubscribe", {"threadId": second})


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


def session_lost(app, thread):
    """An HTTP server forgets its sessions, as one does that was restarted."""
    check.same(ask_apps(app, thread), "nothing on Monday", "codex_apps before")
    last = [r["headers"] for r in requests_at("apps") if "tools/call" in r["body"]][-1]
    names = ("mcp-session-id", "authorization", "chatgpt-account-id")
    end = {name: last[name] for name in names if name in last}
    url = f"{APPS_BASE_URL}/api/codex/ps/mcp"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE", headers=end), timeout=5)
    check.same(ask_apps(app, thread), "nothing on Monday", "codex_apps in a new session")
    now = [r["headers"] for r in requests_at("apps") if "tools/call" in r["body"]][-1]
    check.true(now.get("mcp-session-id") != last["mcp-session-id"], "the session is the old one")


def server_dies(app, _):
    """A stdio server is killed under a thread of its own."""
    before = our_processes()
    thread, _ = start_thread(app)
    mine = [process for process in our_processes() if process not in before]
    check.same(len(mine), 1, f"processes of a further thread: {mine}")
    for process in mine:
        os.kill(int(process.split()[0]), signal.SIGKILL)
    started = time.monotonic()
    # Refused, or answered by a new process: that depends on whether the host has seen the death.
    try:
        check.same(echo(app, thread, "dead"), "Echo: dead", "a call after the death")
    except Refused:
        pass
    check.true(time.monotonic() - started < 5, "a call to a dead server was answered late")
    check.same(echo(app, thread, "next"), "Echo: next", "the call after it starts it again")
    check.same(ask_apps(app, thread), "nothing on Monday", "the thread's other servers go on")
    check.true("echo" in status(app)["everything"]["tools"], "the server can be listed again")
    app.request("config/mcpServer/reload")
    check.same(echo(app, thread, "again"), "Echo: again", "a reload starts it again")
    app.request("thread/unsubscribe", {"threadId": thread})
    check.true(soon(lambda: our_processes() == before), "an ended thread's process stays")
    check.refused(lambda: echo(app, thread, "late"), INVALID, f"thread not found: {thread}")
    app.wait(lambda: app.notified("thread/closed", threadId=thread), 2)
    check.true(app.notified("thread/closed", threadId=thread), "no thread/closed")


def other_user(app, thread):
    """auth.json is replaced, as another process's login does; nothing is said to the app-server."""
    before = len(requests_at("apps"))
    write_auth(home, bob.auth_json())
    check.same(ask_apps(app, thread), "nothing on Monday", "codex_apps after its user was replaced")
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

    # Another process refreshed the tokens: the account is the same, its connection goes on.
    bob.renew()
    write_auth(home, bob.auth_json())
    starts = len(app.notified("mcpServer/startupStatus/updated", name="codex_apps"))
    check.same(ask_apps(app, thread), "nothing on Monday", "codex_apps with renewed tokens")
    last = [r["headers"] for r in requests_at("apps") if r["method"] == "POST"][-1]
    check.same(last.get("authorization"), f"Bearer {bob.access_token}", "bearer after a renewal")
    again = len(app.notified("mcpServer/startupStatus/updated", name="codex_apps"))
    check.same(again, starts, "starts of codex_apps after a renewal")

    write_auth(home, {"OPENAI_API_KEY": "sk-" + "peers-key"})
    unknown = "unknown MCP server 'codex_apps'"
    check.refused(lambda: ask_apps(app, thread), (INVALID, INTERNAL), unknown)
    check.true("codex_apps" not in status(app), "codex_apps is listed with an API key")
    check.same(app.request("app/list", {})["data"], [], "connectors with an API key")

    write_auth(home, ann.auth_json())
    check.true("codex_apps" in status(app), "codex_apps is back with its user")
    app.request("config/mcpServer/reload")
    check.same(ask_apps(app, thread), "nothing on Monday", "codex_apps can be called again")


def logout(app, thread):
    check.same(app.request("account/logout"), {}, "the answer to a logout")
    check.true(not (home / "auth.json").exists(), "auth.json is still there")
    before = len([r for r in requests_at("apps") if r["method"] != "DELETE"])
    check.true("codex_apps" not in status(app), "codex_apps is still listed")
    check.true(
        "codex_apps" not in status(app, threadId=thread),
        "codex_apps is still listed for the thread",
    )
    unknown = "unknown MCP server 'codex_apps'"
    check.refused(lambda: ask_apps(app, thread), (INVALID, INTERNAL), unknown)
    check.same(app.request("app/list", {})["data"], [], "connectors after the logout")
    after = len([r for r in requests_at("apps") if r["method"] != "DELETE"])
    check.same(after - before, 0, "requests to the Apps server after the logout")
    check.same(echo(app, thread, "on"), "Echo: on", "other servers go on")


def end(app):
    took = app.end()
    check.true(took < 2, f"the app-server took {took:.1f} s to exit")
    check.same(app.process.returncode, 0, "exit status")
    check.true(soon(lambda: our_processes() == []), f"left over: {our_processes()}")


def ends_in_the_middle():
    """Standard input ends while servers start, and while a tool runs."""
    write_auth(home, ann.auth_json())
    app = start_app_server()
    app.begin(optOutNotificationMethods=["mcpServer/startupStatus/updated"])
    app.request("thread/start", {})
    end(app)
    said = {n["method"] for n in app.notifications}
    check.true("thread/started" in said, "thread/started was wanted")
    check.true("mcpServer/startupStatus/updated" not in said, "a notification nobody wants")

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
