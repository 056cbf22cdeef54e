"""A camera of Motion JPEG over HTTP, in the test's process: each client sees it from its first picture."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from clips.decoding.frames import Image


class MjpegServer:
    """Sends pictures as `multipart/x-mixed-replace`, at a rate, again and again; `cut` breaks its connections."""

    def __init__(self, pictures: Sequence[Image], rate: float = 25.0) -> None:
        self._jpegs = [cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes() for picture in pictures]
        self._seconds = 1 / rate
        self._generation = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/camera"

    def __enter__(self) -> MjpegServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._server.shutdown()
        self._server.server_close()

    def cut(self) -> None:
        """Break the connections; new ones are taken."""
        self._generation += 1

    def send_to(self, handler: BaseHTTPRequestHandler) -> None:
        """Send pictures until the client leaves or the connection is cut."""
        generation, began, count = self._generation, time.monotonic(), 0
        while generation == self._generation:
            jpeg = self._jpegs[count % len(self._jpegs)]
            head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            handler.wfile.write(head.encode() + jpeg + b"\r\n")
            count += 1
            time.sleep(max(0.0, began + count * self._seconds - time.monotonic()))


def _handler(server: MjpegServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
            self.end_headers()
            try:
                server.send_to(self)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler
