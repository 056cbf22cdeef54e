"""OpenCV's bilinear resize of uint8 pictures in NumPy, bit for bit, as fast as NumPy makes it: its price is measured.

OpenCV is the largest package of the base installation, and the service needs little of it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec
from clips.transforms import centre_crop, resize_short_side

Image = NDArray[np.uint8]
Resize = Callable[[Image], NDArray[np.integer]]


class NumpyResize:
    """Resizes pictures of one size to a short side and crops the centre; only what the crop shows is computed.

    OpenCV rounds weights to 11 bits, sums a row in integers, drops 4 bits, sums two rows, drops 16 and rounds 2. The
    first sum is exact in float32, the second is not. The buffers are kept, for new ones would cost as much as the
    arithmetic.
    """

    def __init__(self, width: int, height: int, spec: ClipSpec) -> None:
        factor = spec.short_side / min(width, height)
        down = Taps.of(height, int(height * factor + 0.5), spec.crop)
        across = Taps.of(width, int(width * factor + 0.5), spec.crop)
        self._rows = np.unique(np.concatenate([down.before, down.after]))
        self._top, self._bottom = (np.searchsorted(self._rows, each) for each in (down.before, down.after))
        self._left, self._right = ((3 * each[:, None] + np.arange(3)).ravel() for each in (across.before, across.after))
        self._first, self._second = (np.repeat(each, 3) / np.float32(1 << 4) for each in (across.first, across.second))
        self._upper, self._lower = (each[:, None].astype(np.int32) for each in (down.first, down.second))
        wide, high = (len(self._rows), 3 * spec.crop), (spec.crop, 3 * spec.crop)
        self._source = np.empty((len(self._rows), 3 * width), np.uint8)
        self._pixels, self._sums = np.empty(wide, np.uint8), np.empty(wide, np.int16)
        self._one, self._other = np.empty(wide, np.float32), np.empty(wide, np.float32)
        self._taken, self._product = np.empty(high, np.int16), np.empty(high, np.int32)
        self._above, self._below = np.empty(high, np.int16), np.empty(high, np.int16)

    def __call__(self, image: Image) -> NDArray[np.int16]:
        """Return [crop, crop, 3] of an image [height, width, 3], of values to 255, until the next call."""
        image.reshape(len(image), -1).take(self._rows, axis=0, out=self._source, mode="clip")
        self._source.take(self._left, axis=1, out=self._pixels, mode="clip")
        np.multiply(self._pixels, self._first, out=self._one)
        self._source.take(self._right, axis=1, out=self._pixels, mode="clip")
        np.multiply(self._pixels, self._second, out=self._other)
        self._one += self._other
        np.copyto(self._sums, self._one, casting="unsafe")
        self._weigh_rows(self._top, self._upper, self._above)
        self._weigh_rows(self._bottom, self._lower, self._below)
        self._above += self._below
        self._above += 2
        self._above >>= 2
        return self._above.reshape(len(self._above), -1, 3)

    def _weigh_rows(self, rows: NDArray[np.intp], weights: NDArray[np.int32], out: NDArray[np.int16]) -> None:
        self._sums.take(rows, axis=0, out=self._taken, mode="clip")
        np.multiply(self._taken, weights, out=self._product)
        self._product >>= 16
        np.copyto(out, self._product, casting="unsafe")


@dataclass(frozen=True)
class Taps:
    """The two rows (or columns) that each row of a crop is made of, and their weights in 1/2048."""

    before: NDArray[np.intp]
    after: NDArray[np.intp]
    first: NDArray[np.float32]
    second: NDArray[np.float32]

    @classmethod
    def of(cls, size: int, resized: int, crop: int) -> Taps:
        """Return those of the central crop of a side of `size` pixels that becomes `resized`."""
        begin = (resized - crop) // 2
        places = ((np.arange(begin, begin + crop) + 0.5) * (size / resized) - 0.5).astype(np.float32)
        before = np.floor(places).astype(np.intp)
        share = np.where((before < 0) | (before >= size - 1), 0, places - before).astype(np.float32)
        before = before.clip(0, size - 1)
        first, second = (np.rint(part * np.float32(2048)) for part in (1 - share, share))
        return cls(before, np.minimum(before + 1, size - 1), first, second)


def milliseconds_per_clip(width: int, height: int, rounds: int = 9) -> dict[str, float]:
    """Return the median CPU time of eight frames to the crop of a ClipSpec, by OpenCV and by NumPy, in turns.

    Raises ValueError where the two differ.
    """
    spec, rng = ClipSpec(), np.random.default_rng(0)
    frames = [rng.integers(0, 256, (height, width, 3), np.uint8) for _ in range(spec.num_frames)]
    clips = {name: np.empty((spec.num_frames, spec.crop, spec.crop, 3), np.uint8) for name in ("OpenCV", "NumPy")}
    resize: dict[str, Resize] = {
        "OpenCV": lambda image: centre_crop(resize_short_side(image, spec.short_side), spec.crop),
        "NumPy": NumpyResize(width, height, spec),
    }
    cv2.setNumThreads(1)
    measured = [
        {name: _milliseconds(resize[name], frames, clip) for name, clip in clips.items()} for _ in range(rounds)
    ]
    if not np.array_equal(clips["OpenCV"], clips["NumPy"]):
        raise ValueError(f"NumPy's resize of {width}x{height} is not OpenCV's")
    return {name: round(statistics.median(each[name] for each in measured), 2) for name in clips}


def _milliseconds(resize: Resize, frames: Sequence[Image], clip: Image, number: int = 3) -> float:
    began = time.process_time()
    for _ in range(number):
        for place, frame in zip(clip, frames, strict=True):
            place[:] = resize(frame)
    return (time.process_time() - began) * 1000 / number
