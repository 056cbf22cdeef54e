"""HTML pages: the demo, live, the documentation and the models, with their files; nothing comes from another address.

Head and bar are fragments that all pages share, put in when the application is made. `/client.js` is the client for
pages of other origins, which ours use as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

WEB = Path(__file__).parents[2] / "web"


@dataclass(frozen=True)
class Page:
    """A page: its path, its file in WEB, and the word that links to it; no word for the first, where the name leads."""

    path: str
    file: str
    link: str = ""


PAGES = (
    Page("/", "predict/index.html"),
    Page("/live", "live/live.html", "Live"),
    Page("/docs", "docs/docs.html", "API"),
    Page("/store", "store/store.html", "Models"),
)
TEACH = Page("/teach", "teach/teach.html", "Teach")


def routes(*, teach: bool) -> list[BaseRoute]:
    """`/`, `/live`, `/docs`, `/store`, `/client.js`, `/web/...`; with `teach` `/teach`, which the others link to."""
    pages = (*PAGES, TEACH) if teach else PAGES
    return [
        *(Route(page.path, _html(render(page, pages))) for page in pages),
        Route("/client.js", _file(WEB / "client" / "client.js")),
        Mount("/web", StaticFiles(directory=WEB)),
    ]


def render(page: Page, pages: Sequence[Page]) -> str:
    """Return a page with the fragments in place, and links to all pages."""
    text = _read(page.file)
    for fragment in ("head", "bar"):
        text = text.replace(f"  <!-- frame: {fragment} -->\n", indent(_read(f"frame/{fragment}.html"), "  "))
    return text.replace("<!-- links -->", "".join(_link(each, page) for each in pages if each.link))


def _link(page: Page, current: Page) -> str:
    mark = ' aria-current="page"' if page is current else ""
    return f'<a href="{page.path}"{mark}>{page.link}</a>'


def _read(file: str) -> str:
    return (WEB / file).read_text(encoding="utf-8")


def _html(text: str) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return HTMLResponse(text)

    return page


def _file(file: Path) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return FileResponse(file)

    return answer
