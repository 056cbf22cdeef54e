"""Scripted TorchServe: an HTTP server that answers or fails as a test sets it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any] | str
"""A status with JSON, `"hang"` for no answer within a second, or `"break"` for a connection that breaks."""

HEALTHY: Reply = (200, {"status": "Healthy"})
BAD_KEY: Reply = (400, {"code": 400, "type": "InvalidKeyException", "message": "Token Authorization failed."})


class ScriptedTorchServe:
    """Answers each call by `reply(method, path)` and notes what came: `calls` holds path and key of each."""

    def __init__(self, reply: Callable[[str, str], Reply] = lambda method, path: HEALTHY, port: int = 0) -> None:
        self.reply = reply
        self.calls: list[tuple[str, str | None]] = []
        self.num_connections = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> ScriptedTorchServe:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.reply = lambda method, path: "break"  # connections that are kept outlive the server
        self._server.shutdown()
        self._server.server_close()


def _handler(script: ScriptedTorchServe) -> type[BaseHTTPRequestHandler]:
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
            body = json.dumps(reply[1]).encode()
            self.send_response(reply[0])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
