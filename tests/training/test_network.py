import pytest
import torch

from tests.reference import tin_r50_tensors
from training.checkpoint import Checkpoint, CheckpointError, save_checkpoint
from training.interlace import Backward
from training.network import build_network, fill_network, find_weights
from training.recipe import RecipeError, load_recipe
from training.zoo import UnknownName

SMALL = ["model.num_classes=4"]


def test_a_recipe_decides_the_network():
    model = build_network(load_recipe("tin_motion", ["interlace.backward=mmcv"]))
    assert all(interlace.backward_kind is Backward.MMCV for interlace in model.interlaces)
    torch.nn.init.zeros_(model.interlaces[0].offset_net.fc2.weight)
    offsets, _ = model.interlaces[0].plan(torch.rand(8, 4, 2, 2))
    torch.testing.assert_close(offsets, torch.ones(1, 2)), "initial_offset is 1.0"


def test_a_network_that_cannot_be_built_is_a_recipe_error():
    with pytest.raises(RecipeError, match="tin-motion, model: depth must be one of"):
        build_network(load_recipe("tin_motion", ["model.depth=20"]))


def test_own_weights_are_taken_whole_or_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    recipe = load_recipe("tin_motion", SMALL)
    first, second = build_network(recipe), build_network(recipe)
    save_checkpoint(Checkpoint(first.architecture, recipe.clip, tuple("abcd"), first.state_dict()), path)
    fill_network(second, path, new_head=False)
    assert torch.equal(first.head.weight, second.head.weight)
    with pytest.raises(CheckpointError, match=r"own\.safetensors: its network has num_classes 4, the recipe's has 16"):
        fill_network(build_network(load_recipe("tin_motion")), path, new_head=True)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A TIN-R50 of 174 classes, as MMAction2 writes it."""
    path = tmp_path_factory.mktemp("published") / "tin.pth"
    tensors = {name: torch.from_numpy(values) for name, values in tin_r50_tensors().items()}
    torch.save({"meta": {}, "state_dict": tensors}, path)
    return path


def test_published_weights_fill_the_recipes_network_with_an_account(published):
    lines = fill_network(build_network(load_recipe("tin_r50_sthv2")), published, new_head=False)
    assert lines[0].startswith("448 tensors taken")


def test_a_head_for_other_classes_is_left_only_when_told(published):
    network = build_network(load_recipe("tin_tsm_finetune_r50_kinetics400"))
    with pytest.raises(CheckpointError, match=r"tin\.pth: it tells 174 classes apart, the recipe 400"):
        fill_network(network, published, new_head=False)
    assert "head.weight" in fill_network(network, published, new_head=True)[-1]


@pytest.mark.parametrize(
    ("setting", "said"),
    [("model.depth=101", "has 50 layers, the recipe's has 101"), ("clip.num_frames=16", "made for 8 frames")],
)
def test_weights_of_another_network_are_refused(published, setting, said):
    with pytest.raises(CheckpointError, match=said):
        fill_network(build_network(load_recipe("tin_r50_sthv2", [setting])), published, new_head=True)


def test_weights_are_a_file_or_a_published_name():
    assert str(find_weights("folder/own.pth")) == "folder/own.pth"
    with pytest.raises(UnknownName, match="did you mean resnet50"):
        find_weights("resnet5O")
