"""Source addresses: the kinds of live sources, and the options with which FFmpeg opens each.

Every kind has a list of the protocols that FFmpeg may use, so that a playlist of a server cannot name a local file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from clips.decoding.container import DEMUXERS
from service.live.source.errors import BadSource

STANDARD_INPUT = "-"
CAMERA = re.compile(r"/dev/video\d+")

_NETWORK = "tcp,udp,tls,http,https,httpproxy,crypto"
_OF_FILES = {"format_whitelist": DEMUXERS}
_OF_HTTP = {
    "format_whitelist": f"{DEMUXERS},hls,mpjpeg,mjpeg",
    "protocol_whitelist": _NETWORK,
}
_OF_RTSP = {"protocol_whitelist": f"{_NETWORK},rtp,srtp", "rtsp_flags": "prefer_tcp"}
_TAKEN = "rtsp://, http:// and https:// addresses, cameras such as /dev/video0, files, and - for standard input"


@dataclass(frozen=True)
class Source:
    """A live source.

    Args:
        name: The address as messages show it, without a password.
        location: The address as FFmpeg opens it.
        format: FFmpeg's demuxer, or None to find it out.
        options: FFmpeg's options.
        is_reopened: True for a stream or a camera, which is opened again when it breaks off; False for a file.
    """

    name: str
    location: str = field(repr=False)
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    is_reopened: bool = False


def source_of(address: str) -> Source:
    """Return the source that an address names; nothing is opened.

        source_of("rtsp://user:secret@camera/stream").name    # "rtsp://camera/stream"

    Raises BadSource.
    """
    if address == STANDARD_INPUT:
        return Source("standard input", "pipe:0", options=_OF_FILES | {"protocol_whitelist": "pipe"})
    if "://" in address:
        return _of_network(address)
    if CAMERA.fullmatch(address):
        _check_exists(address)
        return Source(address, address, format="v4l2", is_reopened=True)
    _check_exists(address)
    if os.path.isdir(address):
        raise BadSource(f"{address} is a folder; name one video")
    return Source(address, f"file:{Path(address).absolute()}", options=_OF_FILES | {"protocol_whitelist": "file"})


def _of_network(address: str) -> Source:
    name, scheme = _without_password(address), urlsplit(address).scheme.lower()
    if scheme in {"rtsp", "rtsps"}:
        return Source(name, address, "rtsp", _OF_RTSP, is_reopened=True)
    if scheme in {"http", "https"}:
        return Source(name, address, None, _OF_HTTP, is_reopened=True)
    raise BadSource(f"{name} is of no kind that can be opened: {_TAKEN}")


def _without_password(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise BadSource(f"the address is not valid: {error}") from error
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _check_exists(path: str) -> None:
    if not os.path.exists(path):
        raise BadSource(f"there is no {path}; a source is one of: {_TAKEN}")
