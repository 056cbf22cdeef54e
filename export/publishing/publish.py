"""Publish a checkpoint and its artifacts as a version in the model store, atomically."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from export.errors import ExportError
from export.formats.catalogue import BASE, ExportRequest, select_formats
from export.parity.compare import Reference
from export.parity.report import make_artifact
from export.publishing.atomic import ASIDE, flush, locked, replace_folder
from export.publishing.sidecars import update_sidecars
from service.store.manifest import MANIFEST_FILE, Artifact, Manifest, StoredFile
from service.store.model_store import sha256_of
from training.checkpoints.checkpoint import Checkpoint, save_checkpoint

CHECKPOINT_FILE = "checkpoint.safetensors"
PARITY_FILE = "parity.json"


def publish(
    request: ExportRequest,
    store: Path,
    formats: Sequence[str] = (BASE,),
    *,
    replace: bool = False,
    accept: bool = False,
) -> Manifest:
    """Export a checkpoint, check the parity of every artifact, and publish to `store/name/version/`.

        publish(ExportRequest("mine", "1", load_checkpoint(path)), Path("model_store"), ["onnx", "onnx-int8"])

    The folder is prepared beside its target and moved there in one step.

    Args:
        request: the checkpoint and the names of model and version.
        store: folder of the model store; made if missing.
        formats: names of the catalogue; the base format is always exported.
        replace: replace the version if it exists.
        accept: publish artifacts whose top-1 agreement is too low.

    Raises:
        ExportError: an artifact differs from the checkpoint, or the version exists and `replace` is False. The store
            is then unchanged.
        FormatUnavailable: a format's device or library is missing here.
        BackendError: a backend cannot run the artifact.
        OSError: the store cannot be written.
    """
    target = store / request.name / request.version
    selected = select_formats(formats)
    if target.exists() and not replace:
        raise ExportError(f"{target} exists; name another version, or --replace it")
    for fmt in selected:
        fmt.built_for()  # a format whose device is missing is refused before the minutes that the others take
    with staged(target) as folder:
        weights = store_checkpoint(request.checkpoint, folder)
        reference = Reference.of(request.checkpoint, weights.sha256)
        artifacts = [make_artifact(fmt, request, reference, folder, accept=accept) for fmt in selected]
        manifest = write_manifest(folder, request, weights, artifacts)
    update_sidecars(store, request.name, formats)
    return manifest


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Lend an empty folder; at the end of the block flush it to the disk and move it to `target` in one step.

    When the block raises, `target` is unchanged. One process at a time stages versions of a model. Raises OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.parent):
        aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=target.parent))
        try:
            folder = aside / target.name
            folder.mkdir()
            yield folder
            for path in [*folder.iterdir(), folder]:
                flush(path)
            replace_folder(folder, target, old=aside / "old")
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def store_checkpoint(checkpoint: Checkpoint, folder: Path) -> StoredFile:
    """Save the weights and their JSON in a folder; return the manifest's entry of the weights."""
    save_checkpoint(checkpoint, folder / CHECKPOINT_FILE)
    return StoredFile(file=CHECKPOINT_FILE, sha256=sha256_of(folder / CHECKPOINT_FILE))


def write_manifest(
    folder: Path, request: ExportRequest, weights: StoredFile, artifacts: Sequence[Artifact]
) -> Manifest:
    """Write the manifest, and the parity reports once more as PARITY_FILE.

    Args:
        folder: the version's folder.
        request: the checkpoint and the names of model and version.
        weights: the manifest's entry of the checkpoint.
        artifacts: the manifest's entries of the artifacts.
    """
    checkpoint = request.checkpoint
    manifest = Manifest(
        name=request.name,
        version=request.version,
        architecture=checkpoint.architecture.to_json(),
        clip=checkpoint.clip,
        labels=checkpoint.labels,
        checkpoint=weights,
        artifacts=tuple(artifacts),
        training=checkpoint.training,
    )
    reports = {artifact.format: artifact.parity.model_dump(mode="json") for artifact in artifacts}
    (folder / PARITY_FILE).write_text(json.dumps(reports, indent=2) + "\n")
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest
