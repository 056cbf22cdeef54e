"""What every response gets: a request id, headers that keep a browser safe, and a 500 that tells nothing."""

from __future__ import annotations

import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.http.problems import problem_response

REQUEST_ID_HEADER = "X-Request-ID"

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Sent with everything; the page loads nothing from elsewhere and shows the chosen clip from memory (blob:)."""

MAX_QUERY_BYTES = 4096

_CLIENTS_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Envelope:
    """Wraps the whole application: outside of it nothing fails but the server itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an exception that nobody caught is logged and becomes a 500 problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request.state.request_id = _request_id(Headers(scope=scope))
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(message, request.state.request_id)
            await send(message)

        try:
            _check_head(request)
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            if started:
                raise
            response = await problem_response(request, error)
            await response(scope, receive, send_with_headers)


def _check_head(request: Request) -> None:
    """Refuse what takes long to look at, and what a proxy in front may have read otherwise."""
    if len(request.url.query) > MAX_QUERY_BYTES:
        raise HTTPException(400, f"the query is longer than {MAX_QUERY_BYTES:,} bytes")
    if "content-length" in request.headers and "transfer-encoding" in request.headers:
        raise HTTPException(400, "a request has a Content-Length or a Transfer-Encoding", {"Connection": "close"})


def _request_id(headers: Headers) -> str:
    given = headers.get(REQUEST_ID_HEADER, "")
    return given if _CLIENTS_ID.fullmatch(given) else uuid.uuid4().hex


def _add_headers(message: Message, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers[REQUEST_ID_HEADER] = request_id
