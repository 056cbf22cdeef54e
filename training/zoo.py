"""`python -m training.zoo list` and `fetch NAME`: published checkpoints, by name."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from training.checkpoints.checkpoint import save_checkpoint
from training.checkpoints.download import download
from training.checkpoints.pretrained import read_pretrained
from training.checkpoints.zoo_catalogue import CATALOGUE, PublishedCheckpoint
from training.convert import convert, describe, network_from, read_labels
from training.errors import BadInput
from training.exit_codes import errors_as_exit_codes
from training.model.tin import Temporal

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="PublishedCheckpoint checkpoints, by name.")


class UnknownName(BadInput):
    """No published checkpoint has this name; the message tells the nearest one."""


def fetch(name: str, cache: Path | None = None, mirror: str | None = None) -> Path:
    """The checkpoint's file in the cache, fetched unless it is there; a terminal shows a progress bar.

    Raises UnknownName, and DownloadError when it cannot be had or is not the published file.
    """
    published = find(name)
    target = (cache or default_cache()) / published.file
    columns = (TextColumn(published.file), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        download(
            published.at(mirror),
            target,
            published.digest_start,
            lambda have, total: bar.update(task, completed=have, total=total),
        )
    return target


def find(name: str) -> PublishedCheckpoint:
    """The catalogue's entry; raises UnknownName."""
    if name not in CATALOGUE:
        near = get_close_matches(name, CATALOGUE, n=1)
        hint = f"did you mean {near[0]}?" if near else "`python -m training.zoo list` names all"
        raise UnknownName(f"no checkpoint {name} is known; {hint}")
    return CATALOGUE[name]


def default_cache() -> Path:
    """The folder for files that can be fetched again (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tin-serve"


@cli.command("list")
def list_all() -> None:
    """Print every name, what it was trained on, and its published accuracy."""
    table = Table("name", "trained on", "top-1", "top-5")
    for name, published in CATALOGUE.items():
        table.add_row(name, published.data, f"{published.top1:.2f}", f"{published.top5:.2f}")
    Console().print(table)


@cli.command("fetch")
def fetch_and_convert(
    name: Annotated[str, typer.Argument(help="A name of the list.", show_default=False)],
    labels: Annotated[
        Path | None, typer.Option(help="The classes' names, one a line; without them nothing is written.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The .safetensors file to write.", show_default="NAME.safetensors")
    ] = None,
    temporal: Annotated[
        Temporal | None, typer.Option(help="The network to start from it.", show_default="its own; tin for ImageNet's")
    ] = None,
    new_head: Annotated[bool, typer.Option("--new-head", help="Leave its head; the labels are others.")] = False,
    cache: Annotated[Path | None, typer.Option(help="Where files are kept.", show_default="~/.cache/tin-serve")] = None,
    mirror: Annotated[str | None, typer.Option(help="Another host with the same paths, as http://host:port.")] = None,
) -> None:
    """Fetch a checkpoint, check it, and make it one of this project."""
    with errors_as_exit_codes():
        names = read_labels(labels) if labels else None
        file = fetch(name, cache, mirror)
        if names is None:
            _check(file, temporal, new_head)
            return
        checkpoint, report = convert(file, names, temporal=temporal, new_head=new_head)
        path = out or Path(f"{name}.safetensors")
        save_checkpoint(checkpoint, path)
    for line in report.lines():
        typer.echo(line)
    typer.echo(f"{path}: {describe(checkpoint.architecture)}")


def _check(file: Path, temporal: Temporal | None, new_head: bool) -> None:
    """Convert without writing: what a checkpoint calls its classes is in no file."""
    source = read_pretrained(file)
    model, report = network_from(source, source.num_classes or 1, temporal, new_head=new_head)
    for line in report.lines():
        typer.echo(line)
    typer.echo(f"{file}: {describe(model.architecture)}; to write a checkpoint, give its --labels")


if __name__ == "__main__":
    cli(prog_name="python -m training.zoo")
