"""Counts what was checked, group by group, and shows what differs as a diff."""

import difflib
import json
import re
import time
import traceback
from contextlib import contextmanager
from pathlib import Path

from app_server import Refused


class Checks:
    def __init__(self):
        self.failed = []
        self.total = 0
        self.count = 0
        self.problems = []

    @contextmanager
    def group(self, name):
        """One line of output. A group goes on after a failure, the next one after an exception."""
        self.count, self.problems, started = 0, [], time.monotonic()
        try:
            yield
        except Exception as error:
            self.problems.append(where(error) + f"{type(error).__name__}: {error}")
        self.total += self.count
        word = "FAILED" if self.problems else "ok"
        print(
            f"{word:7} {name:34} {self.count:3} checks {time.monotonic() - started:6.2f} s",
            flush=True,
        )
        for problem in self.problems:
            print("    " + problem.replace("\n", "\n    "), flush=True)
        if self.problems:
            self.failed.append(name)

    def true(self, condition, what):
        self.count += 1
        if not condition:
            self.problems.append(what)

    def same(self, actual, expected, what):
        self.count += 1
        if actual != expected:
            left, right = (pretty(value) for value in (expected, actual))
            diff = difflib.unified_diff(left, right, "expected", "actual", lineterm="", n=2)
            self.problems.append(what + "\n" + "\n".join(diff))

    def refused(self, ask, code, message):
        """`ask` must be answered with an error: one of these codes (None: any), and a message in
        which this pattern is found."""
        self.count += 1
        codes = code if isinstance(code, tuple) else (code,)
        try:
            result = ask()
        except Refused as refusal:
            if (
                refusal.code not in codes
                and code is not None
                or not re.search(message, refusal.message)
            ):
                wanted = f"{' or '.join(map(str, codes))}, {message!r}"
                self.problems.append(f"{refusal}\nexpected: {wanted}")
            return
        self.problems.append(
            f"expected a refusal ({code}, {message!r}), got {json.dumps(result)[:500]}"
        )


def where(error):
    """The lines of the tests that led to an exception, without the machinery's."""
    here = Path(__file__).parent
    frames = [(Path(frame.filename), frame) for frame in traceback.extract_tb(error.__traceback__)]
    return "".join(
        f"{file.name}:{frame.lineno}: {frame.line}\n"
        for file, frame in frames
        if file.parent == here and file.name not in ("checks.py", "client.py", "app_server.py")
    )


def pretty(value):
    def in_order(members):
        """A set, which JSON has not."""
        return sorted(members, key=str)

    return json.dumps(value, indent=1, sort_keys=True, default=in_order).splitlines()
