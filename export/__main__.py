"""`python -m export CHECKPOINT --name NAME --version VERSION`: publish a checkpoint to the model store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from export.publish import publish
from export.to_onnx import ExportError
from training.checkpoint import CheckpointError, load_checkpoint


def main(
    checkpoint: Annotated[Path, typer.Argument(help="A .safetensors file with its .json beside it.")],
    name: Annotated[str, typer.Option(help="The model's name in the store.")],
    version: Annotated[str, typer.Option(help="The version's name in the store.")] = "1",
    store: Annotated[Path, typer.Option(help="The model store.")] = Path("model_store"),
    replace: Annotated[bool, typer.Option("--replace", help="Replace the version if it exists.")] = False,
) -> None:
    """Export a checkpoint to ONNX, prove that it answers the same, and publish it."""
    try:
        with Console(stderr=True).status(f"exporting {checkpoint}"):
            manifest = publish(load_checkpoint(checkpoint), store, name, version, replace=replace)
    except (CheckpointError, ExportError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    for artifact in manifest.artifacts:
        difference = f"{artifact.parity.max_abs_logit_difference:.1e}"
        typer.echo(f"{store / name / version / artifact.file}: logits within {difference} of torch")


if __name__ == "__main__":
    typer.run(main)
