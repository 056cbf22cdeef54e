"""Frame sampling: one frame per segment, as in TSN (Wang et al., ECCV 2016). Equal to MMAction2's `SampleFrames`."""

from __future__ import annotations

import numpy as np


def evaluation_indices(num_frames_in_clip: int, num_segments: int) -> list[int]:
    """Return the middle frame of each of `num_segments` equal segments; a short clip repeats frames.

    For n frames and T segments, index i is floor(i * n / T + n / (2 * T)).

        evaluation_indices(40, 8)    # [2, 7, 12, 17, 22, 27, 32, 37]

    MMAction2: `SampleFrames(clip_len=1, num_clips=num_segments, test_mode=True)`. Raises ValueError for no frames or
    no segments.
    """
    _check(num_frames_in_clip, num_segments)
    return [_floor_of_middle(i, num_frames_in_clip, num_segments) for i in range(num_segments)]


def shifted_indices(num_frames_in_clip: int, num_segments: int) -> list[int]:
    """Return the frames half a segment after those of `evaluation_indices`.

    For n frames and T segments, index i is floor((i + 1) * n / T), except that the last index, which would lie behind
    the clip, is the clip's last frame. A second sampling shows if a prediction depends on the choice of frames. Raises
    ValueError for no frames or no segments.
    """
    _check(num_frames_in_clip, num_segments)
    ends = (segment * num_frames_in_clip // num_segments for segment in range(1, num_segments + 1))
    return [min(end, num_frames_in_clip - 1) for end in ends]


def training_indices(num_frames_in_clip: int, num_segments: int, rng: np.random.Generator) -> list[int]:
    """Return one random frame of each of `num_segments` segments of length `num_frames_in_clip // num_segments`.

    A clip with fewer frames than segments is sampled without randomness, and its late segments may wrap around to
    frame 0. MMAction2: `SampleFrames(clip_len=1, num_clips=num_segments)`. Raises ValueError for no frames or no
    segments.
    """
    _check(num_frames_in_clip, num_segments)
    segment = num_frames_in_clip // num_segments
    if segment:
        starts = np.arange(num_segments) * segment
        return [int(index) for index in starts + rng.integers(segment, size=num_segments)]
    evenly = np.around(np.arange(num_segments) * num_frames_in_clip / num_segments).astype(int)
    return [int(index) for index in evenly % num_frames_in_clip]


def _floor_of_middle(segment: int, num_frames_in_clip: int, num_segments: int) -> int:
    # floor(i*n/T + n/(2*T)) in integers, free of rounding errors
    return min((2 * segment + 1) * num_frames_in_clip // (2 * num_segments), num_frames_in_clip - 1)


def _check(num_frames_in_clip: int, num_segments: int) -> None:
    if num_frames_in_clip < 1 or num_segments < 1:
        raise ValueError(f"cannot sample {num_segments} segments from {num_frames_in_clip} frames: at least 1 of each")
