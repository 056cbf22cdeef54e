"""`python -m training.convert FILE.pth --labels labels.txt`: convert a published checkpoint to one of this project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.checkpoints.checkpoint import CheckpointError, save_checkpoint
from training.checkpoints.conversion import convert
from training.checkpoints.key_mapping import KeyNaming
from training.exit_codes import errors_as_exit_codes
from training.model.tin import Temporal
from training.zoo.data_sets import DATA_SETS, find_labels
from training.zoo.weights import find_weights

DEFAULT_OUT = Path("checkpoint.safetensors")

NamingOption = Annotated[
    KeyNaming | None, typer.Option("--as", help="Project whose tensor names the file has.", show_default="detected")
]
TemporalOption = Annotated[
    Temporal | None,
    typer.Option(help="Network to build.", show_default="the file's own; tin for torchvision's"),
]
LabelsOption = Annotated[
    str,
    typer.Option(
        help="Class names in the order of the file's classes: a file, one a line, or a published list: "
        f"{', '.join(DATA_SETS)}."
    ),
]
FramesOption = Annotated[int | None, typer.Option(min=1, help="Frames of a clip.", show_default="the file's, or 8")]


def main(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A .pth file of MMAction2, deepcs233/TIN, TSM or torchvision, or hf://owner/name."
        ),
    ],
    labels: LabelsOption,
    out: Annotated[Path, typer.Option(help="Output .safetensors file; a .json is written beside it.")] = DEFAULT_OUT,
    naming: NamingOption = None,
    temporal: TemporalOption = None,
    frames: FramesOption = None,
    new_head: Annotated[bool, typer.Option("--new-head", help="Initialise a new head, for other classes.")] = False,
) -> None:
    """Convert a published checkpoint to one of this project.

    `python -m export` then publishes it.
    """
    with errors_as_exit_codes():
        if out.suffix != ".safetensors":
            raise CheckpointError(f"{out}: the checkpoint's name must end in .safetensors")
        weights = find_weights(source)
        if weights.is_own:
            raise CheckpointError(f"{source} is a checkpoint of this project already")
        checkpoint, report = convert(
            weights.path, find_labels(labels), naming=naming, temporal=temporal, num_frames=frames, new_head=new_head
        )
        checkpoint.training.update(weights.origin)
        save_checkpoint(checkpoint, out)
    for line in report.lines():
        typer.echo(line)
    typer.echo(f"{out}: {checkpoint.architecture}")


if __name__ == "__main__":
    typer.run(main)
