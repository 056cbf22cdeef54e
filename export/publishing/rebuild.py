"""One version of the store is brought up to date: what is fresh stays, what is not is made and proven again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from export.errors import ExportError, UnavailableHere
from export.formats.catalogue import FORMATS, ExportRequest, Format, named
from export.parity.compare import Reference
from export.parity.provenance import why_stale
from export.parity.report import make_artifact, sources_of
from export.publishing.publish import CHECKPOINT_FILE, prepared, write_manifest
from service.backends.base import BackendError
from service.store.manifest import Artifact, StoredFile
from service.store.model_store import ModelStore, StoreError, sha256_of
from training.checkpoints.checkpoint import CheckpointError, load_checkpoint

Status = Literal["fresh", "stale", "rebuilt", "failed"]


@dataclass(frozen=True)
class RebuildResult:
    """What became of one format of one version, and why; `stale` is what a dry run would rebuild."""

    name: str
    version: str
    format: str
    status: Status
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Task:
    """One version and what is wanted of it."""

    store: Path
    name: str
    version: str
    formats: tuple[str, ...]
    videos: Path | None = None
    accept: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class _Version:
    """What the store holds: the checkpoint, and by format the artifacts that are whole and proven of it."""

    folder: Path
    subject: ExportRequest
    weights: StoredFile
    held: Mapping[str, Artifact]
    doubt: str
    """Why nothing else that lies there can be trusted, if so."""

    def why_stale(self, form: Format) -> str:
        """In words; empty when it is fresh."""
        if form.name not in self.held:
            return self.doubt or "it is not there"
        try:
            now = sources_of(form, self.subject, self.weights.sha256)
        except UnavailableHere as error:
            return str(error)
        return why_stale(self.held[form.name].made_from, now)


class _NothingMade(Exception):
    """Every format failed, so the version stays as it is."""


def refresh(task: Task) -> list[RebuildResult]:
    """Rebuild what is stale; a format that fails leaves the others alone. Raises nothing that a file can cause."""
    forms = named(task.formats)
    try:
        version = _read_version(task)
        reasons = {form.name: version.why_stale(form) for form in forms}
        stale = {name: reason for name, reason in reasons.items() if reason}
        fresh = [_outcome(task, name, "fresh") for name in reasons if name not in stale]
        if task.dry_run or not stale:
            return fresh + [_outcome(task, name, "stale", reason) for name, reason in stale.items()]
        return fresh + _rebuild(task, version, stale)
    except (CheckpointError, ExportError, StoreError, OSError) as error:
        return [_outcome(task, form.name, "failed", _one_line(error)) for form in forms]


def _read_version(task: Task) -> _Version:
    folder = task.store / task.name / task.version
    subject = ExportRequest(task.name, task.version, load_checkpoint(folder / CHECKPOINT_FILE), task.videos)
    weights = StoredFile(file=CHECKPOINT_FILE, sha256=sha256_of(folder / CHECKPOINT_FILE))
    try:
        artifacts = ModelStore(task.store).open(task.name, task.version).manifest.artifacts
    except StoreError as error:
        return _Version(folder, subject, weights, {}, _one_line(error))
    held = {each.format: each for each in artifacts if each.parity.checkpoint_sha256 == weights.sha256}
    return _Version(folder, subject, weights, held, "" if held else "the checkpoint changed")


def _rebuild(task: Task, version: _Version, stale: Mapping[str, str]) -> list[RebuildResult]:
    """Make the stale formats in a new folder, which takes the version's place; one that fails keeps its older form."""
    made: list[tuple[RebuildResult, Artifact | None]] = []
    try:
        with prepared(version.folder) as folder:
            fresh = [artifact.file for name, artifact in version.held.items() if name not in stale]
            _link(version.folder, folder, [CHECKPOINT_FILE, "checkpoint.json", *fresh])
            reference = Reference.of(version.subject.checkpoint, version.weights.sha256)
            for name, reason in stale.items():
                made.append(_make(task, FORMATS[name], reason, version.subject, reference, folder))
            new = {artifact.format: artifact for _, artifact in made if artifact}
            if not new:
                raise _NothingMade
            artifacts = {**version.held, **new}
            _link(version.folder, folder, [artifact.file for artifact in artifacts.values()])
            write_manifest(folder, version.subject, version.weights, [artifacts[n] for n in FORMATS if n in artifacts])
    except _NothingMade:
        pass
    return [outcome for outcome, _ in made]


def _make(
    task: Task, form: Format, reason: str, subject: ExportRequest, reference: Reference, folder: Path
) -> tuple[RebuildResult, Artifact | None]:
    started = time.monotonic()
    try:
        artifact = make_artifact(form, subject, reference, folder, accept=task.accept)
    except (ExportError, BackendError) as error:
        return _outcome(task, form.name, "failed", _one_line(error), time.monotonic() - started), None
    return _outcome(task, form.name, "rebuilt", reason, time.monotonic() - started), artifact


def _link(source: Path, target: Path, files: Iterable[str]) -> None:
    """The same files under a second name, or copies where the file system has no second names."""
    for file in files:
        if not (target / file).exists():
            try:
                os.link(source / file, target / file)
            except OSError:
                shutil.copyfile(source / file, target / file)


def _outcome(task: Task, form: str, status: Status, reason: str = "", seconds: float = 0.0) -> RebuildResult:
    return RebuildResult(task.name, task.version, form, status, reason, round(seconds, 1))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
