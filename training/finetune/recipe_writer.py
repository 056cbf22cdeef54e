"""Writer of the recipe of a fine-tuning run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from clips.clip_spec import ClipSpec
from training.files import replace_file
from training.finetune.budget import Budget
from training.finetune.defaults import (
    BATCH_SIZE,
    COLOUR_JITTER,
    CROPS,
    ENOUGH_TO_CHOOSE,
    FLIP_IF_MIRROR,
    MAX_UNREADABLE_SHARE,
    OPTIM,
    PATIENCE,
    RUN,
    SCHEDULE,
    SHORT_SIDE_PER_CROP,
    SHORTEST_EXCERPT,
    VALIDATIONS,
)
from training.recipes.recipe import Recipe, load_recipe
from training.zoo.start import Start


def recipe_of(
    name: str,
    start: Start,
    budget: Budget,
    lists: Path,
    root: Path,
    *,
    num_classes: int,
    num_clips: int,
    num_validated: int,
    mirror: bool,
) -> dict[str, Any]:
    """Return the recipe of a run as plain values.

    Args:
        name: The model's name.
        start: Weights, network and input to begin with.
        budget: Side and epochs.
        lists: Folder of train.txt, val.txt and labels.txt.
        root: Folder that the lists' names are relative to.
        num_classes: Number of classes.
        num_clips: Clips to train with.
        num_validated: Clips to validate with.
        mirror: Mirror clips at random.
    """
    data = {
        "kind": "videos",
        "root": str(root),
        "train": str(lists / "train.txt"),
        "validation": str(lists / "val.txt"),
        "labels": str(lists / "labels.txt"),
        "batch_size": min(BATCH_SIZE, num_clips),
        "workers": "auto",
        "cache": True,
        "crops": CROPS,
        "shortest_excerpt": SHORTEST_EXCERPT,
        "colour_jitter": COLOUR_JITTER,
        "flip": FLIP_IF_MIRROR if mirror else 0,
        "max_unreadable": int(MAX_UNREADABLE_SHARE * num_clips),
    }
    return {
        "name": name,
        "clip": with_side(start.clip, budget.side).to_json(),
        "model": _model(start, num_classes),
        "data": data,
        "epochs": budget.epochs,
        "validate_every": max(1, budget.epochs // VALIDATIONS),
        "patience": PATIENCE if num_validated >= ENOUGH_TO_CHOOSE else None,
        **RUN,
        "optim": OPTIM,
        "schedule": SCHEDULE,
    }


def recipe_of_fold(recipe: dict[str, Any], threads: int) -> dict[str, Any]:
    """Return the recipe of a fold: its clips are measured after the last epoch and choose nothing.

    Args:
        recipe: The recipe of a run of its own.
        threads: Threads of the fold, one of which trains while the others load.
    """
    data = recipe["data"] | {"workers": threads - 1}
    return recipe | {"data": data, "validate_every": recipe["epochs"], "patience": None}


def write_recipe(recipe: dict[str, Any], path: Path, command: str) -> Recipe:
    """Write a recipe as YAML, atomically, below a comment with the command that repeats its run; return it as read."""
    text = yaml.safe_dump(_plain(recipe), sort_keys=False, allow_unicode=True, width=120)
    replace_file(path, f"# {command}\n{text}".encode())
    return load_recipe(str(path))


def with_side(clip: ClipSpec, side: int) -> ClipSpec:
    """Return an input with another side in pixels; the short side keeps the margin of the crop."""
    return replace(clip, crop=side, short_side=round(side * SHORT_SIDE_PER_CROP))


def _model(start: Start, num_classes: int) -> dict[str, Any]:
    architecture = start.architecture
    return {
        "num_classes": num_classes,
        "depth": architecture.depth,
        "width": architecture.width,
        "temporal": str(architecture.temporal),
        "pretrained": start.weights,
    }


def _plain(value: Any) -> Any:
    """Return a value with lists for tuples and text for enumerations, as YAML has them."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, str) else value
