"""`tin live`: name the actions of a camera, a stream or a file while it runs."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated
from urllib.parse import urlsplit

import typer

from service.api.schemas.presenters import model_ref
from service.backends.base import BackendError
from service.command_line import (
    JsonOption,
    ModelOption,
    StepOption,
    StoreOption,
    ThresholdOption,
    VersionOption,
    WindowOption,
    errors_end_command,
    give_up,
    settings_of,
)
from service.config.settings import Settings
from service.inference.timeline_plan import TimelinePlan, plan_timeline
from service.live.decoding import DecodingThread, Preprocessing
from service.live.loop import Loop
from service.live.mailbox import Mailbox
from service.live.remote_model import open_remote_model
from service.live.reports import JsonReport, TextReport
from service.live.rows import StartRow, Totals
from service.live.source.address import Source, source_of
from service.live.source.errors import BadSource, SourceError, SourceLost
from service.models.open_model import open_model
from service.models.versions import LoadedModel
from service.segment_files.formats import SegmentWriter, UnknownFormat, growing_file

WITHOUT_END = sys.maxsize
"""Most windows of a source that may never end."""

JOIN_SECONDS = 2.0
"""Longest wait at the end for a thread that may wait for a packet."""


def live(
    source: Annotated[
        str,
        typer.Argument(
            help="rtsp:// or http(s):// address (HLS, Motion JPEG, a file), camera such as /dev/video0, "
            "file, which is played at its own pace, or - for standard input.",
            show_default=False,
        ),
    ],
    window_seconds: WindowOption = None,
    step_seconds: StepOption = None,
    min_probability: ThresholdOption = None,
    save: Annotated[
        Path | None,
        typer.Option(help="Also write the segments to this new file, as they close: .ndjson, .srt or .csv."),
    ] = None,
    model: ModelOption = None,
    version: VersionOption = None,
    store: StoreOption = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Address of a service that runs the model; the clips are sent there.", show_default="run it here"
        ),
    ] = None,
    api_key: Annotated[str | None, typer.Option(help="With --url: API key of the service (TIN_OIP_KEY).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Name the actions of a camera, a stream or a file while it runs, until it ends or Ctrl-C.

    Prints each segment as it closes; with --json everything that happens. A camera or stream that breaks off is opened
    again. When decoding is too slow, frames are dropped; when the model is, windows are.
    """
    settings = settings_of(model_store=store, oip_key=api_key)
    opened = _source_of(source)
    with errors_end_command():
        chosen = _open_remote(url, settings, model, version) if url else open_model(settings, model, version)
        plan = plan_timeline(
            chosen,
            WITHOUT_END,
            window_seconds=window_seconds,
            step_seconds=step_seconds,
            min_probability=min_probability,
        )
    try:
        with closing(chosen.backend), _saving(save) as writer, _stopped_by_signals() as stop:
            _follow(opened, chosen, plan, settings, writer, stop, as_json=as_json)
    except (SourceError, BackendError) as error:
        give_up(str(error))


def _open_remote(url: str, settings: Settings, name: str | None, version: str | None) -> LoadedModel:
    if urlsplit(url).scheme not in {"http", "https"}:
        give_up(f"--url takes an address such as http://localhost:8000, not {url}")
    return open_remote_model(url, settings.oip_key, name, version, settings.deadline_seconds)


def _follow(
    source: Source,
    model: LoadedModel,
    plan: TimelinePlan,
    settings: Settings,
    writer: SegmentWriter | None,
    stop: threading.Event,
    *,
    as_json: bool,
) -> None:
    mailbox = Mailbox()
    preprocessing = Preprocessing(model.spec, plan.windowing, settings.max_pixels_per_frame)
    decoding = DecodingThread(source, preprocessing, mailbox, stop)

    def totals() -> Totals:
        return Totals(
            seconds=round(loop.seconds, 6),
            frames=decoding.counts.frames,
            dropped_frames=decoding.counts.dropped_frames,
            windows=loop.windows,
            dropped_windows=mailbox.dropped_windows + loop.failed_windows,
            reconnects=loop.reconnects,
        )

    start = StartRow(
        source=source.name,
        model=model_ref(model),
        window_seconds=plan.windowing.window_seconds,
        step_seconds=plan.windowing.step_seconds,
        min_probability=plan.min_probability,
    )
    report = JsonReport(start, totals, model) if as_json else TextReport(start, totals)
    loop = Loop(mailbox, model, plan.min_probability, report, writer)
    report.started()
    decoding.start()
    try:
        loop.run(stop)
    except SourceLost as error:
        if not decoding.counts.frames:
            raise BadSource(str(error)) from error
        raise
    finally:
        stop.set()
        decoding.join(JOIN_SECONDS)
    report.ended()


def _source_of(address: str) -> Source:
    try:
        return source_of(address)
    except BadSource as error:
        give_up(str(error))


@contextmanager
def _saving(path: Path | None) -> Iterator[SegmentWriter | None]:
    """The writer of a new file, which goes again when the source could not be opened; None for no path."""
    if path is None:
        yield None
        return
    try:
        with growing_file(path) as writer:
            try:
                yield writer
            except BadSource:
                path.unlink()
                raise
    except FileExistsError:
        give_up(f"{path} is there already; name a new file")
    except UnknownFormat as error:
        give_up(str(error))
    except BrokenPipeError:  # of stdout: nobody reads on
        raise
    except OSError as error:
        give_up(f"{path} cannot be written: {error.strerror}")


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second one of them acts as usual."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def set_stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, before[signal.Signals(number)])
        stop.set()

    for number in before:
        signal.signal(number, set_stop)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
