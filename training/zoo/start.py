"""Start of a training run: the weights to begin with, and the network and input that come with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clips.clip_spec import ClipSpec
from training.checkpoints.checkpoint import CheckpointError, load_checkpoint
from training.checkpoints.conversion import architecture_of
from training.checkpoints.pretrained import read_pretrained
from training.model.tin import Architecture
from training.zoo.weights import find_weights


@dataclass(frozen=True)
class Start:
    """Weights by the name that a recipe takes, their architecture and input, and a name for people."""

    weights: str
    architecture: Architecture
    clip: ClipSpec
    title: str


def read_start(weights: str, title: str = "") -> Start:
    """Read the architecture and the input of weights, which are downloaded if necessary.

        read_start("model_store/tin-motion/1/checkpoint.safetensors").clip

    Args:
        weights: A name of `tin zoo list`, an address hf://owner/name, or a .pth or .safetensors file.
        title: A name for people; the weights' own if empty.

    A published file is of clips as published: short side 256, centre crop 224.

    Raises:
        BadInput: The weights cannot be found or read, or are of another family of networks.
    """
    found = find_weights(weights)
    name = str(found.path.resolve()) if weights == str(found.path) else weights
    if found.is_own:
        checkpoint = load_checkpoint(found.path)
        return Start(name, checkpoint.architecture, checkpoint.clip, title or weights)
    architecture = _architecture_in(found.path)
    return Start(name, architecture, ClipSpec(num_frames=architecture.num_frames), title or weights)


def _architecture_in(published: Path) -> Architecture:
    source = read_pretrained(published)
    try:
        return architecture_of(source, source.num_classes or 1)
    except (CheckpointError, ValueError) as error:
        raise CheckpointError(f"{published}: {error}") from error
