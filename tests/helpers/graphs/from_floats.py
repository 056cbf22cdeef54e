"""Network of an exported graph behind its normalisation, for inputs that are recorded as normalised frames."""

from __future__ import annotations

import torch
from torch import Tensor

from export.graph.split_network import SplitNetwork


class FromFloats(torch.nn.Module):
    """The network without its normalisation: normalised frames, float [N, T, 3, H, W], to the outputs by name."""

    def __init__(self, network: SplitNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """Map normalised frames to the outputs."""
        return self.network.infer(frames)
