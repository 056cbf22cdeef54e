"""Base64 in a JSON string, or in a data: URI there, decoded piece by piece: the text is never in memory as a whole."""

from __future__ import annotations

import binascii
import re

MAX_HEAD_BYTES = 256
"""Most bytes of what stands before the base64 in a data: URI."""

_URI, _BASE64 = b"data:", b";base64,"
_LONGEST_ESCAPE = len(r"\u0000")
_ESCAPE = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|([/\"nrt]))")
_LINE_BREAKS = (b"n", b"r", b"t")


class NotBase64(Exception):
    """The text is not base64, or a data: URI of another encoding."""


class Base64Text:
    """The inside of one JSON string, as its bytes come in; `num_bytes` of it are decoded.

        text = Base64Text()
        text.feed(b"data:video/mp4;base64,AAAA")
        text.finish()    # b"\\0\\0\\0"

    Escaped line breaks are skipped, as are the escapes of `/` and `+` that some libraries write. A data: URI's media
    type is not looked at. Raises NotBase64.
    """

    def __init__(self) -> None:
        self.num_bytes = 0
        self._pieces: list[bytes] = []
        self._unescaped = b""
        self._head: bytes | None = b""
        self._quantum = b""
        self._has_ended = False

    def feed(self, data: bytes) -> None:
        """Decode the next bytes of the string, as they are between its quotes."""
        data = self._unescaped + data
        cut = data.rfind(b"\\", max(0, len(data) - _LONGEST_ESCAPE + 1))
        self._unescaped = b"" if cut < 0 else data[cut:]
        self._add(data if cut < 0 else data[:cut])

    def finish(self) -> bytes:
        """Return all that was decoded."""
        self._add(self._unescaped)
        if self._head:
            self._decode(_after_head(self._head, whole=True) or b"")
        if self._quantum:
            raise NotBase64
        return b"".join(self._pieces)

    def _add(self, data: bytes) -> None:
        text = _ESCAPE.sub(_unescape, data) if b"\\" in data else data
        if self._head is None:
            self._decode(text)
            return
        self._head += text
        if (after := _after_head(self._head)) is not None:
            self._head = None
            self._decode(after)

    def _decode(self, text: bytes) -> None:
        if text and self._has_ended:
            raise NotBase64
        text = self._quantum + text
        cut = len(text) & ~3
        self._quantum = text[cut:]
        try:
            self._pieces.append(binascii.a2b_base64(text[:cut], strict_mode=True))
        except binascii.Error as error:
            raise NotBase64 from error
        self._has_ended = text[:cut].endswith(b"=")
        if self._has_ended and self._quantum:
            raise NotBase64
        self.num_bytes += len(self._pieces[-1])


def _unescape(escape: re.Match[bytes]) -> bytes:
    code, character = escape.groups()
    if code:
        return bytes.fromhex(code.decode())
    return b"" if character in _LINE_BREAKS else bytes(character)


def _after_head(text: bytes, *, whole: bool = False) -> bytes | None:
    """Return the base64 after a data: URI's head, all text where there is none, None while that is not known."""
    if len(text) < len(_URI) and not whole:
        return None
    if text[: len(_URI)].lower() != _URI:
        return text
    end = text[:MAX_HEAD_BYTES].lower().find(_BASE64)
    if end >= 0:
        return text[end + len(_BASE64) :]
    if whole or len(text) >= MAX_HEAD_BYTES:
        raise NotBase64
    return None
