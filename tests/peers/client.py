"""Drives an app-server through every MCP method, against peers none of which we wrote.

Usage: client.py COMMAND [ARGUMENT]...  (the app-server; the peers are in the environment, see run)
"""

import sys
from pathlib import Path
from urllib.parse import parse_qs

import changes
import methods
from home import CONFIG, RECORDS, requests_at, write_auth
from world import ann, apps, bob, check, home, start_app_server, write_config


def credentials():
    requests = requests_at("apps")
    allowed = {
        (f"Bearer {token}", user.account)
        for user in (ann, bob)
        for token in user.secrets
        if token.startswith("access-")
    }
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
    everything = requests_at("everything")
    own = "Bearer bearer-for-everything"
    sent = {r["headers"].get("authorization") for r in everything}
    check.true(sent <= {own, None}, f"bearers at everything: {sent}")
    # All but the discovery that the attempt at a login made, which has nobody's credentials.
    mcp = [r["headers"] for r in everything if r["body"] and r["path"] == "/mcp"]
    sent = {(h.get("authorization"), h.get("x-peers")) for h in mcp}
    check.same(sent, {(own, "configured")}, "everything's own bearer and header")
    # The tokens of `vault` are short-lived, and each refresh token is good for one use.
    asked = [parse_qs(r["body"]) for r in requests_at("vault") if r["path"] == "/token"]
    used = [form["refresh_token"][0] for form in asked if "refresh_token" in form]
    check.true(used, "no OAuth token was refreshed")
    check.same(len(used), len(set(used)), "refresh tokens, each used once")
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
        methods.handshake(app)
    thread = None
    with check.group("thread and start of servers"):
        thread = methods.threads(app)
    for name, group in [
        ("status", methods.statuses),
        ("resources", methods.resources),
        ("tools", methods.tool_calls),
        ("wrong use", methods.wrong_use),
        ("many at once", methods.crowd),
        ("reload", changes.reload),
        ("connectors", methods.connectors),
        ("OAuth login", changes.login),
        ("session lost", changes.session_lost),
        ("server dies", changes.server_dies),
        ("auth.json replaced", changes.other_user),
        ("logout", changes.logout),
    ]:
        # Whatever the group before left behind.
        write_config(CONFIG)
        with check.group(name):
            group(app, thread)
    with check.group("end of standard input"):
        changes.end(app)
    for name, group in [
        ("ends in the middle", changes.ends_in_the_middle),
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
