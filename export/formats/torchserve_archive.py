"""An ONNX graph becomes a TorchServe archive: the graph, a card that describes it, and the handler that runs it.

torch-model-archiver lays the files out and writes their manifest. They are packed here, because its own .mar holds the
time of packing: the same graph must give the same bytes, so that a re-export can tell whether anything changed.
"""

from __future__ import annotations

import importlib.util
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
from export.errors import ExportError
from export.formats import torchserve_handler
from export.formats.torchserve_handler import CARD_FILE, GRAPH_FILE
from export.graph.signature import read_signature
from export.publishing.atomic import replacing
from service.store.model_store import sha256_of

CONFIG_FILE = "model-config.yaml"
HANDLER_FILE = "torchserve_handler.py"
MANIFEST_FILE = "MAR-INF/MANIFEST.json"

SERVING = {"deviceType": "cpu", "batchSize": 4, "maxBatchDelay": 10}
"""How TorchServe runs a worker: a batch is four requests, or what came within 10 ms."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


def to_torchserve(
    onnx_file: Path, *, name: str, version: str, spec: ClipSpec, labels: Sequence[str], out: Path
) -> None:
    """Write the archive of a graph to `out`, in one step; the same inputs give the same bytes.

    Raises ExportError when the graph does not fit `spec` and `labels`, or torch-model-archiver is missing or fails, and
    OSError when the disk refuses; `out` is then as it was.
    """
    clip_shape = _checked_clip_shape(onnx_file, spec, labels)
    card = {
        "name": name,
        "version": version,
        "sha256": sha256_of(onnx_file),
        "clip_shape": clip_shape,
        "labels": list(labels),
    }
    with tempfile.TemporaryDirectory(prefix="torchserve-") as folder:
        parts, laid_out = Path(folder, "parts"), Path(folder, "laid-out")
        _gather(parts, onnx_file, card)
        _lay_out(parts, laid_out, name, version)
        with replacing(out) as aside:
            _pack(laid_out / name, aside)


def _checked_clip_shape(onnx_file: Path, spec: ClipSpec, labels: Sequence[str]) -> tuple[int, ...]:
    signature = read_signature(onnx_file)
    expected = (spec.num_frames, spec.crop, spec.crop, 3)
    if signature.clips != expected:
        raise ExportError(f"{onnx_file.name} takes clips of {signature.clips}, but the ClipSpec gives {expected}")
    if signature.logits != (len(labels),):
        raise ExportError(f"{onnx_file.name} has {signature.logits[0]} classes, but there are {len(labels)} labels")
    return expected


def _gather(folder: Path, onnx_file: Path, card: dict[str, Any]) -> None:
    folder.mkdir()
    (folder / GRAPH_FILE).symlink_to(onnx_file.resolve())
    (folder / HANDLER_FILE).symlink_to(torchserve_handler.__file__)
    (folder / CARD_FILE).write_text(json.dumps(card, indent=2))
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(SERVING))


def _lay_out(parts: Path, laid_out: Path, name: str, version: str) -> None:
    if importlib.util.find_spec("model_archiver") is None:
        raise ExportError("torch-model-archiver is not installed; install tin-serve[torchserve]")
    scratch = parts.with_name("scratch")
    scratch.mkdir()
    laid_out.mkdir()
    command = [sys.executable, "-m", "model_archiver.model_packaging"]
    command += ["--model-name", name, "--version", version, "--archive-format", "no-archive"]
    command += ["--serialized-file", GRAPH_FILE, "--handler", HANDLER_FILE]
    command += ["--extra-files", CARD_FILE, "--config-file", CONFIG_FILE, "--export-path", str(laid_out)]
    # It empties <temporary folder>/<name> before it starts: each run gets a temporary folder of its own.
    environment = {**os.environ, "TMPDIR": str(scratch)}
    done = subprocess.run(command, cwd=parts, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise ExportError(f"torch-model-archiver failed on {name}: {reason}")


def _pack(folder: Path, target: Path) -> None:
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    del manifest["createdOn"]
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(_entry(MANIFEST_FILE), json.dumps(manifest, indent=2))
        for file in (HANDLER_FILE, CARD_FILE, CONFIG_FILE, GRAPH_FILE):
            archive.writestr(_entry(file), (folder / file).read_bytes())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    return entry
