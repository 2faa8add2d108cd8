"""Scores mutants by `mcp-overlay check` alone, for `python`, `javascript` and `production`."""

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
# Seconds for a phase, however short it is without a mutation.
LEAST_TIMEOUT = 120


def options(description, epilog=None):
    parser = argparse.ArgumentParser(
        description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="a sample: every N-th mutant")
    parser.add_argument(
        "--shard", type=shard, default=(1, 1), metavar="I/N", help="part I of N parts of the sample"
    )
    parser.add_argument("--budget", type=float, metavar="MINUTES", help="start no mutant after so long")
    parser.add_argument(
        "--cases", type=int, default=50000, help="random cases for each profile (%(default)s)"
    )
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="ask survivors the whole `check --profile all` too (minutes for each)",
    )
    parser.add_argument(
        "--skip-explained",
        action="store_true",
        help="count what explained.toml excuses as survived, without asking",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help="append each outcome to this file, and do not repeat those that it has",
    )
    return parser


def shard(text):
    part, _, of = text.partition("/")
    if not (part.isdigit() and of.isdigit() and 1 <= int(part) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text}: expected I/N with 1 <= I <= N, such as 2/4")
    return int(part), int(of)


def sample(arguments):
    """The first mutant and the step, counted from 0."""
    part, of = arguments.shard
    return (part - 1) * arguments.every, arguments.every * of


def checker():
    """The binary that judges: MCP_OVERLAY, or a release build."""
    given = os.environ.get("MCP_OVERLAY")
    if given is None:
        run(["cargo", "build", "--release", "--locked", "--quiet", "--bin", "mcp-overlay"], cwd=ROOT)
        given = TARGET / "release" / "mcp-overlay"
    path = Path(given).resolve()
    if not os.access(path, os.X_OK):
        sys.exit(f"MCP_OVERLAY: {path} is not a program; build it or leave MCP_OVERLAY unset")
    return path


def run(command, **more):
    """The standard output of a command that must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {done.returncode}")
    return done.stdout


class Check:
    """The check of one subject, phase by phase: the phase that finds most in least time comes first."""

    def __init__(self, binary, subject, cases, scratch):
        self.binary, self.subject = binary, subject
        self.scratch, self.findings = scratch, scratch / "findings"
        known = run([binary, "check", "--help"])
        edges = [["--only", "edges"]] if "edges" in known else []
        self.phases = [
            ["--only", "vectors"],
            *edges,
            ["--only", "wire"],
            ["--only", "random", "--cases", str(cases)],
            ["--only", "exhaustive", "--shard", "1/20"],
        ]
        self.timeouts = [None] * len(self.phases)
        self.key = hashlib.sha256(binary.read_bytes() + str(self.phases).encode()).hexdigest()

    def command(self, phase):
        # Strict: the examples and the production implementation follow the SHOULD rules too.
        return [
            self.binary, "check", "--profile", "all", "--strict", *phase, "--stdio", self.subject,
            "--restarts", "1", "--timeout", "10", "--findings", self.findings,
        ]  # fmt: skip

    def baseline(self):
        """The program without a mutation is clean; a phase of a mutant may take ten times as long."""
        for number, phase in enumerate(self.phases):
            began = time.monotonic()
            outcome, output = self.ask(phase, 3600)
            took = time.monotonic() - began
            if outcome != "clean":
                sys.exit(f"{output}\nthe subject without a mutation is not clean, nothing can be scored")
            self.timeouts[number] = max(LEAST_TIMEOUT, 10 * took)
            print(f"baseline {' '.join(phase)}: {took:.1f} s", flush=True)

    def judge(self, thorough):
        """(outcome, the phase that found it)"""
        for phase, timeout in zip(self.phases, self.timeouts):
            outcome, _ = self.ask(phase, timeout)
            if outcome != "clean":
                return outcome, phase[1]
        if thorough:
            outcome, _ = self.ask([], 3600)
            if outcome != "clean":
                return outcome, "thorough"
        return "survived", None

    def ask(self, phase, timeout):
        """`clean`, `found` (any exit status but 0) or `timeout`; and the output of the check."""
        shutil.rmtree(self.findings, ignore_errors=True)
        said = self.scratch / "output"
        deadline = time.monotonic() + timeout
        with said.open("w") as output:
            process = subprocess.Popen(
                self.command(phase), stdout=output, stderr=output, start_new_session=True
            )
        while process.poll() is None:
            # With its first finding the verdict is settled; the others would take longer.
            settled = self.findings.exists() and any(self.findings.iterdir())
            if settled or time.monotonic() > deadline:
                end(process)
                return ("found" if settled else "timeout"), said.read_text()
            time.sleep(0.02)
        return ("clean" if process.returncode == 0 else "found"), said.read_text()


def end(process):
    """The check ends its subjects when it is asked to end."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def score(name, arguments, mutants, apply, check):
    """Applies, checks and counts the mutants; prints the score. `apply` says whether it was viable."""
    known = read_results(arguments.results)
    explained = tomllib.loads((HERE / "explained.toml").read_text()).get(name, [])
    counts, finders, survivors, began = Counter(), Counter(), [], time.monotonic()
    for number, mutant in enumerate(mutants, 1):
        if arguments.budget and time.monotonic() - began > arguments.budget * 60:
            print(f"budget spent: {len(mutants) - number + 1} mutants not run")
            break
        key = hashlib.sha256(f"{check.key} {arguments.thorough} {mutant['text']}".encode()).hexdigest()
        if arguments.skip_explained and reason(explained, mutant):
            outcome, finder, took = "survived", None, 0
            counts["not asked"] += 1
        elif key in known:
            outcome, finder, took = known[key]
        else:
            start = time.monotonic()
            viable = apply(mutant)
            built = time.monotonic() - start
            outcome, finder = check.judge(arguments.thorough) if viable else ("unviable", None)
            took = time.monotonic() - start
            record(arguments.results, [key, outcome, finder, took], mutant)
            built = f" ({built:.1f} s building)" if built > 0.1 else ""
            by = f" by {finder}" if finder else ""
            told = f"{number}/{len(mutants)} {outcome}{by}, {took:.1f} s{built}"
            print(f"{told}: {title(mutant)}", flush=True)
        counts[outcome] += 1
        finders[finder] += 1
        counts["seconds"] += took
        if outcome == "survived":
            survivors.append(mutant)
    summary(counts, finders, survivors, explained)


