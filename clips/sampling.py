"""Which frames of a clip the model sees: one per segment, as in TSN. Equal to MMAction2's `SampleFrames`."""

from __future__ import annotations

import numpy as np


def evaluation_indices(num_frames_in_clip: int, num_segments: int) -> list[int]:
    """The middle frame of each of `num_segments` equal segments; a short clip repeats frames.

    MMAction2: `SampleFrames(clip_len=1, num_clips=num_segments, test_mode=True)`.
    """
    _check(num_frames_in_clip, num_segments)
    return [_floor_of_middle(i, num_frames_in_clip, num_segments) for i in range(num_segments)]


def shifted_indices(num_frames_in_clip: int, num_segments: int) -> list[int]:
    """`evaluation_indices` half a segment later: floor((i + 1) * n / T) for segment i of T in n frames.

    The last one would lie behind the clip, and is the clip's last frame. Such a second sampling tells whether an answer
    hangs on the frames that happened to be taken.
    """
    _check(num_frames_in_clip, num_segments)
    ends = (segment * num_frames_in_clip // num_segments for segment in range(1, num_segments + 1))
    return [min(end, num_frames_in_clip - 1) for end in ends]


def training_indices(num_frames_in_clip: int, num_segments: int, rng: np.random.Generator) -> list[int]:
    """One random frame from each of `num_segments` segments of whole length `num_frames_in_clip // num_segments`.

    A clip with fewer frames than segments is sampled without randomness, and its late segments may wrap
    around to frame 0. MMAction2: `SampleFrames(clip_len=1, num_clips=num_segments)`.
    """
    _check(num_frames_in_clip, num_segments)
    segment = num_frames_in_clip // num_segments
    if segment:
        starts = np.arange(num_segments) * segment
        return [int(index) for index in starts + rng.integers(segment, size=num_segments)]
    evenly = np.around(np.arange(num_segments) * num_frames_in_clip / num_segments).astype(int)
    return [int(index) for index in evenly % num_frames_in_clip]


def _floor_of_middle(segment: int, num_frames_in_clip: int, num_segments: int) -> int:
    # floor(i*n/T + n/(2*T)) in whole numbers, where no rounding can go wrong
    return min((2 * segment + 1) * num_frames_in_clip // (2 * num_segments), num_frames_in_clip - 1)


def _check(num_frames_in_clip: int, num_segments: int) -> None:
    if num_frames_in_clip < 1 or num_segments < 1:
        raise ValueError(f"cannot sample {num_segments} segments from {num_frames_in_clip} frames")
