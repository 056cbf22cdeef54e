import pytest

from clips.clip_spec import ClipSpec, View
from training.finetune.budget import Budget
from training.finetune.defaults import COLOUR_JITTER, ENOUGH_TO_CHOOSE, FLIP_IF_MIRROR, PATIENCE, SHORTEST_EXCERPT
from training.finetune.recipe_writer import recipe_of, recipe_of_fold, with_side, write_recipe
from training.model.tin import Architecture, Temporal
from training.zoo.start import Start

ARCHITECTURE = Architecture(num_classes=16, depth=34, width=0.25, num_frames=4, temporal=Temporal.TSM)
START = Start("start.safetensors", ARCHITECTURE, ClipSpec(num_frames=4, crop=96, view=View.SQUEEZE), "start/1")


def written(folder, *, num_clips=14, num_validated=4, mirror=False, change=lambda recipe: recipe):
    sizes = {"num_classes": 3, "num_clips": num_clips, "num_validated": num_validated}
    made = recipe_of("wave", START, Budget(128, 30, ""), folder, folder / "clips", mirror=mirror, **sizes)
    return write_recipe(change(made), folder / "recipe.yaml", "tin train recipe.yaml")


def test_the_recipe_is_read_as_it_was_meant(tmp_path):
    recipe = written(tmp_path)
    assert (recipe.name, recipe.epochs) == ("wave", 30)
    assert (recipe.model.num_classes, recipe.model.depth, recipe.model.width) == (3, 34, 0.25)
    assert (recipe.model.temporal, recipe.model.pretrained) == (Temporal.TSM, "start.safetensors")
    assert (recipe.clip.crop, recipe.clip.view, recipe.clip.num_frames) == (128, View.SQUEEZE, 4)
    assert (recipe.data.root, recipe.data.labels) == (tmp_path / "clips", tmp_path / "labels.txt")
    assert (tmp_path / "recipe.yaml").read_text().startswith("# tin train recipe.yaml\n")


@pytest.mark.parametrize(("mirror", "flip"), [(False, 0), (True, FLIP_IF_MIRROR)])
def test_clips_are_mirrored_only_when_asked(tmp_path, mirror, flip):
    assert written(tmp_path, mirror=mirror).data.flip == flip


def test_clips_are_varied_and_decoded_once(tmp_path):
    recipe = written(tmp_path)
    assert (recipe.data.shortest_excerpt, recipe.data.colour_jitter) == (SHORTEST_EXCERPT, COLOUR_JITTER)
    assert recipe.data.cache
    assert recipe.class_weights == "balanced"


def test_few_clips_make_a_small_batch(tmp_path):
    assert written(tmp_path, num_clips=3).data.batch_size == 3


@pytest.mark.parametrize(("num_validated", "patience"), [(ENOUGH_TO_CHOOSE - 1, None), (ENOUGH_TO_CHOOSE, PATIENCE)])
def test_few_validation_clips_choose_no_epoch(tmp_path, num_validated, patience):
    assert written(tmp_path, num_validated=num_validated).patience == patience


def test_a_fold_is_validated_once(tmp_path):
    recipe = written(tmp_path, change=lambda recipe: recipe_of_fold(recipe, threads=1))
    assert (recipe.validate_every, recipe.patience, recipe.data.workers) == (recipe.epochs, None, 0)


def test_a_centre_crop_keeps_its_margin():
    clip = with_side(ClipSpec(), 112)
    assert (clip.crop, clip.short_side) == (112, 128)
