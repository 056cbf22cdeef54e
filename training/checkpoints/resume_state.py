"""Resume state: everything that `--resume` needs to continue a run to the same weights."""

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
    """State after `epochs_done` epochs; `identity` holds the settings that must be the same to resume."""

    identity: dict[str, Any]
    epochs_done: int
    best: dict[str, Any]
    """Fields of the best validation."""
    tensors: dict[str, Tensor]
    optimizers: list[dict[str, Any]]
    averaged: dict[str, Any] | None = None
    """State of the weights' moving average, if the run has one."""


def save_resume_state(state: ResumeState, path: Path) -> None:
    """Write the file atomically. Raises OSError."""
    content = io.BytesIO()
    torch.save(vars(state), content)
    replace_file(path, content.getvalue())


def load_resume_state(path: Path, identity: dict[str, Any]) -> ResumeState:
    """Read the state of a run with the same identity. Raises CheckpointError, naming the file and the difference."""
    try:
        state = ResumeState(**torch.load(path, map_location="cpu", weights_only=True))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read, so there is nothing to resume: {error.strerror}") from error
    except (RuntimeError, pickle.UnpicklingError, TypeError, EOFError) as error:
        raise CheckpointError(f"{path} is not the resume state of a run; start again without --resume") from error
    for key, was, now in _differences(state.identity, identity):
        raise CheckpointError(
            f"{path} belongs to another run: {key} was {was} and is now {now}; resume with the original settings"
        )
    return state


def _differences(was: Any, now: Any, parent: str = "") -> list[tuple[str, Any, Any]]:
    """List the leaves that differ: dotted key, old value, new value."""
    if isinstance(was, dict) and isinstance(now, dict):
        keys = sorted(was.keys() | now.keys())
        return [
            found for key in keys for found in _differences(was.get(key), now.get(key), f"{parent}.{key}".lstrip("."))
        ]
    return [] if was == now else [(parent, was, now)]
