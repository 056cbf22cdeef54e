"""A checkpoint and its artifacts become a version in the model store: all of it, or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from export.parity import compare
from export.to_onnx import OPSET, ExportError, to_onnx
from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.manifest import MANIFEST_FILE, Artifact, Manifest, StoredFile
from service.store import sha256_of
from training.checkpoint import Checkpoint, save_checkpoint

CHECKPOINT_FILE = "checkpoint.safetensors"
ONNX_FILE = "model.onnx"


def publish(checkpoint: Checkpoint, store: Path, name: str, version: str, *, replace: bool = False) -> Manifest:
    """Export, prove and publish to `store/name/version/`.

    The folder is prepared beside its place and renamed into it. Raises ExportError when the artifact differs from
    the checkpoint, or the version exists and `replace` is not set; the store is then as it was.
    """
    target = store / name / version
    if target.exists() and not replace:
        raise ExportError(f"{target} exists; give another version, or --replace it")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=target.parent))
    try:
        manifest = _fill(aside, checkpoint, name, version)
        _flush(aside)
        _move_into_place(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def _fill(folder: Path, checkpoint: Checkpoint, name: str, version: str) -> Manifest:
    folder.chmod(0o755)
    save_checkpoint(checkpoint, folder / CHECKPOINT_FILE)
    weights = StoredFile(file=CHECKPOINT_FILE, sha256=sha256_of(folder / CHECKPOINT_FILE))
    manifest = Manifest(
        name=name,
        version=version,
        architecture=checkpoint.architecture.to_json(),
        clip=checkpoint.clip,
        labels=checkpoint.labels,
        checkpoint=weights,
        artifacts=(_onnx_artifact(folder, checkpoint, weights),),
        training=checkpoint.training,
    )
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest


def _onnx_artifact(folder: Path, checkpoint: Checkpoint, weights: StoredFile) -> Artifact:
    graph = to_onnx(checkpoint)
    path = folder / ONNX_FILE
    path.write_bytes(graph)
    backend = OnnxRuntimeBackend(path)
    try:
        parity = compare(checkpoint, weights.sha256, graph, backend, "onnx_runtime")
    finally:
        backend.close()
    if not parity.passed:
        raise ExportError(f"{ONNX_FILE} differs from the checkpoint: logits by {parity.max_abs_logit_difference:.2g}")
    return Artifact(
        file=ONNX_FILE, sha256=parity.artifact_sha256, format="onnx", precision="fp32", opset=OPSET, parity=parity
    )


def _flush(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _move_into_place(aside: Path, target: Path) -> None:
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        target.rename(old / target.name)
        aside.rename(target)
        shutil.rmtree(old)
    else:
        aside.rename(target)
