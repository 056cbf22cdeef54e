"""Reader of videos that decodes each of them once and keeps its frames for later epochs."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clips.decoding.decode import decode
from clips.decoding.errors import ClipError
from clips.decoding.frames import Image
from clips.part import PickFrames
from training.data.frame_store import FrameStore
from training.data.readers import ItemReader, VideoReader
from training.lists.item_list import ListItem

FIRST_FRAMES = 32
"""Frames that are decoded to find out how many there are, and how large."""

BYTES_AT_ONCE = 2**27
"""Limit of the frames in full size that are in memory together; of large ones there are FIRST_FRAMES."""


class CachedReader:
    """Reader whose frames are as `shrink` makes them, of which further ones change nothing.

        CachedReader(paths, augmentation.resize, limit=2**31).read(item, pick_frames)

    Videos for which there is no room, or of which not every frame can be decoded, are read by `VideoReader` each time.

    Args:
        paths: The videos.
        shrink: Resizes a frame; applied to a frame of its own, it must return it as it is.
        limit: Bytes of all frames together.
    """

    def __init__(self, paths: Iterable[Path], shrink: Callable[[Image], Image], limit: int) -> None:
        self._numbers = {path: number for number, path in enumerate(dict.fromkeys(paths))}
        self._shrink = shrink
        self._store = FrameStore(len(self._numbers), limit)
        self._expected = multiprocessing.RawArray("q", len(self._numbers))
        self._reader: ItemReader = VideoReader()

    def read(self, item: ListItem, pick_frames: PickFrames) -> Sequence[Image]:
        """Read the picked frames, decoding all of them the first time. Raises UnreadableItem."""
        number = self._numbers[item.path]
        if self._store.get(number) is None and not self._store.is_left_out(number):
            self._fill(number, item.path)
        stored = self._store.get(number)
        if stored is None:
            return self._reader.read(item, pick_frames)
        pick_frames(self._expected[number])  # as `decode` asks first, which may move a random generator on
        return stored.read(pick_frames(len(stored)))

    def describe_left_out(self) -> str:
        """Return a line about the videos that are decoded each time; empty if there are none so far."""
        if not (count := self._store.count_left_out()):
            return ""
        return f"data.cache: {count} of {len(self._numbers)} videos do not fit and are decoded in every epoch"

    def _fill(self, number: int, path: Path) -> None:
        """Store all frames of a video, or leave it out."""
        try:
            frames = self._decode_all(number, path)
        except (ClipError, OSError):
            frames = None
        if frames is None:
            self._store.leave_out(number)
        else:
            self._store.put(number, frames)

    def _decode_all(self, number: int, path: Path) -> NDArray[np.uint8] | None:
        """Return all frames of a video, [N, H, W, 3], or None if they are too many or differ.

        Raises ClipError and OSError.
        """
        first = _decode_part(path, 0, FIRST_FRAMES)
        shape, self._expected[number] = self._shrink(first.images[0]).shape, first.num_expected
        if not first.is_like(first) or not self._store.has_room(first.num_frames * math.prod(shape)):
            return None
        frames = np.empty((first.num_frames, *shape), np.uint8)
        frames[:FIRST_FRAMES] = [self._shrink(image) for image in first.images]
        step = max(FIRST_FRAMES, BYTES_AT_ONCE // first.images[0].nbytes)
        for start in range(FIRST_FRAMES, first.num_frames, step):
            part = _decode_part(path, start, step)
            if not part.is_like(first):
                return None
            frames[start : start + step] = [self._shrink(image) for image in part.images]
        return frames


@dataclass(frozen=True)
class _Part:
    """Some frames of a video, the number of all, and the number that was expected at first."""

    images: Sequence[Image]
    num_frames: int
    num_expected: int

    def is_like(self, other: _Part) -> bool:
        """Return True if both can be parts of one video whose frames are of one size."""
        counts = {(part.num_frames, part.num_expected) for part in (self, other)}
        return len(counts) == len({image.shape for image in (*self.images, *other.images)}) == 1


def _decode_part(path: Path, start: int, count: int) -> _Part:
    asked: list[int] = []

    def pick(num_frames: int) -> range:
        asked.append(num_frames)
        return range(start, min(start + count, num_frames))

    clip = decode(path, pick)
    return _Part(clip.images, clip.video.frames, asked[0])
