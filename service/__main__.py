"""The commands: `python -m service {serve,predict,models,doctor,openapi,settings}`.

Exit codes: 0 all well; 1 a video could not be predicted, or a check failed; 2 the command cannot do its work at all.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError

from service import console
from service.api.schemas.presenters import model_status
from service.batch import local
from service.batch.errors import BatchError
from service.batch.inputs import expand_inputs
from service.batch.request import PredictOptions
from service.batch.results import Failed, Result
from service.batch.results_file import ResultsFile
from service.config.settings import Settings
from service.config.settings_reference import as_markdown
from service.doctor.check import examine
from service.doctor.checks import checks
from service.inference.prediction import BadTopK, choose_top_k
from service.models.registry import LoadedModel, Registry, RegistryError
from service.store.model_store import ModelStore, StoreError

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Name the actions in videos: over HTTP or offline. "
    "Options win over the environment (TIN_MODEL_STORE, TIN_PORT, ...), the environment over the defaults.",
)

StoreOption = Annotated[
    Path | None, typer.Option("--model-store", help="Folder of the models.", show_default="the repository's")
]
ModelOption = Annotated[str | None, typer.Option("--model", help="The model's name.", show_default="the first")]
VersionOption = Annotated[str | None, typer.Option("--version", help="Its version.", show_default="the newest")]
TopKOption = Annotated[int | None, typer.Option("--top-k", min=1, help="How many actions to name.", show_default="5")]
StabilityOption = Annotated[
    bool, typer.Option("--stability", help="Say whether the answer holds for other frames, and depends on their order.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
OutOption = Annotated[
    Path | None,
    typer.Option(help="Write JSON lines to this file. Interrupted, the same command goes on.", show_default="print"),
]
RayOption = Annotated[
    bool,
    typer.Option("--ray", help="With --out: on all cores and GPUs, here or in the cluster of RAY_ADDRESS."),
]

PredictEach = Callable[[Sequence[Path]], Iterator[Result]]


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.", show_default="8000")
    ] = None,
    model_store: StoreOption = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Model of requests that name none.", show_default="the first")
    ] = None,
) -> None:
    """Serve POST /predict, the page and the documentation until Ctrl-C."""
    from service.deployment.uvicorn_server import listen, run  # noqa: PLC0415 - the other commands need no web server

    settings = _settings(host=host, port=port, model_store=model_store, default_model=model)
    _check_store(settings)
    try:
        listener = listen(settings.host, settings.port)
    except (OSError, socket.gaierror) as error:
        _give_up(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}")
    run(settings, listener)


@cli.command("predict")
def predict_files(
    files: Annotated[
        list[Path],
        typer.Argument(help="Videos (MP4, MOV, MKV, WebM, AVI, ...), folders or patterns.", show_default=False),
    ],
    model: ModelOption = None,
    version: VersionOption = None,
    top_k: TopKOption = None,
    stability: StabilityOption = False,
    model_store: StoreOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
    on_ray: RayOption = False,
) -> None:
    """Name the actions in each file, and in each video of a folder, without a server.

    A file that cannot be read as a video is told on stderr; the others go on, and the exit code is 1.
    """
    settings = _settings(model_store=model_store)
    _check_store(settings)
    videos = list(expand_inputs(files))
    if len(videos) > 1:  # as many are in work as there are cores, so that a thread is enough for each
        settings = settings.model_copy(update={"onnx_threads": settings.onnx_threads or 1})
    with _loaded_models(settings) as registry:
        chosen, count = _choose(registry, model, version, top_k)
        options = PredictOptions(chosen.name, chosen.version, count, stability)
        predict_locally = partial(local.predict_videos, model=chosen, options=options, settings=settings)
        predict_on_ray = partial(_on_ray(out), options=options, settings=settings) if on_ray else None
        try:
            if out:
                is_well = _write_each(out, options, videos, predict_on_ray or predict_locally)
            else:
                is_well = _print_each(videos, predict_locally, as_json)
        except BatchError as error:
            _give_up(str(error))
    raise typer.Exit(0 if is_well else 1)


@cli.command()
def models(model_store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the models of the store and whether each can be served."""
    with _loaded_models(_settings(model_store=model_store)) as registry:
        statuses = [model_status(version) for version in registry.all()]
    for status in statuses if as_json else ():
        console.print_json(status)
    if not as_json:
        console.print_models(statuses)


