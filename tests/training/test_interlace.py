import numpy as np
import pytest
import torch

from tests.reference import golden_arrays
from training.interlace import TemporalInterlace, interlace, interlacing_matrix

GOLDEN = golden_arrays("interlace.npz")
CHANNELS, NUM_FRAMES = 64, 8


@pytest.fixture
def block():
    """The reference's block, and its input with 48 channels that must pass."""
    module = TemporalInterlace(CHANNELS, NUM_FRAMES).double()
    parameters = {name: torch.from_numpy(GOLDEN[f"p.{name}"]).double() for name in module.state_dict()}
    module.load_state_dict(parameters)
    return module


def with_passing_channels(quarter):
    passing = np.random.default_rng(0).normal(size=(len(quarter), CHANNELS - 16, *quarter.shape[2:]))
    return torch.from_numpy(np.concatenate([quarter, passing], axis=1))


def test_output_equals_the_reference(block):
    features = with_passing_channels(GOLDEN["x"])
    result = block(features).detach()
    np.testing.assert_allclose(result[:, :16], GOLDEN["y"], atol=5e-7)
    assert torch.equal(result[:, 16:], features[:, 16:])


def test_gradients_are_the_true_adjoint(block):
    features = with_passing_channels(GOLDEN["x"]).requires_grad_()
    upstream = with_passing_channels(GOLDEN["gy"])
    block(features).backward(upstream)
    np.testing.assert_allclose(features.grad[:, :16], GOLDEN["dx_adjoint"], atol=5e-7)
    assert torch.equal(features.grad[:, 16:], upstream[:, 16:])
    for name, parameter in block.named_parameters():
        np.testing.assert_allclose(parameter.grad, GOLDEN[f"d_adjoint_{name}"], rtol=1e-9, atol=1e-11)


def test_a_whole_offset_moves_frames_and_leaves_zeros_behind():
    frames = torch.arange(1.0, 5).reshape(4, 1, 1, 1).expand(4, 4, 1, 1)
    moved = interlace(frames, torch.tensor([[1.0, 0.0]]), torch.ones(1, 4, 2))[..., 0, 0]
    assert moved[:, 0].tolist() == [0, 1, 2, 3]
    assert moved[:, 1].tolist() == [1, 2, 3, 4]
    assert moved[:, 2].tolist() == [2, 3, 4, 0]


def test_the_matrix_equals_the_papers_sum():
    generator = torch.Generator().manual_seed(0)
    offsets = torch.rand(3, 2, generator=generator) * 4 - 2
    weights = torch.rand(3, 5, 2, generator=generator) * 2
    matrix = interlacing_matrix(offsets, weights).reshape(3, 5, 4, 5, 4)
    signs = [(0, 1), (1, 1), (0, -1), (1, -1)]
    for clip in range(3):
        for t in range(5):
            for s in range(5):
                for group, (which, sign) in enumerate(signs):
                    hat = max(0.0, 1 - abs(t - sign * offsets[clip, which].item() - s))
                    expected = weights[clip, t, which].item() * hat
                    assert matrix[clip, t, group, s, group].item() == pytest.approx(expected, abs=1e-6)


def test_groups_do_not_mix():
    matrix = interlacing_matrix(torch.tensor([[0.5, -1.5]]), torch.ones(1, 3, 2)).reshape(3, 4, 3, 4)
    for group in range(4):
        others = [other for other in range(4) if other != group]
        assert not matrix[:, group][:, :, others].any()


def test_learned_offsets_start_where_they_are_told():
    module = TemporalInterlace(CHANNELS, NUM_FRAMES)
    torch.nn.init.zeros_(module.offset_net.fc2.weight)
    module.offset_net.start_at(1.0)
    offsets, weights = module.plan(torch.rand(16, 16, 2, 2))
    assert torch.allclose(offsets, torch.ones(2, 2))
    assert weights.shape == (2, 8, 2)


def test_channels_must_divide():
    with pytest.raises(ValueError, match="24 channels"):
        TemporalInterlace(24, 8)
