"""Scripted service: an HTTP server whose answers to POST requests a test lists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.helpers.servers.http_server import running


@dataclass(frozen=True)
class Answer:
    """An answer; one without a status breaks the connection instead, `cut` breaks it before the body's end."""

    status: int | None = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass
class Script:
    """The service's address, and the bodies of the requests that came."""

    url: str
    bodies: list[bytes]


def problem(status: int, **fields: Any) -> Answer:
    """Make the answer of a problem; `retry_after` is its header."""
    seconds = fields.pop("retry_after", None)
    body = {"type": "/problems/some", "title": "Some problem", "status": status, "detail": "it is so"} | fields
    return Answer(status, json.dumps(body).encode(), {} if seconds is None else {"Retry-After": str(seconds)})


@contextmanager
def scripted(*answers: Answer) -> Iterator[Script]:
    """Answer one request after the other; the last answer stays."""
    left, bodies = list(answers), list[bytes]()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            answer = left.pop(0) if len(left) > 1 else left[0]
            self.close_connection = answer.status is None or answer.cut
            if answer.status is None:
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + answer.cut))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    with running(Handler) as url:
        yield Script(url, bodies)
