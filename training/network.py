"""The network of a recipe, and the weights that it starts from."""

from __future__ import annotations

from pathlib import Path

import torch

from training.checkpoint import CheckpointError, load_checkpoint, load_strictly
from training.initialise import initialise
from training.model import TIN, Architecture
from training.pretrained import Pretrained, read_pretrained
from training.recipe import Recipe, RecipeError
from training.zoo import fetch


def build_network(recipe: Recipe) -> TIN:
    """The network as initialised from torch's random state; raises RecipeError for one that cannot be built."""
    section = recipe.model
    try:
        architecture = Architecture(
            num_classes=section.num_classes,
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


def find_weights(pretrained: str) -> Path:
    """The file that `model.pretrained` means; a name in the catalogue is fetched into the cache.

    Raises `training.zoo.UnknownName` and `training.download.DownloadError`.
    """
    is_file = pretrained.endswith((".pth", ".safetensors"))
    return Path(pretrained) if is_file else fetch(pretrained)


def fill_network(model: TIN, weights: Path, *, new_head: bool) -> list[str]:
    """Fill the model from a checkpoint of this project or a published .pth; returns the account of every tensor.

    `new_head` leaves the file's head where that is for another number of classes. Raises CheckpointError with the path.
    """
    try:
        if weights.suffix == ".safetensors":
            return _fill_from_checkpoint(model, weights)
        return _fill_from_published(model, read_pretrained(weights), new_head=new_head)
    except CheckpointError as error:
        named = str(error) if str(weights) in str(error) else f"{weights}: {error}"
        raise CheckpointError(named) from error


def _fill_from_checkpoint(model: TIN, path: Path) -> list[str]:
    loaded = load_checkpoint(path)
    wanted = model.architecture.to_json()
    for name, value in loaded.architecture.to_json().items():
        if value != wanted[name]:
            raise CheckpointError(f"its network has {name} {value}, the recipe's has {wanted[name]}")
    load_strictly(model, loaded.tensors)
    return [f"{len(loaded.tensors)} tensors taken"]


def _fill_from_published(model: TIN, source: Pretrained, *, new_head: bool) -> list[str]:
    wanted = model.architecture
    if source.depth != wanted.depth:
        raise CheckpointError(f"its network has {source.depth} layers, the recipe's has {wanted.depth}")
    if source.num_frames not in {None, wanted.num_frames}:
        raise CheckpointError(f"it is made for {source.num_frames} frames, the recipe for {wanted.num_frames}")
    other_classes = source.num_classes not in {None, wanted.num_classes}
    if other_classes and not new_head:
        raise CheckpointError(f"it tells {source.num_classes} classes apart, the recipe {wanted.num_classes}")
    return list(initialise(model, source, new_head=other_classes).lines())
