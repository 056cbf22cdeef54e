import pytest
import torch

from training.optim.muon import Muon, orthogonalise


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
