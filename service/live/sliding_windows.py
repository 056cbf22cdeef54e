"""Sliding windows over frames that are still coming: the windows that `clips.windows` makes of a whole video."""

from __future__ import annotations

import math
from collections.abc import Iterator

from clips.clip_spec import ClipSpec
from clips.decoding.frames import Image
from clips.model_input import WindowInput
from clips.part import ROUNDING
from clips.transforms import crop_frames, join_views
from clips.window_preprocess import sample_window
from clips.windows import Window, Windowing
from service.live.ring_buffer import RingBuffer


class SlidingWindows:
    """Windows of one unbroken stretch of video, each as soon as the first frame behind it is there.

        windows = SlidingWindows(spec, Windowing(2, 1, sys.maxsize))
        for seconds, image in frames:
            yield from windows.add(seconds, image)
        yield from windows.finish(frame_seconds)

    Times are in seconds from the stretch's first frame. Over a recorded video the windows and their frames are exactly
    those of `clips.window_preprocess.preprocess_windows`.
    """

    def __init__(self, spec: ClipSpec, windowing: Windowing) -> None:
        self._spec = spec
        self._length, self._step = windowing.window_seconds, windowing.step_seconds
        self._ring = RingBuffer()
        self._next = 0
        self._num_frames = 0
        self._newest = 0.0

    def add(self, seconds: float, image: Image) -> Iterator[WindowInput]:
        """Take the next frame, uint8 [H, W, 3] RGB; yield the windows that end before it."""
        while self._window(self._next).end - ROUNDING <= seconds:
            yield self._input(self._window(self._next))
            self._next += 1
            # the last window of the stretch may begin as early as the one before
            self._ring.forget_before(self._window(self._next - 1).start - ROUNDING)
        self._num_frames, self._newest = self._num_frames + 1, seconds
        if self._ring.takes_next():
            self._ring.add(seconds, crop_frames([image], self._spec))

    def finish(self, frame_seconds: float) -> Iterator[WindowInput]:
        """Yield the windows that remain; the last one ends with the stretch, and a short stretch is one window."""
        if self._num_frames:
            yield from map(self._input, self._remaining(self.duration(frame_seconds)))

    def duration(self, frame_seconds: float) -> float:
        """Return the seconds from the first frame to the end of the last, which is shown as long as the average."""
        return self._newest + max(frame_seconds, self._newest / max(1, self._num_frames - 1))

    def _remaining(self, duration: float) -> list[Window]:
        if duration <= self._length + ROUNDING:
            return [Window(0.0, duration)]
        last_start = duration - self._length
        num_steps = math.ceil(last_start / self._step - ROUNDING)
        return [*map(self._window, range(self._next, num_steps)), Window(last_start, duration)]

    def _window(self, number: int) -> Window:
        return Window(number * self._step, number * self._step + self._length)

    def _input(self, window: Window) -> WindowInput:
        sample = sample_window(window, self._ring.times, self._spec)
        return WindowInput(window.start, window.end, join_views(self._ring.frames(sample), self._spec))
