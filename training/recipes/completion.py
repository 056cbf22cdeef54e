"""Completion of recipes: what a recipe leaves out is taken from its labels and from its initial weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.lists.labels import LabelsError, read_labels
from training.recipes.recipe import RawRecipe, Recipe, RecipeError, read_recipe
from training.synthetic.motions import LABELS
from training.zoo.start import Start, read_start


def complete_recipe(name: str, overrides: list[str] | None = None, *, weights: str | None = None) -> Recipe:
    """Read a recipe, apply overrides and fill in what it leaves out; all values of the result are concrete.

        complete_recipe("mine.yaml", ["model.pretrained=tin_r50_sthv2"]).model.depth    # 50

    `model.num_classes` is the number of labels. The weights give `clip` where it is left out, and depth, width and
    temporal module where `model.depth` is.

    Args:
        name: Name or path, as `load_recipe` takes it.
        overrides: Keys and values of `--set`.
        weights: The weights that give network and input; `model.pretrained` if None. They are downloaded if necessary.

    Raises:
        RecipeError: A key or value is invalid, or a value is left out that labels and weights do not give.
        BadInput: The weights cannot be found or read.
    """
    raw = read_recipe(name, overrides)
    model = raw.section("model")
    if model.get("num_classes") is None:
        model["num_classes"] = _count_labels(raw.section("data"))
    source = weights or model.get("pretrained")
    if isinstance(source, str) and _lacks_network_or_clip(raw):
        _take_from(read_start(source), raw)
    return raw.validated()


def read_data_labels(path: Path) -> tuple[str, ...]:
    """Read the label file of a recipe's data. Raises RecipeError."""
    try:
        return read_labels(path)
    except LabelsError as error:
        raise RecipeError(f"{error}; `python -m training.prepare` writes one") from error


def _count_labels(data: dict[str, Any]) -> int | None:
    if data.get("kind") == "synthetic":
        return len(LABELS)
    labels = data.get("labels")
    return len(read_data_labels(Path(labels))) if isinstance(labels, str) else None


def _lacks_network_or_clip(raw: RawRecipe) -> bool:
    return raw.section("model").get("depth") is None or raw.values.get("clip") is None


def _take_from(start: Start, raw: RawRecipe) -> None:
    model = raw.section("model")
    if model.get("depth") is None:
        network = start.architecture
        found = {"depth": network.depth, "width": network.width, "temporal": str(network.temporal)}
        model.update({key: value for key, value in found.items() if model.get(key) is None})
    if raw.values.get("clip") is None:
        raw.values["clip"] = start.clip.to_json()
