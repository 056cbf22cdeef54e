"""Command line of the service: `python -m service {serve,predict,timeline,live,models,doctor,openapi,settings}`.

Exit codes: 0 success; 1 a video could not be predicted, or a check failed; 2 the command cannot run.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from clips.decoding.errors import ClipError
from service import console, models_commands
from service.backends.base import BackendError
from service.batch import local
from service.batch.inputs import find_inputs, is_stream, read_stream
from service.batch.remote_inputs import read_remote_video
from service.batch.request import PredictOptions
from service.batch.results.remote_results import open_remote_results
from service.batch.results.result import Failed, Result, failure
from service.batch.results.results_file import ResultsFile
from service.batch.timeline import decode_in_worker, timeline_rows
from service.command_line import STORE_ALIAS, JsonOption, StoreOption, errors_end_command, give_up, settings_of
from service.config.api_keys import ApiKeys
from service.config.settings import Settings
from service.config.settings_reference import as_markdown
from service.decoding.job import DecodeJob
from service.decoding.process import DecoderError
from service.doctor.check import examine
from service.doctor.checks import checks
from service.inference.features import check_features
from service.inference.prediction import choose_top_k, parse_top_k
from service.inference.timeline_plan import plan_timeline
from service.live.command import live
from service.models.local_store import cache_folder, local_store
from service.models.open_model import check_store, open_model
from service.store.addresses import address_of, name_of
from service.teaching.requirements import check_teach_folder

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Name the actions in videos, over HTTP or offline. "
    "Options win over the environment (TIN_MODEL_STORE, TIN_PORT, ...), the environment over the defaults.",
)

cli.add_typer(models_commands.cli)
cli.command(context_settings=STORE_ALIAS)(live)

ModelOption = Annotated[str | None, typer.Option("--model", help="Name of the model.", show_default="the first")]
VersionOption = Annotated[
    str | None, typer.Option("--version", help="Version of the model.", show_default="by the policy")
]
TopKOption = Annotated[
    str | None, typer.Option("--top-k", metavar="N", help="Number of actions, or `all`.", show_default="5")
]
StabilityOption = Annotated[
    bool, typer.Option("--stability", help="Also predict for other frames of the video, and in reverse order.")
]
FeaturesOption = Annotated[
    bool, typer.Option("--features", help="With --json or --out: add what the classification head sees.")
]
OutOption = Annotated[
    Path | None,
    typer.Option(help="Write JSON lines to this file or address; run again to continue.", show_default="print"),
]
RayOption = Annotated[
    bool,
    typer.Option("--ray", help="With --out: use all cores and GPUs, of this machine or of the cluster RAY_ADDRESS."),
]

PredictEach = Callable[..., Iterator[Result]]
"""Takes the videos; yields a result for each."""


@cli.command(context_settings=STORE_ALIAS)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.", show_default="8000")
    ] = None,
    store: StoreOption = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Model for requests that name none.", show_default="the first")
    ] = None,
) -> None:
    """Serve POST /predict, the page and the documentation until Ctrl-C."""
    from service.deployment.uvicorn_server import listen, run  # noqa: PLC0415 - the other commands need no web server

    settings = settings_of(host=host, port=port, model_store=store, default_model=model)
    with errors_end_command():
        check_store(local_store(settings).model_store)
        check_teach_folder(settings)
        ApiKeys(settings).current()
    try:
        listener = listen(settings.host, settings.port)
    except (OSError, socket.gaierror) as error:
        give_up(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}")
    run(settings, listener)


@cli.command("predict", context_settings=STORE_ALIAS)
def predict_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Videos (MP4, MOV, WebM, AVI, ...), folders of videos or frames, patterns; - is standard input.",
            show_default=False,
        ),
    ],
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
    settings = settings_of(model_store=store)
    videos = _find_videos(files, out)
    if on_ray and any(map(address_of, videos)):
        give_up("--ray reads files that every node has, not addresses")
    if len(videos) > 1:  # as many videos are in work as there are cores: one thread is enough for each
        settings = settings.model_copy(update={"onnx_threads": settings.onnx_threads or 1})
    with errors_end_command():
        chosen = open_model(settings, model, version)
        num_actions = choose_top_k(parse_top_k(top_k), len(chosen.labels))
        options = PredictOptions(chosen.name, chosen.version, num_actions, stability, features)
        if features:
            check_features(chosen)
        predict_each = _on_ray(out) if on_ray else partial(local.predict_videos, model=chosen)
        predict_each = partial(predict_each, options=options, settings=settings)
        with closing(chosen.backend):
            if out:
                succeeded = _write_each(out, _results(out, options, settings), videos, predict_each)
            else:
                succeeded = _print_each(videos, predict_each, as_json)
    raise typer.Exit(0 if succeeded else 1)


@cli.command("timeline", context_settings=STORE_ALIAS)
def make_timeline(
    file: Annotated[
        Path, typer.Argument(help="A video (MP4, MOV, MKV, WebM, AVI, ...); - is standard input.", show_default=False)
    ],
    window_seconds: Annotated[
        float | None, typer.Option(help="Length of a window.", show_default="the model's, or 2")
    ] = None,
    step_seconds: Annotated[
        float | None, typer.Option(help="From one window to the next.", show_default="the model's, or half a window")
    ] = None,
    min_probability: Annotated[
        float | None,
        typer.Option(
            help="Least top-1 probability of a window that names its action.", show_default="the model's, or 0"
        ),
    ] = None,
    model: ModelOption = None,
    version: VersionOption = None,
    top_k: TopKOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the actions along a long video, without a server.

    Prints its segments; with --json the rows of POST /timeline: the video, each window as soon as it is known, and the
    segments.
    """
    settings = settings_of(model_store=store)
    with errors_end_command():
        chosen = open_model(settings, model, version)
        plan = plan_timeline(
            chosen,
            settings.max_windows,
            window_seconds=window_seconds,
            step_seconds=step_seconds,
            min_probability=min_probability,
        )
        num_actions = choose_top_k(parse_top_k(top_k), len(chosen.labels))
        limits = settings.timeline_decode_limits()
        with closing(chosen.backend):
            try:
                video = _content_of(file, limits.max_bytes)
                size_bytes = len(video) if isinstance(video, bytes) else video.stat().st_size
                job = DecodeJob(video, chosen.spec, limits)
                parts = decode_in_worker(job, plan.windowing, settings.max_decoder_bytes)
                rows = timeline_rows(parts, chosen, plan, top_k=num_actions, size_bytes=size_bytes)
                console.print_timeline(name_of(file), rows, as_json)
            except (ClipError, DecoderError, BackendError, OSError) as error:
                console.print_failure(failure(str(file), error))
                raise typer.Exit(1) from error


