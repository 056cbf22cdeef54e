"""Test cases of the interlacing kernel: inputs and expected outputs, for host and GPU."""

from dataclasses import dataclass

import torch

from export.precision import Precision
from export.tensorrt_plugin.launch import Launch, Layout, interlace_launch
from training.model.interlace import interlace

OFFSETS = [(0.0, 0.0), (1.0, -1.0), (2.0, -2.0), (0.25, -1.75), (-0.5, 1.9375), (1.2, -0.7), (1e-7, -1e-7)]
"""Zero, whole frames, the limits, fractions, and almost whole frames."""

SHAPES = [(16, 8, 8), (64, 5, 3), (4, 7, 7), (12, 3, 5), (128, 1, 1), (8, 1, 3)]
"""Channels, height and width: even and odd sizes, channels that HWC8 would pad, vectors of every width."""

DTYPES = {Precision.FP32: torch.float32, Precision.FP16: torch.float16}


@dataclass(frozen=True)
class Case:
    """Tensors in the layout of the launch: `features` and `expected` are permuted for HWC8."""

    launch: Launch
    features: torch.Tensor
    offsets: torch.Tensor
    weights: torch.Tensor
    expected: torch.Tensor

    def check(self, output):
        """Assert equality up to one unit in the last place of fp16, or up to rounding in fp32."""
        rtol = 1e-3 if self.expected.dtype is torch.float16 else 1e-5
        torch.testing.assert_close(output, self.expected, atol=1e-6, rtol=rtol)


def cases_of(precision, num_frames):
    """Yield one case per shape and per layout that can hold it."""
    torch.manual_seed(num_frames)
    for shape in SHAPES:
        for layout in Layout:
            if layout is Layout.LINEAR or (precision is Precision.FP16 and shape[0] % 8 == 0):
                yield make_case(shape, precision, layout, num_frames)


def make_case(shape, precision, layout, num_frames, offsets=OFFSETS):
    """Return a case of random features and weights, with one clip per pair of offsets."""
    num_clips = len(offsets)
    features = torch.randn(num_clips * num_frames, *shape).to(DTYPES[precision])
    pairs = torch.tensor(offsets)
    weights = 2 * torch.rand(num_clips, num_frames, 2)
    expected = interlace(features.float(), pairs, weights).to(features.dtype)
    if layout is Layout.HWC8:
        features, expected = (tensor.permute(0, 2, 3, 1).contiguous() for tensor in (features, expected))
    return Case(interlace_launch(shape, precision, layout), features, pairs, weights, expected)
