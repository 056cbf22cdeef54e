"""Loop of the thread that infers: windows become segments, which are reported as they close."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from clips.model_input import WindowInput
from clips.part import ROUNDING
from clips.scores import top_scores
from service.backends.base import TryLater
from service.inference.segmentation import ScoredWindow, Segment, Segmenter
from service.live.mailbox import Connected, Event, Failed, Lost, Mailbox, Over
from service.models.versions import LoadedModel
from service.segment_files.formats import SegmentWriter

WAKE_SECONDS = 0.2
"""Longest time until the loop sees that it is to stop."""
STATUS_SECONDS = 60.0
"""Between two reports of the counts."""


class Report(Protocol):
    """Report of a live source, as it runs."""

    def connected(self, event: Connected) -> None:
        """The source gives frames, at first or again."""

    def lost(self, event: Lost) -> None:
        """The source broke off."""

    def segment(self, segment: Segment) -> None:
        """A segment is closed."""

    def now(self, segment: Segment | None) -> None:
        """The segment that goes on, after each window."""

    def away(self, reason: str | None) -> None:
        """The model's server cannot answer, for this reason; None: it answers again."""

    def status(self) -> None:
        """Some time has passed."""


class Loop:
    """Infers the windows of a mailbox until the video is over, and merges them into segments.

    Where windows are missing, as in a gap or after more were dropped than overlap, the open segment is closed.

    Args:
        mailbox: Events of the decoding thread.
        model: The model.
        min_probability: Least top-1 probability of a window that names its action.
        report: Takes what happens.
        writer: Takes the segments, too.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        model: LoadedModel,
        min_probability: float,
        report: Report,
        writer: SegmentWriter | None = None,
    ) -> None:
        self._mailbox, self._model, self._report, self._writer = mailbox, model, report, writer
        self._new_segmenter: Callable[[], Segmenter] = lambda: Segmenter(min_probability)
        self._segmenter = self._new_segmenter()
        self._is_away = False
        self.seconds = 0.0
        """The end of the last window."""
        self.windows = 0
        self.failed_windows = 0
        self.reconnects = 0

    def run(self, stop: threading.Event) -> None:
        """Take events until the video is over or `stop` is set; then report the last segment.

        Raises the error of the decoding thread, and BackendError.
        """
        told_at, is_over = time.monotonic(), False
        try:
            while not is_over and not stop.is_set():
                event = self._mailbox.take(WAKE_SECONDS)
                is_over = event is not None and self._is_last(event)
                if time.monotonic() - told_at >= STATUS_SECONDS:
                    told_at = time.monotonic()
                    self._report.status()
        finally:
            self._close_segments()

    def _is_last(self, event: Event) -> bool:
        match event:
            case WindowInput():
                self._window(event)
            case Connected():
                self.reconnects += event.seconds > 0
                self._report.connected(event)
            case Lost():
                self._close_segments()
                self._report.lost(event)
            case Over():
                return True
            case Failed():
                raise event.error
        return False

    def _window(self, window: WindowInput) -> None:
        try:
            logits = self._model.backend.infer(window.views).logits
        except TryLater as error:
            self.failed_windows += 1
            self._tell_away(str(error))
            return
        self._tell_away(None)
        top1 = top_scores(self._model.probabilities(logits), self._model.labels, 1)[0]
        self._add(ScoredWindow(window.start_seconds, window.end_seconds, top1))

    def _add(self, window: ScoredWindow) -> None:
        if window.start > self.seconds + ROUNDING:
            self._close_segments()
        self.windows, self.seconds = self.windows + 1, window.end
        self._closed(self._segmenter.add(window))
        self._report.now(self._segmenter.open_segment)

    def _tell_away(self, reason: str | None) -> None:
        if (reason is not None) != self._is_away:
            self._is_away = reason is not None
            self._report.away(reason)

    def _close_segments(self) -> None:
        self._closed(self._segmenter.finish())
        self._segmenter = self._new_segmenter()

    def _closed(self, segments: Sequence[Segment]) -> None:
        for segment in segments:
            self._report.segment(segment)
            if self._writer is not None:
                self._writer.add(segment)
