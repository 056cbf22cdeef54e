import hashlib

import pytest
import torch

from tests.helpers.reference import golden_json
from training.checkpoints.key_mapping import KeyNaming, rename
from training.model.tin import TIN, Architecture
from training.optim.optimizers import make_optimizers, scale_rates
from training.recipes.recipe import load_recipe
from training.recipes.schema import SgdSection

GOLDEN = golden_json("optim.json")
MMACTION2_NAMES = {rename(name, KeyNaming.MMACTION2): name for name in golden_json("tin_r50_names.json")}


@pytest.fixture(scope="module")
def model():
    return TIN(Architecture(num_classes=174))


@pytest.fixture(scope="module")
def groups(model):
    (optimizer,) = make_optimizers(model, load_recipe("tin_r50_sthv1").optim)
    return optimizer.param_groups


@pytest.mark.parametrize("index", range(7))
def test_sgd_has_tsms_groups(model, groups, index):
    golden, group = GOLDEN["groups"][index], groups[index]
    name_of = {id(parameter): MMACTION2_NAMES[name] for name, parameter in model.named_parameters()}
    names = sorted(name_of[id(parameter)] for parameter in group["params"])
    assert hashlib.sha256("\n".join(names).encode()).hexdigest() == golden["names_sha256"]
    assert (group["name"], len(names)) == (golden["name"], golden["count"])
    assert sum(parameter.numel() for parameter in group["params"]) == golden["numel"]
    assert group["lr"] == GOLDEN["base_lr"] * golden["lr_mult"]
    assert group["weight_decay"] == GOLDEN["base_weight_decay"] * golden["decay_mult"]
    assert (group["momentum"], group["nesterov"], group["dampening"]) == (0.9, False, 0)


def test_without_fc_lr5_the_head_learns_as_any_layer(model):
    section = load_recipe("tin_r50_sthv1", ["optim.fc_lr5=false"]).optim
    assert isinstance(section, SgdSection)
    (optimizer,) = make_optimizers(model, section)
    rates = {group["name"]: group["lr"] / section.lr for group in optimizer.param_groups}
    assert (rates["fc_weight"], rates["fc_bias"]) == (1, 2)


def test_a_factor_multiplies_each_groups_own_rate(model):
    optimizers = make_optimizers(model, load_recipe("tin_r50_sthv1").optim)
    for factor in (0.5, 0.1):
        scale_rates(optimizers, factor)
        rates = {group["name"]: group["lr"] for group in optimizers[0].param_groups}
        assert rates["fc_bias"] == pytest.approx(0.02 * 10 * factor)
        assert rates["bn"] == pytest.approx(0.02 * factor)


def test_muon_and_adamw_share_out_every_parameter():
    torch.manual_seed(0)
    model = TIN(Architecture(num_classes=3, depth=18, width=0.25))
    optimizers = make_optimizers(model, load_recipe("tin_motion").optim)
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    handled = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(handled) == sorted(id(parameter) for parameter in model.parameters())
    assert all(parameter.dim() == 4 for parameter in groups[0]["params"])
