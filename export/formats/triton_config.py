"""Triton configuration of a model: `config.pbtxt` and `labels.txt`, which make the model store a Triton repository.

The fields are those of Triton's ModelConfig (model_config.proto; docs/user_guide/model_configuration.md of its server).
The batch axis counts clips, never frames. Instances are left to Triton's default: one per GPU, or one on the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from export.errors import ExportError
from export.graph.signature import Shape, Signature, read_signature
from service.backends.contract import DTYPES, INPUT, REQUIRED_OUTPUT
from service.store.model_store import ModelStore

CONFIG_FILE = "config.pbtxt"
GRAPH_FILE = "model.onnx"
LABELS_FILE = "labels.txt"

DTYPE_NAMES = {"uint8": "TYPE_UINT8", "float32": "TYPE_FP32"}
"""Triton's names of the contract's element types."""

MAX_BATCH_SIZE = 16
MAX_QUEUE_DELAY_US = 5000
"""Microseconds for which Triton may hold a request back to form a batch."""


class TritonVersion(NamedTuple):
    """One version of a model; all versions must have the same signature and labels."""

    version: str
    signature: Signature
    labels: tuple[str, ...]


def to_triton(store: Path, name: str) -> dict[str, str]:
    """Return the texts of LABELS_FILE and CONFIG_FILE, by file name, for all versions of a model in the store.

    Only versions that are named by a whole number from 1 count: Triton ignores other folders. Raises ExportError when
    there is none, one has no model.onnx, or two differ in shapes or labels; StoreError when a version fails the
    store's checks; and OSError.
    """
    versions = [_read_version(store, name, version) for version in _numbered_versions(store, name)]
    newest = versions[-1]
    for older in versions[:-1]:
        _check_agreement(name, older, newest)
    return {LABELS_FILE: labels_txt(newest.labels), CONFIG_FILE: config_pbtxt(name, newest.signature)}


def config_pbtxt(name: str, signature: Signature) -> str:
    """Return Triton's ModelConfig of a model with this signature, in protobuf's text format."""
    labelled = {REQUIRED_OUTPUT: f' label_filename: "{LABELS_FILE}"'}
    outputs = "".join(
        f"output {{ {_tensor(name, shape)}{labelled.get(name, '')} }}\n" for name, shape in signature.outputs().items()
    )
    return f"""\
name: "{name}"
backend: "onnxruntime"
default_model_filename: "{GRAPH_FILE}"
version_policy {{ all {{ }} }}
max_batch_size: {MAX_BATCH_SIZE}
dynamic_batching {{ max_queue_delay_microseconds: {MAX_QUEUE_DELAY_US} }}
input {{ {_tensor(INPUT, signature.clips)} }}
{outputs}"""


def labels_txt(labels: Sequence[str]) -> str:
    """Return the labels, one a line, in the order of the logits. Raises ExportError for a label of several lines."""
    broken = [label for label in labels if label.splitlines() != [label]]
    if broken:
        raise ExportError(f"the label {broken[0]!r} is not one line; Triton reads one label a line")
    return "".join(f"{label}\n" for label in labels)


def _numbered_versions(store: Path, name: str) -> list[str]:
    versions = ModelStore(store).versions().get(name, [])
    numbered = [version for version in versions if version.isdecimal() and not version.startswith("0")]
    if not numbered:
        found = ", ".join(versions) or "none"
        raise ExportError(f"{name} has no version for Triton: publish one named by a whole number from 1; has: {found}")
    return numbered


def _read_version(store: Path, name: str, version: str) -> TritonVersion:
    model = ModelStore(store).open(name, version)
    graphs = [artifact for artifact in model.manifest.artifacts if artifact.file == GRAPH_FILE]
    if not graphs:
        raise ExportError(f"{name} {version} has no {GRAPH_FILE}, which Triton runs; export the format onnx")
    signature, labels = read_signature(model.path_of(graphs[0])), model.manifest.labels
    if signature.logits != (len(labels),):
        raise ExportError(f"{name} {version} has {signature.logits[0]} classes, but {len(labels)} labels")
    return TritonVersion(version, signature, labels)


def _check_agreement(name: str, older: TritonVersion, newest: TritonVersion) -> None:
    pair = f"{name} {older.version} and {newest.version}"
    advice = f"and share one {CONFIG_FILE}: publish one of them under another name, or `tin reexport` an older export"
    for tensor, left, right in zip(Signature._fields, older.signature, newest.signature, strict=True):
        if left != right:
            raise ExportError(f"{pair} differ in {tensor}, {_dims(left)} and {_dims(right)}, {advice}")
    if older.labels != newest.labels:
        raise ExportError(f"{pair} differ in their labels, {advice}")


def _tensor(name: str, shape: Shape) -> str:
    return f'name: "{name}" data_type: {DTYPE_NAMES[DTYPES[name]]} dims: {_dims(shape)}'


def _dims(shape: Shape | None) -> str:
    return "none" if shape is None else f"[{', '.join(map(str, shape))}]"
