"""Scripted model server: an HTTP server that answers or fails as a test sets it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Raw:
    """An answer of any bytes, of which only `sent` are sent before the connection closes where that is not None."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None


Reply = tuple[int, Any] | Raw | str
"""A status with JSON, bytes, `"hang"` for no answer within a second, or `"break"` for a connection that breaks."""

HEALTHY: Reply = (200, {"status": "Healthy"})
"""TorchServe's answer to a ping."""
BAD_KEY: Reply = (400, {"code": 400, "type": "InvalidKeyException", "message": "Token Authorization failed."})
"""TorchServe's answer to a key that it does not know."""


class ScriptedServer:
    """Answers each call by `reply(method, path)` and notes what came: `calls` holds path and key of each."""

    def __init__(self, reply: Callable[[str, str], Reply] = lambda method, path: HEALTHY, port: int = 0) -> None:
        self.reply = reply
        self.calls: list[tuple[str, str | None]] = []
        self.num_connections = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.reply = lambda method, path: "break"  # connections that are kept outlive the server
        self._server.shutdown()
        self._server.server_close()

    def num_calls(self, path: str) -> int:
        """Number of calls of a path so far."""
        return sum(called == path for called, _ in self.calls)


def _handler(script: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            script.num_connections += 1

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer()

        def _answer(self) -> None:
            script.calls.append((self.path, self.headers["Authorization"]))
            reply = script.reply(self.command, self.path)
            if isinstance(reply, str):
                time.sleep(1.0 if reply == "hang" else 0)
                self.close_connection = True
                return
            raw = reply if isinstance(reply, Raw) else Raw(json.dumps(reply[1]).encode(), reply[0])
            self.send_response(raw.status)
            for name, value in {**raw.headers, "Content-Length": str(len(raw.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw.body[: raw.sent])
            self.close_connection |= raw.sent is not None

        def log_message(self, *_: object) -> None:
            pass

    return Handler
