"""Verify a published version: check its digests, and compare every artifact with torch again on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from export.errors import ExportError
from export.formats.catalogue import FORMATS, ExportRequest, Format
from export.parity.compare import Reference
from export.parity.report import agreement_found, check_parity, finding
from service.backends.base import BackendError
from service.store.manifest import Artifact, ParityReport
from service.store.model_store import ModelRefused, ModelStore, StoredModel
from training.checkpoints.checkpoint import load_checkpoint


@dataclass(frozen=True)
class Verification:
    """Result of verifying one file of a version."""

    version: str
    file: str
    passed: bool
    finding: str


def verify(store: ModelStore, name: str, version: str) -> Iterator[Verification]:
    """Check the version's digests, then compare each artifact with torch; yield one result per file.

        for result in verify(ModelStore(Path("model_store")), "mine", "1"):
            print(result.file, result.finding)

    A version that the store refuses yields one failed result. Raises StoreError for a version that does not exist, and
    CheckpointError.
    """
    try:
        stored = store.open(name, version)
    except ModelRefused as refused:
        yield Verification(version, "manifest.json", passed=False, finding=str(refused))
        return
    checkpoint = load_checkpoint(stored.path_of(stored.manifest.checkpoint))
    digest = stored.manifest.checkpoint.sha256
    request = ExportRequest(name, version, checkpoint, checkpoint_sha256=digest)
    reference = Reference.of(checkpoint, digest)
    for artifact in stored.manifest.artifacts:
        yield _verify_artifact(stored, artifact, request, reference)


def _verify_artifact(
    stored: StoredModel, artifact: Artifact, request: ExportRequest, reference: Reference
) -> Verification:
    fmt = FORMATS.get(artifact.format)
    if fmt is None:
        finding = f"unknown format {artifact.format}"
        return Verification(request.version, artifact.file, passed=False, finding=finding)
    try:
        passed, finding = _compare(stored, artifact, fmt, request, reference)
    except (BackendError, ExportError) as error:
        passed, finding = False, str(error)
    return Verification(request.version, artifact.file, passed, finding)


def _compare(
    stored: StoredModel, artifact: Artifact, fmt: Format, request: ExportRequest, reference: Reference
) -> tuple[bool, str]:
    accept = artifact.parity.is_accepted
    parity = check_parity(fmt, request, reference, stored.path_of(artifact), artifact.sha256, accept=accept)
    return parity.passed, f"{'' if parity.passed else 'differs from its checkpoint: '}{_findings(parity)}"


def _findings(parity: ParityReport) -> str:
    return ", ".join(dict.fromkeys([finding(parity), agreement_found(parity)]))
