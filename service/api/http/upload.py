"""Request bodies, read into memory and counted while they come in; a video is a multipart field or the raw body.

A video in JSON is read in service.api.http.json_upload.

UploadError
├── UploadTooLarge   over the limit; raised before all of the body is read
├── SlowUpload       the sender is slower than the minimum rate
├── MissingVideo     a form without a file in its field `video`, or JSON without its text
├── BadBase64        JSON whose field `video` is not base64
└── EmptyUpload      no bytes at all

A client's file name is ignored, and nothing that a client sends is written to a disk.
"""

from __future__ import annotations

import asyncio
import sys

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import Message, Receive

from service.api.http.content_coding import Decoder
from service.limits.admission import MemoryReservation
from service.limits.deadline import MinUploadRate

FIELD = "video"


class UploadError(Exception):
    """Base of the errors of a body, before it is looked at as a video."""


class UploadTooLarge(UploadError):
    """The body is over the limit."""


class SlowUpload(UploadError):
    """The body is slower than the minimum rate."""


class MissingVideo(UploadError):
    """The form holds no file in its field `video`, or the JSON no text."""


class BadBase64(UploadError):
    """The text in the field `video` is not base64."""


class EmptyUpload(UploadError):
    """The body, or the file in it, has no bytes."""


async def read_video(
    request: Request, max_bytes: int, min_rate: MinUploadRate, reservation: MemoryReservation
) -> bytes:
    """Return the video's bytes; the whole body counts towards `max_bytes` and the memory reservation.

    Raises UploadError, Overloaded, starlette's ClientDisconnect, and its HTTPException: 400 for a malformed form, 415
    for a body with a Content-Encoding.
    """
    check_encoding(request)
    reservation.expect(announced_size(request, max_bytes))
    bounded = Request(request.scope, _bounded(request.receive, max_bytes, min_rate, reservation))
    video = await (_read_form(bounded) if _is_form(request) else bounded.body())
    if not video:
        raise EmptyUpload("the video is empty: 0 bytes were received")
    return video


async def read_body(
    request: Request, max_bytes: int, min_rate: MinUploadRate, reservation: MemoryReservation
) -> bytearray:
    """Return the whole body, whatever it is; of one that comes in gzip or deflate, what it decodes to is counted too.

    Raises UploadTooLarge, SlowUpload, Overloaded, and starlette's HTTPException: 415 for another Content-Encoding, 400
    for a body that is not in its own.
    """
    decoder = Decoder(request.headers.get("content-encoding", ""))
    reservation.expect(announced_size(request, max_bytes))
    body = bytearray()
    async for chunk in Request(request.scope, _bounded(request.receive, max_bytes, min_rate, reservation)).stream():
        for piece in decoder.feed(chunk):
            if decoder.changes_size:
                _count_decoded(len(body) + len(piece), len(piece), max_bytes, reservation)
                await asyncio.sleep(0)
            body += piece
    decoder.finish()
    return body


def _is_form(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0]
    return media_type.strip().lower() == "multipart/form-data"


class _FormInMemory(MultiPartParser):
    """Keeps files of any size in memory: large uploads would fail on a full disk."""

    spool_max_size = sys.maxsize


async def _read_form(request: Request) -> bytes:
    _check_charset(request)
    try:
        form = await _FormInMemory(request.headers, request.stream(), max_files=1, max_fields=16).parse()
    except MultiPartException as error:
        raise HTTPException(400, error.message) from error
    video = form.get(FIELD)
    if isinstance(video, UploadFile):
        return await video.read()
    if video is None:
        raise MissingVideo(f"the form has no field {FIELD!r}; send the file as -F {FIELD}=@clip.mp4")
    raise MissingVideo(f"the field {FIELD!r} holds text, not a file; send the file as -F {FIELD}=@clip.mp4")


def _check_charset(request: Request) -> None:
    # Python has codecs that fail on anything, or take a time that grows with the square of a text.
    _, options = parse_options_header(request.headers["content-type"])
    if options.get(b"charset", b"utf-8").lower() not in {b"utf-8", b"utf8"}:
        raise HTTPException(400, "the form's charset must be UTF-8")


def check_encoding(request: Request) -> None:
    """Raise starlette's HTTPException (415) for a body with a Content-Encoding."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HTTPException(415, "a Content-Encoding is not taken; send the body as it is")


def announced_size(request: Request, max_bytes: int, max_video_bytes: int | None = None) -> int:
    """Return the body's size as its header says, 0 where it does not; raises UploadTooLarge.

    `max_video_bytes` is the limit to name where it is another one than that of the body.
    """
    # Answering before the first read means that a client which waits for "100 Continue" sends nothing at all.
    announced = request.headers.get("content-length", "")
    num_bytes = int(announced) if announced.isdecimal() else 0
    if num_bytes > max_bytes:
        raise too_large(max_video_bytes or max_bytes)
    return num_bytes


def _count_decoded(so_far: int, num_bytes: int, max_bytes: int, reservation: MemoryReservation) -> None:
    if so_far > max_bytes:
        raise too_large(max_bytes)
    reservation.add(num_bytes)


def paced(receive: Receive, min_rate: MinUploadRate) -> Receive:
    """A `receive` that raises SlowUpload when the body comes slower than the minimum rate."""
    started = asyncio.get_running_loop().time()
    received = 0

    async def receive_in_time() -> Message:
        nonlocal received
        try:
            async with asyncio.timeout_at(started + min_rate.seconds_for(received)):
                message = await receive()
        except TimeoutError as error:
            raise _too_slow(received, min_rate) from error
        received += len(message.get("body", b""))
        return message

    return receive_in_time


def _bounded(receive: Receive, max_bytes: int, min_rate: MinUploadRate, reservation: MemoryReservation) -> Receive:
    """A `receive` that counts: raises UploadTooLarge at the first byte over the limit, and SlowUpload.

    Received bytes are added to the reservation; raises Overloaded when they do not fit.
    """
    receive, received = paced(receive, min_rate), 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        num_bytes = len(message.get("body", b""))
        received += num_bytes
        if received > max_bytes:
            raise too_large(max_bytes)
        reservation.add(num_bytes)
        return message

    return bounded


def _too_slow(received: int, min_rate: MinUploadRate) -> SlowUpload:
    rate = f"{min_rate.bytes_per_second:,} bytes/s after the first {min_rate.grace_seconds:g} s"
    return SlowUpload(
        f"{received:,} bytes were received in {min_rate.seconds_for(received):.0f} s; the minimum is {rate}"
    )


def too_large(max_bytes: int) -> UploadTooLarge:
    """The error for an upload over its limit."""
    return UploadTooLarge(f"the upload is larger than {max_bytes:,} bytes, the limit")
