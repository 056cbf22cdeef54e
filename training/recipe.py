"""A recipe: every number of a training run, in one typed YAML file."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError
from pydantic_core import ErrorDetails

from clips.spec import ClipSpec
from training.model import Temporal

RECIPES = Path(__file__).parent / "recipes"


class RecipeError(Exception):
    """The recipe cannot be read, or a key or value in it makes no sense; the message names it."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSection(_Section):
    """The network, and how it starts."""

    depth: int
    width: float = 1.0
    temporal: Temporal = Temporal.TIN
    dropout: float = Field(default=0.0, ge=0, lt=1)
    initial_offset: float = Field(gt=-2, lt=2)
    """What every OffsetNet answers before training, in frames."""


class OptimSection(_Section):
    """Muon moves the convolutions, AdamW everything else; both follow the same schedule."""

    muon_lr: float = Field(gt=0)
    muon_momentum: float = Field(ge=0, lt=1)
    muon_weight_decay: float = Field(ge=0)
    adamw_lr: float = Field(gt=0)
    adamw_weight_decay: float = Field(ge=0)
    clip_grad_norm: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    decay_from: float = Field(ge=0, lt=1)
    """Share of the run after which the rates fall linearly to zero."""


class Lesson(_Section):
    """A stretch of epochs at one picture size; `difficulty` from 0 to 1 is the synthetic data's."""

    epochs: int = Field(ge=1)
    side: int = Field(ge=32)
    difficulty: float = Field(ge=0, le=1)


class DataSection(_Section):
    """Where the clips come from."""

    kind: Literal["synthetic"]
    batch_size: int = Field(ge=1)
    steps_per_epoch: int = Field(ge=1)
    validation_clips: int = Field(ge=1)
    shuffled_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of examples whose frames are in random order and which teach that no action is likelier than another."""


def _clip_from_yaml(fields: Any) -> ClipSpec:
    return fields if isinstance(fields, ClipSpec) else ClipSpec.from_json(fields)


class Recipe(_Section):
    """Everything that decides a run; equal recipes and seeds give equal checkpoints on one machine."""

    name: str
    clip: Annotated[ClipSpec, PlainSerializer(ClipSpec.to_json)]
    model: ModelSection
    data: DataSection
    lessons: tuple[Lesson, ...] = Field(min_length=1)
    optim: OptimSection
    label_smoothing: float = Field(ge=0, lt=1)
    freeze_norm_from: float = Field(gt=0, le=1)
    """Share of the run after which batch normalisation keeps its statistics."""
    precision: Literal["fp32", "bf16"]

    @property
    def epochs(self) -> int:
        """Epochs of all lessons together."""
        return sum(lesson.epochs for lesson in self.lessons)

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.epochs * self.data.steps_per_epoch


def load_recipe(name: str, overrides: list[str] | None = None) -> Recipe:
    """Read `training/recipes/<name>.yaml`, or the file at that path, then apply `key.path=value` overrides."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else RECIPES / f"{name}.yaml"
    try:
        fields = yaml.safe_load(path.read_text())
    except OSError as error:
        known = ", ".join(sorted(found.stem for found in RECIPES.glob("*.yaml")))
        raise RecipeError(f"{path}: {error.strerror}; the recipes here are {known}") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    for override in overrides or []:
        _override(fields, override)
    try:
        return Recipe.model_validate(fields)
    except (ValidationError, TypeError) as error:
        raise RecipeError(f"{path}: {_explain(error)}") from error


def _override(fields: Any, override: str) -> None:
    key, equals, value = override.partition("=")
    *parents, last = key.split(".")
    if not equals:
        raise RecipeError(f"--set takes KEY=VALUE, not {override!r}")
    for parent in parents:
        fields = fields.get(parent) if isinstance(fields, dict) else None
    if not isinstance(fields, dict):
        raise RecipeError(f"--set {override}: the recipe has no section {'.'.join(parents)!r}")
    fields[last] = yaml.safe_load(value)


def _explain(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return str(error)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"unknown key {place}{_nearest(first)}" if first["type"] == "extra_forbidden" else f"{place}: {first['msg']}"


def _nearest(error: ErrorDetails) -> str:
    section: Any = Recipe
    for part in error["loc"][:-1]:
        if isinstance(part, str):
            section = Lesson if part == "lessons" else section.model_fields[part].annotation
    close = get_close_matches(str(error["loc"][-1]), section.model_fields, n=1)
    return f"; did you mean {close[0]}?" if close else ""
