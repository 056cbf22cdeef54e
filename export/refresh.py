"""One version of the store is brought up to date: what is fresh stays, what is not is made and proven again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from export.errors import ExportError, UnavailableHere
from export.formats import FORMATS, Format, Subject, named
from export.parity import Reference
from export.prove import make_artifact, sources_of
from export.provenance import why_stale
from export.publish import CHECKPOINT_FILE, prepared, write_manifest
from service.backends.base import BackendError
from service.manifest import Artifact, StoredFile
from service.store import ModelStore, StoreError, sha256_of
from training.checkpoint import CheckpointError, load_checkpoint

Status = Literal["fresh", "stale", "rebuilt", "failed"]


@dataclass(frozen=True)
class Outcome:
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


class NothingMade(Exception):
    """Every format failed, so the version stays as it is."""


def refresh(task: Task) -> list[Outcome]:
    """Rebuild what is stale; a format that fails leaves the others alone. Raises nothing that a file can cause."""
    forms = named(task.formats)
    try:
        return _refresh(task, forms)
    except (CheckpointError, ExportError, StoreError, OSError) as error:
        return [_outcome(task, form.name, "failed", _one_line(error)) for form in forms]


def _refresh(task: Task, forms: Sequence[Format]) -> list[Outcome]:
    path = task.store / task.name / task.version / CHECKPOINT_FILE
    subject = Subject(task.name, task.version, load_checkpoint(path), task.videos)
    weights = StoredFile(file=CHECKPOINT_FILE, sha256=sha256_of(path))
    held, doubt = _held(task)
    reasons = {form.name: doubt or _why_stale(form, subject, weights, held) for form in forms}
    stale = [form for form in forms if reasons[form.name]]
    fresh = [_outcome(task, name, "fresh") for name, reason in reasons.items() if not reason]
    if task.dry_run or not stale:
        return fresh + [_outcome(task, form.name, "stale", reasons[form.name]) for form in stale]
    return fresh + _rebuild(task, subject, weights, held, {form.name: reasons[form.name] for form in stale})


def _held(task: Task) -> tuple[dict[str, Artifact], str]:
    """The artifacts that the version has, by format; or why none can be trusted."""
    try:
        manifest = ModelStore(task.store).open(task.name, task.version).manifest
    except StoreError as error:
        return {}, _one_line(error)
    return {artifact.format: artifact for artifact in manifest.artifacts}, ""


def _why_stale(form: Format, subject: Subject, weights: StoredFile, held: Mapping[str, Artifact]) -> str:
    if form.name not in held:
        return "it is not there"
    try:
        return why_stale(held[form.name].made_from, sources_of(form, subject, weights.sha256))
    except UnavailableHere as error:
        return str(error)


def _rebuild(
    task: Task, subject: Subject, weights: StoredFile, held: Mapping[str, Artifact], reasons: Mapping[str, str]
) -> list[Outcome]:
    target = task.store / task.name / task.version
    of_this_checkpoint = {
        name: artifact for name, artifact in held.items() if artifact.parity.checkpoint_sha256 == weights.sha256
    }
    kept = {name: artifact for name, artifact in of_this_checkpoint.items() if name not in reasons}
    outcomes = []
    try:
        with prepared(target) as folder:
            for file in (CHECKPOINT_FILE, "checkpoint.json", *(artifact.file for artifact in kept.values())):
                _link(target / file, folder / file)
            reference = Reference.of(subject.checkpoint, weights.sha256)
            for name, reason in reasons.items():
                outcome, artifact = _make(task, FORMATS[name], subject, reference, folder, reason)
                outcomes.append(outcome)
                if artifact:
                    kept[name] = artifact
                elif name in of_this_checkpoint:
                    kept[name] = of_this_checkpoint[name]
                    _link(target / kept[name].file, folder / kept[name].file)
            if all(outcome.status == "failed" for outcome in outcomes):
                raise NothingMade
            write_manifest(folder, subject, weights, [kept[name] for name in FORMATS if name in kept])
    except NothingMade:
        pass
    return outcomes


def _make(
    task: Task, form: Format, subject: Subject, reference: Reference, folder: Path, reason: str
) -> tuple[Outcome, Artifact | None]:
    started = time.monotonic()
    try:
        artifact = make_artifact(form, subject, reference, folder, accept=task.accept)
    except (ExportError, BackendError) as error:
        return _outcome(task, form.name, "failed", _one_line(error), time.monotonic() - started), None
    return _outcome(task, form.name, "rebuilt", reason, time.monotonic() - started), artifact


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _outcome(task: Task, form: str, status: Status, reason: str = "", seconds: float = 0.0) -> Outcome:
    return Outcome(task.name, task.version, form, status, reason, round(seconds, 1))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
