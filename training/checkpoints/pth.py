"""Safe reading of PyTorch's .pth files: no code in them is run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.checkpoints.checkpoint import CheckpointError

WEIGHTS = ("state_dict_ema", "state_dict", "ema_state_dict")
"""Keys of a file's weights, the best first: timm's moving average, then the weights that it is taken of.

MMEngine swaps the two when it saves, so that `state_dict` holds the average and `ema_state_dict` the weights.
"""


class _Unread:
    """Stand-in for an object beside the weights: it takes the object's state and has no methods."""


_LOG: list[Any] = [
    (_Unread, "mmengine.logging.history_buffer.HistoryBuffer"),
    *((np.zeros(1).__reduce__()[0], f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    *((np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *(np.ndarray, np.dtype, *(type(np.dtype(code)) for code in ("f8", "f4", "i8", "i4", "?"))),
]
"""Objects of the log that MMEngine keeps beside the weights: values of losses, in NumPy's arrays and scalars."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a .pth file by their names, at its top level or below one of `WEIGHTS`.

    Raises CheckpointError for a file that cannot be read, is truncated, is no checkpoint, or holds Python objects.
    """
    content = _load(path)
    tensors = _weights_in(content) if isinstance(content, dict) else None
    if not isinstance(tensors, dict) or not tensors:
        raise CheckpointError(
            f"{path} holds no named tensors; a checkpoint is a dictionary of tensors, or has one inside"
        )
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(f"{path} is no checkpoint: its {name!r} is a {type(tensor).__name__}, not a tensor")
    return tensors


def _weights_in(content: dict[Any, Any]) -> Any:
    return next((content[key] for key in WEIGHTS if content.get(key) is not None), content)


def _load(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_LOG):
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:
        # Damaged bytes make torch raise almost anything, IndexError and UnicodeDecodeError among them.
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            raise CheckpointError(
                f"{path} holds Python objects besides tensors, and loading these could run code; "
                "if you trust it, save its state_dict alone and convert that"
            ) from error
        raise CheckpointError(
            f"{path} is no PyTorch checkpoint, or is truncated; compare its size with the original's"
        ) from error
