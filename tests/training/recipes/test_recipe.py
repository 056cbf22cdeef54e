import pytest

from clips.clip_spec import View
from training.recipes.recipe import RECIPES, RecipeError, load_recipe
from training.recipes.schema import FramesSection, SyntheticSection


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_loads(path):
    recipe = load_recipe(path.stem)
    if isinstance(recipe.data, SyntheticSection):
        assert recipe.data.lessons[-1].side == recipe.clip.crop, "a model must end at the size it is served at"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*sthv*.yaml")), ids=lambda path: path.stem)
def test_something_something_is_never_mirrored(path):
    data = load_recipe(path.stem).data
    assert isinstance(data, FramesSection)
    assert data.flip == 0, "left and right are labels"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*r50*.yaml")), ids=lambda path: path.stem)
def test_published_recipes_are_for_a_batch_of_48(path):
    recipe = load_recipe(path.stem)
    assert recipe.data.batch_size * 8 == recipe.optim.total_batch == 48


def test_values_can_be_overridden():
    recipe = load_recipe(
        "tin_motion", ["optim.muon_lr=0.5", "model.temporal=none", "clip.view=centre", "interlace.backward=mmcv"]
    )
    assert recipe.optim == load_recipe("tin_motion").optim.model_copy(update={"muon_lr": 0.5})
    assert recipe.model.temporal == "none"
    assert recipe.clip.view is View.CENTRE
    assert recipe.interlace.backward == "mmcv"


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("optim.muon_rl=1", ("optim.muon_rl", "muon_lr")),
        ("optim.muon_lr=fast", ("optim.muon_lr",)),
        ("optimiser.lr=1", ("optimiser", "optim?")),
        ("name.first=1", ("name ",)),
        ("optim.muon_lr", ("KEY=VALUE",)),
        ("clip.view=fisheye", ("clip.view: ", "centre")),
        ("clip.view_=centre", ("clip.view_", "view?")),
        ("data.batchsize=3", ("data.batchsize", "batch_size")),
        ("data.kind=rendered", ("data: ", "'rendered'")),
        ("data.lessons=[]", ("data.lessons: ",)),
        (
            "data.lessons=[{from_epoch: 0, side: 96, difficult: 1}]",
            ("data.lessons.0.difficult;", "difficulty?"),
        ),
        ("data.lessons=[{from_epoch: 1, side: 96, difficulty: 1}]", ("data.lessons: ", "epoch 0")),
        ("data.file_name=frame.jpg", ("data.file_name",)),
        ("model.depth=five", ("model.depth: ",)),
    ],
)
def test_a_bad_key_or_value_is_named(override, named):
    with pytest.raises(RecipeError) as caught:
        load_recipe("tin_motion", [override])
    assert all(part in str(caught.value) for part in named)
    assert "\n" not in str(caught.value)


def test_a_frames_file_name_needs_the_place_of_a_number():
    with pytest.raises(RecipeError, match=r"data.file_name: .*img_{:05}.jpg"):
        load_recipe("tin_r50_sthv1", ["data.file_name=frame.jpg"])


def test_an_unknown_recipe_lists_those_there_are():
    with pytest.raises(RecipeError, match=r"tin_emotion.*tin_motion"):
        load_recipe("tin_emotion")
