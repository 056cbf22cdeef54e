"""Cross-origin requests (CORS): pages of the origins in TIN_CORS_ORIGINS may call the service and read its answers."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.middleware.request_id import REQUEST_ID_HEADER

METHODS = ("GET", "HEAD", "POST")
ANY_HEADER = ("*",)
"""Keys and content types are headers, and tracing libraries in a page add their own. Cookies are never taken."""

EXPOSED_HEADERS = ("Inference-Header-Content-Length", "Retry-After", "Server-Timing", REQUEST_ID_HEADER)

OWN_PAGE_ONLY = "/teach"


class CrossOriginRequests:
    """Answers preflight requests, and names the origin in every answer to a page of `origins`, errors included.

    What is below /teach changes something: it stays with the service's own page.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._shared = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=ANY_HEADER,
            expose_headers=EXPOSED_HEADERS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_shared = scope["type"] == "http" and not _is_own(str(scope["path"]))
        await (self._shared if is_shared else self._app)(scope, receive, send)


def _is_own(path: str) -> bool:
    return path == OWN_PAGE_ONLY or path.startswith(f"{OWN_PAGE_ONLY}/")
