"""Untrained networks whose parameters are not at their initial values."""

from __future__ import annotations

import torch

from training.model.tin import TIN, Architecture


def lively(architecture: Architecture) -> TIN:
    """TIN with random normalisation statistics, offsets and head weights, in eval mode."""
    torch.manual_seed(0)
    model = TIN(architecture)
    for name, tensor in model.state_dict().items():
        if "norm" in name and tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
        if "fc2.bias" in name:
            tensor.uniform_(-3, 3)
    torch.nn.init.normal_(model.head.weight, std=0.1)
    return model.eval()
