"""An MCP server behind OAuth: discovery, registration, PKCE and the checks of bearer tokens are
those of the MCP project's own Python SDK; here is only a memory for what it issues.

Usage: oauth_server.py PORT [PUBLIC_PORT]
"""

import secrets
import sys
import time

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions
from mcp.server.mcpserver import MCPServer
from mcp.shared.auth import OAuthToken

PORT = int(sys.argv[1])
# Clients come through here, when something that records stands in front.
URL = f"http://127.0.0.1:{sys.argv[2] if len(sys.argv) > 2 else PORT}"


class Memory:
    """Grants everything to everybody at once, where a real server would ask the user."""

    def __init__(self):
        self.clients, self.codes, self.refresh, self.access = {}, {}, {}, {}

    async def get_client(self, client_id):
        return self.clients.get(client_id)

    async def register_client(self, client_info):
        self.clients[client_info.client_id] = client_info

    async def authorize(self, client, params):
        code = AuthorizationCode(
            code=secrets.token_urlsafe(24),
            client_id=client.client_id,
            scopes=params.scopes or [],
            expires_at=time.time() + 60,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        self.codes[code.code] = code
        return construct_redirect_uri(str(params.redirect_uri), code=code.code, state=params.state)

    async def load_authorization_code(self, client, authorization_code):
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(self, client, authorization_code):
        del self.codes[authorization_code.code]
        return self.issue(client, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(self, client, refresh_token):
        return self.refresh.get(refresh_token)

    async def exchange_refresh_token(self, client, refresh_token, scopes):
        del self.refresh[refresh_token.token]
        return self.issue(client, scopes, refresh_token.resource)

    async def load_access_token(self, token):
        return self.access.get(token)

    async def revoke_token(self, token):
        self.access.pop(token.token, None)
        self.refresh.pop(token.token, None)

    def issue(self, client, scopes, resource):
        lasts = 5  # Seconds: a client that logs in is soon one that has to refresh.
        common = {"client_id": client.client_id, "scopes": scopes, "resource": resource}
        access = AccessToken(
            token="oauth-access-" + secrets.token_urlsafe(24),
            expires_at=int(time.time()) + lasts,
            **common,
        )
        refresh = RefreshToken(token="oauth-refresh-" + secrets.token_urlsafe(24), **common)
        self.access[access.token], self.refresh[refresh.token] = access, refresh
        return OAuthToken(
            access_token=access.token,
            refresh_token=refresh.token,
            expires_in=lasts,
            scope=" ".join(scopes),
        )


server = MCPServer(
    "vault",
    version="1.0.0",
    log_level="WARNING",
    auth_server_provider=Memory(),
    auth=AuthSettings(
        issuer_url=URL,
        resource_server_url=f"{URL}/mcp",
        validate_token_resource=True,
        required_scopes=["vault.read"],
        client_registration_options=ClientRegistrationOptions(
            enabled=True, valid_scopes=["vault.read", "vault.write"], default_scopes=["vault.read"]
        ),
    ),
)


@server.tool()
def open_vault() -> str:
    """What only a user who logged in gets."""
    return "gold"


server.run("streamable-http", port=PORT, streamable_http_path="/mcp")
