"""Commands `python -m export CHECKPOINT --name NAME`, which publishes, and `python -m export verify NAME`.

Exit codes: 0 success; 1 an artifact fails its checks; 2 the command cannot run; 3 this machine lacks a library or a
device that the format needs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from export.command_line import (
    AcceptOption,
    ClipsOption,
    CropOption,
    FormatsOption,
    StoreOption,
    VideosOption,
    ViewOption,
    give_up,
    print_published,
    with_views,
)
from export.errors import ExportError
from export.formats.catalogue import BASE, ExportRequest
from export.progress import progress_on_stderr
from export.publishing.publish import publish
from export.publishing.push import push
from export.publishing.verify import verify
from service.backends.base import BackendError
from service.store.model_store import ModelStore, StoreError
from training.checkpoints.checkpoint import CheckpointError, load_checkpoint
from training.errors import BadInput
from training.zoo.hub import HubError, HubRepository, parse_address, require_client

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Export checkpoints to the runtimes that serve them, each artifact with a parity report.",
)


PushOption = Annotated[
    str, typer.Option("--push", metavar="ADDRESS", help="Upload the version to hf://owner/name.", show_default=False)
]


@cli.command("publish")
def publish_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help="A .safetensors file with its .json beside it.")],
    name: Annotated[str, typer.Option(help="Name of the model in the store.", show_default=False)],
    version: Annotated[
        str, typer.Option(help="Name of the version.", show_default="one above the highest number published")
    ] = "",
    formats: FormatsOption = BASE,
    store: StoreOption = Path("model_store"),
    videos: VideosOption = None,
    view: ViewOption = None,
    clips: ClipsOption = None,
    crop: CropOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the version if it exists.")] = False,
    accept: AcceptOption = False,
    push_to: PushOption = "",
) -> None:
    """Export a checkpoint, compare every artifact with it, and publish the version.

    `publish` is the default command and may be left out.
    """
    try:
        repository = _repository(push_to)  # a wrong address is refused before the minutes that an export takes
        with progress_on_stderr():
            loaded = with_views(load_checkpoint(checkpoint), view, clips, crop)
            request = ExportRequest(name, version, loaded, videos)
            manifest = publish(request, store, formats.split(","), replace=replace, accept=accept)
    except (BadInput, ExportError, StoreError, BackendError, OSError) as error:
        give_up(error)
    print_published(manifest, store)
    if repository:
        _push(store / name / manifest.version, repository, f"{name} {manifest.version}")


def _repository(address: str) -> HubRepository | None:
    if not address:
        return None
    require_client(address)
    return parse_address(address)


def _push(folder: Path, repository: HubRepository, message: str) -> None:
    try:
        typer.echo(f"pushed {push(folder, repository, message)}")
    except HubError as error:
        give_up(error)


@cli.command("verify")
def verify_model(
    name: Annotated[str, typer.Argument(help="Name of the model in the store.", show_default=False)],
    version: Annotated[str | None, typer.Option(help="Name of the version.", show_default="all versions")] = None,
    store: StoreOption = Path("model_store"),
) -> None:
    """Check the digests of a published model, and compare every artifact with its checkpoint again."""
    try:
        versions = [version] if version else ModelStore(store).versions_of(name)
        results = [result for each in versions for result in verify(ModelStore(store), name, each)]
    except (CheckpointError, StoreError, OSError) as error:
        give_up(error)
    for result in results:
        typer.echo(f"{name} {result.version} {result.file}: {result.finding}")
    raise typer.Exit(0 if all(result.passed for result in results) else 1)


def main() -> None:
    """Run the command line; a first argument that is no command is a checkpoint to publish."""
    arguments = sys.argv[1:]
    if arguments and not arguments[0].startswith("-") and arguments[0] not in {"publish", "verify"}:
        arguments = ["publish", *arguments]
    cli(arguments, prog_name="python -m export")


if __name__ == "__main__":
    main()
