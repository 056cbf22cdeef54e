"""Steps that the commands on many videos share: finding the videos, and writing results where they can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from service import console
from service.batch.inputs import find_inputs, is_stream
from service.batch.request import Options
from service.batch.results.remote_results import open_remote_results
from service.batch.results.result import Answer, Failed
from service.batch.results.results_file import ResultsFile
from service.command_line import errors_end_command, give_up
from service.config.settings import Settings
from service.models.local_store import cache_folder
from service.store.addresses import address_of

FilesArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Videos (MP4, MOV, WebM, AVI, ...), folders of videos or frames, patterns; - is standard input.",
        show_default=False,
    ),
]
FromOption = Annotated[
    float, typer.Option("--from", min=0, help="See only frames from this second on.", show_default="the start")
]
ToOption = Annotated[
    float | None, typer.Option("--to", min=0, help="See only frames before this second.", show_default="the end")
]
OutOption = Annotated[
    Path | None,
    typer.Option(help="Write JSON lines to this file or address; run again to continue.", show_default="print"),
]
RayOption = Annotated[
    bool,
    typer.Option("--ray", help="With --out: use all cores and GPUs, of this machine or of the cluster RAY_ADDRESS."),
]

Video = TypeVar("Video")

AnyResult = Answer[Any] | Failed

Shown = Callable[[Iterator[AnyResult], int], AbstractContextManager[Iterator[AnyResult]]]
"""Passes results on, given their number, and shows how many there are."""


def find_videos(names: Sequence[Path], out: Path | None, on_ray: bool) -> Sequence[Path]:
    """Find the videos of the arguments; end the command where they do not go with its options."""
    with errors_end_command():
        inputs = find_inputs(names)
    if out and any(map(is_stream, inputs.videos)):
        give_up("--out resumes by file name, so it takes files and folders, not standard input or pipes")
    own = out.absolute() if out else None
    console.print_passed_over([file for file in inputs.passed_over if file.absolute() != own])
    if on_ray and out is None:
        give_up("--ray needs --out FILE, which keeps the answers when the run is interrupted")
    if on_ray and any(map(address_of, inputs.videos)):
        give_up("--ray reads files that every node has, not addresses")
    return inputs.videos


def results_at(out: Path, options: Options, settings: Settings) -> AbstractContextManager[ResultsFile]:
    """Open the results of a run, in a file or at an address."""
    if address := address_of(out):
        return open_remote_results(address, cache_folder(settings) / "results", options)
    return ResultsFile.open(out, options)


def write_each(
    out: Path,
    results_file: AbstractContextManager[ResultsFile],
    named: Mapping[str, Video],
    answer_each: Callable[[Sequence[Video]], Iterator[AnyResult]],
    shown: Shown = console.progress,
) -> bool:
    """Write the result of each video that has none; return True if all are answered then.

    Args:
        out: The path or address of the results, for people.
        results_file: The results, not open yet.
        named: The videos, by name.
        answer_each: Yields a result for each video.
        shown: Shows the progress.
    """
    with results_file as answers:
        unsettled = [video for name, video in named.items() if not answers.settles(name)]
        try:
            with shown(answer_each(unsettled), len(unsettled)) as results:
                for result in results:
                    answers.add(result)
                    if isinstance(result, Failed):
                        console.print_failure(result)
        finally:
            console.print_totals(out, named.keys(), answers)
        return named.keys() <= answers.answered


def ray_runs() -> Any:
    """Import the module that runs on Ray; end the command where it is not installed."""
    try:
        from service.batch import ray_data  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        give_up(f"--ray needs {error.name}: pip install -c constraints.txt -e .[cluster]")
    return ray_data
