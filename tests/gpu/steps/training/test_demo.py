"""Step `demo`: the recipe that it trains, and the sum of its log, on the CPU with a tiny network."""

import pytest

from tests.gpu.steps.training.demo import OVERRIDES, train
from training.recipes.recipe import load_recipe


def test_it_is_the_recipe_at_the_published_size():
    recipe = load_recipe("tin_motion", list(OVERRIDES))
    assert (recipe.model.depth, recipe.model.width, recipe.clip.crop, recipe.data.batch_size) == (50, 1.0, 224, 6)


def test_its_log_is_summed_up():
    tiny = ("data.batch_size=2", "data.steps_per_epoch=2", "data.validation_clips=1")
    short = ("epochs=1", "data.lessons=[{from_epoch: 0, side: 32, difficulty: 0.0}]")
    demo = train((*tiny, *short), seconds=300)
    assert demo["steps"] == 2
    assert 0 < demo["first_loss"] < 10


def test_a_training_that_is_cut_before_its_first_step_is_no_error():
    assert train((), seconds=0.5)["steps"] == 0


def test_a_training_that_fails_is_one():
    with pytest.raises(AssertionError, match="no-such-setting"):
        train(("no-such-setting=1",), seconds=60)
