"""Store of frames by number, in a temporary file that worker processes share."""

from __future__ import annotations

import errno
import multiprocessing
import os
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clips.decoding.frames import Image

ROW = 4
"""Entries of an item's row in the table: offset in the file, number of frames, height, width."""

LARGEST_SHARE = 1 / 8
"""Share of the limit that one item may take; it is in memory while it is decoded."""

LEFT_OUT = -1
"""Number of frames of an item that is not stored, for good."""


class FrameStore:
    """Frames uint8 [N, H, W, 3] of numbered items, up to a limit of bytes; written once, by whichever process is first.

    The file has no name, so that nothing is left of it however the processes end. Worker processes inherit it: they
    must be forked.

    Args:
        num_items: Items, numbered from 0.
        limit: Bytes of all frames together.
    """

    def __init__(self, num_items: int, limit: int) -> None:
        self._file, name = tempfile.mkstemp(prefix="frames-")
        Path(name).unlink()
        weakref.finalize(self, os.close, self._file)
        self._table = multiprocessing.RawArray("q", ROW * num_items)
        self._used = multiprocessing.Value("q", 0)
        self._limit = limit

    def has_room(self, num_bytes: int) -> bool:
        """Return True if an item of so many bytes would be stored now."""
        return num_bytes <= self._limit * LARGEST_SHARE and bool(self._used.value + num_bytes <= self._limit)

    def put(self, number: int, frames: NDArray[np.uint8]) -> None:
        """Store an item's frames [N, H, W, 3]; leave it out if there is no room for them, here or on the disk."""
        with self._used.get_lock():
            offset, fits = self._used.value, self.has_room(frames.nbytes)
            self._used.value += frames.nbytes if fits else 0
        if fits and self._write(frames, offset):
            self._set_row(number, offset, *frames.shape[:3])
        else:
            self.leave_out(number)

    def leave_out(self, number: int) -> None:
        """Note that an item is not stored, for good."""
        self._set_row(number, 0, LEFT_OUT, 0, 0)

    def get(self, number: int) -> StoredFrames | None:
        """Return an item's frames, or None if they are not stored."""
        offset, num_frames, height, width = self._row(number)
        return StoredFrames(self._file, offset, (num_frames, height, width, 3)) if num_frames > 0 else None

    def is_left_out(self, number: int) -> bool:
        """Return True for an item that is not stored, for good."""
        return self._row(number)[1] == LEFT_OUT

    def count_left_out(self) -> int:
        """Return the number of items that are left out."""
        return sum(self.is_left_out(number) for number in range(len(self._table) // ROW))

    def _row(self, number: int) -> tuple[int, int, int, int]:
        with self._used.get_lock():
            offset, num_frames, height, width = self._table[ROW * number : ROW * (number + 1)]
        return offset, num_frames, height, width

    def _set_row(self, number: int, *row: int) -> None:
        with self._used.get_lock():
            self._table[ROW * number : ROW * (number + 1)] = row

    def _write(self, frames: NDArray[np.uint8], offset: int) -> bool:
        """Return False if the disk is full."""
        try:
            written = os.pwrite(self._file, np.ascontiguousarray(frames).data, offset)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise
            return False
        return written == frames.nbytes


@dataclass(frozen=True)
class StoredFrames:
    """An item's frames, uint8 [N, H, W, 3], in an open file."""

    file: int
    offset: int
    shape: tuple[int, int, int, int]

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Read frames, uint8 [H, W, 3]; repeated indices share one array. Raises IndexError."""
        images = {index: self._read_frame(index) for index in dict.fromkeys(indices)}
        return [images[index] for index in indices]

    def _read_frame(self, index: int) -> Image:
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        image = np.empty(self.shape[1:], np.uint8)
        os.preadv(self.file, [image.data], self.offset + index * image.nbytes)
        return image
