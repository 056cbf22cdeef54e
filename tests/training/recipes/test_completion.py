"""Completion of recipes from labels and weights."""

import pytest
import torch

from clips.clip_spec import ClipSpec, View
from tests.helpers.training.foreign_files import as_torchvision
from tests.helpers.training.networks import lively
from tests.helpers.training.tiny_data import make_frame_data
from training.checkpoints.checkpoint import Checkpoint, CheckpointError, save_checkpoint
from training.model.tin import Architecture, Temporal
from training.recipes.completion import complete_recipe
from training.recipes.recipe import RecipeError, load_recipe

SQUEEZED = ClipSpec(num_frames=4, crop=48, view=View.SQUEEZE)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return str(make_frame_data(tmp_path_factory.mktemp("data"), train=3, validation=3))


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A checkpoint of a TSM of six classes."""
    path = tmp_path_factory.mktemp("own") / "own.safetensors"
    architecture = Architecture(num_classes=6, depth=18, width=0.25, num_frames=4, temporal=Temporal.TSM)
    save_checkpoint(Checkpoint(architecture, SQUEEZED, tuple("abcdef"), lively(architecture).state_dict()), path)
    return str(path)


@pytest.mark.parametrize("name", ["tin_motion", "tin_r50_sthv2", "tin_tsm_finetune_r50_kinetics400"])
def test_a_complete_recipe_is_left_alone_and_its_weights_are_not_read(name):
    assert complete_recipe(name) == load_recipe(name)


def test_classes_are_counted_in_the_labels_or_rendered(recipe):
    left_out = ["model.num_classes=null"]
    assert complete_recipe(recipe, left_out).model.num_classes == 3
    assert complete_recipe("tin_motion", left_out).model.num_classes == 16


def test_network_and_clip_come_from_the_weights(recipe, own):
    completed = complete_recipe(recipe, [f"model={{pretrained: {own}}}", "clip=null"])
    model = completed.model
    assert (model.num_classes, model.depth, model.width, model.temporal) == (3, 18, 0.25, Temporal.TSM)
    assert completed.clip == SQUEEZED


def test_what_is_given_stays(recipe, own):
    settings = [f"model={{pretrained: {own}, temporal: tin}}", "clip={num_frames: 4, crop: 32}"]
    completed = complete_recipe(recipe, settings)
    assert (completed.model.width, completed.model.temporal) == (0.25, Temporal.TIN)
    assert completed.clip == ClipSpec(num_frames=4, crop=32)


def test_a_depth_that_is_given_has_the_usual_width_and_temporal_module(recipe, own):
    model = complete_recipe(recipe, [f"model={{depth: 18, pretrained: {own}}}"]).model
    assert (model.width, model.temporal) == (1.0, Temporal.TIN)


def test_the_weights_that_are_evaluated_may_give_them(recipe, own):
    completed = complete_recipe(recipe, ["model={pretrained: gone.pth}", "clip=null"], weights=own)
    assert (completed.model.depth, completed.model.temporal) == (18, Temporal.TSM)
    assert completed.clip == SQUEEZED


def test_a_published_file_gives_its_network_and_the_published_clip(recipe, tmp_path):
    published = tmp_path / "published.pth"
    torch.save(as_torchvision(lively(Architecture(num_classes=9, depth=18, temporal=Temporal.NONE))), published)
    completed = complete_recipe(recipe, [f"model={{pretrained: {published}}}", "clip=null"])
    assert (completed.model.depth, completed.model.width) == (18, 1.0)
    assert completed.model.temporal is Temporal.TIN
    assert completed.clip == ClipSpec()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (["model.depth=null"], r"model\.depth "),
        (["clip=null"], r"clip "),
        (["model=null"], r"model"),
        (["data.labels=null", "model.num_classes=null"], r"data\.labels|model\.num_classes"),
        (["model.depht=18", "model.depth=null"], r"model\.depht"),
    ],
)
def test_what_nothing_gives_is_named(recipe, settings, named):
    with pytest.raises(RecipeError, match=named):
        complete_recipe(recipe, settings)


def test_weights_that_cannot_be_read_are_named(recipe, tmp_path):
    broken = tmp_path / "broken.pth"
    torch.save({"state_dict": {"conv1.weight": torch.zeros(8, 3, 7, 7)}}, broken)
    with pytest.raises(CheckpointError, match=r"broken\.pth"):
        complete_recipe(recipe, [f"model={{pretrained: {broken}}}"])
