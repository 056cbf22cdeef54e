"""Sample tables of MP4 and MOV files (ISO/IEC 14496-12, 8.6 and 8.7): position, size and times of every packet.

Only files whose tables FFmpeg takes as they are: one description for all samples, no fragments, and an edit list that
hides none of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clips.decoding.survey.boxes import Boxes, boxes_in, movie_of, number_at, only, table_in
from clips.decoding.survey.packet_table import NoIndex, PacketTable, ReadAt

Column = NDArray[np.int64]

KNOWN_BOXES = frozenset({b"stsd", b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64", b"sdtp", b"cslg"})
"""Boxes of a sample table that say nothing else about its samples than this module reads."""
GROUPING_BOXES = frozenset({b"sgpd", b"sbgp"})
HARMLESS_GROUPS = frozenset({b"roll", b"rap ", b"sync", b"tscl"})
MAX_DURATION = 1 << 28
"""FFmpeg passes over longer ones."""
IN_THIS_FILE = 1
"""Flag of a data reference."""
EMPTY = -1
"""Media time of an edit that shows nothing."""
NORMAL_RATE = 1 << 16


def read_mp4_table(read_at: ReadAt, file_size: int, track_id: int, max_packets: int) -> PacketTable:
    """Return the packets of a track, with the times of its media: an edit list may move all of them alike.

    Raises NoIndex for a file that may not be read by its tables alone, or has more than `max_packets`.
    """
    movie = boxes_in(movie_of(read_at, file_size))
    if movie.keys() & {b"mvex", b"cmov", b"pssh"}:
        raise NoIndex("the file is fragmented, compressed or encrypted")
    tracks = [boxes_in(contents) for contents in movie.get(b"trak", [])]
    _check_chunks(tracks, file_size)
    track = _track(tracks, track_id)
    media = boxes_in(only(track, b"mdia"))
    information = boxes_in(only(media, b"minf"))
    _check_references(boxes_in(only(information, b"dinf")))
    samples = boxes_in(only(information, b"stbl"))
    _check_samples(samples)
    sizes = _sizes(samples, max_packets)
    decode_times = _decode_times(samples, len(sizes))
    times = decode_times + _delays(samples, len(sizes))
    _check_edits(track, times, _timescale(only(media, b"mdhd")), _timescale(only(movie, b"mvhd")))
    return PacketTable(_positions(samples, sizes), sizes, _is_key(samples, len(sizes)), decode_times, times)


def _check_chunks(tracks: Sequence[Boxes], file_size: int) -> None:
    """Raise NoIndex for a chunk outside of the file, of any track: FFmpeg ends there for all tracks."""
    for track in tracks:
        samples = boxes_in(only(boxes_in(only(boxes_in(only(track, b"mdia")), b"minf")), b"stbl"))
        chunks = _chunks(samples)
        if ((chunks < 0) | (chunks >= file_size)).any():
            raise NoIndex("samples lie outside of the file")


def _track(tracks: Sequence[Boxes], track_id: int) -> Boxes:
    found = [track for track in tracks if _track_id(only(track, b"tkhd")) == track_id]
    if len(found) != 1:
        raise NoIndex("the file has no such track, or several")
    if b"senc" in found[0]:
        raise NoIndex("the file is encrypted")
    return found[0]


def _track_id(header: memoryview) -> int:
    return number_at(header, 20 if header[0] == 1 else 12)


def _timescale(header: memoryview) -> int:
    return number_at(header, 20 if header[0] == 1 else 12)


def _check_references(data: Boxes) -> None:
    references = only(data, b"dref")
    (entries,) = boxes_in(references[8:]).values() if number_at(references, 4) == 1 else [[]]
    if len(entries) != 1 or number_at(entries[0], 0) & IN_THIS_FILE == 0:
        raise NoIndex("the samples may lie in another file")


def _check_samples(samples: Boxes) -> None:
    if number_at(only(samples, b"stsd"), 4) != 1:
        raise NoIndex("the samples have several descriptions")
    groups = {bytes(box[4:8]) for kind in GROUPING_BOXES for box in samples.get(kind, [])}
    if samples.keys() - KNOWN_BOXES - GROUPING_BOXES or groups - HARMLESS_GROUPS:
        raise NoIndex("the file says more about its samples")


def _sizes(samples: Boxes, max_packets: int) -> Column:
    box = only(samples, b"stsz")
    size, count = number_at(box, 4), number_at(box, 8)
    if count > max_packets:
        raise NoIndex("the file has too many samples")
    return np.full(count, size, np.int64) if size else table_in(box, ">u4", at=8)[:, 0]


def _decode_times(samples: Boxes, count: int) -> Column:
    durations = _expanded(table_in(only(samples, b"stts"), ">u4", 2), count)
    if (durations <= 0).any() or (durations >= MAX_DURATION).any():
        raise NoIndex("samples have no duration")
    return np.concatenate(([0], np.cumsum(durations[:-1])))


def _delays(samples: Boxes, count: int) -> Column:
    """Return the time from decoding to presentation of each sample."""
    if b"ctts" not in samples:
        return np.zeros(count, np.int64)
    delays = _expanded(table_in(only(samples, b"ctts"), ">i4", 2), count)
    if (np.abs(delays) >= MAX_DURATION).any():
        raise NoIndex("samples are shown much later than they are decoded")
    return delays


def _is_key(samples: Boxes, count: int) -> NDArray[np.bool_]:
    is_key = np.full(count, b"stss" not in samples)
    if b"stss" in samples:
        numbers = table_in(only(samples, b"stss"), ">u4")[:, 0]
        is_key[numbers[(numbers > 0) & (numbers <= count)] - 1] = True
    return is_key


def _expanded(runs: Column, count: int) -> Column:
    """Return the second column of a table, each row as often as the first says. Raises NoIndex for another count."""
    repeats, values = runs.T
    if (repeats <= 0).any() or repeats.sum() != count:
        raise NoIndex("the tables disagree on the number of samples")
    return np.repeat(values, repeats)


def _chunks(samples: Boxes) -> Column:
    """Return the positions of a track's chunks in the file."""
    wide = b"stco" not in samples
    return table_in(only(samples, b"co64" if wide else b"stco"), ">i8" if wide else ">u4")[:, 0]


