"""Sample tables of MP4 and MOV files (ISO/IEC 14496-12, 8.6 and 8.7): position, size and times of every packet.

Only files whose tables FFmpeg takes as they are: one description for all samples, no fragments, and an edit list that
hides none of them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clips.decoding.survey.boxes import Boxes, boxes_in, movie_of, number_at, only, table_in, version_of
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
SHORT_EDIT, LONG_EDIT = struct.Struct(">IiI"), struct.Struct(">QqI")
"""Duration, media time and rate of an edit."""


class _Track(NamedTuple):
    """The boxes of a track, by type: its own, and those within its `mdia`, `minf` and `stbl`."""

    boxes: Boxes
    media: Boxes
    information: Boxes
    samples: Boxes

    @classmethod
    def of(cls, contents: memoryview) -> _Track:
        boxes = boxes_in(contents)
        media = boxes_in(only(boxes, b"mdia"))
        information = boxes_in(only(media, b"minf"))
        return cls(boxes, media, information, boxes_in(only(information, b"stbl")))


def read_mp4_table(read_at: ReadAt, file_size: int, track_id: int, max_packets: int) -> PacketTable:
    """Return the packets of a track, with the times of its media: an edit list may move all of them alike.

    Raises NoIndex for a file that may not be read by its tables alone, or has more than `max_packets`.
    """
    movie = boxes_in(movie_of(read_at, file_size))
    if movie.keys() & {b"mvex", b"cmov", b"pssh"}:
        raise NoIndex("the file is fragmented, compressed or encrypted")
    tracks = [_Track.of(contents) for contents in movie.get(b"trak", [])]
    chunks = [_chunks(track.samples, file_size) for track in tracks]
    number = _number_of(tracks, track_id)
    track, samples = tracks[number], tracks[number].samples
    _check_references(boxes_in(only(track.information, b"dinf")))
    _check_samples(samples)
    sizes = _sizes(samples, max_packets)
    decode_times = _decode_times(samples, len(sizes))
    times = decode_times + _delays(samples, len(sizes))
    _check_edits(track.boxes, times, _timescale(only(track.media, b"mdhd")), _timescale(only(movie, b"mvhd")))
    positions = _positions(samples, chunks[number], sizes)
    return PacketTable(positions, sizes, _is_key(samples, len(sizes)), decode_times, times)


def _chunks(samples: Boxes, file_size: int) -> Column:
    """Return the positions of a track's chunks in the file.

    Raises NoIndex for one outside of it: FFmpeg ends there for all tracks.
    """
    wide = b"stco" not in samples
    chunks = table_in(only(samples, b"co64" if wide else b"stco"), ">i8" if wide else ">u4")[:, 0]
    if ((chunks < 0) | (chunks >= file_size)).any():
        raise NoIndex("samples lie outside of the file")
    return chunks


def _number_of(tracks: Sequence[_Track], track_id: int) -> int:
    """Return the place of the track with this identifier."""
    found = [number for number, track in enumerate(tracks) if _track_id(only(track.boxes, b"tkhd")) == track_id]
    if len(found) != 1:
        raise NoIndex("the file has no such track, or several")
    if b"senc" in tracks[found[0]].boxes:
        raise NoIndex("the file is encrypted")
    return found[0]


def _track_id(header: memoryview) -> int:
    return number_at(header, 20 if version_of(header) == 1 else 12)


def _timescale(header: memoryview) -> int:
    return number_at(header, 20 if version_of(header) == 1 else 12)


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
    if ((durations <= 0) | (durations >= MAX_DURATION)).any():
        raise NoIndex("samples have no duration")
    return _sums_before(durations)


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


def _sums_before(numbers: Column) -> Column:
    """Return for each number the sum of those before it."""
    return np.cumsum(numbers) - numbers


def _positions(samples: Boxes, chunks: Column, sizes: Column) -> Column:
    per_chunk = _samples_per_chunk(table_in(only(samples, b"stsc"), ">u4", 3), len(chunks))
    if per_chunk.sum() != len(sizes):
        raise NoIndex("the tables disagree on the number of samples")
    before = _sums_before(sizes)
    return before + np.repeat(chunks - before[_sums_before(per_chunk)], per_chunk)


def _samples_per_chunk(runs: Column, num_chunks: int) -> Column:
    first, per_chunk, description = runs.T
    lengths = np.append(first[1:], num_chunks + 1) - first[: len(runs)]
    if not len(runs) or first[0] != 1 or (lengths <= 0).any():
        raise NoIndex("the chunks are out of order")
    if ((description != 1) | (per_chunk <= 0)).any():
        raise NoIndex("chunks are empty, or their samples have several descriptions")
    return np.repeat(per_chunk, lengths)


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
    entry = LONG_EDIT if version_of(box) == 1 else SHORT_EDIT
    end = 8 + number_at(box, 4) * entry.size
    if end > len(box):
        raise NoIndex("a table is cut short")
    return [*entry.iter_unpack(box[8:end])]
