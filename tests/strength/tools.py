"""Installs the tools of this folder, each version pinned, where they are kept between runs."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CARGO_MUTANTS = "27.1.0"


def python(tool):
    """The Python of a virtual environment with the packages of a folder."""
    wanted = HERE / tool / "requirements.txt"

    def make(folder):
        run(sys.executable, "-m", "venv", folder)
        quietly = ["--quiet", "--disable-pip-version-check"]
        run(folder / "bin/python", "-m", "pip", "install", *quietly, "-r", wanted)

    return installed(tool, [wanted], make) / "bin" / "python"


def node(tool):
    """A folder with the node_modules of a folder."""
    wanted = [HERE / tool / "package.json", HERE / tool / "package-lock.json"]

    def make(folder):
        folder.mkdir()
        for file in wanted:
            shutil.copy(file, folder)
        run("npm", "ci", "--prefix", folder, "--no-audit", "--no-fund", "--silent")

    return installed(tool, wanted, make)


def cargo_mutants():
    """The binary."""

    def make(folder):
        version = ["--version", CARGO_MUTANTS, "--locked"]
        run("cargo", "install", "cargo-mutants", *version, "--quiet", "--root", folder)

    return installed(f"cargo-mutants-{CARGO_MUTANTS}", [], make) / "bin" / "cargo-mutants"


def installed(name, made_from, make):
    """The folder of a tool. Its name tells what it was made from; an unfinished one is made anew."""
    cache = os.environ.get("MCP_OVERLAY_STRENGTH") or Path.home() / ".cache" / "mcp-overlay-strength"
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in made_from)).hexdigest()[:12]
    folder = Path(cache).absolute() / f"{name}-{digest}"
    finished = folder / "finished"
    if not finished.exists():
        print(f"installing {name} in {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        make(folder)
        finished.touch()
    return folder


def run(*command):
    status = subprocess.run(command, stdout=sys.stderr).returncode
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {status}")
