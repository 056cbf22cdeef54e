"""Rebuild one version of the store: keep the artifacts that are fresh, make and check the others again."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from export.errors import ExportError, FormatUnavailable
from export.formats.catalogue import FORMATS, ExportRequest, Format, select_formats
from export.parity.compare import Reference
from export.parity.provenance import why_stale
from export.parity.report import make_artifact, sources_of
from export.publishing.publish import CHECKPOINT_FILE, manifest_text, staged, timeline_of, write_manifest
from service.backends.base import BackendError, one_line
from service.store.atomic import link_or_copy, locked, replacing
from service.store.manifest import MANIFEST_FILE, Artifact, Manifest, StoredFile
from service.store.model_card import CARD_FILE, model_card
from service.store.model_store import ModelStore, StoreError, sha256_of
from training.checkpoints.checkpoint import CheckpointError, load_checkpoint

Status = Literal["fresh", "stale", "rebuilt", "failed"]


@dataclass(frozen=True)
class RebuildResult:
    """Status of one format of one version, and its reason; `stale` is reported by dry runs only."""

    name: str
    version: str
    format: str
    status: Status
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class RebuildTask:
    """One version to rebuild, and the formats and options to rebuild it with."""

    store: Path
    name: str
    version: str
    formats: tuple[str, ...]
    videos: Path | None = None
    accept: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class _Version:
    """A stored version: its checkpoint, and its valid artifacts by format."""

    folder: Path
    request: ExportRequest
    weights: StoredFile
    held: Mapping[str, Artifact]
    doubt: str
    """Reason why no other artifact in the folder is valid; empty if there is none."""
    manifest: Manifest | None
    """Its manifest; None where the store refuses it."""

    def why_stale(self, fmt: Format) -> str:
        """Return the reason to rebuild a format; empty for a fresh one."""
        if fmt.name not in self.held:
            return self.doubt or "it does not exist"
        try:
            now = sources_of(fmt, self.request, self.weights.sha256)
        except FormatUnavailable as error:
            return str(error)
        return why_stale(self.held[fmt.name].made_from, now)


class _NothingMade(Exception):
    """Every format failed, so that the version stays unchanged."""


def rebuild(task: RebuildTask) -> list[RebuildResult]:
    """Rebuild the stale formats of a version, and return one result per format.

        rebuild(RebuildTask(Path("model_store"), "mine", "1", ("onnx",), dry_run=True))

    A format that fails does not affect the others. Errors of files become results with the status `failed`; an unknown
    format raises ExportError.
    """
    selected = select_formats(task.formats)
    try:
        version = _read_version(task)
        reasons = {fmt.name: version.why_stale(fmt) for fmt in selected}
        stale = {name: reason for name, reason in reasons.items() if reason}
        fresh = [_result(task, name, "fresh") for name in reasons if name not in stale]
        if version.manifest and not task.dry_run:
            _refresh_descriptions(version, version.manifest)
        if task.dry_run or not stale:
            return fresh + [_result(task, name, "stale", reason) for name, reason in stale.items()]
        return fresh + _rebuild(task, version, stale)
    except (CheckpointError, ExportError, StoreError, OSError) as error:
        return [_result(task, fmt.name, "failed", one_line(error)) for fmt in selected]


def check_formats(task: RebuildTask) -> None:
    """Raise ExportError, within seconds, if a format of the version is known to be impossible here.

    A checkpoint that cannot be read passes: `rebuild` reports it beside the results of other versions.
    """
    try:
        request = _request_of(task)
    except CheckpointError:
        return
    for fmt in select_formats(task.formats):
        try:
            fmt.check(request)
        except ExportError as error:
            raise type(error)(f"{task.name} {task.version}: {error}") from error


def _request_of(task: RebuildTask) -> ExportRequest:
    checkpoint = load_checkpoint(task.store / task.name / task.version / CHECKPOINT_FILE)
    return ExportRequest(task.name, task.version, checkpoint, task.videos)


def _read_version(task: RebuildTask) -> _Version:
    folder = task.store / task.name / task.version
    request = _request_of(task)
    weights = StoredFile(file=CHECKPOINT_FILE, sha256=sha256_of(folder / CHECKPOINT_FILE))
    request = dataclasses.replace(request, checkpoint_sha256=weights.sha256)
    try:
        manifest = ModelStore(task.store).open(task.name, task.version).manifest
    except StoreError as error:
        return _Version(folder, request, weights, {}, one_line(error), manifest=None)
    held = {each.format: each for each in manifest.artifacts if each.parity.checkpoint_sha256 == weights.sha256}
    return _Version(folder, request, weights, held, "" if held else "the checkpoint changed", manifest)


def _refresh_descriptions(version: _Version, manifest: Manifest) -> None:
    """Write the manifest and the model card again where they differ from the checkpoint's JSON and the manifest."""
    checkpoint = version.request.checkpoint
    measured = {"temperature": checkpoint.temperature, "threshold": checkpoint.threshold}
    current = manifest.model_copy(update=measured | {"timeline": timeline_of(checkpoint)})
    if current != manifest:
        _replace(version.folder / MANIFEST_FILE, manifest_text(current))
    card = version.folder / CARD_FILE
    if not card.exists() or card.read_text(encoding="utf-8") != model_card(current):
        _replace(card, model_card(current))


def _replace(path: Path, text: str) -> None:
    with locked(path.parents[1]), replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")


def _rebuild(task: RebuildTask, version: _Version, stale: Mapping[str, str]) -> list[RebuildResult]:
    """Make the stale formats in a new folder, which replaces the version's; a format that fails keeps its old file."""
    made: list[tuple[RebuildResult, Artifact | None]] = []
    try:
        with locked(version.folder.parent), staged(version.folder) as folder:
            fresh = [artifact.file for name, artifact in version.held.items() if name not in stale]
            _link_missing(version.folder, folder, [CHECKPOINT_FILE, "checkpoint.json", *fresh])
            reference = Reference.of(version.request.checkpoint, version.weights.sha256)
            for name, reason in stale.items():
                made.append(_make(task, FORMATS[name], reason, version.request, reference, folder))
            new = {artifact.format: artifact for _, artifact in made if artifact}
            if not new:
                raise _NothingMade
            artifacts = {**version.held, **new}
            _link_missing(version.folder, folder, [artifact.file for artifact in artifacts.values()])
            write_manifest(folder, version.request, version.weights, [artifacts[n] for n in FORMATS if n in artifacts])
    except _NothingMade:
        pass
    return [result for result, _ in made]


def _make(
    task: RebuildTask, fmt: Format, reason: str, request: ExportRequest, reference: Reference, folder: Path
) -> tuple[RebuildResult, Artifact | None]:
    started = time.monotonic()
    try:
        artifact = make_artifact(fmt, request, reference, folder, accept=task.accept)
    except (ExportError, BackendError) as error:
        return _result(task, fmt.name, "failed", one_line(error), time.monotonic() - started), None
    return _result(task, fmt.name, "rebuilt", reason, time.monotonic() - started), artifact


def _link_missing(source: Path, target: Path, files: Iterable[str]) -> None:
    for file in files:
        if not (target / file).exists():
            link_or_copy(source / file, target / file)


def _result(task: RebuildTask, fmt: str, status: Status, reason: str = "", seconds: float = 0.0) -> RebuildResult:
    return RebuildResult(task.name, task.version, fmt, status, reason, round(seconds, 1))
