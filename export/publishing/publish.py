"""Publish a checkpoint and its artifacts as a version in the model store, atomically."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from export.errors import ExportError
from export.formats.catalogue import BASE, ExportRequest, Format, select_formats
from export.parity.compare import Reference
from export.parity.report import make_artifact
from export.publishing.sidecars import update_sidecars
from service.store.atomic import ASIDE, flush, locked, replace_folder
from service.store.manifest import FILE_NAME, MANIFEST_FILE, Artifact, Manifest, StoredFile, TimelineDefaults
from service.store.model_card import CARD_FILE, model_card
from service.store.model_store import sha256_of
from training.checkpoints.checkpoint import Checkpoint, CheckpointError, save_checkpoint

CHECKPOINT_FILE = "checkpoint.safetensors"
PARITY_FILE = "parity.json"

logger = logging.getLogger(__name__)


def publish(
    request: ExportRequest,
    store: Path,
    formats: Sequence[str] = (BASE,),
    *,
    replace: bool = False,
    accept: bool = False,
    optional: Collection[str] = (),
) -> Manifest:
    """Export a checkpoint, check the parity of every artifact, and publish to `store/name/version/`.

        publish(ExportRequest("mine", "", load_checkpoint(path)), Path("model_store"), ["onnx", "onnx-int8"])

    The folder is prepared beside its target and moved there in one step.

    Args:
        request: the checkpoint and the names of model and version; without a version, the next number is taken.
        store: folder of the model store; made if missing.
        formats: names of the catalogue; the base format is always exported.
        replace: replace the version if it exists.
        accept: publish artifacts whose top-1 agreement is too low.
        optional: formats that are left out, with a warning, if their artifact differs from the checkpoint.

    Raises:
        ExportError: an artifact differs from the checkpoint, a format lacks its clips, a name cannot be a folder's, or
            the version exists and `replace` is False. The store is then unchanged.
        FormatUnavailable: a format's device or library is missing here.
        BackendError: a backend cannot run the artifact.
        OSError: the store cannot be written.
    """
    selected = select_formats(formats)
    check_name("model", request.name)
    if request.version:
        check_name("version", request.version)
    for fmt in selected:
        fmt.check(request)  # anything known now is refused before the minutes that an export takes
    (store / request.name).mkdir(parents=True, exist_ok=True)
    with locked(store / request.name):
        request = _numbered(request, store)
        target = store / request.name / request.version
        if target.exists() and not replace:
            raise ExportError(f"{target} exists; name another version, or --replace it")
        logger.info("publishing %s %s", request.name, request.version)
        with staged(target) as folder:
            weights = store_checkpoint(request.checkpoint, folder)
            request = dataclasses.replace(request, checkpoint_sha256=weights.sha256)
            reference = Reference.of(request.checkpoint, weights.sha256)
            made = (
                _make(fmt, request, reference, folder, accept=accept, is_optional=fmt.name in optional)
                for fmt in selected
            )
            artifacts = [artifact for artifact in made if artifact]
            manifest = write_manifest(folder, request, weights, artifacts)
    update_sidecars(store, request.name, formats)
    return manifest


def _make(
    fmt: Format, request: ExportRequest, reference: Reference, folder: Path, *, accept: bool, is_optional: bool
) -> Artifact | None:
    """Make an artifact, or None for an optional one that differs from the checkpoint."""
    try:
        return make_artifact(fmt, request, reference, folder, accept=accept)
    except ExportError as error:
        if not is_optional:
            raise
        logger.warning("%s is left out: %s", fmt.name, error)
        return None


def check_name(kind: str, name: str) -> None:
    """Raise ExportError for a name that a folder of the store cannot have; `kind` is "model" or "version"."""
    if not re.fullmatch(FILE_NAME, name):
        raise ExportError(
            f"{name!r} cannot name a {kind}: take letters, digits, '.', '_' and '-', beginning with a letter or a digit"
        )


def next_version(store: Path, name: str) -> str:
    """Return the number above the highest one in a model's folder; 1 without such a folder."""
    folder = store / name
    numbers = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()] if folder.is_dir() else []
    return str(max(numbers, default=0) + 1)


def _numbered(request: ExportRequest, store: Path) -> ExportRequest:
    """Return the request with a version: its own, or the next number."""
    return dataclasses.replace(request, version=request.version or next_version(store, request.name))


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Lend an empty folder; at the end of the block flush it to the disk and move it to `target` in one step.

    When the block raises, `target` is unchanged. The caller holds the lock of the folder around `target`. Raises
    OSError.
    """
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
    """Write the manifest, the parity reports once more as PARITY_FILE, and the model card.

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
        temperature=checkpoint.temperature,
        threshold=checkpoint.threshold,
        timeline=timeline_of(checkpoint),
    )
    reports = {artifact.format: artifact.parity.model_dump(mode="json") for artifact in artifacts}
    (folder / PARITY_FILE).write_text(json.dumps(reports, indent=2) + "\n")
    (folder / CARD_FILE).write_text(model_card(manifest), encoding="utf-8")
    (folder / MANIFEST_FILE).write_text(manifest_text(manifest), encoding="utf-8")
    return manifest


def timeline_of(checkpoint: Checkpoint) -> TimelineDefaults | None:
    """Return the manifest's parameters of timelines; None for a checkpoint without any.

    Raises CheckpointError for one that is out of range.
    """
    if checkpoint.timeline is None:
        return None
    try:
        return TimelineDefaults.model_validate(checkpoint.timeline)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(["timeline", *map(str, first["loc"])])
        raise CheckpointError(f"the checkpoint's {name} is not valid: {first['msg']}") from error


def manifest_text(manifest: Manifest) -> str:
    """Return the manifest as it is written to MANIFEST_FILE."""
    return manifest.model_dump_json(indent=2) + "\n"
