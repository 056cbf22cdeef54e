"""Files as MMEngine writes them while it trains MMAction2 1.x: weights, and a log of Python and NumPy objects."""

from __future__ import annotations

import io
import sys
from types import ModuleType
from unittest import mock

import numpy as np
import torch


class HistoryBuffer:
    """Values of a loss, as MMEngine's class of this name keeps them."""

    __module__ = "mmengine.logging.history_buffer"

    def __init__(self) -> None:
        self.max_length = 1_000_000
        self._log_history = np.array([2.5, 1.25])
        self._count_history = np.array([1, 1])


def mmengine_file(tensors: dict[str, torch.Tensor]) -> bytes:
    """Return a file with weights, the constants of the data preprocessor, `meta` and `message_hub`."""
    constants = {f"data_preprocessor.{name}": torch.full((3, 1, 1), 58.0) for name in ("mean", "std")}
    meta = {"cfg": "model = dict()", "mmengine_version": "0.1.0", "dataset_meta": {}, "epoch": 40, "seed": 0}
    log = {
        "log_scalars": {"train/loss": HistoryBuffer()},
        "runtime_info": {"epoch": 40, "best_score": np.float64(0.5), "last_score": np.float32(0.25)},
        "resumed_keys": {"train/loss": True},
    }
    file = io.BytesIO()
    modules = {name: ModuleType(name) for name in ("mmengine", "mmengine.logging", HistoryBuffer.__module__)}
    modules[HistoryBuffer.__module__].HistoryBuffer = HistoryBuffer  # type: ignore[attr-defined]
    with mock.patch.dict(sys.modules, modules):
        torch.save({"meta": meta, "state_dict": constants | tensors, "message_hub": log}, file)
    return file.getvalue()
