"""What a browser is shown: the page, the documentation, the models, and their files; nothing from another address."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

WEB = Path(__file__).parent / "web"


def routes() -> list[BaseRoute]:
    """`/`, `/docs`, `/store` and `/web/...`."""
    return [
        Route("/", _index),
        Route("/docs", _docs),
        Route("/store", _store),
        Mount("/web", StaticFiles(directory=WEB)),
    ]


async def _index(request: Request) -> FileResponse:
    return FileResponse(WEB / "index.html")


async def _docs(request: Request) -> FileResponse:
    return FileResponse(WEB / "docs.html")


async def _store(request: Request) -> FileResponse:
    return FileResponse(WEB / "store.html")
