"""The command `tin timeline`: the actions along long videos, printed, saved, or kept in a results file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from service import console
from service.batch.timelines.input_video import InputVideo
from service.batch.timelines.local import each_timeline
from service.batch.timelines.options import TimelineOptions
from service.batch.timelines.saving import AnswerEach, TimelineSaver
from service.batch.timelines.targets import FORMATS, plan_targets
from service.batch_command import (
    FilesArgument,
    FromOption,
    OutOption,
    RayOption,
    ToOption,
    find_videos,
    ray_runs,
    results_at,
    write_each,
)
from service.command_line import (
    JsonOption,
    ModelOption,
    StepOption,
    StoreOption,
    ThresholdOption,
    TopKOption,
    VersionOption,
    WindowOption,
    errors_end_command,
    give_up,
    part_of,
    settings_of,
)
from service.config.settings import Settings
from service.inference.prediction import choose_top_k, parse_top_k
from service.inference.timeline_plan import plan_timeline
from service.models.open_model import open_model

SaveOption = Annotated[
    Path | None,
    typer.Option(help="Save the segments as .srt, .csv, .json, .ndjson, or .mp4 with them drawn on the video."),
]
FormatOption = Annotated[
    str | None, typer.Option("--format", metavar="|".join(FORMATS), help="Make --save a folder, of a file per video.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="With --save: replace files that are there.")]


def make_timelines(
    files: FilesArgument,
    window_seconds: WindowOption = None,
    step_seconds: StepOption = None,
    min_probability: ThresholdOption = None,
    begin: FromOption = 0.0,
    end: ToOption = None,
    model: ModelOption = None,
    version: VersionOption = None,
    top_k: TopKOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
    save: SaveOption = None,
    save_format: FormatOption = None,
    overwrite: OverwriteOption = False,
    out: OutOption = None,
    on_ray: RayOption = False,
) -> None:
    """Name the actions along each long video, without a server.

    Prints the segments; with --json the rows of POST /timeline: the video, each window as soon as it is known, and the
    segments. With --out FILE one line for each video, without the windows. A video that fails is reported on stderr;
    the others go on, and the exit code is 1.
    """
    settings, part = settings_of(model_store=store), part_of(begin, end)
    found = find_videos(files, out, on_ray)
    with errors_end_command():
        make_saver = _saver(found, save, save_format, overwrite=overwrite, settings=settings)
        chosen = open_model(settings, model, version)
        plan = plan_timeline(
            chosen,
            settings.max_windows,
            window_seconds=window_seconds,
            step_seconds=step_seconds,
            min_probability=min_probability,
            part=part,
        )
        options = TimelineOptions.of(chosen, plan)
        watch = console.print_rows if as_json and not out else console.watch_windows
        count = choose_top_k(parse_top_k(top_k), len(chosen.labels))
        here = partial(each_timeline, model=chosen, plan=plan, settings=settings, top_k=count, watch=watch)
        answer_each = make_saver(_on_ray(options, settings) if on_ray else here)
        videos = {video.name: video for video in map(InputVideo, found)}
        with closing(chosen.backend):
            if out:
                shown = console.progress if on_ray else _unchanged
                succeeded = write_each(out, results_at(out, options, settings), videos, answer_each, shown)
            else:
                results = answer_each(list(videos.values()))
                are_timelines = [console.print_timeline_result(result, as_json) for result in results]
                succeeded = all(are_timelines)
    raise typer.Exit(0 if succeeded else 1)


def _saver(
    videos: Sequence[Path], save: Path | None, file_format: str | None, *, overwrite: bool, settings: Settings
) -> Any:
    """Return the change to what answers each video: none, or that it saves."""
    if save is None:
        if file_format or overwrite:
            give_up("--format and --overwrite go with --save")
        return lambda answer_each: answer_each
    if file_format is not None and file_format not in FORMATS:
        give_up(f"--format is one of {', '.join(FORMATS)}, not {file_format!r}")
    targets = plan_targets(videos, save, file_format)
    limits = settings.timeline_file_limits()
    return TimelineSaver(targets, overwrite, limits, console.watch_drawing).saving


def _on_ray(options: TimelineOptions, settings: Settings) -> AnswerEach:
    ray_data = ray_runs()
    return lambda videos: ray_data.make_timelines([video.path for video in videos], options, settings)


def _unchanged(results: Iterator[Any], total: int) -> nullcontext[Iterator[Any]]:
    """Each video shows its own windows."""
    return nullcontext(results)