@cli.command(context_settings=STORE_ALIAS)
def doctor(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Check this installation: libraries, codecs, the store, and that serving computes what training does."""
    with console.spinner() as show:
        with errors_end_command():
            local = local_store(settings_of(model_store=store))
        findings = [examine(check, show) for check in checks(local)]
    console.print_findings(findings, as_json)
    raise typer.Exit(1 if any(finding.status == "failed" for finding in findings) else 0)


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document, equal on every machine: docs/openapi.json."""
    from service.api.app import create_app  # noqa: PLC0415 - the other commands need no web framework
    from service.api.http.openapi import as_text  # noqa: PLC0415

    typer.echo(as_text(create_app(settings_of()).openapi()), nl=False)


@cli.command()
def settings() -> None:
    """Print every setting with its environment variable, as a Markdown table: docs/settings.md."""
    typer.echo(as_markdown(), nl=False)


def _content_of(video: Path, max_bytes: int) -> Path | bytes:
    """Return what can be read only from start to end as bytes, any other video as it is."""
    if address := address_of(video):
        return read_remote_video(address, max_bytes)
    return read_stream(video, max_bytes) if is_stream(video) else video


def _find_videos(names: Sequence[Path], out: Path | None) -> Sequence[Path]:
    with errors_end_command():
        inputs = find_inputs(names)
    if out and any(map(is_stream, inputs.videos)):
        give_up("--out resumes by file name, so it takes files and folders, not standard input or pipes")
    own = out.absolute() if out else None
    console.print_passed_over([file for file in inputs.passed_over if file.absolute() != own])
    return inputs.videos


def _print_each(videos: Sequence[Path], predict_each: PredictEach, as_json: bool) -> bool:
    with console.progress(predict_each(videos), len(videos), breaks_up_stdout=as_json) as results:
        are_answers = [console.print_result(result, as_json) for result in results]
    return all(are_answers)


def _results(out: Path, options: PredictOptions, settings: Settings) -> AbstractContextManager[ResultsFile]:
    if address := address_of(out):
        return open_remote_results(address, cache_folder(settings) / "results", options)
    return ResultsFile.open(out, options)


def _write_each(
    out: Path, results_file: AbstractContextManager[ResultsFile], videos: Sequence[Path], predict_each: PredictEach
) -> bool:
    with results_file as answers:
        named = {name_of(video): video for video in videos}
        unsettled = [video for name, video in named.items() if not answers.settles(name)]
        try:
            with console.progress(predict_each(unsettled), len(unsettled)) as results:
                for result in results:
                    answers.add(result)
                    if isinstance(result, Failed):
                        console.print_failure(result)
        finally:
            console.print_totals(out, named.keys(), answers)
        return named.keys() <= answers.answered


def _on_ray(out: Path | None) -> PredictEach:
    if out is None:
        give_up("--ray needs --out FILE, which keeps the answers when the run is interrupted")
    try:
        from service.batch.ray_data import predict_videos  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        give_up(f"--ray needs {error.name}: pip install -c constraints.txt -e .[cluster]")
    return predict_videos


if __name__ == "__main__":
    cli(prog_name="python -m service")
