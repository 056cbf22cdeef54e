"""Command-line options that the commands share, and their exit on an error."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from clips.clip_spec import View
from export.errors import ExportError, FormatUnavailable
from export.formats.catalogue import NAMES
from export.parity.report import finding
from service.backends.base import one_line
from service.store.manifest import Manifest
from training.checkpoints.checkpoint import Checkpoint

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


ViewOption = Annotated[
    View | None, typer.Option(help="Squares to cut from each frame.", show_default="the checkpoint's")
]
ClipsOption = Annotated[
    int | None,
    typer.Option(min=1, max=2, help="Times that a video is sampled.", show_default="the checkpoint's"),
]
CropOption = Annotated[
    int | None, typer.Option(min=1, help="Side of the squares in pixels.", show_default="the checkpoint's")
]


def with_views(checkpoint: Checkpoint, view: View | None, clips: int | None, crop: int | None) -> Checkpoint:
    """Return the checkpoint with the views of a video that are given. Raises ExportError for impossible ones."""
    own = checkpoint.clip
    try:
        clip = dataclasses.replace(own, view=view or own.view, clips=clips or own.clips, crop=crop or own.crop)
        return dataclasses.replace(checkpoint, clip=clip)
    except ValueError as error:
        raise ExportError(str(error)) from error


def print_published(manifest: Manifest, store: Path) -> None:
    """Print the finding on every artifact of a version that was published, and its name."""
    for artifact in manifest.artifacts:
        typer.echo(f"{store / manifest.name / manifest.version / artifact.file}: {finding(artifact.parity)}")
    typer.echo(f"published {manifest.name} {manifest.version}")


def give_up(error: Exception) -> NoReturn:
    """Print an error and end the command: exit code 3 for FormatUnavailable, 2 for any other."""
    typer.echo(f"error: {one_line(error)}", err=True)
    raise typer.Exit(3 if isinstance(error, FormatUnavailable) else 2) from None
