import numpy as np
import pytest
import torch

from tests.helpers.reference import golden_arrays
from training.model.interlace import TemporalInterlace, interlace
from training.model.interlace_ops import Backward, interlacing_matrix

GOLDEN = golden_arrays("interlace.npz")
CHANNELS, NUM_FRAMES = 64, 8


@pytest.fixture
def block():
    """The reference's block."""
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


@pytest.mark.parametrize("backward", Backward)
def test_gradients_equal_the_reference(block, backward):
    block.backward_kind = backward
    features = with_passing_channels(GOLDEN["x"]).requires_grad_()
    upstream = with_passing_channels(GOLDEN["gy"])
    block(features).backward(upstream)
    np.testing.assert_allclose(features.grad[:, :16], GOLDEN[f"dx_{backward}"], atol=5e-7)
    assert torch.equal(features.grad[:, 16:], upstream[:, 16:])
    for name, parameter in block.named_parameters():
        np.testing.assert_allclose(parameter.grad, GOLDEN[f"d_adjoint_{name}"], rtol=1e-9, atol=1e-11)


def test_mmcv_moves_the_gradient_like_the_features():
    features = torch.randn(5, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(5, 4, 2, 3, dtype=torch.float64)
    offsets, weights = torch.tensor([[1.25, -0.5]]).double(), torch.rand(1, 5, 2, dtype=torch.float64)
    interlace(features, offsets, weights, backward=Backward.MMCV).backward(upstream)
    weighed = upstream * weights[0].repeat(1, 2)[..., None, None]
    torch.testing.assert_close(features.grad, interlace(weighed, offsets, torch.ones(1, 5, 2).double()))


@pytest.mark.parametrize("backward", Backward)
def test_gradients_pass_under_autocast(backward):
    block = TemporalInterlace(CHANNELS, NUM_FRAMES)
    block.backward_kind = backward
    features = torch.randn(NUM_FRAMES, CHANNELS, 3, 3, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        loss = block(features).square().mean()
    gradients = torch.autograd.grad(loss, [features, *block.parameters()])
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_the_adjoint_passes_a_strict_gradient_check():
    torch.manual_seed(0)
    features = torch.randn(2 * 3, 8, 1, 2, dtype=torch.float64, requires_grad=True)
    offsets = torch.tensor([[0.3, -1.7], [-0.45, 1.95]], dtype=torch.float64, requires_grad=True)
    weights = torch.rand(2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda *inputs: interlace(*inputs, num_channels=4), (features, offsets, weights), eps=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("whole", [0.0, 1.0, -1.0, 2.0, -2.0])
def test_the_gradient_to_a_whole_offset_is_right_handed_in_each_group_s_own_shift(whole):
    torch.manual_seed(0)
    features = torch.randn(6, 4, 1, 1, dtype=torch.float64)
    weights, upstream = torch.rand(1, 6, 2, dtype=torch.float64), torch.randn_like(features)
    offsets = torch.full((1, 2), whole, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(interlace(features, offsets, weights), offsets, upstream)

    def loss_by_group(offset):
        moved = interlace(features, torch.full((1, 2), offset).double(), weights)
        return (moved * upstream).sum(dim=(0, 2, 3))

    # The output is linear between integer offsets, so that a large step is exact.
    step = 0.25
    to_the_right = (loss_by_group(whole + step) - loss_by_group(whole)) / step
    to_the_left = (loss_by_group(whole) - loss_by_group(whole - step)) / step
    expected = to_the_right[:2] + to_the_left[2:]
    assert (to_the_right - to_the_left).abs().min() > 0.01
    torch.testing.assert_close(gradient[0], expected, rtol=1e-12, atol=1e-12)


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
