"""TorchServe archive (.mar) of an ONNX graph: the graph, a card that describes it, and the handler that runs it.

torch-model-archiver lays the files out and writes their manifest. They are packed here, since its own .mar contains the
time of packing: equal graphs must give equal bytes, so that a re-export can see if anything changed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from clips.clip_spec import ClipSpec
from export.errors import ExportError, FormatUnavailable
from export.formats import torchserve_handler
from export.formats.torchserve_handler import CARD_FILE, GRAPH_FILE
from export.graph.signature import parse_signature

CONFIG_FILE = "model-config.yaml"
HANDLER_FILE = "torchserve_handler.py"
MANIFEST_FILE = "MAR-INF/MANIFEST.json"

SERVING = {"deviceType": "cpu", "batchSize": 4, "maxBatchDelay": 10}
"""TorchServe's settings of a worker: a batch is four requests, or those that arrive within 10 ms."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


def require_torchserve() -> None:
    """Raise FormatUnavailable unless the packages that make an archive, and run it for the proof, are installed."""
    for module, package in (("model_archiver", "torch-model-archiver"), ("ts", "torchserve")):
        if importlib.util.find_spec(module) is None:
            raise FormatUnavailable(f"{package} is not installed; install tin-serve[torchserve]")


def to_torchserve(graph: bytes, *, name: str, version: str, spec: ClipSpec, labels: Sequence[str]) -> bytes:
    """Return the archive of an ONNX graph; equal arguments give equal bytes.

    Args:
        graph: a serialised graph of `export.graph.onnx_export.to_onnx`.
        name: name of the model, under which TorchServe serves it.
        version: name of the version.
        spec: ClipSpec of the model; its clips must have the shape that the graph takes.
        labels: one for each logit, in order.

    Raises:
        FormatUnavailable: torch-model-archiver or torchserve is missing.
        ExportError: the graph does not fit `spec` and `labels`, or torch-model-archiver fails.
    """
    card = {
        "name": name,
        "version": version,
        "sha256": hashlib.sha256(graph).hexdigest(),
        "clip_shape": _checked_clip_shape(graph, spec, labels),
        "labels": list(labels),
    }
    with tempfile.TemporaryDirectory(prefix="torchserve-") as folder:
        parts, laid_out = Path(folder, "parts"), Path(folder, "laid-out")
        _gather(parts, graph, card)
        _lay_out(parts, laid_out, name, version)
        return _pack(laid_out / name)


def _checked_clip_shape(graph: bytes, spec: ClipSpec, labels: Sequence[str]) -> tuple[int, ...]:
    signature = parse_signature(graph, GRAPH_FILE)
    expected = (spec.num_frames, spec.crop, spec.crop, 3)
    if signature.clips != expected:
        raise ExportError(f"{GRAPH_FILE} takes clips of {signature.clips}, but the ClipSpec gives {expected}")
    if signature.logits != (len(labels),):
        raise ExportError(f"{GRAPH_FILE} has {signature.logits[0]} classes, but there are {len(labels)} labels")
    return expected


def _gather(folder: Path, graph: bytes, card: dict[str, Any]) -> None:
    folder.mkdir()
    (folder / GRAPH_FILE).write_bytes(graph)
    (folder / HANDLER_FILE).symlink_to(torchserve_handler.__file__)
    (folder / CARD_FILE).write_text(json.dumps(card, indent=2))
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(SERVING))


def _lay_out(parts: Path, laid_out: Path, name: str, version: str) -> None:
    require_torchserve()
    scratch = parts.with_name("scratch")
    scratch.mkdir()
    laid_out.mkdir()
    command = [sys.executable, "-m", "model_archiver.model_packaging"]
    command += ["--model-name", name, "--version", version, "--archive-format", "no-archive"]
    command += ["--serialized-file", GRAPH_FILE, "--handler", HANDLER_FILE]
    command += ["--extra-files", CARD_FILE, "--config-file", CONFIG_FILE, "--export-path", str(laid_out)]
    # torch-model-archiver empties <temporary folder>/<name> before it starts: each run gets its own temporary folder.
    environment = {**os.environ, "TMPDIR": str(scratch)}
    done = subprocess.run(command, cwd=parts, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise ExportError(f"torch-model-archiver failed on {name}: {reason}")


def _pack(folder: Path) -> bytes:
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    del manifest["createdOn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(_entry(MANIFEST_FILE), json.dumps(manifest, indent=2))
        for file in (HANDLER_FILE, CARD_FILE, CONFIG_FILE, GRAPH_FILE):
            archive.writestr(_entry(file), (folder / file).read_bytes())
    return packed.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    return entry
