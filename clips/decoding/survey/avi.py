"""Index of AVI files (`idx1`): position and size of every chunk, checked against the chunks themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clips.decoding.bitstream.batches import rows_at
from clips.decoding.survey.packet_table import NoIndex, PacketTable, ReadAt

RIFF_HEADER_BYTES = 12
CHUNK_HEADER_BYTES = 8
MAX_LISTS = 16
MAX_INDEX_BYTES = MAX_LIST_BYTES = 1 << 25
"""Larger ones are not read at once."""
KEY = 0x10
"""Flag of an entry."""
ID, FLAGS, POSITION, SIZE = range(4)
"""Columns of the index."""

Index = NDArray[np.uint32]


def read_avi_table(read_at: ReadAt, file_size: int, stream: int, max_packets: int) -> PacketTable:
    """Return the packets of a stream, by its number; decode times count its packets.

    Raises NoIndex for a file whose index does not list each chunk of it, one after another, or lists more than
    `max_packets` of the stream.
    """
    lists = _lists(read_at, file_size)
    begin, end = lists[b"movi"]
    index: Index = np.frombuffer(read_at(*lists[b"idx1"]), "<u4").reshape(-1, 4)
    positions = _positions(index, begin, end)
    _compare_with_chunks(index, positions, begin, end, read_at)
    data, other_data = (int.from_bytes(b"%02d%s" % (stream, kind), "little") for kind in (b"dc", b"db"))
    of_stream = (index[:, ID] == data) | (index[:, ID] == other_data)
    if of_stream.sum() > max_packets:
        raise NoIndex("the file has too many packets")
    index, positions = index[of_stream], positions[of_stream] + CHUNK_HEADER_BYTES
    is_key = index[:, FLAGS] & KEY > 0
    return PacketTable(positions, index[:, SIZE].astype(np.int64), is_key, np.arange(len(index)), None)


def _lists(read_at: ReadAt, file_size: int) -> dict[bytes, tuple[int, int]]:
    """Return begin and end of the contents of the file's lists and chunks, by type."""
    header = bytes(read_at(0, RIFF_HEADER_BYTES))
    if header[:4] != b"RIFF" or header[8:] != b"AVI ":
        raise NoIndex("the file is no plain AVI")
    lists: dict[bytes, tuple[int, int]] = {}
    at = RIFF_HEADER_BYTES
    for _ in range(MAX_LISTS):
        if at + RIFF_HEADER_BYTES > file_size:
            break
        chunk = bytes(read_at(at, at + RIFF_HEADER_BYTES))
        is_list = chunk[:4] == b"LIST"
        kind, begin = (chunk[8:], at + RIFF_HEADER_BYTES) if is_list else (chunk[:4], at + CHUNK_HEADER_BYTES)
        end = at + CHUNK_HEADER_BYTES + int.from_bytes(chunk[4:8], "little")
        if kind == b"RIFF" or (kind in lists and kind != b"JUNK"):
            raise NoIndex("the file has several parts")
        lists[kind] = begin, end
        at = end + end % 2
    begin, end = lists.get(b"idx1", (0, 0))
    if b"movi" not in lists or not begin or end > file_size or end - begin > MAX_INDEX_BYTES or (end - begin) % 16:
        raise NoIndex("the file has no index")
    return lists


def _positions(index: Index, begin: int, end: int) -> NDArray[np.int64]:
    """Return the positions of the chunks' headers, which the index counts from the file's begin or from the list's."""
    if not index.size:
        raise NoIndex("the index is empty")
    positions, sizes = index[:, POSITION].astype(np.int64), index[:, SIZE].astype(np.int64)
    positions += begin - positions[0]
    ends = positions + CHUNK_HEADER_BYTES + sizes + sizes % 2
    if ends[-1] != end + end % 2 or (ends[:-1] != positions[1:]).any():
        raise NoIndex("the index leaves out parts of the file")
    return positions


def _compare_with_chunks(index: Index, positions: NDArray[np.int64], begin: int, end: int, read_at: ReadAt) -> None:
    """Raise NoIndex unless each chunk of the list has the identifier and the size that the index says."""
    if end - begin > MAX_LIST_BYTES:
        raise NoIndex("the file is too large to compare its index with its chunks")
    data = np.frombuffer(read_at(begin, end), np.uint8)
    if len(data) < end - begin:
        raise NoIndex("the file is cut short")
    headers = rows_at(data, positions - begin, CHUNK_HEADER_BYTES).view("<u4")
    if (headers != index[:, [ID, SIZE]]).any():
        raise NoIndex("the index differs from the chunks")
