"""Test protocols: the views of a validation clip whose scores are averaged."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from clips.clip_spec import ClipSpec, View
from training.recipes.recipe import Recipe, RecipeError
from training.recipes.schema import SyntheticSection


class Protocol(StrEnum):
    """Test protocols; without one, a recipe's own `clip` counts."""

    ACCURATE = "accurate"
    """The clips and crops of the recipe's `accurate` section, as in the best published tables."""
    FAST = "fast"
    """One clip and one view: the centre crop, or the squeezed frame where the recipe squeezes."""


def with_protocol(recipe: Recipe, protocol: Protocol) -> Recipe:
    """Return the recipe with the views of a protocol.

        with_protocol(load_recipe("tin_r50_sthv2"), Protocol.ACCURATE).clip.num_views    # 6

    Raises RecipeError for a recipe without that protocol.
    """
    clip = _fast(recipe.clip) if protocol is Protocol.FAST else _accurate(recipe)
    return recipe.model_copy(update={"clip": clip})


def _fast(clip: ClipSpec) -> ClipSpec:
    return replace(clip, view=View.SQUEEZE if clip.view is View.SQUEEZE else View.CENTRE, clips=1)


def _accurate(recipe: Recipe) -> ClipSpec:
    section = recipe.accurate
    if isinstance(recipe.data, SyntheticSection):
        raise RecipeError(f"recipe {recipe.name} renders its clips, which have one view: there is no accurate protocol")
    if section is None:
        example = "--set 'accurate={view: three, clips: 2}'"
        raise RecipeError(f"recipe {recipe.name} has no accurate protocol; name one, such as {example}")
    try:
        return replace(recipe.clip, view=section.view, clips=section.clips, crop=section.crop or recipe.clip.crop)
    except ValueError as error:
        raise RecipeError(f"recipe {recipe.name}, accurate: {error}") from error
