import codecs
import json

import pytest

from clips.clip_spec import View
from tests.helpers.paths import REPOSITORY
from training.recipes.recipe import RECIPES, RecipeError, load_recipe
from training.recipes.schema import FramesSection, SgdSection, SyntheticSection


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


@pytest.mark.parametrize(
    ("name", "rate", "clips"),
    [
        ("tin_r50_sthv1", 0.02, 48),
        ("tin_r50_sthv2", 0.02, 48),
        ("tin_tsm_finetune_r50_kinetics400", 0.01, 48),
        ("tsm_r50_kinetics400", 0.01, 64),
    ],
)
def test_published_recipes_have_the_published_rate_per_clip(name, rate, clips):
    """Rate and total batch are those of MMAction2 0.24's configurations."""
    optim = load_recipe(name).optim
    assert isinstance(optim, SgdSection)
    assert optim.lr / optim.total_batch == pytest.approx(rate / clips, rel=1e-12)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_recipe_loads_again_from_what_a_checkpoint_keeps_of_it(path, tmp_path):
    recipe = load_recipe(path.stem)
    kept = tmp_path / "kept.yaml"
    kept.write_text(json.dumps(recipe.model_dump(mode="json")))
    assert load_recipe(str(kept)) == recipe


@pytest.mark.parametrize("file", ["checkpoint.json", "manifest.json"])
def test_the_stored_demo_models_recipe_loads(file, tmp_path):
    training = json.loads((REPOSITORY / "model_store" / "tin-motion" / "1" / file).read_text())["training"]
    stored = tmp_path / "stored.yaml"
    stored.write_text(json.dumps(training["recipe"]))
    recipe = load_recipe(str(stored))
    assert (recipe.clip.crop, recipe.model.temporal, recipe.epochs) == (96, "tin", training["metrics"]["epochs"])


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    marked = tmp_path / "marked.yaml"
    marked.write_bytes(codecs.BOM_UTF8 + (RECIPES / "tin_motion.yaml").read_bytes())
    assert load_recipe(str(marked)) == load_recipe("tin_motion")


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "picture.yaml"
    path.write_bytes(b"\x89PNG\r\n")
    with pytest.raises(RecipeError, match=r"picture\.yaml "):
        load_recipe(str(path))


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
        ("data.workers=auto", ("data.workers: ",)),
        ("accurate.clip=2", ("accurate.clip;", "clips?")),
        ("accurate={view: three, clips: 3}", ("accurate.clips: ",)),
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


@pytest.mark.parametrize("workers", ["auto", "3"])
def test_workers_of_listed_clips_are_a_number_or_auto(workers):
    assert str(load_recipe("tin_r50_sthv1", [f"data.workers={workers}"]).data.workers) == workers


@pytest.mark.parametrize("workers", ["-1", "many"])
def test_workers_of_listed_clips_are_nothing_else(workers):
    with pytest.raises(RecipeError, match=r"data\.workers"):
        load_recipe("tin_r50_sthv1", [f"data.workers={workers}"])


def test_an_unknown_recipe_lists_those_there_are():
    with pytest.raises(RecipeError, match=r"tin_emotion.*tin_motion"):
        load_recipe("tin_emotion")
