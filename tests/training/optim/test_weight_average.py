import pytest
import torch

from training.model.tin import TIN, Architecture
from training.optim.weight_average import WeightAverage, decay_after


@pytest.fixture
def model():
    return TIN(Architecture(num_classes=2, depth=18, width=0.25, num_frames=4))


def fill(model, value):
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.fill_(value)


def test_the_decay_rises_to_its_limit():
    assert [decay_after(updates, 0.9) for updates in (0, 8, 80, 1000)] == [1 / 10, 0.5, 0.9, 0.9]


def test_weights_and_statistics_are_averaged_and_counters_taken(model):
    average = WeightAverage(model, 0.9)
    for value in (10, 21, 32):
        fill(model, value)
        average.update_parameters(model)
    second = 21 + (10 - 21) * 2 / 11
    expected = torch.tensor(32 + (second - 32) * 3 / 12)
    tensors = average.network.state_dict()
    for name in ("head.weight", "stem.norm.weight", "stem.norm.running_mean", "stem.norm.running_var"):
        torch.testing.assert_close(tensors[name], expected.expand_as(tensors[name]))
    assert tensors["stem.norm.num_batches_tracked"] == 32


def test_the_trained_network_is_left_alone(model):
    average = WeightAverage(model, 0.9)
    fill(model, 1)
    average.update_parameters(model)
    fill(model, 5)
    average.update_parameters(model)
    assert all(bool((tensor == 5).all()) for tensor in model.state_dict().values())
    assert average.network.head.weight.max() < 5
