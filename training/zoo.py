"""`python -m training.zoo list` and `fetch NAME`: list, download and convert published checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from training.checkpoints.checkpoint import save_checkpoint
from training.checkpoints.conversion import build_from, convert
from training.checkpoints.pretrained import read_pretrained
from training.checkpoints.zoo_catalogue import CATALOGUE, fetch_published
from training.exit_codes import errors_as_exit_codes
from training.lists.labels import read_labels
from training.model.tin import Temporal

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="List and fetch published checkpoints.")


@cli.command("list")
def list_all() -> None:
    """Print every name, its training data and its published accuracy."""
    table = Table("name", "trained on", "top-1", "top-5")
    for name, published in CATALOGUE.items():
        table.add_row(name, published.data, f"{published.top1:.2f}", f"{published.top5:.2f}")
    Console().print(table)


@cli.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="Name from the list.", show_default=False)],
    labels: Annotated[
        Path | None, typer.Option(help="Class names, one a line; without them no checkpoint is written.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Output .safetensors file.", show_default="NAME.safetensors")] = None,
    temporal: Annotated[
        Temporal | None, typer.Option(help="Network to build.", show_default="its own; tin for ImageNet's")
    ] = None,
    new_head: Annotated[bool, typer.Option("--new-head", help="Initialise a new head, for other classes.")] = False,
    cache: Annotated[Path | None, typer.Option(help="Download cache.", show_default="~/.cache/tin-serve")] = None,
    mirror: Annotated[
        str | None, typer.Option(help="Another host with the same paths, such as http://host:port.")
    ] = None,
) -> None:
    """Download a checkpoint, verify it and convert it."""
    with errors_as_exit_codes():
        names = read_labels(labels) if labels else None
        file = fetch_published(name, cache, mirror)
        if names is None:
            _preview(file, temporal, new_head)
            return
        checkpoint, report = convert(file, names, temporal=temporal, new_head=new_head)
        path = out or Path(f"{name}.safetensors")
        save_checkpoint(checkpoint, path)
    for line in report.lines():
        typer.echo(line)
    typer.echo(f"{path}: {checkpoint.architecture}")


def _preview(file: Path, temporal: Temporal | None, new_head: bool) -> None:
    """Convert without writing: no published file holds the names of its classes."""
    source = read_pretrained(file)
    model, report = build_from(source, source.num_classes or 1, temporal, new_head=new_head)
    for line in report.lines():
        typer.echo(line)
    typer.echo(f"{file}: {model.architecture}; to write a checkpoint, give its --labels")


if __name__ == "__main__":
    cli(prog_name="python -m training.zoo")
