"""Timeline of one long video without a server: the rows of POST /timeline."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing

from pydantic import ValidationError

from clips.window_preprocess import TimelinePart, WindowInput
from clips.windows import Windowing
from service.api.schemas.timeline import TimelineQuery, TimelineRow
from service.api.schemas.timeline_rows import TimelineRows
from service.decoding.job import DecodeJob
from service.decoding.process import Decoder
from service.inference.windows import InferredWindow
from service.models.registry import LoadedModel


class BadWindowing(ValueError):
    """The length or the step of the windows is out of range; the message names the parameter."""


def windowing_of(window_seconds: float, step_seconds: float | None, max_windows: int) -> Windowing:
    """Return the windowing that POST /timeline makes of these parameters; the step is half a window by default.

    Raises BadWindowing.
    """
    try:
        return TimelineQuery(window_seconds=window_seconds, step_seconds=step_seconds).windowing(max_windows)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadWindowing(" ".join([*map(str, first["loc"]), first["msg"]])) from error


def decode_in_worker(job: DecodeJob, windowing: Windowing, max_memory_bytes: int) -> Iterator[TimelinePart]:
    """Yield the parts of `clips.window_preprocess.preprocess_windows`, decoded in a worker process with limits.

    Raises ClipError, DecoderError, and OSError for a path that cannot be read.
    """
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
    started = time.perf_counter()

    def finish(stages: Mapping[str, float]) -> Mapping[str, float]:
        return {**stages, "total": time.perf_counter() - started}

    rows = TimelineRows(model, windowing, top_k, size_bytes, finish)
    for part in parts:
        yield rows.row(_infer(part, model) if isinstance(part, WindowInput) else part)


def _infer(window: WindowInput, model: LoadedModel) -> InferredWindow:
    started = time.perf_counter()
    logits = model.backend.infer(window.views).logits
    return InferredWindow(window.start_seconds, window.end_seconds, logits, time.perf_counter() - started)
