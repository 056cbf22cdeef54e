"""Test cases of the plan's kernel: pooled features, parameters and expected outputs, for host and GPU."""

from dataclasses import dataclass

import torch

from export.tensorrt_plugin.launch import LAYERS, PlanLaunch
from tests.helpers.plugin.cases import DTYPES
from training.model.interlace import TemporalInterlace

CHANNELS = (4, 16, 64, 200, 512)
"""Fewer than a block has threads, as many as a ResNet-50 has in its blocks, and no multiple of the threads."""

NUM_CLIPS = 3


@dataclass(frozen=True)
class PlanCase:
    """Tensors of one launch; `parameters` are in the order of the kernel."""

    launch: PlanLaunch
    pooled: torch.Tensor
    parameters: tuple[torch.Tensor, ...]
    offsets: torch.Tensor
    weights: torch.Tensor

    def check(self, offsets, weights):
        """Assert equality up to float32 rounding of values of up to 2."""
        torch.testing.assert_close(offsets, self.offsets, atol=4e-6, rtol=0)
        torch.testing.assert_close(weights, self.weights, atol=4e-6, rtol=0)


def plan_cases_of(precision, num_frames):
    """Yield one case per number of channels."""
    for channels in CHANNELS:
        yield make_plan_case(channels, precision, num_frames)


@torch.no_grad()
def make_plan_case(channels, precision, num_frames, num_clips=NUM_CLIPS):
    """Return a case whose networks are far from their initial values, with offsets and weights of all sizes."""
    torch.manual_seed(channels + num_frames)
    networks = TemporalInterlace(4 * channels, num_frames)
    for parameter in networks.parameters():
        parameter.normal_(std=1.5 / max(1, parameter[0].numel()) ** 0.5)
    pooled = torch.randn(num_clips * num_frames, channels).to(DTYPES[precision])
    over_time = pooled.double().reshape(num_clips, num_frames, channels).transpose(1, 2)
    parameters = tuple(networks.get_parameter(name).detach().clone() for name in LAYERS)
    offsets, weights = (each.float().contiguous() for each in networks.double().plan_pooled(over_time))
    return PlanCase(PlanLaunch(precision, num_frames), pooled, parameters, offsets, weights)
