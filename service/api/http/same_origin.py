"""Same origin: requests that change something are refused where a page of another site sends them.

A browser sends such requests for any page, and a service without API keys could not tell whose they are.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import Headers


class CrossOrigin(Exception):
    """The request comes from a page of another site."""


def check_same_origin(headers: Headers) -> None:
    """Raise CrossOrigin for a request that another site's page sends; clients that are no browsers send neither header.

    `Sec-Fetch-Site` is the browser's own word. Browsers leave it out on plain http, where `Origin` must name `Host`.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        is_own = site in {"same-origin", "none"}
    else:
        is_own = origin is None or urlsplit(origin).netloc == headers.get("host")
    if not is_own:
        raise CrossOrigin("only this service's own page, or a program, may ask for that")


async def _same_origin(request: Request) -> None:
    check_same_origin(request.headers)


SameOrigin = Annotated[None, Depends(_same_origin)]
