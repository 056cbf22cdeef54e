"""Window preprocessing: from a long video to the model's input, one sliding window after another."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec
from clips.decoding.container import VideoSource
from clips.decoding.limits import DecodeLimits
from clips.decoding.stream import FrameStream, open_stream
from clips.model_input import TimelineEnd, TimelinePart, TimelineStart, WindowInput
from clips.part import WHOLE, Part
from clips.sampling import evaluation_indices
from clips.transforms import crop_frames, join_views
from clips.windows import Window, Windowing, frames_within, windows_of


def preprocess_windows(
    video: VideoSource,
    spec: ClipSpec,
    limits: DecodeLimits,
    windowing: Windowing,
    first_window: int = 0,
    part: Part = WHOLE,
) -> Iterator[TimelinePart]:
    """Yield a start, the windows in order of time, each as soon as its last frame is decoded, and an end.

        start, *windows, end = preprocess_windows("long.mp4", ClipSpec(), DecodeLimits(), Windowing(2, 1, 1000))

    Args:
        video: path, bytes or descriptor of the file.
        spec: the model's preprocessing parameters.
        limits: upper bounds for the decode.
        windowing: length and step of the windows.
        first_window: the window to begin with, from 0, to go on with a timeline that broke off.
        part: the windows cover it, and see only the frames that begin in it.

    Raises:
        ClipError: the video cannot be decoded within the limits, or has too many windows; at any time.
        OSError: the path cannot be read.
    """
    started = time.perf_counter()
    with open_stream(video, limits) as stream:
        within = part.frames(stream.times, stream.duration_seconds)
        windows = windows_of(part.end_in(stream.duration_seconds), windowing, part.start)
        samples = [sample_window(window, stream.times, spec, within) for window in windows[first_window:]]
        frames = _FrameViews(stream, {index for sample in samples for index in sample}, spec)
        frames.decode_seconds = time.perf_counter() - started
        for number, (window, sample) in enumerate(zip(windows[first_window:], samples, strict=True)):
            views = frames.views_of(sample)
            if number == 0:
                yield TimelineStart(frames.video, len(windows))
            yield WindowInput(window.start, window.end, views)
        yield TimelineEnd(stream.packets_fed, frames.decode_seconds, frames.transform_seconds)


def sample_window(window: Window, times: Sequence[float], spec: ClipSpec, allowed: range | None = None) -> list[int]:
    """Return the indices of the frames that represent the window.

    `times` are those of all frames, ascending; `allowed` are the frames that may be sampled, all unless given.
    """
    within = frames_within(window, times, allowed)
    return [within[index] for index in evaluation_indices(len(within), spec.num_frames, spec.clips)]


class _FrameViews:
    """Crops of the frames that windows need: each frame is decoded and transformed once, and kept while needed."""

    def __init__(self, stream: FrameStream, wanted: Collection[int], spec: ClipSpec) -> None:
        self._stream = stream
        self._arriving = stream.frames(wanted)
        self._spec = spec
        self._crops_of: dict[int, NDArray[np.uint8]] = {}
        self._newest = -1
        self.decode_seconds = 0.0
        self.transform_seconds = 0.0

    def views_of(self, sample: Sequence[int]) -> NDArray[np.uint8]:
        """Return these frames as views [V, T, crop, crop, 3]; later samples must not begin before this one."""
        for index in [index for index in self._crops_of if index < min(sample)]:
            del self._crops_of[index]
        while self._newest < max(sample):
            self._take_next()
        return join_views(np.concatenate([self._crops_of[index] for index in sample], axis=1), self._spec)

    def _take_next(self) -> None:
        started = time.perf_counter()
        self._newest, image = next(self._arriving)
        decoded = time.perf_counter()
        self.video = self._stream.describe(image)
        self._crops_of[self._newest] = crop_frames([image], self._spec)
        self.decode_seconds += decoded - started
        self.transform_seconds += time.perf_counter() - decoded