def _positions(samples: Boxes, sizes: Column) -> Column:
    chunks = _chunks(samples)
    per_chunk = _samples_per_chunk(table_in(only(samples, b"stsc"), ">u4", 3), len(chunks))
    if per_chunk.sum() != len(sizes):
        raise NoIndex("the tables disagree on the number of samples")
    before = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    first_of_chunk = np.concatenate(([0], np.cumsum(per_chunk)[:-1]))
    return before + np.repeat(chunks - before[first_of_chunk], per_chunk)


def _samples_per_chunk(runs: Column, num_chunks: int) -> Column:
    first, per_chunk, description = runs.T
    if not len(runs) or first[0] != 1 or (np.diff(first) <= 0).any() or first[-1] > num_chunks:
        raise NoIndex("the chunks are out of order")
    if (description != 1).any() or (per_chunk <= 0).any():
        raise NoIndex("chunks are empty, or their samples have several descriptions")
    return np.repeat(per_chunk, np.diff(np.append(first, num_chunks + 1)))


def _check_edits(track: Boxes, times: Column, timescale: int, movie_timescale: int) -> None:
    """Raise NoIndex for an edit list that hides samples, or plays them at another rate."""
    edits = boxes_in(only(track, b"edts")).get(b"elst", []) if b"edts" in track else []
    if not edits:
        return
    shown = [edit for edit in _edits(only({b"elst": edits}, b"elst")) if edit[1] != EMPTY]
    if len(shown) != 1 or not movie_timescale:
        raise NoIndex("the file has several edits")
    ((duration, begin, rate),) = shown
    end = begin + duration * timescale // movie_timescale
    if rate != NORMAL_RATE or not begin <= times.min() <= times.max() < end:
        raise NoIndex("an edit hides some of the samples")


def _edits(box: memoryview) -> list[tuple[int, int, int]]:
    """Return duration, media time and rate of each edit."""
    kind = [("duration", ">u8"), ("time", ">i8"), ("rate", ">u4")] if box[0] == 1 else None
    kind = kind or [("duration", ">u4"), ("time", ">i4"), ("rate", ">u4")]
    count, item = number_at(box, 4), np.dtype(kind)
    if 8 + count * item.itemsize > len(box):
        raise NoIndex("a table is cut short")
    edits: list[tuple[int, int, int]] = np.frombuffer(box[8 : 8 + count * item.itemsize], item).tolist()
    return edits
