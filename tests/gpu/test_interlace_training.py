"""Tests of the Triton kernels against the plain form in float64, on a GPU or in Triton's interpreter."""

import math
from dataclasses import dataclass
from unittest.mock import patch

import pytest
import torch

from tests.gpu.device import training_device, why_no_triton
from training.model.interlace import interlace
from training.model.interlace_ops import Backward, interlace_plain
from training.model.tin import TIN, Architecture

pytestmark = pytest.mark.skipif(bool(why_no_triton()), reason=why_no_triton())

DEVICE = training_device()
OFFSETS = [(0.3, -1.7), (1.0, 0.0), (-2.0, 1.9375)]
"""Fractions, integers and the extremes."""

ULPS = {torch.float32: 2**-23, torch.float16: 2**-10, torch.bfloat16: 2**-7}
ORDERS = [torch.contiguous_format, torch.channels_last]


@dataclass(frozen=True)
class Shape:
    """Shape of features [N * T, C, H, W], of which the first `moving` channels are interlaced."""

    channels: int
    moving: int
    height: int
    width: int
    num_frames: int
    num_clips: int = len(OFFSETS)


HALF = Shape(channels=16, moving=8, height=5, width=3, num_frames=3)
OTHER_SHAPES = [
    Shape(channels=16, moving=4, height=2, width=3, num_frames=2),
    Shape(channels=8, moving=8, height=3, width=5, num_frames=5),
    Shape(channels=4, moving=4, height=29, width=37, num_frames=2),
    Shape(channels=12, moving=4, height=1, width=1, num_frames=1),
    Shape(channels=4, moving=4, height=1, width=2, num_frames=33, num_clips=1),
]
"""A quarter of the channels, all, several blocks per slice, single values, a long clip."""

CASES = [(HALF, dtype) for dtype in ULPS] + [(shape, torch.float32) for shape in OTHER_SHAPES]


def fused(*inputs, **settings):
    from training.model.interlace_triton import interlace_fused  # noqa: PLC0415

    return interlace_fused(*inputs, **settings)


def draw(shape, dtype, order):
    """Draw features, offsets and weights, and a gradient to the result."""
    generator = torch.Generator().manual_seed(0)
    size = shape.num_clips * shape.num_frames, shape.channels, shape.height, shape.width
    features, upstream = (
        torch.randn(size, generator=generator).to(DEVICE, dtype).contiguous(memory_format=order) for _ in range(2)
    )
    weights = 2 * torch.rand(shape.num_clips, shape.num_frames, 2, generator=generator)
    return (features, torch.tensor(OFFSETS[: shape.num_clips]).to(DEVICE), weights.to(DEVICE)), upstream


def there_and_back(form, inputs, upstream, **settings):
    """Return the result and the gradients to features, offsets and weights."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    result = form(*leaves, **settings)
    return [result.detach(), *torch.autograd.grad(result, leaves, upstream)]


def close(found, expected, ulp):
    """Return True if the error is within three ULPs of the largest value."""
    error = (found.double() - expected).abs().max().item()
    return error <= 3 * ulp * max(1.0, expected.abs().max().item())


@pytest.mark.parametrize("backward", Backward)
@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize(("shape", "dtype"), CASES, ids=str)
def test_the_kernels_equal_the_plain_form(shape, dtype, order, backward):
    inputs, upstream = draw(shape, dtype, order)
    settings = {"num_channels": shape.moving, "backward": backward}
    found = there_and_back(fused, inputs, upstream, **settings)
    exact = [tensor.double() for tensor in inputs]
    expected = there_and_back(interlace_plain, exact, upstream.double(), **settings)
    sums = math.sqrt(upstream.numel()) * ULPS[torch.float32]
    assert close(found[0], expected[0], ULPS[dtype])
    assert close(found[1], expected[1], ULPS[dtype])
    assert close(found[2], expected[2], sums)
    assert close(found[3], expected[3], sums)
    assert torch.equal(found[0][:, shape.moving :], inputs[0][:, shape.moving :])
    assert torch.equal(found[1][:, shape.moving :], upstream[:, shape.moving :])


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_results_lie_in_memory_like_the_features(order):
    inputs, upstream = draw(HALF, torch.float32, order)
    settings = {"num_channels": HALF.moving, "backward": Backward.ADJOINT}
    other = next(layout for layout in ORDERS if layout is not order)
    found = there_and_back(fused, inputs, upstream, **settings)
    turned = there_and_back(fused, inputs, upstream.contiguous(memory_format=other), **settings)
    assert all(tensor.is_contiguous(memory_format=order) for tensor in (found[0], found[1], turned[1]))
    assert all(torch.equal(*pair) for pair in zip(found, turned, strict=True))


def test_features_that_are_not_dense_are_taken_too():
    inputs, upstream = draw(HALF, torch.float32, torch.contiguous_format)
    settings = {"num_channels": HALF.moving, "backward": Backward.ADJOINT}

    def from_every_second(features, *plan, **rest):
        return fused(features.repeat_interleave(2, dim=3)[..., ::2], *plan, **rest)

    runs = [there_and_back(form, inputs, upstream, **settings) for form in (fused, from_every_second)]
    assert all(torch.equal(*pair) for pair in zip(*runs, strict=True))


def test_equal_inputs_give_equal_bits():
    inputs, upstream = draw(OTHER_SHAPES[2], torch.float32, torch.contiguous_format)
    settings = {"num_channels": OTHER_SHAPES[2].moving, "backward": Backward.ADJOINT}
    runs = [there_and_back(fused, inputs, upstream, **settings) for _ in range(2)]
    assert all(torch.equal(*pair) for pair in zip(*runs, strict=True))


@pytest.mark.parametrize(("channels", "moving"), [(16, 6), (18, 16)])
def test_channels_that_cannot_be_cut_are_named(channels, moving):
    features = torch.zeros(2, channels, 1, 1, device=DEVICE)
    plan = torch.zeros(1, 2, device=DEVICE), torch.ones(1, 2, 2, device=DEVICE)
    with pytest.raises(ValueError, match=rf"\b{moving}\b.*\b{channels}\b"):
        fused(features, *plan, num_channels=moving, backward=Backward.ADJOINT)


def test_a_network_learns_the_same_with_the_kernels(monkeypatch):
    # by default CUDA rounds the operands of float32 convolutions to TF32, and may add up in any order
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    torch.manual_seed(0)
    model = TIN(Architecture(num_classes=3, depth=18, width=0.25, num_frames=2)).to(DEVICE)
    frames = torch.randn(2, 2, 3, 32, 32, device=DEVICE)
    for block in model.interlaces:
        block.backward_kind = Backward.MMCV

    def gradients(form):
        model.zero_grad()
        with patch("training.model.interlace.interlace", form):
            model(frames).square().sum().backward()
        return [parameter.grad for parameter in model.parameters()]

    # Sums of float32 in another order: errors of 1.6e-4 of a layer's largest gradient were seen on some CPUs.
    for found, expected in zip(gradients(fused), gradients(interlace_plain), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())


@pytest.mark.skipif(DEVICE is None or DEVICE.type != "cuda", reason="the interpreter is never chosen by itself")
def test_a_gpu_is_given_the_kernels():
    inputs, upstream = draw(HALF, torch.float16, torch.channels_last)
    settings = {"num_channels": HALF.moving, "backward": Backward.ADJOINT}
    chosen, expected = (there_and_back(form, inputs, upstream, **settings) for form in (interlace, fused))
    assert all(torch.equal(*pair) for pair in zip(chosen, expected, strict=True))
