"""A checkpoint: weights and the JSON that rebuilds the model, side by side, written so that neither is ever half there.

`<stem>.safetensors` holds the tensors under our names; `<stem>.json` the architecture, the ClipSpec, the labels, the
recipe and the metrics, and the digest of the tensors' file. Tensors are loaded strictly: every name that is missing
or left over is reported.
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
    """The checkpoint cannot be read, or does not fit the model; the message names the file and what is wrong."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained model and what it was trained to do. `training` holds the recipe, its metrics and how it was run."""

    architecture: Architecture
    clip: ClipSpec
    labels: tuple[str, ...]
    tensors: dict[str, Tensor]
    training: dict[str, Any] = field(default_factory=dict)

    def build_model(self) -> TIN:
        """The network with these weights, in evaluation mode."""
        model = TIN(self.architecture)
        load_strictly(model, self.tensors)
        return model.eval()


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write `path` (.safetensors) and its .json. Each file is replaced whole; the JSON, last, makes the pair valid."""
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
    """Read a pair that `save_checkpoint` wrote; raises CheckpointError."""
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
    """Fill every tensor of the model from one of the same name and shape; raises CheckpointError naming all others.

    `names_in_file` tells, by our names, how a file of another project calls its tensors; the error then does so too.
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
