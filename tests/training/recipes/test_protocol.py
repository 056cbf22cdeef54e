"""Test protocols of recipes."""

import pytest

from clips.clip_spec import ClipSpec, View
from training.recipes.protocol import Protocol, with_protocol
from training.recipes.recipe import RecipeError, load_recipe


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("tin_r50_sthv1", ClipSpec(crop=256, view=View.THREE, clips=2)),
        ("tin_r50_sthv2", ClipSpec(crop=256, view=View.THREE, clips=2)),
        ("tin_tsm_finetune_r50_kinetics400", ClipSpec(view=View.TEN)),
        ("tsm_r50_kinetics400", ClipSpec(view=View.TEN)),
    ],
)
def test_accurate_is_what_the_published_tables_used(recipe, expected):
    loaded = load_recipe(recipe)
    tested = with_protocol(loaded, Protocol.ACCURATE)
    assert tested.clip == expected
    assert tested.model_copy(update={"clip": loaded.clip}) == loaded


@pytest.mark.parametrize(
    ("view", "expected"), [("ten", View.CENTRE), ("three", View.CENTRE), ("squeeze", View.SQUEEZE)]
)
def test_fast_is_one_view(view, expected):
    recipe = load_recipe("tin_r50_sthv2", [f"clip.view={view}", "clip.clips=2"])
    assert with_protocol(recipe, Protocol.FAST).clip == ClipSpec(view=expected)


def test_the_protocol_keeps_the_recipes_own_size():
    recipe = load_recipe("tsm_r50_kinetics400", ["clip.crop=112", "clip.short_side=128", "clip.num_frames=16"])
    assert with_protocol(recipe, Protocol.ACCURATE).clip == ClipSpec(
        num_frames=16, short_side=128, crop=112, view=View.TEN
    )


@pytest.mark.parametrize(
    ("recipe", "override"),
    [
        ("tin_motion", "accurate={view: squeeze}"),
        ("tin_r50_sthv2", "accurate=null"),
        ("tin_r50_sthv2", "accurate={view: ten, crop: 300}"),
    ],
    ids=["rendered", "none", "larger than the frame"],
)
def test_a_protocol_that_cannot_be_is_refused(recipe, override):
    with pytest.raises(RecipeError):
        with_protocol(load_recipe(recipe, [override]), Protocol.ACCURATE)