@cli.command()
def doctor(model_store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Check this installation: libraries, codecs, the store, and that serving computes what training does."""
    with console.spinner() as tell:
        findings = [examine(check, tell) for check in checks(_settings(model_store=model_store))]
    for finding in findings if as_json else ():
        console.print_json(finding)
    if not as_json:
        console.print_findings(findings)
    raise typer.Exit(1 if any(finding.status == "failed" for finding in findings) else 0)


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document, the same on every machine: docs/openapi.json."""
    from service.api.app import create_app  # noqa: PLC0415 - the other commands need no web framework
    from service.api.http.openapi import as_text  # noqa: PLC0415

    typer.echo(as_text(create_app(_settings()).openapi()), nl=False)


@cli.command()
def settings() -> None:
    """Print what may be set in the environment, as a Markdown table: docs/settings.md."""
    typer.echo(as_markdown(), nl=False)


def _print_each(videos: Sequence[Path], predict_each: PredictEach, as_json: bool) -> bool:
    with console.progress(predict_each(videos), len(videos), breaks_up_stdout=as_json) as outcomes:
        are_answers = [console.print_outcome(outcome, as_json) for outcome in outcomes]
    return all(are_answers)


def _write_each(out: Path, options: PredictOptions, videos: Sequence[Path], predict_each: PredictEach) -> bool:
    with ResultsFile.open(out, options) as answers:
        named = {str(video): video for video in videos}
        unsettled = [video for name, video in named.items() if not answers.settles(name)]
        try:
            with console.progress(predict_each(unsettled), len(unsettled)) as outcomes:
                for outcome in outcomes:
                    answers.add(outcome)
                    if isinstance(outcome, Failed):
                        console.print_failure(outcome)
        finally:
            console.print_totals(out, named.keys(), answers)
        return named.keys() <= answers.answered


def _on_ray(out: Path | None) -> Callable[..., Iterator[Result]]:
    if out is None:
        _give_up("--ray needs --out FILE, which keeps the answers when it is interrupted")
    try:
        from service.batch.ray_data import predict_videos  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        _give_up(f"--ray needs {error.name}: pip install -c constraints.txt -e .[cluster]")
    return predict_videos


def _settings(**options: Any) -> Settings:
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        _give_up(f"setting {'.'.join(map(str, first['loc']))} is not valid: {first['msg']}")


def _check_store(settings: Settings) -> None:
    store = settings.model_store
    if not store.is_dir():
        _give_up(f"there is no model store at {store}; name one with --model-store or TIN_MODEL_STORE")
    if not ModelStore(store).versions():
        _give_up(f"the model store at {store} is empty; a model is <name>/<version>/manifest.json in it")


@contextmanager
def _loaded_models(settings: Settings) -> Iterator[Registry]:
    _check_store(settings)
    registry = Registry.open(settings)
    try:
        yield registry
    finally:
        registry.close()


def _choose(registry: Registry, model: str | None, version: str | None, top_k: int | None) -> tuple[LoadedModel, int]:
    try:
        chosen = registry.get(model, version)
        return chosen, choose_top_k(top_k, len(chosen.labels))
    except (StoreError, RegistryError, BadTopK) as error:
        refused = [f"{each.name} {each.version}: {each.reason}" for each in registry.refused()]
        _give_up("; ".join([str(error), *refused]))


def _give_up(message: str) -> NoReturn:
    console.print_error(message)
    raise typer.Exit(2)


if __name__ == "__main__":
    cli(prog_name="python -m service")