def title(mutant):
    where = f"{mutant['file']}:" if "file" in mutant else ""
    was, becomes = (shorten(mutant[key]) for key in ("was", "becomes"))
    return f"{where}{mutant['line']}:{mutant['column']}: {mutant['operator']}: {was} -> {becomes}"


def shorten(text):
    text = " ".join(text.split())
    return text if len(text) <= 110 else f"{text[:107]}..."


def summary(counts, finders, survivors, explained):
    found = counts["found"] + counts["timeout"]
    viable = found + counts["survived"]
    mutants = viable + counts["unviable"]
    reasons = [reason(explained, one) for one in survivors]
    print("\nsurvivors")
    for mutant, why in zip(survivors, reasons):
        print(f"  {title(mutant)}\n    {why or 'NOT EXPLAINED'}")
    if not survivors:
        print("  none")
    by_phase = ", ".join(f"{finder} {count}" for finder, count in finders.most_common() if finder)
    excused = len([why for why in reasons if why])
    print(
        f"\nmutants {mutants}, unviable {counts['unviable']}, found {counts['found']}, timeout "
        f"{counts['timeout']}, survived {counts['survived']} (explained {excused}, not asked {counts['not asked']})"
    )
    print(f"found by: {by_phase or 'nothing'}")
    if viable > excused:
        print(f"score {100 * found / viable:.1f} % of viable mutants, ", end="")
        print(f"{100 * found / (viable - excused):.1f} % without the explained ones")
    if mutants > counts["not asked"]:
        print(f"{counts['seconds'] / (mutants - counts['not asked']):.1f} s for each mutant that was asked")


def reason(explained, mutant):
    """The reason of the first entry whose members all match the mutant."""
    for entry in explained:
        patterns = entry.keys() - {"lines", "reason"}
        on_line = "lines" not in entry or mutant["code"] in entry["lines"]
        if on_line and all(re.search(entry[key], mutant[key]) for key in patterns):
            return entry["reason"]
    return None


def read_results(path):
    if path is None or not path.exists():
        return {}
    lines = map(json.loads, path.read_text().splitlines())
    return {one["key"]: (one["outcome"], one["finder"], one["seconds"]) for one in lines}


def record(path, outcome, mutant):
    if path is not None:
        entry = dict(zip(("key", "outcome", "finder", "seconds"), outcome), mutant=title(mutant))
        with path.open("a") as file:
            file.write(json.dumps(entry) + "\n")


class Scratch:
    """A temporary folder that is removed at the end."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="mcp-overlay-strength-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def write_to(path):
    """Applies mutants that are whole texts."""

    def apply(mutant):
        Path(path).write_text(mutant["text"], encoding="utf-8")
        return True

    return apply
