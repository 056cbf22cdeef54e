"""`python -m training.convert FILE.pth --labels labels.txt`: a published checkpoint becomes one of this project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clips.clip_spec import ClipSpec
from training.checkpoints.checkpoint import Checkpoint, CheckpointError, save_checkpoint
from training.checkpoints.key_mapping import KeyNaming
from training.checkpoints.load_pretrained import LoadReport, load_pretrained
from training.checkpoints.pretrained import Pretrained, read_pretrained
from training.exit_codes import errors_as_exit_codes
from training.files import sha256_of
from training.model.tin import TIN, Architecture, Temporal

DEFAULT_OUT = Path("checkpoint.safetensors")

NamingOption = Annotated[
    KeyNaming | None, typer.Option("--as", help="Whose names the tensors have.", show_default="guessed")
]
TemporalOption = Annotated[
    Temporal | None,
    typer.Option(help="The network to start from these weights.", show_default="the file's own; tin for torchvision's"),
]
FramesOption = Annotated[int | None, typer.Option(min=1, help="Frames of a clip.", show_default="the file's, or 8")]


def convert(
    path: Path,
    labels: tuple[str, ...],
    *,
    naming: KeyNaming | None = None,
    temporal: Temporal | None = None,
    num_frames: int | None = None,
    new_head: bool = False,
) -> tuple[Checkpoint, LoadReport]:
    """Read a .pth file into a checkpoint of this project, with an account of every tensor.

    What is None is as the file has it. The clips are those of the published configurations: short side 256, centre crop
    224, ImageNet's mean and std. Raises CheckpointError, naming the file.
    """
    source = read_pretrained(path, naming)
    try:
        if not new_head:
            _check_labels(source, len(labels))
        model, report = network_from(source, len(labels), temporal, num_frames, new_head=new_head)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    clip = ClipSpec(num_frames=model.architecture.num_frames)
    return Checkpoint(model.architecture, clip, labels, model.state_dict(), _origin(path, source, report)), report


def network_from(
    source: Pretrained,
    num_classes: int,
    temporal: Temporal | None = None,
    num_frames: int | None = None,
    *,
    new_head: bool = False,
) -> tuple[TIN, LoadReport]:
    """The network that the file is of, or another one that starts from it, filled; raises CheckpointError."""
    try:
        model = TIN(architecture_of(source, num_classes, temporal, num_frames))
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    return model, load_pretrained(model, source, new_head=new_head)


def architecture_of(
    source: Pretrained, num_classes: int, temporal: Temporal | None = None, num_frames: int | None = None
) -> Architecture:
    """The network that the file's tensors fit; raises CheckpointError for one that is not of this family."""
    if num_frames and source.num_frames not in {None, num_frames}:
        raise CheckpointError(f"it is made for {source.num_frames} frames, not {num_frames}")
    return Architecture(
        num_classes=num_classes,
        depth=source.depth,
        width=source.stem_channels / 64,
        num_frames=source.num_frames or num_frames or ClipSpec().num_frames,
        temporal=temporal or _published_kind(source),
    )


def _check_labels(source: Pretrained, num_labels: int) -> None:
    if source.num_classes not in {None, num_labels}:
        raise CheckpointError(
            f"it tells {source.num_classes} classes apart, but there are {num_labels} labels; "
            "give one label a line for each class, or --new-head"
        )


def _published_kind(source: Pretrained) -> Temporal:
    """A network for pictures can only be the start of one for clips; it becomes a TIN unless told otherwise."""
    return Temporal.TIN if source.naming is KeyNaming.TORCHVISION else source.temporal


def read_labels(path: Path) -> tuple[str, ...]:
    """The classes' names, one a line, in the order of the head's rows; raises CheckpointError."""
    try:
        labels = tuple(line.strip() for line in path.read_text(encoding="utf-8").rstrip().splitlines())
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read as labels, one a line: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} cannot be read as labels, one a line: {error}") from error
    if not all(labels) or not labels:
        raise CheckpointError(f"{path} has an empty line or no label at all; it should have one label a line")
    return labels


def _origin(path: Path, source: Pretrained, report: LoadReport) -> dict[str, object]:
    digest = sha256_of(path)
    return {"converted_from": {"file": path.name, "sha256": digest, "names": source.naming, "fresh": report.fresh}}


def describe(architecture: Architecture) -> str:
    """The network in a few words, such as "tin, 50 layers, 8 frames, 174 classes"."""
    size = f"{architecture.depth} layers, {architecture.num_frames} frames, {architecture.num_classes} classes"
    return f"{architecture.temporal}, {size}"


def main(
    file: Annotated[Path, typer.Argument(help="A .pth file of MMAction2, deepcs233/TIN, TSM or torchvision.")],
    labels: Annotated[Path, typer.Option(help="The classes' names, one a line, in the order of the file's classes.")],
    out: Annotated[Path, typer.Option(help="The .safetensors file; a .json comes beside it.")] = DEFAULT_OUT,
    naming: NamingOption = None,
    temporal: TemporalOption = None,
    frames: FramesOption = None,
    new_head: Annotated[bool, typer.Option("--new-head", help="Leave the file's head; the labels are others.")] = False,
) -> None:
    """Make a published checkpoint one of this project, which `python -m export` then publishes."""
    with errors_as_exit_codes():
        if out.suffix != ".safetensors":
            raise CheckpointError(f"{out}: the checkpoint's name must end in .safetensors")
        checkpoint, report = convert(
            file, read_labels(labels), naming=naming, temporal=temporal, num_frames=frames, new_head=new_head
        )
        save_checkpoint(checkpoint, out)
    for line in report.lines():
        typer.echo(line)
    typer.echo(f"{out}: {describe(checkpoint.architecture)}")


if __name__ == "__main__":
    typer.run(main)
