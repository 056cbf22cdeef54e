import pytest
import torch

from training.model import TIN, Architecture
from training.optim import Muon, make_optimizers, orthogonalise, rate_factor
from training.recipe import load_recipe

SECTION = load_recipe("tin_motion").optim


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16)])
def test_orthogonalise_brings_singular_values_near_one(shape):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_muon_descends():
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(4, 3, 3, 3))
    target = torch.randn(4, 3, 3, 3)
    optimizer = Muon([weight], lr=0.05, momentum=0.9, weight_decay=0.0)
    start = (weight - target).norm().item()
    for _ in range(200):
        optimizer.zero_grad()
        (weight - target).square().sum().backward()
        optimizer.step()
    assert (weight - target).norm().item() < 0.2 * start


def test_every_parameter_has_one_optimizer():
    model = TIN(Architecture(num_classes=3, depth=18, width=0.25))
    groups = [group for optimizer in make_optimizers(model, SECTION) for group in optimizer.param_groups]
    handled = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(handled) == sorted(id(parameter) for parameter in model.parameters())
    assert all(parameter.dim() == 4 for parameter in groups[0]["params"])


def test_rates_warm_up_stay_and_fall_to_zero():
    factors = [rate_factor(step, 1000, SECTION) for step in range(1000)]
    assert factors[0] < 0.01
    assert factors[int(1000 * SECTION.decay_from) - 1] == 1
    assert factors[-1] < 0.01
