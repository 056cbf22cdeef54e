"""The command `tin predict`: the actions in videos, printed or kept in a results file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from service import console
from service.batch import local
from service.batch.request import PredictOptions
from service.batch.results.result import Result
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
    StoreOption,
    TopKOption,
    VersionOption,
    errors_end_command,
    give_up,
    part_of,
    settings_of,
)
from service.inference.features import check_features
from service.inference.prediction import choose_top_k, parse_top_k
from service.models.open_model import open_model
from service.store.addresses import name_of

StabilityOption = Annotated[
    bool, typer.Option("--stability", help="Also predict for other frames of the video, and in reverse order.")
]
FeaturesOption = Annotated[
    bool, typer.Option("--features", help="With --json or --out: add what the classification head sees.")
]
PredictEach = Callable[..., Iterator[Result]]
"""Takes the videos; yields a result for each."""


def predict_files(
    files: FilesArgument,
    begin: FromOption = 0.0,
    end: ToOption = None,
    model: ModelOption = None,
    version: VersionOption = None,
    top_k: TopKOption = None,
    stability: StabilityOption = False,
    features: FeaturesOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    on_ray: RayOption = False,
) -> None:
    """Name the actions in each file, and in each video of a folder, without a server.

    Files of a folder that are not named as videos are passed over. A file that cannot be read as a video is reported on
    stderr; the others go on, and the exit code is 1.
    """
    if features and not (as_json or out):
        give_up("--features needs --json or --out FILE: a table has no room for so many numbers")
    settings, part = settings_of(model_store=store), part_of(begin, end)
    videos = find_videos(files, out, on_ray)
    if len(videos) > 1:  # as many videos are in work as there are cores: one thread is enough for each
        settings = settings.model_copy(update={"onnx_threads": settings.onnx_threads or 1})
    with errors_end_command():
        chosen = open_model(settings, model, version)
        num_actions = choose_top_k(parse_top_k(top_k), len(chosen.labels))
        options = PredictOptions(chosen.name, chosen.version, num_actions, stability, features, part)
        if features:
            check_features(chosen)
        predict_each = ray_runs().predict_videos if on_ray else partial(local.predict_videos, model=chosen)
        predict_each = partial(predict_each, options=options, settings=settings)
        with closing(chosen.backend):
            if out:
                named = {name_of(video): video for video in videos}
                succeeded = write_each(out, results_at(out, options, settings), named, predict_each)
            else:
                succeeded = _print_each(videos, predict_each, as_json)
    raise typer.Exit(0 if succeeded else 1)


def _print_each(videos: Sequence[Path], predict_each: PredictEach, as_json: bool) -> bool:
    with console.progress(predict_each(videos), len(videos), breaks_up_stdout=as_json) as results:
        are_answers = [console.print_result(result, as_json) for result in results]
    return all(are_answers)
