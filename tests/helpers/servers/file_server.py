"""HTTP file server with byte ranges and broken connections, for tests of downloads."""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.helpers.servers.http_server import running


@dataclass
class FileServer:
    """Files by path, and faults: `break_after` so many bytes of a body, no byte ranges without `ranges`."""

    files: dict[str, bytes]
    address: str = ""
    ranges: bool = True
    break_after: int | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def body(self, handler):
        """Return status, headers and bytes for a request."""
        content = self.files.get(handler.path)
        if content is None:
            return 404, {}, b""
        wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range") or "")
        if not (self.ranges and wanted):
            return 200, {}, content
        start = int(wanted[1])
        if start >= len(content):
            return 416, {"Content-Range": f"bytes */{len(content)}"}, b""
        return 206, {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}, content[start:]


@contextmanager
def serving(files):
    """Run a server on a free port of localhost."""
    server = FileServer(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.requests.append((self.path, self.headers.get("Range")))
            status, headers, body = server.body(self)
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: server.break_after])

        def log_message(self, *_):
            """Log nothing."""

    with running(Handler) as server.address:
        yield server
