"""Stands in front of an HTTP server, passes every byte on and writes down each request: a line of
JSON with its method, path, headers and body. Whatever a peer is, what reached it can be read.

Usage: record.py PORT TARGET_PORT FILE
"""

import asyncio
import json
import sys

PORT, TARGET, FILE = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


async def pump(reader, writer):
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def pump_requests(reader, writer, log):
    """Passes each request on only after it was written down: what a server has seen is in the file."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {}
        for line in lines:
            name, value = line.split(":", 1)
            headers.setdefault(name.lower(), value.strip())
        if "transfer-encoding" in headers:
            raise ValueError("a chunked request: its end is not looked for here")
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = {"method": method, "path": path, "headers": headers}
        request["body"] = body.decode("utf-8", "replace")
        log.write(json.dumps(request) + "\n")
        log.flush()
        writer.write(head + body)
        await writer.drain()


async def connection(reader, writer, log):
    try:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", TARGET)
    except OSError:
        writer.close()
        return
    answers = asyncio.create_task(pump(to_reader, writer))
    try:
        await pump_requests(reader, to_writer, log)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # The client closed the connection.
    finally:
        to_writer.close()
        answers.cancel()
        writer.close()


async def main():
    with open(FILE, "a", encoding="utf-8") as log:
        server = await asyncio.start_server(
            lambda reader, writer: connection(reader, writer, log), "127.0.0.1", PORT
        )
        await server.serve_forever()


asyncio.run(main())
