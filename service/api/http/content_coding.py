"""Content codings of HTTP bodies: gzip and deflate, decoded piece by piece and with a count of what comes out.

A body is decoded no further than its limit: a bomb is refused with its first byte too many, and no more memory is taken
than for a body that was sent as it is.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator

from anyio import to_thread
from fastapi import Response
from starlette.exceptions import HTTPException

PIECE_BYTES = 1 << 18
"""Most bytes decoded at a time, in about a millisecond; other requests go on in between."""

MIN_BYTES = 500
"""Smaller answers are sent as they are: gzip would save next to nothing."""

LEVEL = 1
"""Of compression: the fastest. Floating-point numbers shrink little more at a higher one."""

_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""zlib's names of the two formats; HTTP's deflate has zlib's header."""

_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, LEVEL, mtime=0),
    "deflate": lambda body: zlib.compress(body, LEVEL),
}


class Decoder:
    """Decodes one body of a Content-Encoding; raises HTTPException (415) for one that is not taken."""

    def __init__(self, coding: str) -> None:
        self._coding = coding.strip().lower() or "identity"
        if self._coding not in {*_WINDOW_BITS, "identity"}:
            taken = ", ".join(_WINDOW_BITS)
            raise HTTPException(415, f"this Content-Encoding is not taken, only {taken}", {"Accept-Encoding": taken})
        self._stream = zlib.decompressobj(_WINDOW_BITS[self._coding]) if self.changes_size else None

    @property
    def changes_size(self) -> bool:
        """True unless the body is sent as it is."""
        return self._coding != "identity"

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes decode to, at most PIECE_BYTES at a time; raises HTTPException (400)."""
        if self._stream is None:
            yield data
            return
        try:
            while piece := self._stream.decompress(data, PIECE_BYTES):
                yield piece
                data = self._stream.unconsumed_tail
        except zlib.error as error:
            raise self._broken() from error
        if self._stream.unused_data:
            raise self._broken()

    def finish(self) -> None:
        """Raise HTTPException (400) when the body ended too early."""
        if self._stream is not None and not self._stream.eof:
            raise self._broken()

    def _broken(self) -> HTTPException:
        return HTTPException(400, f"the body is not one whole stream of {self._coding}, its Content-Encoding")


async def encoded(response: Response, accept_encoding: str) -> Response:
    """Return the response with its body compressed, if the client takes that and the body is worth it."""
    coding = _choose(accept_encoding)
    response.headers["Vary"] = "Accept-Encoding"
    if coding is None or len(response.body) < MIN_BYTES:
        return response
    response.body = await to_thread.run_sync(_ENCODERS[coding], bytes(response.body))
    response.headers["Content-Encoding"] = coding
    response.headers["Content-Length"] = str(len(response.body))
    return response


def _choose(accept_encoding: str) -> str | None:
    """Return the first coding that we have of those that the client takes.

    >>> _choose("br, deflate;q=0.5, gzip;q=0")
    'deflate'
    """
    for entry in accept_encoding.lower().split(","):
        coding, _, parameters = entry.partition(";")
        if coding.strip() in _ENCODERS and parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}:
            return coding.strip()
    return None
