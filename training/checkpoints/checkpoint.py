"""Checkpoints: a file of weights and a JSON that describes the model, side by side, each written atomically.

`<stem>.safetensors` holds the tensors under this project's names; `<stem>.json` the architecture, the ClipSpec, the
labels, the recipe and the metrics, and the SHA-256 of the tensors' file. Tensors are loaded strictly: every missing or
unused name is reported.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from clips.clip_spec import ClipSpec
from training.errors import BadInput
from training.files import replace_file, replace_json
from training.model.tin import TIN, Architecture


class CheckpointError(BadInput):
    """The checkpoint cannot be read or does not fit the model; the message names the file and the problem."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained model: weights, architecture, input specification and labels; `training` holds recipe and metrics."""

    architecture: Architecture
    clip: ClipSpec
    labels: tuple[str, ...]
    tensors: dict[str, Tensor]
    training: dict[str, Any] = field(default_factory=dict)

    def build_model(self) -> TIN:
        """Build the network with these weights, in evaluation mode. Raises CheckpointError if they do not fit."""
        model = TIN(self.architecture)
        load_strictly(model, self.tensors)
        return model.eval()


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write `path` (.safetensors) and its .json, each atomically; the JSON comes last. Raises OSError."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    weights = save(tensors)
    description = {
        "architecture": checkpoint.architecture.to_json(),
        "clip": checkpoint.clip.to_json(),
        "labels": checkpoint.labels,
        "training": checkpoint.training,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    replace_file(path, weights)
    replace_json(path.with_suffix(".json"), description)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a pair that `save_checkpoint` wrote. Raises CheckpointError.

    model = load_checkpoint(Path("work-dirs/mine/checkpoint.safetensors")).build_model()
    """
    weights = _read(path)
    try:
        description = json.loads(_read(path.with_suffix(".json")))
        if hashlib.sha256(weights).hexdigest() != description["sha256"]:
            raise CheckpointError(f"{path} is not the file that {path.with_suffix('.json').name} describes")
        return Checkpoint(
            architecture=Architecture(**description["architecture"]),
            clip=ClipSpec.from_json(description["clip"]),
            labels=tuple(description["labels"]),
            tensors=load(weights),
            training=description["training"],
        )
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CheckpointError(f"{path} is not a checkpoint of this project: {error}") from error


def load_strictly(
    model: torch.nn.Module, tensors: Mapping[str, Tensor], names_in_file: Mapping[str, str] | None = None
) -> None:
    """Load tensors whose names and shapes are exactly the model's.

    Args:
        model: The module to fill.
        tensors: Weights by this project's names.
        names_in_file: The names in the original file by this project's names; error messages then use them.

    Raises:
        CheckpointError: Names are missing, unused or of another shape; the message lists all of them.
    """
    wanted = model.state_dict()
    missing = sorted(wanted.keys() - tensors.keys())
    known_as = names_in_file or {}
    unused = sorted(known_as.get(name, name) for name in tensors.keys() - wanted.keys())
    both = wanted.keys() & tensors.keys()
    other_shape = sorted(known_as.get(name, name) for name in both if wanted[name].shape != tensors[name].shape)
    if missing or unused or other_shape:
        raise CheckpointError(
            f"the weights do not fit the model: missing {missing}; unused {unused}; of another shape {other_shape}"
        )
    model.load_state_dict(tensors)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
