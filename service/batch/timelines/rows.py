"""Timeline of one long video without a server: the rows of POST /timeline."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing

from clips.model_input import TimelinePart, WindowInput
from clips.windows import Windowing
from service.api.schemas.timeline import TimelineRow
from service.api.schemas.timeline_rows import TimelineRows
from service.decoding.job import DecodeJob
from service.decoding.process import Decoder
from service.inference.timeline_plan import TimelinePlan
from service.inference.windows import InferredWindow
from service.models.versions import LoadedModel


def decode_in_worker(job: DecodeJob, windowing: Windowing, max_memory_bytes: int) -> Iterator[TimelinePart]:
    """Yield the parts of `clips.window_preprocess.preprocess_windows`, decoded in a worker process with limits.

    Raises ClipError, DecoderError, and OSError for a path that cannot be read.
    """
    with closing(Decoder(max_memory_bytes)) as decoder:
        yield from decoder.windows(job, windowing)


def timeline_rows(
    parts: Iterable[TimelinePart], model: LoadedModel, plan: TimelinePlan, *, top_k: int, size_bytes: int
) -> Iterator[TimelineRow]:
    """Yield a row for the video, one for each window as soon as it is known, and one for the segments.

    Args:
        parts: The video's windows, from `decode_in_worker` or `clips.window_preprocess.preprocess_windows`.
        model: The model that predicts.
        plan: The windows that the parts were made with, and the threshold of what is named.
        top_k: Number of actions of each window.
        size_bytes: Size of the file.

    Raises what `parts` raises, and BackendError.
    """
    started = time.perf_counter()

    def finish(stages: Mapping[str, float]) -> Mapping[str, float]:
        return {**stages, "total": time.perf_counter() - started}

    rows = TimelineRows(model, plan, top_k, size_bytes, finish)
    for part in parts:
        yield rows.row(_infer(part, model) if isinstance(part, WindowInput) else part)


def _infer(window: WindowInput, model: LoadedModel) -> InferredWindow:
    started = time.perf_counter()
    logits = model.backend.infer(window.views).logits
    return InferredWindow(window.start_seconds, window.end_seconds, logits, time.perf_counter() - started)
