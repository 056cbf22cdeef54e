"""Checkpoints: a file of weights and a JSON that describes the model, side by side, each written atomically.

`<stem>.safetensors` holds the tensors under this project's names; `<stem>.json` the architecture, the ClipSpec, the
labels, the recipe and the metrics, temperature and threshold, parameters of timelines, and the SHA-256 of the tensors'
file. Tensors are loaded strictly: a missing or unused one is an error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from clips.clip_spec import ClipSpec
from training.errors import BadInput
from training.files import replace_file, replace_json, uninterrupted
from training.model.tin import TIN, Architecture

SUFFIX = ".safetensors"
"""Suffix of this project's files of weights."""

NAMES_SHOWN = 4
"""Names of tensors in a message; a network has hundreds."""


class CheckpointError(BadInput):
    """The checkpoint cannot be read or does not fit the model; the message names the file and the problem."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained model: weights, architecture, input specification and labels; `training` holds recipe and metrics.

    `temperature` divides the logits before the softmax; 1 for a model that was not calibrated. `threshold` is the least
    top-1 probability of a likely answer; None where it was not fitted. `timeline` holds parameters of timelines by the
    names that they have in a manifest, such as `window_seconds`; None where none are known.
    """

    architecture: Architecture
    clip: ClipSpec
    labels: tuple[str, ...]
    tensors: dict[str, Tensor]
    training: dict[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    threshold: float | None = None
    timeline: dict[str, float] | None = None

    def build_model(self) -> TIN:
        """Build the network with these weights, in evaluation mode. Raises CheckpointError if they do not fit."""
        model = TIN(self.architecture)
        load_strictly(model, self.tensors)
        return model.eval()


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write `path` (.safetensors) and its .json, each atomically; the JSON comes last. Raises OSError.

    SIGINT and SIGTERM wait until both are written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    weights = save(tensors)
    description = {
        "architecture": checkpoint.architecture.to_json(),
        "clip": checkpoint.clip.to_json(),
        "labels": checkpoint.labels,
        "training": checkpoint.training,
        "temperature": checkpoint.temperature,
        "threshold": checkpoint.threshold,
        "timeline": checkpoint.timeline,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    with uninterrupted():
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
            temperature=float(description.get("temperature", 1.0)),
            threshold=None if (threshold := description.get("threshold")) is None else float(threshold),
            timeline=description.get("timeline"),
        )
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CheckpointError(f"{path} is not a checkpoint of this project: {error}") from error


def store_calibration(path: Path, temperature: float, threshold: float | None) -> None:
    """Write temperature and threshold into the JSON of a checkpoint, atomically; its weights stay as they are.

    Raises CheckpointError and OSError.
    """
    _update_description(path, {"temperature": temperature, "threshold": threshold})


def store_timeline(path: Path, timeline: Mapping[str, float]) -> None:
    """Write parameters of timelines into the JSON of a checkpoint, atomically; its weights stay as they are.

    Raises CheckpointError and OSError.
    """
    _update_description(path, {"timeline": dict(timeline)})


def load_strictly(
    model: torch.nn.Module, tensors: Mapping[str, Tensor], name_in_file: Callable[[str], str] = str
) -> None:
    """Load tensors whose names and shapes are exactly the model's.

    Args:
        model: The module to fill.
        tensors: Weights by this project's names.
        name_in_file: Function from this project's name of a tensor to the original file's.

    Raises:
        CheckpointError: Tensors are missing, unused or of another shape; the message gives both names of the first few.
    """
    wanted = model.state_dict()
    differences = {
        "missing": wanted.keys() - tensors.keys(),
        "unused": tensors.keys() - wanted.keys(),
        "of another shape": {
            name for name in wanted.keys() & tensors.keys() if wanted[name].shape != tensors[name].shape
        },
    }
    found = [f"{kind} {_listed(names, name_in_file)}" for kind, names in differences.items() if names]
    if found:
        raise CheckpointError(f"the weights do not fit the model: {'; '.join(found)}")
    model.load_state_dict(tensors)


def first_names(names: Sequence[str]) -> str:
    """Join names of tensors by commas: the first few, and the number of the others."""
    shown, others = names[:NAMES_SHOWN], len(names) - NAMES_SHOWN
    return ", ".join([*shown, f"{others} more"] if others > 0 else shown)


def _listed(names: Iterable[str], name_in_file: Callable[[str], str]) -> str:
    pairs = ((name, name_in_file(name)) for name in sorted(names))
    return first_names([ours if ours == theirs else f"{ours} (in the file {theirs})" for ours, theirs in pairs])


def _update_description(path: Path, fields: Mapping[str, Any]) -> None:
    load_checkpoint(path)
    description = path.with_suffix(".json")
    replace_json(description, {**json.loads(_read(description)), **fields})


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
