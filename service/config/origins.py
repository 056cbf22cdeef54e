"""Origins of web pages, as browsers send them in `Origin`: scheme://host[:port]."""

from __future__ import annotations

import re

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")
_DEFAULT_PORTS = re.compile(r"http://.*:80|https://.*:443")


def parse_origins(text: str) -> tuple[str, ...]:
    """Return the origins of a list that is separated by commas; () for an empty one.

        parse_origins("https://app.example, http://localhost:5173")

    Raises ValueError for one that no browser sends, such as one with a path, and for `*`: each origin is named.
    """
    origins = tuple(origin for part in text.split(",") if (origin := part.strip()))
    for origin in origins:
        if not _ORIGIN.fullmatch(origin) or _DEFAULT_PORTS.fullmatch(origin):
            form = "scheme://host[:port] in small letters, such as https://app.example"
            raise ValueError(f"{origin!r} is no origin: write {form}, without a path or a scheme's default port")
    return origins
