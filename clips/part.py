"""Part of a video: the frames that begin in a stretch of time. All times are in seconds from the first frame."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clips.decoding.errors import NoSuchPart

ROUNDING = 1e-6
"""Times that differ by less are equal."""

PickFrames = Callable[[int], Sequence[int]]
"""Returns the indices of the wanted frames of a clip, in the wanted order, from its number of frames."""


@dataclass(frozen=True)
class Part:
    """A stretch of a video from `start` (inclusive) to `end` (exclusive), or to the video's end where that comes first.

        Part(12.5, 15).frames([index / 25 for index in range(500)], 20.0)    # range(313, 375)

    Raises ValueError unless 0 <= `start` < `end` < infinity.
    """

    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start < (math.inf if self.end is None else self.end):
            raise ValueError(f"a part begins at 0 s or later and ends after it begins, not {self}")
        if self.end is not None and math.isinf(self.end):
            raise ValueError("the end of a part is a finite time, or none")

    def frames(self, times: Sequence[float], duration: float) -> range:
        """Return the indices of the frames that begin in the part.

        Args:
            times: those of all frames of the video, ascending.
            duration: that of the video, to the end of its last frame.

        Raises NoSuchPart where no frame begins in it, or where it begins behind the video.
        """
        self.end_in(duration)
        begin = bisect_left(times, self.start - ROUNDING)
        behind = len(times) if self.end is None else bisect_left(times, self.end - ROUNDING)
        if begin >= behind:
            raise NoSuchPart(f"no frame of the video begins {self}; choose a longer part")
        return range(begin, behind)

    def pick(self, pick_frames: PickFrames, times: Sequence[float], duration: float) -> tuple[int, ...]:
        """Return the frames that `pick_frames` chooses of those in the part, as indices into the whole video.

        `times` and `duration` are those of `frames`. Raises NoSuchPart.
        """
        within = self.frames(times, duration)
        return tuple(within[index] for index in pick_frames(len(within)))

    def end_in(self, duration: float) -> float:
        """Return the part's end in a video of this duration; raises NoSuchPart where it begins behind the video."""
        if 0 < self.start >= duration:
            raise NoSuchPart(f"the video ends after {duration:.6g} s; there is nothing {self}")
        return duration if self.end is None else min(self.end, duration)

    def __str__(self) -> str:
        return f"from {self.start:g} s on" if self.end is None else f"from {self.start:g} s to {self.end:g} s"


WHOLE = Part()
"""All of a video."""
