"""Options and errors that the commands of the service share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError

from clips.part import Part
from service.batch.errors import BatchError
from service.config.api_keys import BadKeyFile
from service.config.environment import UnknownVariable
from service.config.settings import Settings
from service.inference.features import NoFeatures
from service.inference.prediction import BadTopK
from service.inference.timeline_plan import BadTimeline
from service.models.registry import RegistryError
from service.segment_files.formats import UnknownFormat
from service.store.model_store import StoreError
from service.teaching.errors import TeachingError

STORE_ALIAS = {"token_normalize_func": lambda name: "store" if name == "model-store" else name}
"""Context settings of a command with `StoreOption`, which was called --model-store before."""

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of the models (TIN_MODEL_STORE).", show_default="the repository's"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
ModelOption = Annotated[str | None, typer.Option("--model", help="Name of the model.", show_default="the first")]
VersionOption = Annotated[
    str | None, typer.Option("--version", help="Version of the model.", show_default="by the policy")
]
TopKOption = Annotated[
    str | None, typer.Option("--top-k", metavar="N", help="Number of actions, or `all`.", show_default="5")
]
WindowOption = Annotated[float | None, typer.Option(help="Length of a window.", show_default="the model's, or 2")]
StepOption = Annotated[
    float | None, typer.Option(help="From one window to the next.", show_default="the model's, or half a window")
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(help="Least top-1 probability of a window that names its action.", show_default="the model's, or 0"),
]


def part_of(begin: float, end: float | None) -> Part:
    """Return the part of each video that --from and --to name; end the command for one that no video has."""
    try:
        return Part(begin, end)
    except ValueError as error:
        give_up(str(error))


def settings_of(**options: Any) -> Settings:
    """Return the settings with the options that were given; end the command for one that is not valid."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except UnknownVariable as error:
        give_up(str(error))
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        give_up(f"setting {'.'.join(map(str, first['loc']))} is not valid: {reason}")


ENDING_ERRORS = (
    StoreError,
    RegistryError,
    NoFeatures,
    BadTopK,
    BadTimeline,
    BatchError,
    TeachingError,
    BadKeyFile,
    UnknownFormat,
)


@contextmanager
def errors_end_command() -> Iterator[None]:
    """End the command with one line and exit code 2 for an error that is no video's own."""
    try:
        yield
    except ENDING_ERRORS as error:
        give_up(str(error))


def give_up(message: str) -> NoReturn:
    """Print one line on stderr and end the command with exit code 2."""
    from service import console  # noqa: PLC0415 - its tables need libraries that the server does not

    console.print_error(message)
    raise typer.Exit(2)
