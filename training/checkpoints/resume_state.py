"""Where a run stands after an epoch: all that `--resume` needs to go on to the same weights."""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.checkpoints.checkpoint import CheckpointError
from training.files import replace_file


@dataclass(frozen=True)
class ResumeState:
    """State after `epochs_done` epochs; `identity` is what must be the same for the run to go on."""

    identity: dict[str, Any]
    epochs_done: int
    best: float | None
    tensors: dict[str, Tensor]
    optimizers: list[dict[str, Any]]


def save_resume_state(state: ResumeState, path: Path) -> None:
    """Replace the file whole."""
    content = io.BytesIO()
    torch.save(vars(state), content)
    replace_file(path, content.getvalue())


def load_resume_state(path: Path, identity: dict[str, Any]) -> ResumeState:
    """Read what `save_resume_state` wrote for the same run; raises CheckpointError naming the file and what differs."""
    try:
        state = ResumeState(**torch.load(path, map_location="cpu", weights_only=True))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read, so there is nothing to resume: {error.strerror}") from error
    except (RuntimeError, pickle.UnpicklingError, TypeError, EOFError) as error:
        raise CheckpointError(f"{path} is not the resume state of a run; start again without --resume") from error
    for place, was, now in _differences(state.identity, identity):
        raise CheckpointError(
            f"{path} is of another run: {place} was {was} and is now {now}; resume with what it began with"
        )
    return state


def _differences(was: Any, now: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """Every leaf that differs, with the keys that lead to it."""
    if isinstance(was, dict) and isinstance(now, dict):
        keys = sorted(was.keys() | now.keys())
        return [
            found for key in keys for found in _differences(was.get(key), now.get(key), f"{place}.{key}".lstrip("."))
        ]
    return [] if was == now else [(place, was, now)]
