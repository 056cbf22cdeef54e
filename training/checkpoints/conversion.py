"""Conversion of published .pth files to checkpoints of this project."""

from __future__ import annotations

from pathlib import Path

from clips.clip_spec import ClipSpec
from training.checkpoints.checkpoint import Checkpoint, CheckpointError
from training.checkpoints.key_mapping import KeyNaming
from training.checkpoints.load_pretrained import LoadReport, load_pretrained
from training.checkpoints.pretrained import Pretrained, read_pretrained
from training.files import sha256_of
from training.model.tin import TIN, Architecture, Temporal


def convert(
    path: Path,
    labels: tuple[str, ...],
    *,
    naming: KeyNaming | None = None,
    temporal: Temporal | None = None,
    num_frames: int | None = None,
    new_head: bool = False,
) -> tuple[Checkpoint, LoadReport]:
    """Convert a .pth file to a checkpoint of this project; report on every tensor.

        checkpoint, report = convert(Path("tin_r50.pth"), read_labels(Path("labels.txt")))

    Args:
        path: A file of MMAction2, deepcs233/TIN, TSM or torchvision.
        labels: The classes' names, in the order of the head's rows.
        naming: The project whose tensor names the file has; detected if None.
        temporal: The network to build; the file's own if None, TIN for torchvision's.
        num_frames: Frames of a clip; the file's if None, or 8 where it does not say.
        new_head: Ignore the file's head and initialise another one, for other classes.

    Returns:
        The checkpoint and what became of every tensor. The ClipSpec is that of the published configurations: short side
        256, centre crop 224, ImageNet's mean and std.

    Raises:
        CheckpointError: The file cannot be read or does not fit; the message names it.
    """
    source = read_pretrained(path, naming)
    try:
        if not new_head:
            _check_num_labels(source, len(labels))
        model, report = build_from(source, len(labels), temporal, num_frames, new_head=new_head)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    clip = ClipSpec(num_frames=model.architecture.num_frames)
    return Checkpoint(model.architecture, clip, labels, model.state_dict(), _origin(path, source, report)), report


def build_from(
    source: Pretrained,
    num_classes: int,
    temporal: Temporal | None = None,
    num_frames: int | None = None,
    *,
    new_head: bool = False,
) -> tuple[TIN, LoadReport]:
    """Build the network that published weights are of, or another one that starts from them, and load them.

    Args:
        source: The published weights.
        num_classes: Rows of the head.
        temporal: The network to build; the weights' own if None, TIN for torchvision's.
        num_frames: Frames of a clip; the weights' if None, or 8 where they do not say.
        new_head: Ignore the published head.

    Raises:
        CheckpointError: The weights do not fit the network.
    """
    try:
        model = TIN(architecture_of(source, num_classes, temporal, num_frames))
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    return model, load_pretrained(model, source, new_head=new_head)


def architecture_of(
    source: Pretrained, num_classes: int, temporal: Temporal | None = None, num_frames: int | None = None
) -> Architecture:
    """Return the architecture that published tensors fit.

    Args:
        source: The published weights.
        num_classes: Rows of the head.
        temporal: The network's temporal module; the weights' own if None, TIN for torchvision's.
        num_frames: Frames of a clip; the weights' if None, or 8 where they do not say.

    Raises:
        CheckpointError: The weights are of another family of networks, or of clips of another length.
        ValueError: The architecture cannot be built.
    """
    if num_frames and source.num_frames not in {None, num_frames}:
        raise CheckpointError(f"it is made for {source.num_frames} frames, not {num_frames}")
    return Architecture(
        num_classes=num_classes,
        depth=source.depth,
        width=source.stem_channels / 64,
        num_frames=source.num_frames or num_frames or ClipSpec().num_frames,
        temporal=temporal or _default_temporal(source),
    )


def _check_num_labels(source: Pretrained, num_labels: int) -> None:
    if source.num_classes not in {None, num_labels}:
        raise CheckpointError(
            f"its head has {source.num_classes} classes, but there are {num_labels} labels; "
            "give one label a line for each class, or --new-head"
        )


def _default_temporal(source: Pretrained) -> Temporal:
    """Return TIN for an image network, which has no temporal module of its own; else the file's."""
    return Temporal.TIN if source.naming is KeyNaming.TORCHVISION else source.temporal


def _origin(path: Path, source: Pretrained, report: LoadReport) -> dict[str, object]:
    """Return the provenance that the checkpoint's JSON keeps."""
    digest = sha256_of(path)
    return {
        "converted_from": {"file": path.name, "sha256": digest, "names": source.naming, "fresh": report.initialised}
    }
