import pytest
import torch

from tests.helpers.reference import tin_r50_tensors
from training.checkpoints.checkpoint import Checkpoint, CheckpointError, save_checkpoint
from training.engine.build_model import build_model, load_weights
from training.model.interlace_ops import Backward
from training.recipes.recipe import RecipeError, load_recipe


def test_a_recipe_decides_the_network():
    model = build_model(load_recipe("tin_motion", ["interlace.backward=mmcv"]))
    assert all(interlace.backward_kind is Backward.MMCV for interlace in model.interlaces)
    torch.nn.init.zeros_(model.interlaces[0].offset_net.fc2.weight)
    offsets, _ = model.interlaces[0].plan(torch.rand(8, 4, 2, 2))
    torch.testing.assert_close(offsets, torch.ones(1, 2)), "initial_offset is 1.0"


def test_a_network_that_cannot_be_built_is_a_recipe_error():
    with pytest.raises(RecipeError, match="tin-motion, model: depth"):
        build_model(load_recipe("tin_motion", ["model.depth=20"]))


@pytest.fixture
def save(tmp_path):
    """Save the network of the demo recipe, with overrides, as a checkpoint of this project."""

    def save(*overrides):
        path, recipe = tmp_path / "own.safetensors", load_recipe("tin_motion", list(overrides))
        model = build_model(recipe)
        labels = tuple(str(index) for index in range(recipe.model.num_classes))
        save_checkpoint(Checkpoint(model.architecture, recipe.clip, labels, model.state_dict()), path)
        return path, model

    return save


def test_own_weights_are_taken_whole(save):
    path, saved = save()
    model = build_model(load_recipe("tin_motion"))
    report = load_weights(model, path, as_start=False)
    assert not report.initialised
    assert torch.equal(model.head.weight, saved.head.weight)


@pytest.mark.parametrize("temporal", ["tsm", "none"])
def test_own_weights_of_tsm_and_plain_networks_start_a_tin(save, temporal):
    path, saved = save(f"model.temporal={temporal}", "model.num_classes=4")
    model = build_model(load_recipe("tin_motion"))
    report = load_weights(model, path, as_start=True)
    assert {name.split(".")[0] for name in report.initialised} == {"stages", "head"}
    assert torch.equal(model.stem.conv.weight, saved.stem.conv.weight)
    with pytest.raises(CheckpointError, match=r"own\.safetensors: .*num_classes .*4.*16"):
        load_weights(model, path, as_start=False)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("model.temporal=none", "temporal .*tin.*none"),
        ("model.width=0.5", "stem_channels .*16.*32"),
        ("model.depth=34", "depth .*18.*34"),
        ("clip.num_frames=16", "num_frames .*8.*16"),
    ],
)
@pytest.mark.parametrize("as_start", [True, False])
def test_weights_of_another_network_are_refused(save, setting, said, as_start):
    path, _ = save()
    with pytest.raises(CheckpointError, match=said):
        load_weights(build_model(load_recipe("tin_motion", [setting])), path, as_start=as_start)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A TIN-R50 of 174 classes in MMAction2's format."""
    path = tmp_path_factory.mktemp("published") / "tin.pth"
    tensors = {name: torch.from_numpy(values) for name, values in tin_r50_tensors().items()}
    torch.save({"meta": {}, "state_dict": tensors}, path)
    return path


def test_published_weights_fill_the_recipes_network_with_an_account(published):
    report = load_weights(build_model(load_recipe("tin_r50_sthv2")), published, as_start=False)
    assert (len(report.loaded), report.ignored, report.initialised) == (448, (), ())


def test_a_published_head_for_other_classes_is_left_only_by_a_start(published):
    network = build_model(load_recipe("tin_tsm_finetune_r50_kinetics400"))
    with pytest.raises(CheckpointError, match=r"tin\.pth: .*num_classes .*174.*400"):
        load_weights(network, published, as_start=False)
    assert set(load_weights(network, published, as_start=True).initialised) == {"head.weight", "head.bias"}
