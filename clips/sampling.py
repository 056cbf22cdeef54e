"""Frame sampling: one frame per segment, as in TSN (Wang et al., ECCV 2016). Equal to MMAction2's `SampleFrames`."""

from __future__ import annotations

import numpy as np


def evaluation_indices(num_frames_in_clip: int, num_segments: int, num_clips: int = 1) -> list[int]:
    """Return the middle frame of each of `num_segments` equal segments; a short clip repeats frames.

    For n frames and T segments, index i is floor(i * n / T + n / (2 * T)). Two clips have the first frame of each
    segment as well, floor(i * n / T), after all the middle ones.

        evaluation_indices(40, 8)    # [2, 7, 12, 17, 22, 27, 32, 37]

    MMAction2: `SampleFrames(clip_len=1, num_clips=num_segments, test_mode=True)`, with `twice_sample=True` for two
    clips. Raises ValueError for no frames or no segments.
    """
    return _indices(num_frames_in_clip, num_segments, num_clips, shift=0)


def shifted_indices(num_frames_in_clip: int, num_segments: int, num_clips: int = 1) -> list[int]:
    """Return the frames half-way between each index of `evaluation_indices` and the next one.

    One clip moves by half a segment: for n frames and T segments, index i is floor((i + 1) * n / T), except that the
    last index, which would lie behind the clip, is the clip's last frame. Two clips, whose frames together lie twice as
    close, move by a quarter. A second sampling shows if a prediction depends on the choice of frames. Raises ValueError
    for no frames or no segments.
    """
    return _indices(num_frames_in_clip, num_segments, num_clips, shift=1)


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


def _indices(num_frames_in_clip: int, num_segments: int, num_clips: int, *, shift: int) -> list[int]:
    """Return floor of the exact positions, in integers, free of rounding errors.

    A position is counted in parts: the first clip's lies in the middle of a segment of `2 * num_clips` parts, the
    second clip's at its start, and `shift` parts are added.
    """
    _check(num_frames_in_clip, num_segments)
    positions = [
        (2 * segment + 1 - clip) * num_clips + shift for clip in range(num_clips) for segment in range(num_segments)
    ]
    num_parts = 2 * num_segments * num_clips
    return [min(position * num_frames_in_clip // num_parts, num_frames_in_clip - 1) for position in positions]


def _check(num_frames_in_clip: int, num_segments: int) -> None:
    if num_frames_in_clip < 1 or num_segments < 1:
        raise ValueError(f"cannot sample {num_segments} segments from {num_frames_in_clip} frames: at least 1 of each")
