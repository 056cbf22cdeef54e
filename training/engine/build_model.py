"""Build the network of a recipe and load the weights that it starts from."""

from __future__ import annotations

from pathlib import Path

import torch

from training.checkpoints.checkpoint import CheckpointError, load_checkpoint
from training.checkpoints.load_pretrained import LoadReport, load_pretrained
from training.checkpoints.pretrained import Pretrained, from_checkpoint, read_pretrained
from training.model.tin import TIN, Architecture, Temporal
from training.recipes.recipe import Recipe, RecipeError


def build_model(recipe: Recipe, *, num_auxiliary: int = 0) -> TIN:
    """Build a recipe's network, initialised from torch's random state.

    Args:
        recipe: The recipe.
        num_auxiliary: Classes of a second task, which the head has after those of the recipe.

    Raises:
        RecipeError: The network cannot be built.
    """
    section = recipe.model
    try:
        architecture = Architecture(
            num_classes=section.num_classes + num_auxiliary,
            depth=section.depth,
            width=section.width,
            num_frames=recipe.clip.num_frames,
            temporal=section.temporal,
        )
    except ValueError as error:
        raise RecipeError(f"recipe {recipe.name}, model: {error}") from error
    model = TIN(architecture, dropout=section.dropout)
    for interlace in model.interlaces:
        interlace.offset_net.start_at(section.initial_offset)
        interlace.backward_kind = recipe.interlace.backward
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def load_weights(model: TIN, weights: Path, *, as_start: bool) -> LoadReport:
    """Load a checkpoint of this project or a published .pth into a model.

    Args:
        model: The network to fill.
        weights: A .safetensors or .pth file.
        as_start: Fine-tuning: accept TSM's or a plain network's weights for a TIN, and a head for other classes.

    Raises:
        CheckpointError: The weights do not fit; the message names the file and the difference.
    """
    own = weights.suffix == ".safetensors"
    source = from_checkpoint(load_checkpoint(weights)) if own else read_pretrained(weights)
    try:
        _check_same_network(source, model.architecture, as_start=as_start)
        return load_pretrained(model, source, new_head=source.num_classes != model.architecture.num_classes)
    except CheckpointError as error:
        raise CheckpointError(f"{weights}: {error}") from error


def _check_same_network(source: Pretrained, wanted: Architecture, *, as_start: bool) -> None:
    alike = ["depth", "stem_channels", "num_frames"]
    if not as_start:
        alike.append("num_classes")
    if not as_start or source.temporal is Temporal.TIN:
        alike.append("temporal")
    for name in alike:
        theirs, ours = getattr(source, name), getattr(wanted, name)
        if theirs not in {None, ours}:
            raise CheckpointError(f"its {name} is {theirs}, the recipe's {ours}")
