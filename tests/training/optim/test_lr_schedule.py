import pytest

from tests.helpers.reference import golden_json
from training.optim.lr_schedule import RunLength, rate_factor
from training.recipes.recipe import load_recipe
from training.recipes.schema import LinearSchedule, SgdSection

GOLDEN = golden_json("lr.json")
RECIPE_OF = {
    "sthv1": "tin_r50_sthv1",
    "sthv2": "tin_r50_sthv2",
    "k400": "tin_tsm_finetune_r50_kinetics400",
}


@pytest.mark.parametrize("name", RECIPE_OF)
def test_published_recipes_have_the_published_rates_at_every_recorded_point(name):
    recipe, golden = load_recipe(RECIPE_OF[name]), GOLDEN[name]
    assert isinstance(recipe.optim, SgdSection)
    assert (recipe.epochs, recipe.optim.lr) == (golden["epochs"], golden["base_lr"])
    for epoch, iteration, rate in golden["points"]:
        factor = rate_factor(recipe.schedule, epoch * 100 + iteration, RunLength(recipe.epochs, 100))
        assert recipe.optim.lr * factor == pytest.approx(rate, rel=1e-12, abs=0)


def test_the_demo_rates_warm_up_stay_and_fall_to_zero():
    schedule, length = load_recipe("tin_motion").schedule, RunLength(10, 100)
    assert isinstance(schedule, LinearSchedule)
    factors = [rate_factor(schedule, step, length) for step in range(length.steps)]
    assert factors[0] < 0.01
    assert factors[int(1000 * schedule.decay_from) - 1] == 1
    assert factors[-1] < 0.01
