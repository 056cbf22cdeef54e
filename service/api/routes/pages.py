"""HTML pages: the demo, live, the documentation and the models, with their files; nothing comes from another address.

`/client.js` is the client for pages of other origins, which ours use as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

WEB = Path(__file__).parents[2] / "web"


PAGES = {"/": "predict/index.html", "/live": "live/live.html", "/docs": "docs/docs.html", "/store": "store/store.html"}
TEACH_LINK = '<a href="/teach">Teach</a>'


def routes(*, teach: bool) -> list[BaseRoute]:
    """`/`, `/live`, `/docs`, `/store`, `/client.js`, `/web/...`; with `teach` `/teach`, which the others link to."""
    pages = {path: WEB / file for path, file in PAGES.items()}
    if not teach:
        made = [Route(path, _file(file)) for path, file in pages.items()]
    else:
        made = [Route(path, _linked(file)) for path, file in pages.items()] + [
            Route("/teach", _file(WEB / "teach" / "teach.html"))
        ]
    return [*made, Route("/client.js", _file(WEB / "client" / "client.js")), Mount("/web", StaticFiles(directory=WEB))]


def _file(file: Path) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return FileResponse(file)

    return page


def _linked(file: Path) -> Callable[[Request], Awaitable[Response]]:
    text = file.read_text(encoding="utf-8").replace("</nav>", f"{TEACH_LINK}</nav>", 1)

    async def page(request: Request) -> Response:
        return HTMLResponse(text)

    return page
