"""A checkpoint and its artifacts become a version in the model store: all of it, or nothing."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from export.errors import ExportError
from export.formats.catalogue import BASE, ExportRequest, named
from export.parity.compare import Reference
from export.parity.report import make_artifact
from export.publishing.atomic import ASIDE, flush, locked
from export.publishing.exchange import put_in_place
from export.publishing.sidecars import show_to_others
from service.store.manifest import MANIFEST_FILE, Artifact, Manifest, StoredFile
from service.store.model_store import sha256_of
from training.checkpoints.checkpoint import Checkpoint, save_checkpoint

CHECKPOINT_FILE = "checkpoint.safetensors"
PARITY_FILE = "parity.json"


def publish(
    subject: ExportRequest,
    store: Path,
    formats: Sequence[str] = (BASE,),
    *,
    replace: bool = False,
    accept: bool = False,
) -> Manifest:
    """Export, prove and publish to `store/name/version/`.

    The folder is prepared beside its place and put there in one step. Raises ExportError when an artifact differs from
    the checkpoint, or the version exists and `replace` is not set; the store is then as it was.
    """
    target = store / subject.name / subject.version
    forms = named(formats)
    if target.exists() and not replace:
        raise ExportError(f"{target} exists; give another version, or --replace it")
    with prepared(target) as folder:
        weights = store_checkpoint(subject.checkpoint, folder)
        reference = Reference.of(subject.checkpoint, weights.sha256)
        artifacts = [make_artifact(form, subject, reference, folder, accept=accept) for form in forms]
        manifest = write_manifest(folder, subject, weights, artifacts)
    show_to_others(store, subject.name, formats)
    return manifest


@contextmanager
def prepared(target: Path) -> Iterator[Path]:
    """An empty folder beside `target` that takes its place at the end, flushed to the disk, unless something is raised.

    One process at a time prepares versions of a model; what killed ones left is removed.
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
            put_in_place(folder, target, old=aside / "old")
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def store_checkpoint(checkpoint: Checkpoint, folder: Path) -> StoredFile:
    """The weights and their JSON, in the folder."""
    save_checkpoint(checkpoint, folder / CHECKPOINT_FILE)
    return StoredFile(file=CHECKPOINT_FILE, sha256=sha256_of(folder / CHECKPOINT_FILE))


def write_manifest(
    folder: Path, subject: ExportRequest, weights: StoredFile, artifacts: Sequence[Artifact]
) -> Manifest:
    """The manifest, and the proofs once more in a file of their own."""
    checkpoint = subject.checkpoint
    manifest = Manifest(
        name=subject.name,
        version=subject.version,
        architecture=checkpoint.architecture.to_json(),
        clip=checkpoint.clip,
        labels=checkpoint.labels,
        checkpoint=weights,
        artifacts=tuple(artifacts),
        training=checkpoint.training,
    )
    proofs = {artifact.format: artifact.parity.model_dump(mode="json") for artifact in artifacts}
    (folder / PARITY_FILE).write_text(json.dumps(proofs, indent=2) + "\n")
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest
