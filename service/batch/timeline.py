"""Timeline of one long video without a server: the rows of POST /timeline."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from pydantic import ValidationError

from clips.scores import average_views, top_scores
from clips.window_preprocess import TimelineEnd, TimelinePart, TimelineStart, WindowInput
from clips.windows import Windowing
from service.api.schemas.presenters import actions, describe_video, model_ref, segment_of_clip, timing_ms
from service.api.schemas.timeline import ClipRow, SegmentsRow, TimelineQuery, WindowRow
from service.decoding.job import DecodeJob
from service.decoding.process import Decoder
from service.inference.segmentation import ScoredWindow, merge
from service.models.registry import LoadedModel

TimelineRow = ClipRow | WindowRow | SegmentsRow


class BadWindowing(ValueError):
    """The length or the step of the windows is out of range; the message names the parameter."""


def windowing_of(window_seconds: float, step_seconds: float | None, max_windows: int) -> Windowing:
    """Return the windowing that POST /timeline makes of these parameters; the step is half a window by default.

    Raises BadWindowing.
    """
    try:
        query = TimelineQuery(window_seconds=window_seconds, step_seconds=step_seconds)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadWindowing(" ".join([*map(str, first["loc"]), first["msg"]])) from error
    return Windowing(query.window_seconds, query.step, max_windows)


def decode_in_worker(job: DecodeJob, windowing: Windowing, max_memory_bytes: int) -> Iterator[TimelinePart]:
    """Yield the parts of `clips.window_preprocess.preprocess_windows`, decoded in a worker process with limits.

    Raises ClipError, DecoderError, and OSError for a path that cannot be read.
    """
    if not isinstance(job.video, bytes):
        with open(job.video, "rb"):  # the worker would report a path that cannot be read as a failure of its own
            pass
    with closing(Decoder(max_memory_bytes)) as decoder:
        yield from decoder.windows(job, windowing)


def timeline_rows(
    parts: Iterable[TimelinePart], model: LoadedModel, windowing: Windowing, *, top_k: int, size_bytes: int
) -> Iterator[TimelineRow]:
    """Yield a row for the video, one for each window as soon as it is known, and one for the segments.

    Args:
        parts: The video's windows, from `decode_in_worker` or `clips.window_preprocess.preprocess_windows`.
        model: The model that predicts.
        windowing: The windowing that the parts were made with.
        top_k: Number of actions of each window.
        size_bytes: Size of the file.

    Raises what `parts` raises, and BackendError.
    """
    return _Timeline(model, windowing, top_k, size_bytes).rows(parts)


@dataclass
class _Timeline:
    model: LoadedModel
    windowing: Windowing
    top_k: int
    size_bytes: int
    _scored: list[ScoredWindow] = field(default_factory=list)
    _infer_seconds: float = 0.0

    def rows(self, parts: Iterable[TimelinePart]) -> Iterator[TimelineRow]:
        started = time.perf_counter()
        for part in parts:
            match part:
                case TimelineStart():
                    yield self._clip_row(part)
                case WindowInput():
                    yield self._window_row(part)
                case TimelineEnd():
                    yield self._segments_row(part, time.perf_counter() - started)

    def _clip_row(self, start: TimelineStart) -> ClipRow:
        return ClipRow(
            model=model_ref(self.model),
            clip=describe_video(start.video, self.size_bytes),
            num_windows=start.num_windows,
            window_seconds=self.windowing.window_seconds,
            step_seconds=self.windowing.step_seconds,
        )

    def _window_row(self, window: WindowInput) -> WindowRow:
        started = time.perf_counter()
        logits = self.model.backend.infer(window.views).logits
        self._infer_seconds += time.perf_counter() - started
        scores = top_scores(average_views(logits), self.model.labels, self.top_k)
        self._scored.append(ScoredWindow(window.start_seconds, window.end_seconds, scores[0]))
        return WindowRow(
            start_seconds=round(window.start_seconds, 6),
            end_seconds=round(window.end_seconds, 6),
            predictions=actions(scores),
        )

    def _segments_row(self, end: TimelineEnd, total_seconds: float) -> SegmentsRow:
        seconds = {
            "decode": end.decode_seconds,
            "transform": end.transform_seconds,
            "infer": self._infer_seconds,
            "total": total_seconds,
        }
        segments = [segment_of_clip(segment) for segment in merge(self._scored)]
        return SegmentsRow(segments=segments, timing_ms=timing_ms(seconds))
