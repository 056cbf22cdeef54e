"""Boxes of MP4 and MOV files (ISO/IEC 14496-12, 4.2): find, and read tables of integers."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from clips.decoding.survey.packet_table import NoIndex, ReadAt

MAX_TOP_LEVEL_BOXES = 64
MAX_MOVIE_BYTES = 1 << 25
SHORT_HEADER = struct.Struct(">I4s")
"""Size and type of a box."""
HEADER_BYTES = 16
"""Length of the header of a box whose size has 64 bits."""

Boxes = dict[bytes, list[memoryview]]
"""Contents of the boxes in a box, by type."""


def movie_of(read_at: ReadAt, file_size: int) -> memoryview:
    """Return the contents of the file's `moov` box. Raises NoIndex for none, several, or one of a fragmented file."""
    movies = []
    for kind, begin, end in _top_level(read_at, file_size):
        if kind == b"moof":
            raise NoIndex("the file is fragmented")
        if kind == b"moov":
            movies.append((begin, end))
    if len(movies) != 1:
        raise NoIndex("the file has no header, or several")
    ((begin, end),) = movies
    if end - begin > MAX_MOVIE_BYTES:
        raise NoIndex("the file's header is too large")
    return read_at(begin, end)


def _top_level(read_at: ReadAt, file_size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, begin and end of the contents of each box."""
    at = 0
    for _ in range(MAX_TOP_LEVEL_BOXES):
        if at >= file_size:
            return
        header = read_at(at, at + HEADER_BYTES)
        size, kind, begin = _header_of(header)
        end = at + (size or file_size - at)
        if not at + begin <= end <= file_size:
            raise NoIndex("a box is cut short")
        yield kind, at + begin, end
        at = end
    raise NoIndex("the file has too many boxes")


def _header_of(contents: memoryview, at: int = 0) -> tuple[int, bytes, int]:
    """Return size (0 for the rest of the file), type, and length of the header of a box."""
    if at + SHORT_HEADER.size > len(contents):
        raise NoIndex("a box is cut short")
    size, kind = SHORT_HEADER.unpack_from(contents, at)
    return (number_at(contents, at + 8, 8), kind, HEADER_BYTES) if size == 1 else (size, kind, SHORT_HEADER.size)


def boxes_in(contents: memoryview) -> Boxes:
    """Return the contents of the boxes in a box, by type. Raises NoIndex unless they fill it."""
    boxes: Boxes = {}
    at = 0
    while at < len(contents):
        size, kind, begin = _header_of(contents, at)
        if size < begin or at + size > len(contents):
            raise NoIndex("a box is cut short")
        boxes.setdefault(kind, []).append(contents[at + begin : at + size])
        at += size
    return boxes


def only(boxes: Boxes, kind: bytes) -> memoryview:
    """Return the contents of the one box of a type. Raises NoIndex for none or several."""
    found = boxes.get(kind, [])
    if len(found) != 1:
        raise NoIndex(f"the file has {len(found)} boxes {kind.decode('latin-1')} in one")
    return found[0]


def number_at(contents: memoryview, at: int, size: int = 4) -> int:
    """Return an unsigned integer in a box. Raises NoIndex past its end."""
    if at + size > len(contents):
        raise NoIndex("a box is cut short")
    return int.from_bytes(contents[at : at + size])


def version_of(contents: memoryview) -> int:
    """Return the version of a full box. Raises NoIndex for an empty one."""
    return number_at(contents, 0, 1)


def table_in(contents: memoryview, kind: str, num_columns: int = 1, at: int = 4) -> NDArray[np.int64]:
    """Return a table of integers, [rows, columns], that stands in a box after the number of its rows.

    `kind` is NumPy's name of the integers (">u4"), `at` the position of the number of rows. Raises NoIndex unless the
    table is there in full.
    """
    num_rows, item = number_at(contents, at), np.dtype(kind)
    begin = at + 4
    end = begin + num_rows * num_columns * item.itemsize
    if end > len(contents):
        raise NoIndex("a table is cut short")
    table = np.frombuffer(contents, item, num_rows * num_columns, begin)
    return table.astype(np.int64).reshape(num_rows, num_columns)
