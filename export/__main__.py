"""The commands: `python -m export CHECKPOINT --name NAME` publishes, `python -m export verify NAME` checks.

Exit codes: 0 all well; 1 an artifact is not what it should be; 2 the command cannot do its work at all; 3 this machine
lacks what the format needs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from export.errors import ExportError, UnavailableHere
from export.formats.catalogue import BASE, NAMES, ExportRequest
from export.publishing.publish import publish
from export.publishing.verify import verify
from service.backends.base import BackendError
from service.store.model_store import ModelStore, StoreError
from training.checkpoints.checkpoint import CheckpointError, load_checkpoint

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Bring checkpoints to the runtimes that serve them, each with proof that it answers the same.",
)

VideosOption = Annotated[
    Path | None,
    typer.Option(help="A folder of videos, or a file that lists some, to calibrate int8 on.", show_default="rendered"),
]
StoreOption = Annotated[Path, typer.Option(help="The model store.")]


@cli.command("publish")
def publish_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help="A .safetensors file with its .json beside it.")],
    name: Annotated[str, typer.Option(help="The model's name in the store.", show_default=False)],
    version: Annotated[str, typer.Option(help="The version's name in the store.")] = "1",
    formats: Annotated[str, typer.Option(help=f"Any of {', '.join(NAMES)}, with commas between.")] = BASE,
    store: StoreOption = Path("model_store"),
    videos: VideosOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the version if it exists.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Publish int8 even if it agrees too seldom.")] = False,
) -> None:
    """Export a checkpoint, prove that every artifact answers the same, and publish it.

    The word publish may be left out.
    """
    try:
        with Console(stderr=True).status(f"exporting {checkpoint}"):
            subject = ExportRequest(name, version, load_checkpoint(checkpoint), videos)
            manifest = publish(subject, store, formats.split(","), replace=replace, accept=accept)
    except (CheckpointError, ExportError, StoreError, BackendError, OSError) as error:
        _give_up(error)
    for artifact in manifest.artifacts:
        difference = f"{artifact.parity.max_abs_logit_difference:.1e}"
        typer.echo(f"{store / name / version / artifact.file}: logits within {difference} of torch")


@cli.command("verify")
def verify_model(
    name: Annotated[str, typer.Argument(help="The model's name in the store.", show_default=False)],
    version: Annotated[str | None, typer.Option(help="Its version.", show_default="all")] = None,
    store: StoreOption = Path("model_store"),
) -> None:
    """Verification every digest of a model again, and compare every artifact with torch again."""
    try:
        versions = [version] if version else ModelStore(store).versions_of(name)
        checks = [check for each in versions for check in verify(ModelStore(store), name, each)]
    except (CheckpointError, StoreError, OSError) as error:
        _give_up(error)
    for check in checks:
        typer.echo(f"{name} {check.version} {check.file}: {check.finding}")
    raise typer.Exit(0 if all(check.is_right for check in checks) else 1)


def _give_up(error: Exception) -> NoReturn:
    typer.echo(f"error: {' '.join(str(error).split())}", err=True)
    raise typer.Exit(3 if isinstance(error, UnavailableHere) else 2) from None


def main() -> None:
    """Run the command line; a first word that is no command is a checkpoint to publish."""
    arguments = sys.argv[1:]
    if arguments and not arguments[0].startswith("-") and arguments[0] not in {"publish", "verify"}:
        arguments = ["publish", *arguments]
    cli(arguments, prog_name="python -m export")


if __name__ == "__main__":
    main()
