"""A CODEX_HOME of the tests: the config that names the peers, and the user's credentials."""

import base64
import json
import os
from datetime import datetime, timezone

# Every process that a host starts has this among its arguments, so that one left over is found.
MARKER = f"peers-{os.getpid()}"

EVERYTHING_JS = os.environ["EVERYTHING_JS"]
EVERYTHING_URL = os.environ["EVERYTHING_URL"]
APPS_BASE_URL = os.environ["APPS_BASE_URL"]
VAULT_URL = os.environ["VAULT_URL"]
RECORDS = os.environ["RECORDS"]


def stdio_everything(name):
    """The entry of server-everything over stdio; what follows `stdio` it does not look at."""
    return f"""
[mcp_servers.{name}]
command = "node"
args = [{json.dumps(EVERYTHING_JS)}, "stdio", "{MARKER}-{name}"]
env = {{ PEERS_GIVEN = "given" }}
"""


CONFIG = f"""
chatgpt_base_url = {json.dumps(APPS_BASE_URL)}
cli_auth_credentials_store = "file"
mcp_oauth_credentials_store = "file"

[features]
apps = true
apps_mcp_path_override = true
plugins = false

[analytics]
enabled = false

[mcp_servers.everything-http]
url = {json.dumps(EVERYTHING_URL)}
bearer_token_env_var = "PEERS_BEARER"
http_headers = {{ X-Peers = "configured" }}

[mcp_servers.vault]
url = {json.dumps(VAULT_URL)}
{stdio_everything("everything")}
{stdio_everything("off")}
enabled = false
"""
ENVIRONMENT = {"PEERS_BEARER": "bearer-for-everything", "PEERS_SECRET": "not-for-servers"}


class User:
    """Somebody logged in with ChatGPT. The tokens are new in every run and found nowhere else."""

    def __init__(self, name):
        self.name = name
        self.account = f"account-{name}"
        self.secrets = []  # All tokens there have been.
        self.renew()

    def renew(self):
        """Other tokens for the same account."""
        self.access_token = f"access-{self.name}-{os.urandom(12).hex()}"
        self.refresh_token = f"refresh-{self.name}-{os.urandom(12).hex()}"
        claims = {
            "email": f"{self.name}@example.com",
            "exp": 4102444800,
            "https://api.openai.com/auth": {
                "chatgpt_plan_type": "pro",
                "chatgpt_user_id": f"user-{self.name}",
                "chatgpt_account_id": self.account,
            },
        }
        self.id_token = ".".join(
            base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
            for part in ('{"alg":"none","typ":"JWT"}', json.dumps(claims), os.urandom(12).hex())
        )
        self.secrets += [self.access_token, self.refresh_token, self.id_token]

    def auth_json(self):
        return {
            "OPENAI_API_KEY": None,
            "tokens": {
                "id_token": self.id_token,
                "access_token": self.access_token,
                "refresh_token": self.refresh_token,
                "account_id": self.account,
            },
            "last_refresh": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def write_auth(home, auth):
    """As a login does: a new file takes the old one's place."""
    new = home / "auth.json.new"
    new.write_text(json.dumps(auth))
    new.chmod(0o600)
    new.replace(home / "auth.json")


def requests_at(peer):
    """All that reached an HTTP peer so far, oldest first."""
    with open(f"{RECORDS}/{peer}.jsonl", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
