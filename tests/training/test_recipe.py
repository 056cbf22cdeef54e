import pytest

from clips.spec import View
from training.recipe import RECIPES, RecipeError, load_recipe


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_loads(path):
    recipe = load_recipe(path.stem)
    assert recipe.lessons[-1].side == recipe.clip.crop, "a model must end at the size it is served at"


def test_values_can_be_overridden():
    recipe = load_recipe("tin_motion", ["optim.muon_lr=0.5", "model.temporal=none", "clip.view=centre"])
    assert recipe.optim.muon_lr == 0.5
    assert recipe.model.temporal == "none"
    assert recipe.clip.view is View.CENTRE


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("optim.muon_rl=1", "unknown key optim.muon_rl; did you mean muon_lr?"),
        ("optim.muon_lr=fast", "optim.muon_lr: Input should be a valid number"),
        ("optimiser.lr=1", "no section 'optimiser'"),
        ("optim.muon_lr", "KEY=VALUE"),
        ("clip.view=fisheye", "clip.view: Input should be 'centre'"),
        ("clip.size=3", "size"),
        ("lessons=[]", "lessons"),
    ],
)
def test_a_bad_key_or_value_is_named(override, said):
    with pytest.raises(RecipeError, match=said.replace("?", r"\?")):
        load_recipe("tin_motion", [override])


def test_an_unknown_recipe_lists_those_there_are():
    with pytest.raises(RecipeError, match=r"the recipes here are .*tin_motion"):
        load_recipe("tin_emotion")
