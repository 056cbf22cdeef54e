"""Precision of an exported network."""

from __future__ import annotations

from enum import StrEnum

import torch


class Precision(StrEnum):
    """Element type of convolutions and feature maps; offsets, weights and logits are always float32."""

    FP32 = "fp32"
    FP16 = "fp16"

    @property
    def dtype(self) -> torch.dtype:
        """The type in torch."""
        return torch.float16 if self is Precision.FP16 else torch.float32

    @property
    def num_bytes(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize
