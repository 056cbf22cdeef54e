"""Timelines on this machine: one video after the other, decoded in a worker process while the model runs here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from service.api.schemas.timeline import TimelineRow
from service.batch.results.result import Answer, Failed, failure
from service.batch.timelines.answer import TimelineResult, answer_of
from service.batch.timelines.input_video import InputVideo
from service.batch.timelines.rows import decode_in_worker, timeline_rows
from service.config.settings import Settings
from service.decoding.job import DecodeJob
from service.inference.timeline_plan import TimelinePlan
from service.models.versions import LoadedModel
from service.store.addresses import AddressError

Watch = Callable[[str, Iterator[TimelineRow]], Iterator[TimelineRow]]
"""Passes the rows of the video of this name on, and shows them."""


def each_timeline(
    videos: Sequence[InputVideo],
    model: LoadedModel,
    plan: TimelinePlan,
    settings: Settings,
    *,
    top_k: int = 1,
    watch: Watch = lambda _, rows: rows,
) -> Iterator[TimelineResult]:
    """Yield the timeline of each video, in order; an error that concerns one video is a result.

    Args:
        videos: Files, addresses and streams.
        model: The model that predicts.
        plan: The windows, the threshold and the part.
        settings: Limits of decoding.
        top_k: Number of actions of each window, for `watch`.
        watch: Sees each row as soon as it is known.
    """
    for video in videos:
        try:
            rows = watch(video.name, _rows(video, model, plan, settings, top_k))
            yield Answer(video.name, answer_of(rows))
        except AddressError as error:
            yield Failed(video.name, str(error))
        except Exception as error:
            yield failure(video.name, error)


def _rows(
    video: InputVideo, model: LoadedModel, plan: TimelinePlan, settings: Settings, top_k: int
) -> Iterator[TimelineRow]:
    content = video.content(settings.max_upload_bytes)
    is_file = isinstance(content, Path)
    limits = settings.timeline_file_limits() if is_file else settings.timeline_decode_limits()
    size_bytes = content.stat().st_size if isinstance(content, Path) else len(content)
    job = DecodeJob(content, model.spec, limits, part=plan.part)
    parts = decode_in_worker(job, plan.windowing, settings.max_decoder_bytes)
    yield from timeline_rows(parts, model, plan, top_k=top_k, size_bytes=size_bytes)
