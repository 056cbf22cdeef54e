"""A video in a JSON body, `{"video": "<base64 or data: URI>", ...}`, taken out of the text while it comes in.

The other fields are what stays of the text: a few bytes, which are parsed at the end.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import Request

from service.api.http.base64_text import Base64Text, NotBase64
from service.api.http.upload import (
    FIELD,
    BadBase64,
    EmptyUpload,
    MissingVideo,
    UploadTooLarge,
    announced_size,
    check_encoding,
    paced,
    too_large,
)
from service.limits.admission import MemoryReservation
from service.limits.deadline import MinUploadRate

MAX_FIELDS_BYTES = 16_384
"""Most bytes of everything but the video."""

MOST_TEXT_PER_BYTE = 2
"""Bytes of text for a byte of video: 4/3 by base64, the rest for escapes and line breaks."""

_LONGEST_GAP = 16
_START = re.compile(rb'"%b"[ \t\r\n]{0,%d}:[ \t\r\n]{0,%d}"' % (FIELD.encode(), _LONGEST_GAP, _LONGEST_GAP))
_LONGEST_START = len(FIELD) + 2 * _LONGEST_GAP + 4

_EXAMPLE = f'{{"{FIELD}": "<base64 or data: URI>"}}'


def is_json(request: Request) -> bool:
    """Return True if the body says that it is JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


async def read_json_video(
    request: Request, max_bytes: int, min_rate: MinUploadRate, reservation: MemoryReservation
) -> tuple[bytes, dict[str, Any]]:
    """Return the video's bytes, which count towards `max_bytes` and the memory reservation, and the other fields.

    Raises UploadError, Overloaded, starlette's ClientDisconnect, and its HTTPException: 400 for what is no JSON object.
    """
    check_encoding(request)
    max_text_bytes = MOST_TEXT_PER_BYTE * max_bytes + MAX_FIELDS_BYTES
    reservation.expect(announced_size(request, max_text_bytes, max_bytes) // MOST_TEXT_PER_BYTE)
    upload, num_text_bytes = _JsonUpload(), 0
    async for chunk in Request(request.scope, paced(request.receive, min_rate)).stream():
        held, num_text_bytes = upload.num_bytes, num_text_bytes + len(chunk)
        upload.feed(chunk)
        if upload.video.num_bytes > max_bytes or num_text_bytes > max_text_bytes:
            raise too_large(max_bytes)
        reservation.add(upload.num_bytes - held)
    return upload.finish()


class _JsonUpload:
    """Splits the text: what stands in the string of `video` goes to `video`, everything else to `fields`."""

    def __init__(self) -> None:
        self.video = Base64Text()
        self.fields = bytearray()
        self._num_videos = 0
        self._is_in_video = False
        self._searched = 0
        self._is_after_backslash = False

    @property
    def num_bytes(self) -> int:
        """Bytes held: the decoded ones, and the text of the other fields."""
        return self.video.num_bytes + len(self.fields)

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the text."""
        while data:
            data = self._feed_video(data) if self._is_in_video else self._feed_fields(data)

    def finish(self) -> tuple[bytes, dict[str, Any]]:
        """Return the video and the other fields, by name."""
        fields = _parse(self.fields)
        if FIELD not in fields:
            raise MissingVideo(f"the JSON has no field {FIELD!r}; send {_EXAMPLE}")
        # Whatever was taken for the field's text but was not, such as a text deeper within, leaves something else here.
        if fields.pop(FIELD) != "" or not self._num_videos:
            raise MissingVideo(f"the field {FIELD!r} is no text that can be read as it comes in; send {_EXAMPLE}")
        try:
            video = self.video.finish()
        except NotBase64 as error:
            raise _bad_base64() from error
        if not video:
            raise EmptyUpload("the video is empty: 0 bytes were received")
        return video, fields

    def _feed_fields(self, data: bytes) -> bytes:
        """Keep the text up to the string of `video`, and return what comes after."""
        self.fields += data
        start = _START.search(self.fields, self._searched)
        end = len(self.fields) if start is None else start.end()
        # Text that was searched is not searched again, except what may be the beginning of a match.
        self._searched = max(self._searched, end - _LONGEST_START) if start is None else end
        rest = bytes(self.fields[end:])
        del self.fields[end:]
        if len(self.fields) > MAX_FIELDS_BYTES:
            raise UploadTooLarge(f"the fields beside {FIELD!r} are longer than {MAX_FIELDS_BYTES:,} bytes, the limit")
        if start is not None:
            self._begin_video()
        return rest

    def _begin_video(self) -> None:
        self._num_videos += 1
        self._is_in_video = True
        if self._num_videos > 1:
            raise HTTPException(400, f"the JSON has the field {FIELD!r} more than once")

    def _feed_video(self, data: bytes) -> bytes:
        """Decode the text up to the string's end, and return what comes after."""
        end = _end_of_string(data, is_after_backslash=self._is_after_backslash)
        self._is_in_video, self._is_after_backslash = end < 0, data.endswith(b"\\")
        try:
            self.video.feed(data if end < 0 else data[:end])
        except NotBase64 as error:
            raise _bad_base64() from error
        return b"" if end < 0 else data[end:]


def _end_of_string(data: bytes, *, is_after_backslash: bool) -> int:
    """Return the position of the first quote that is not escaped, -1 where there is none."""
    end = data.find(b'"', 1 if is_after_backslash else 0)
    while end > 0 and data[end - 1 : end] == b"\\":
        end = data.find(b'"', end + 1)
    return end


def _parse(text: bytearray) -> dict[str, Any]:
    try:
        fields = from_json(bytes(text), allow_inf_nan=False)
    except ValueError as error:
        raise HTTPException(400, f"the body is no JSON: {error}, not counting the text of {FIELD!r}") from error
    if not isinstance(fields, dict):
        raise HTTPException(400, f"the JSON is no object; send {_EXAMPLE}")
    return fields


def _bad_base64() -> BadBase64:
    return BadBase64(f"the field {FIELD!r} is not base64, nor a data: URI of it; `base64 -w0 clip.mp4` makes it")
