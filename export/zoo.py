"""`python -m export.zoo list` and `fetch NAME`: list published checkpoints, fetch one, and publish it to the store.

Exit codes: 0 success; 2 the command cannot run; 3 this machine lacks a library or a device that a format needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from export.command_line import AcceptOption, FormatsOption, StoreOption, VideosOption, give_up, print_published
from export.errors import ExportError
from export.formats.catalogue import BASE, ExportRequest, select_formats
from export.progress import progress_on_stderr
from export.publishing.publish import check_name
from export.publishing.publish import publish as publish_version
from service.backends.base import BackendError
from service.store.model_store import StoreError
from training.checkpoints.checkpoint import Checkpoint, first_names, save_checkpoint
from training.checkpoints.load_pretrained import LoadReport
from training.errors import BadInput
from training.model.tin import Temporal
from training.zoo.catalogue import CATALOGUE, PublishedCheckpoint
from training.zoo.data_sets import DATA_SETS
from training.zoo.fetch import FetchRequest, fetch_checkpoint, preview
from training.zoo.hub import SCHEME, parse_address

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="List, fetch and publish published checkpoints.")

SourceArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name from the list, or hf://owner/name.", show_default=False)
]
PublishOption = Annotated[bool, typer.Option("--publish", help="Export it and publish it to the model store.")]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        help=f"Class names: a file, one a line, or a published list: {', '.join(DATA_SETS)}.",
        show_default="the published list of its data",
    ),
]
OutOption = Annotated[
    Path | None, typer.Option(help="Without --publish: the .safetensors file.", show_default="NAME.safetensors")
]
TemporalOption = Annotated[
    Temporal | None, typer.Option(help="Network to build.", show_default="its own; tin for ImageNet's")
]
NewHeadOption = Annotated[bool, typer.Option("--new-head", help="Initialise a new head, for other classes.")]
CacheOption = Annotated[Path | None, typer.Option(help="Download cache.", show_default="~/.cache/tin-serve")]
MirrorOption = Annotated[
    str | None, typer.Option(help="Another host with the same paths, such as http://host:port, or a folder.")
]
NameOption = Annotated[str, typer.Option("--name", help="Model's name in the store.", show_default="NAME")]

WIDE = 120
"""Columns of the list, also where the output has fewer: so that nothing is cut, and each row is a line of a file."""


@cli.command("list")
def list_all() -> None:
    """Print every published checkpoint: data, accuracy, test protocol, release and size."""
    numbers = [Column(title, justify="right", no_wrap=True) for title in ("top-1", "top-5", "protocol")]
    table = Table(
        Column("name", no_wrap=True),
        Column("trained on", overflow="fold"),
        *numbers,
        Column("release", overflow="fold"),
        Column("size", justify="right", no_wrap=True),
        box=SIMPLE_HEAD,
        caption="Accuracy in percent as the release reports it, under its own test protocol (clips x crops). "
        "Size: 4 bytes a parameter.",
    )
    for name, published in CATALOGUE.items():
        table.add_row(name, *_cells(published))
    Console(width=max(Console().width, WIDE)).print(table)


@cli.command("fetch")
def fetch(
    source: SourceArgument,
    publish: PublishOption = False,
    labels: LabelsOption = None,
    out: OutOption = None,
    temporal: TemporalOption = None,
    new_head: NewHeadOption = False,
    cache: CacheOption = None,
    mirror: MirrorOption = None,
    model: NameOption = "",
    formats: FormatsOption = BASE,
    store: StoreOption = Path("model_store"),
    videos: VideosOption = None,
    accept: AcceptOption = False,
) -> None:
    """Download a checkpoint and its class names, verify them, and convert it; with --publish, export and publish it.

    The options from --name on are those of `tin export`, for --publish.
    """
    request = FetchRequest(source, labels, temporal, new_head, cache, mirror)
    name = model or _default_name(source)
    try:
        if not publish:
            _save(request, out or Path(f"{name}.safetensors"))
            return
        wanted = formats.split(",")
        select_formats(wanted)  # a wrong format or name is refused before the download
        check_name("model", name)
        checkpoint = _fetch_trained(request)
        with progress_on_stderr():
            manifest = publish_version(ExportRequest(name, "", checkpoint, videos), store, wanted, accept=accept)
    except (BadInput, ExportError, StoreError, BackendError, OSError) as error:
        give_up(error)
    print_published(manifest, store)


def _cells(published: PublishedCheckpoint) -> tuple[str, ...]:
    """Return a row of the list, without the name."""
    return (
        published.data.title,
        f"{published.top1:.2f}",
        f"{published.top5:.2f}",
        f"{published.clips} x {published.crops}",
        published.release,
        f"{published.size / 1e6:.0f} MB",
    )


def _default_name(source: str) -> str:
    """Return the name of the model or file that is made: the catalogue's, the repository's, or the file's."""
    return parse_address(source).name if source.startswith(SCHEME) else source.rpartition("/")[2].removesuffix(".pth")


def _is_image_network(source: str) -> bool:
    return source in CATALOGUE and CATALOGUE[source].data.labels is None


def _save(request: FetchRequest, path: Path) -> None:
    """Write a checkpoint of this project; of an image network without labels, only say that it fits."""
    if request.labels is None and _is_image_network(request.source):
        architecture, report = preview(request)
        _print(report)
        typer.echo(f"{request.source}: {architecture}; a recipe starts from it, and --labels writes a checkpoint")
        return
    checkpoint, maybe_report = fetch_checkpoint(request)
    save_checkpoint(checkpoint, path)
    _print(maybe_report)
    typer.echo(f"{path}: {checkpoint.architecture}")


def _fetch_trained(request: FetchRequest) -> Checkpoint:
    """Fetch a checkpoint all of whose tensors are trained. Raises BadInput, and ExportError for another one."""
    if _is_image_network(request.source):
        raise ExportError(
            f"{request.source} names images, not actions in videos; train a network that starts from it "
            f"(a recipe's `model.pretrained: {request.source}`) and publish that"
        )
    checkpoint, report = fetch_checkpoint(request)
    if report and report.untrained:
        raise ExportError(
            f"{request.source} cannot be published like this: {first_names(report.untrained)} would be untrained; "
            "leave out --temporal and --new-head, or train it first"
        )
    _print(report)
    return checkpoint


def _print(report: LoadReport | None) -> None:
    for line in report.lines() if report else ():
        typer.echo(line)


if __name__ == "__main__":
    cli(prog_name="python -m export.zoo")
