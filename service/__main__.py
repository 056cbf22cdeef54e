"""Command line of the service: `python -m service {serve,predict,timeline,live,models,doctor,openapi,settings}`.

Exit codes: 0 success; 1 a video could not be predicted, or a check failed; 2 the command cannot run.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from service import console, models_commands
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
    STORE_ALIAS,
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
from service.config.api_keys import ApiKeys
from service.config.settings_reference import as_markdown
from service.doctor.check import examine
from service.doctor.checks import checks
from service.inference.features import check_features
from service.inference.prediction import choose_top_k, parse_top_k
from service.live.command import live
from service.models.local_store import local_store
from service.models.open_model import check_store, open_model
from service.store.addresses import name_of
from service.teaching.requirements import check_teach_folder
from service.timeline_command import make_timelines

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Name the actions in videos, over HTTP or offline. "
    "Options win over the environment (TIN_MODEL_STORE, TIN_PORT, ...), the environment over the defaults.",
)

cli.add_typer(models_commands.cli)
cli.command(context_settings=STORE_ALIAS)(live)
cli.command("timeline", context_settings=STORE_ALIAS)(make_timelines)

StabilityOption = Annotated[
    bool, typer.Option("--stability", help="Also predict for other frames of the video, and in reverse order.")
]
FeaturesOption = Annotated[
    bool, typer.Option("--features", help="With --json or --out: add what the classification head sees.")
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


def _print_each(videos: Sequence[Path], predict_each: PredictEach, as_json: bool) -> bool:
    with console.progress(predict_each(videos), len(videos), breaks_up_stdout=as_json) as results:
        are_answers = [console.print_result(result, as_json) for result in results]
    return all(are_answers)


if __name__ == "__main__":
    cli(prog_name="python -m service")
