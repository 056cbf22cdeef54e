"""Metadata of an exported ONNX file: its own description, by which it can be told apart and used without the manifest.

The properties are text: `labels` and `clip` (the ClipSpec) are JSON. ONNX Runtime gives them as
`session.get_modelmeta().custom_metadata_map`.
"""

from __future__ import annotations

import json
from typing import Any

import onnx

from service.backends.contract import WEIGHT_BITS
from training.checkpoints.checkpoint import Checkpoint

PRODUCER = "tin-serve"


def properties_of(
    checkpoint: Checkpoint,
    checkpoint_sha256: str,
    *,
    name: str,
    version: str,
    precision: str,
    weight_bits: int | None = None,
) -> dict[str, str]:
    """Return the properties of a checkpoint's graph.

    Args:
        checkpoint: the network, its ClipSpec and labels.
        checkpoint_sha256: digest of its file, in hex.
        name: name of the model.
        version: name of the version.
        precision: element type of the convolutions.
        weight_bits: bits that their weights take, if they are integers.
    """
    architecture = checkpoint.architecture.to_json()
    properties = {
        "model": name,
        "version": version,
        "precision": precision,
        "architecture": _json(architecture),
        "clip": _json(checkpoint.clip.to_json()),
        "labels": _json(checkpoint.labels),
        "checkpoint_sha256": checkpoint_sha256,
    }
    return properties if weight_bits is None else {**properties, WEIGHT_BITS: str(weight_bits)}


def with_properties(graph: bytes, properties: dict[str, str]) -> bytes:
    """Return a serialised graph with these properties and no others; a numbered version is its `model_version` too."""
    model = onnx.load_from_string(graph)
    onnx.helper.set_model_props(model, properties)
    model.producer_name = PRODUCER
    version = properties["version"]
    model.model_version = int(version) if version.isdecimal() else 0
    described: bytes = model.SerializeToString()
    return described


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
