"""What all groups of checks share: the home, its users, the app-servers of the run, and short ways
to ask them."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from app_server import AppServer
from checks import Checks
from home import ENVIRONMENT, MARKER, RECORDS, User

COMMAND = sys.argv[1:]
INVALID, NO_METHOD, BAD_PARAMS, INTERNAL = -32600, -32601, -32602, -32603
OVERLOADED = -32001
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
        lambda: begun <= states().keys() and all(s[-1] != "starting" for s in states().values()),
        10,
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
