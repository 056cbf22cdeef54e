"""Command-line options that the commands share, and their exit on an error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from export.errors import FormatUnavailable
from export.formats.catalogue import NAMES
from export.parity.report import finding
from service.backends.base import one_line
from service.store.manifest import Manifest

StoreOption = Annotated[Path, typer.Option(envvar="TIN_MODEL_STORE", help="The model store.")]
FormatsOption = Annotated[str, typer.Option(help=f"Formats, separated by commas: {', '.join(NAMES)}.")]
VideosOption = Annotated[
    Path | None,
    typer.Option(
        help="Videos to calibrate and validate int8 on: a folder, or a text file with one path a line.",
        show_default="rendered clips, for a model trained on such",
    ),
]
AcceptOption = Annotated[
    bool, typer.Option("--accept", help="Publish an int8 artifact even if its top-1 agreement is too low.")
]


def print_published(manifest: Manifest, store: Path) -> None:
    """Print the finding on every artifact of a version that was published, and its name."""
    for artifact in manifest.artifacts:
        typer.echo(f"{store / manifest.name / manifest.version / artifact.file}: {finding(artifact.parity)}")
    typer.echo(f"published {manifest.name} {manifest.version}")


def give_up(error: Exception) -> NoReturn:
    """Print an error and end the command: exit code 3 for FormatUnavailable, 2 for any other."""
    typer.echo(f"error: {one_line(error)}", err=True)
    raise typer.Exit(3 if isinstance(error, FormatUnavailable) else 2) from None
