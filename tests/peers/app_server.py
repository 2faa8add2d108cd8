"""A client of an app-server: knows its transport and the schemas of its messages, nothing else."""

import json
import os
import subprocess
import threading
import time
from pathlib import Path

from jsonschema import Draft7Validator

SCHEMAS = Path(__file__).resolve().parent.parent / "app-server-schemas"

# The schemas of a method's params and result; None where upstream's set has none.
REQUESTS = {
    "initialize": ("InitializeParams", "InitializeResponse"),
    "mcpServerStatus/list": ("ListMcpServerStatusParams", "ListMcpServerStatusResponse"),
    "mcpServer/resource/read": ("McpResourceReadParams", "McpResourceReadResponse"),
    "mcpServer/tool/call": ("McpServerToolCallParams", "McpServerToolCallResponse"),
    "mcpServer/oauth/login": ("McpServerOauthLoginParams", "McpServerOauthLoginResponse"),
    "config/mcpServer/reload": (None, "McpServerRefreshResponse"),
    "app/list": ("AppsListParams", "AppsListResponse"),
    "account/logout": (None, None),
    "thread/start": (None, None),
    "thread/unsubscribe": (None, None),
}
NOTIFICATIONS = {
    "mcpServer/startupStatus/updated": "McpServerStatusUpdatedNotification",
    "mcpServer/oauthLogin/completed": "McpServerOauthLoginCompletedNotification",
}


def load(name):
    return Draft7Validator(json.loads((SCHEMAS / f"{name}.json").read_text()))


VALIDATORS = {
    name: load(name) for name in {*sum(REQUESTS.values(), ()), *NOTIFICATIONS.values()} - {None}
}


class Refused(Exception):
    """An error answer: its code and message."""

    def __init__(self, method, error):
        super().__init__(f"{method}: {json.dumps(error)}")
        self.code, self.message = error.get("code"), error.get("message", "")


class AppServer:
    """One app-server process. Whatever it says that no schema allows is kept in `violations`."""

    def __init__(self, command, home, environment=None):
        self.violations, self.lines, self.notifications = [], [], []
        self.validated = 0
        self.next_id = 0
        self.answers = {}
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "CODEX_HOME": str(home), **(environment or {})},
        )
        self.readers = [
            threading.Thread(target=self._read, args=(stream, judge), daemon=True)
            for stream, judge in ((self.process.stdout, self._judge), (self.process.stderr, None))
        ]
        for reader in self.readers:
            reader.start()

    def _read(self, stream, judge):
        for line in stream:
            self.lines.append(line)
            if judge:
                judge(line)
        with self.changed:
            self.changed.notify_all()

    def _judge(self, line):
        try:
            message = json.loads(line)
        except ValueError:
            self.violations.append(f"standard output is not JSON: {line!r}")
            return
        if "jsonrpc" in message:
            self.violations.append(f"has the member jsonrpc: {line!r}")
        with self.changed:
            if "method" in message:
                self._valid(
                    NOTIFICATIONS.get(message["method"]), message.get("params"), message["method"]
                )
                self.notifications.append(message)
            elif ("result" in message) == ("error" in message) or "id" not in message:
                self.violations.append(f"neither request, notification nor answer: {line!r}")
            else:
                if message["id"] is not None and message["id"] in self.answers:
                    self.violations.append(f"answered twice: {line!r}")
                self.answers[message["id"]] = message
            self.changed.notify_all()

    def _valid(self, schema, instance, what):
        if schema is None:
            return
        self.validated += 1
        for error in VALIDATORS[schema].iter_errors(instance):
            place = "/".join(map(str, error.absolute_path))
            self.violations.append(f"{what} breaks {schema} at /{place}: {error.message}")

    def write(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def notify(self, method, params=None):
        self.write(json.dumps({"method": method} | ({} if params is None else {"params": params})))

    def send(self, method, params=None):
        """Sends a request and returns its id."""
        self.next_id += 1
        message = {"id": self.next_id, "method": method}
        if params is not None:
            message["params"] = params
        self.write(json.dumps(message))
        return self.next_id

    def answer(self, id, timeout=30):
        if not self.wait(lambda: id in self.answers, timeout):
            raise TimeoutError(f"request {id} has no answer after {timeout} s")
        return self.answers[id]

    def request(self, method, params=None, timeout=30):
        """The result of a request; an error answer is raised."""
        params_schema, result_schema = REQUESTS[method]
        self._valid(params_schema, params, f"{method}: params")
        answer = self.answer(self.send(method, params), timeout)
        if "error" in answer:
            raise Refused(method, answer["error"])
        self._valid(result_schema, answer["result"], f"{method}: result")
        return answer["result"]

    def wait(self, condition, timeout=30):
        """Until the condition holds; false when it does not in time."""
        with self.changed:
            return self.changed.wait_for(condition, timeout)

    def notified(self, method, **expected):
        """The params of all notifications of a method that have these members."""
        found = [n.get("params", {}) for n in list(self.notifications) if n["method"] == method]
        return [params for params in found if expected.items() <= params.items()]

    def begin(self, **capabilities):
        """The handshake, for checks that are not about it."""
        client = {"clientInfo": {"name": "peers", "version": "1"}, "capabilities": capabilities}
        result = self.request("initialize", client)
        self.notify("initialized")
        return result

    def end(self, timeout=10):
        """Ends its standard input; the seconds until it exited. One that stays is killed."""
        started = time.monotonic()
        self.process.stdin.close()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            took = time.monotonic() - started
            for reader in self.readers:
                reader.join(1)
        return took
