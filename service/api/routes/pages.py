"""HTML pages: the demo, the documentation and the models, with their files; nothing comes from another address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

WEB = Path(__file__).parents[2] / "web"


def routes() -> list[BaseRoute]:
    """`/`, `/docs`, `/store` and `/web/...`."""
    return [
        Route("/", _page("index.html")),
        Route("/docs", _page("docs.html")),
        Route("/store", _page("store.html")),
        Mount("/web", StaticFiles(directory=WEB)),
    ]


def _page(file: str) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return FileResponse(WEB / file)

    return page
