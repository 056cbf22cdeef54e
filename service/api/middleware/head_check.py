"""Head check: requests are refused whose head is long to read, or that a proxy in front may have read otherwise."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

MAX_QUERY_BYTES = 4096


class HeadCheck:
    """Raises HTTPException (400) for a request whose head is not acceptable."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on whose head is acceptable."""
        if scope["type"] == "http":
            _check(scope)
        await self._app(scope, receive, send)


def _check(scope: Scope) -> None:
    if len(scope["query_string"]) > MAX_QUERY_BYTES:
        raise HTTPException(400, f"the query is longer than {MAX_QUERY_BYTES:,} bytes")
    # Two lengths are how requests are smuggled past a proxy.
    names = {name for name, _ in scope["headers"]}
    if b"content-length" in names and b"transfer-encoding" in names:
        raise HTTPException(400, "a request has a Content-Length or a Transfer-Encoding", {"Connection": "close"})
