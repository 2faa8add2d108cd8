"""Compares `mcp-overlay lint` with released programs of Codex.

    python3 tests/lint_releases.py [--lint target/debug/mcp-overlay] VERSION=PROGRAM...

Each config of impl/tests/cli/lint-configs.toml, and each setting of the linter's data with values of every
kind, is given to `codex mcp list` of each program and to the linter, with `--codex VERSION`. The two have to
agree about whether Codex refuses the file. Ends with 1 if they do not. Needs no network; two minutes for each
program.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "impl/src/lint"
REFUSING = {"syntax", "invalid-value", "removed-key", "apps-timeout-only"}

# One value of each kind.
VALUES = ['"x"', "true", "1", "-1", "70000", "1.5", "[]", '["x"]', "{}"]

# What a table needs so that the setting alone decides.
BESIDE = {
    "mcp_servers.x": 'mcp_servers.x.url = "https://x.example"\n',
    "model_providers.x": 'model_providers.x.name = "x"\n',
}

# Codex refuses the right kind of value here too, for what is missing in it or beside it.
NEED_OTHERS = {
    "experimental_thread_store.type",
    "mcp_servers.x.oauth.token_endpoint_auth_method",
    "model_providers.x.name",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lint", default=ROOT / "target/debug/mcp-overlay", type=pathlib.Path)
    parser.add_argument("programs", nargs="+", metavar="VERSION=PROGRAM")
    arguments = parser.parse_args()
    table = tomllib.loads((ROOT / "impl/tests/cli/lint-configs.toml").read_text())
    newest = tomllib.loads((DATA / "codex-values.toml").read_text())["releases"][-1]
    configs = [(name, text) for part in table.values() for name, text in part.items()]
    configs += list(of_settings())
    wrong = 0
    for version, program in (program.split("=", 1) for program in arguments.programs):

        def compare(config):
            name, text = config
            return name, text, codex_refuses(program, text), lint_refuses(arguments.lint, version, text)

        refused = 0
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for name, text, codex, (lint, said) in pool.map(compare, configs):
                refused += codex
                listed = name in table["refused"] if version == newest and name_of(name, table) else codex
                if codex != lint or codex != listed:
                    wrong += 1
                    print(f"{version} {name}: Codex {verb(codex)}, the linter {verb(lint)} {said}")
        print(f"{version}: {len(configs)} configs, {refused} refused by Codex")
    print(f"{wrong} disagreements")
    return 1 if wrong else 0


def name_of(name, table):
    return any(name in part for part in table.values())


def verb(refuses):
    return "refuses it" if refuses else "takes it"


def of_settings():
    """Every setting of the linter's data with every word, and with a value of every kind."""
    data = tomllib.loads((DATA / "codex-values.toml").read_text())
    paths = {path: words for path, words in data["words"].items()}
    paths |= {path: [] for kind in data["kinds"].values() for path in kind}
    paths |= {f"profiles.*.{path}": paths[path] for path in data["profiles"]["too"]}
    for pattern, words in paths.items():
        path = pattern.replace("*", "x")
        if path in NEED_OTHERS:
            continue
        # A table has to have the right keys, and an array in the place of a table the right values.
        others = {"{}"} if pattern.removeprefix("profiles.*.") in data["tables"]["too"] else set()
        others |= {'["x"]'} if pattern in data["kinds"]["struct"] else set()
        beside = next((text for start, text in BESIDE.items() if path.startswith(start + ".")), "")
        for value in [f'"{word}"' for word in words] + [value for value in VALUES if value not in others]:
            yield f"{path} = {value}", f"{beside}{path} = {value}\n"


def codex_refuses(program, text):
    with tempfile.TemporaryDirectory() as home:
        pathlib.Path(home, "config.toml").write_text(text)
        environment = {"CODEX_HOME": home, "HOME": home, "PATH": os.environ["PATH"]}
        command = [os.path.expanduser(program), "mcp", "list"]
        run = subprocess.run(
            command, env=environment, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
    return run.returncode != 0


def lint_refuses(lint, version, text):
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "config.toml")
        config.write_text(text)
        none = pathlib.Path(folder, "requirements.toml")
        none.write_text("")
        command = [lint, "lint", "--config", config, "--requirements", none, "--codex", version, "--json"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    found = json.loads(run.stdout)["findings"]
    refusing = [finding for finding in found if finding["rule"] in REFUSING]
    return bool(refusing), [finding["message"] for finding in refusing]


if __name__ == "__main__":
    sys.exit(main())
