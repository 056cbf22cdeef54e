"""Recipe: all settings of a training run, read from a typed YAML file."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import Field, PlainSerializer, ValidationError

from clips.clip_spec import ClipSpec
from training.errors import BadInput
from training.recipes.schema import (
    AccurateSection,
    DataSection,
    InterlaceSection,
    ModelSection,
    OptimSection,
    ScheduleSection,
    Section,
)

RECIPES = Path(__file__).parent

UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
"""Pydantic's error types for an unknown key of a section or of a ClipSpec."""

GIVEN_BY = {
    "model.num_classes": "; give it, or the labels",
    "model.depth": "; give it, or take it from weights with model.pretrained",
    "clip": "; give it, or take it from weights with model.pretrained",
}
"""What to do about keys that other ones may give."""


class RecipeError(BadInput):
    """The recipe cannot be read, or a key or value in it is invalid; the message names it."""


class Recipe(Section):
    """All settings of a run; equal recipes and seeds give equal checkpoints on the same machine."""

    name: str
    clip: Annotated[ClipSpec, PlainSerializer(ClipSpec.to_json)]
    accurate: AccurateSection | None = None
    """Views of `evaluate --protocol accurate`, instead of those of `clip`."""
    model: ModelSection
    interlace: InterlaceSection = InterlaceSection()
    data: Annotated[DataSection, Field(discriminator="kind")]
    epochs: int = Field(ge=1)
    validate_every: int = Field(ge=1)
    """Epochs between validations; the last epoch is always validated."""
    patience: int | None = Field(default=None, ge=1)
    """Validations without a better one after which a run stops; None trains all epochs."""
    optim: Annotated[OptimSection, Field(discriminator="kind")]
    schedule: Annotated[ScheduleSection, Field(discriminator="kind")]
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = "none"
    """Weights of the loss: balanced ones make rare classes count as much as frequent ones."""
    freeze_stages: int = Field(default=0, ge=0, le=4)
    """Stages, with the stem, that do not learn and whose batch normalisation keeps its statistics."""
    freeze_norm_from: float = Field(default=1.0, ge=0, le=1)
    """Share of the run after which batch normalisation keeps its statistics."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decay of the moving average of the weights, such as 0.999, which is validated and saved; 0 for none."""
    precision: Literal["fp32", "bf16"] = "fp32"


def load_recipe(name: str, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe and apply overrides.

        recipe = load_recipe("tin_r50_sthv2", ["optim.lr=0.01", "data.batch_size=8"])

    `name` is that of a file in training/recipes without its suffix, or the path of a YAML file. Raises RecipeError,
    also where a value is left out that `training.recipes.completion` would fill in.
    """
    return read_recipe(name, overrides).validated()


@dataclass(frozen=True)
class RawRecipe:
    """A recipe as it is written: its file, and its values by key, which may be invalid or missing."""

    path: Path
    values: dict[str, Any]

    def section(self, key: str) -> dict[str, Any]:
        """Return a section, whose changes count; an empty one if there is none."""
        found = self.values.get(key)
        return found if isinstance(found, dict) else {}

    def validated(self) -> Recipe:
        """Return the recipe. Raises RecipeError."""
        try:
            return Recipe.model_validate(_without_missing(self.values))
        except ValidationError as error:
            raise RecipeError(f"{self.path}: {_explain(error)}") from error


def read_recipe(name: str, overrides: list[str] | None = None) -> RawRecipe:
    """Read a recipe's file and apply overrides. Raises RecipeError."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else RECIPES / f"{name}.yaml"
    try:
        values = yaml.safe_load(path.read_bytes())
    except OSError as error:
        known = ", ".join(sorted(found.stem for found in RECIPES.glob("*.yaml")))
        raise RecipeError(f"{path}: {error.strerror}; known recipes: {known}") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{path} is not a recipe, which has keys and values")
    for override in overrides or []:
        _override(values, override)
    return RawRecipe(path, values)


def _without_missing(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out the keys that can be completed where they have no value, so that they count as missing."""
    model = values.get("model")
    if isinstance(model, dict):
        values = values | {"model": {key: value for key, value in model.items() if value is not None}}
    return {key: value for key, value in values.items() if key != "clip" or value is not None}


def _override(recipe: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    *parents, last = key.split(".")
    if not equals:
        raise RecipeError(f"--set takes KEY=VALUE, not {override!r}")
    section: Any = recipe
    for parent in parents:
        section = section.setdefault(parent, {}) if isinstance(section, dict) else None
    if not isinstance(section, dict):
        raise RecipeError(f"--set {override}: {'.'.join(parents)} is not a section")
    section[last] = yaml.safe_load(value)


def _explain(error: ValidationError) -> str:
    first = min(error.errors(), key=lambda found: found["type"] not in UNKNOWN_KEY)
    section, keys = _walk(first["loc"])
    if first["type"] == "missing":
        return f"{'.'.join(keys)} is missing{GIVEN_BY.get('.'.join(keys), '')}"
    if first["type"] not in UNKNOWN_KEY:
        return f"{'.'.join(keys)}: {first['msg']}"
    close = get_close_matches(keys[-1], _keys(section), n=1)
    return f"unknown key {'.'.join(keys)}" + (f"; did you mean {close[0]}?" if close else "")


def _walk(location: tuple[int | str, ...]) -> tuple[Any, list[str]]:
    """Return the section that contains an error, and its keys; pydantic's location also names a union's member."""
    inside: Any = Recipe
    section, keys = inside, []
    for part in location:
        members = _members(inside)
        if part in members:
            inside = members[part]
            continue
        section, inside = inside, _inside(inside, part)
        keys.append(str(part))
    return section, keys


def _members(union: Any) -> dict[Any, Any]:
    """Return the sections of a union by their `kind`; empty for other types."""
    sections = [member for member in get_args(union) if hasattr(member, "model_fields")]
    return {
        get_args(section.model_fields["kind"].annotation)[0]: section
        for section in sections
        if "kind" in _keys(section)
    }


def _inside(section: Any, part: int | str) -> Any:
    """Return the type of a tuple's element, or of a section's key."""
    if isinstance(part, int):
        return get_args(section)[0]
    field = getattr(section, "model_fields", {}).get(part)
    return None if field is None else _required(field.annotation)


def _required(annotation: Any) -> Any:
    """Return X for the annotation X | None."""
    members = [member for member in get_args(annotation) if member is not NoneType]
    return members[0] if len(members) == 1 and NoneType in get_args(annotation) else annotation


def _keys(section: Any) -> list[str]:
    if is_dataclass(section):
        return [field.name for field in fields(section)]
    return list(section.model_fields)
