"""Videos at addresses, such as s3://bucket/clips/: found by fsspec, and read whole before they are decoded."""

from __future__ import annotations

from glob import has_magic
from pathlib import Path

from clips.decoding.errors import LimitExceeded
from clips.decoding.filenames import is_named_as_video
from service.store.addresses import opened


def find_remote_videos(address: str) -> list[Path]:
    """Return the videos of a file, of a folder at any depth, or of a pattern, in the order of their names.

    One that leads to no video is kept, so that reading it reports the reason. Raises AddressError.
    """
    with opened(address) as (files, path):
        if has_magic(path):
            names = files.glob(path)
        elif files.isdir(path):
            names = [name for name in files.find(path) if is_named_as_video(name)]
        else:
            names = []
        return [Path(files.unstrip_protocol(name)) for name in sorted(names)] or [Path(address)]


def read_remote_video(address: str, max_bytes: int) -> bytes:
    """Return a file's bytes; raises LimitExceeded beyond `max_bytes`, and AddressError."""
    with opened(address) as (files, path), files.open(path, "rb") as file:
        content: bytes = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise LimitExceeded(f"it holds more than {max_bytes} bytes; raise TIN_MAX_UPLOAD_BYTES")
    return content
