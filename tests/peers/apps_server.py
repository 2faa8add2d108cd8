"""The Apps server of the tests: the MCP project's own Python SDK where a host expects `codex_apps`.

Usage: apps_server.py PORT
"""

import sys

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("apps", version="1.0.0", log_level="WARNING")


def connector(id, name, description):
    """Says which app a tool belongs to."""
    return {"connector_id": id, "connector_name": name, "connector_description": description}


CALENDAR = connector("connector_calendar", "Calendar", "Meetings and free time")
NOTES = connector("connector_notes", "Notes", "What was written down")


@server.tool(meta=CALENDAR)
def calendar_list(day: str) -> str:
    """The meetings of a day."""
    return f"nothing on {day}"


@server.tool(meta=CALENDAR)
def calendar_add(day: str) -> str:
    """Always refuses."""
    raise ToolError(f"{day} is full")


@server.tool(meta=NOTES)
def notes_meta(ctx: Context) -> dict[str, str]:
    """The call's _meta, as text values."""
    return {key: str(value) for key, value in (ctx.request_context.meta or {}).items()}


@server.resource("notes://today", mime_type="text/plain")
def today() -> str:
    return "a note"


@server.resource("notes://scan", mime_type="image/png")
def scan() -> bytes:
    return b"\x89PNG"


server.run("streamable-http", port=int(sys.argv[1]), streamable_http_path="/api/codex/ps/mcp")
