"""A published version is proven again, on this machine and with what is installed now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from export.errors import ExportError
from export.formats.catalogue import FORMATS, ExportRequest, Format
from export.parity.compare import Reference
from export.parity.report import prove
from service.backends.base import BackendError
from service.store.manifest import Artifact
from service.store.model_store import ModelRefused, ModelStore, StoredModel
from training.checkpoints.checkpoint import load_checkpoint


@dataclass(frozen=True)
class Verification:
    """What was found of one file."""

    version: str
    file: str
    is_right: bool
    finding: str


def verify(store: ModelStore, name: str, version: str) -> Iterator[Verification]:
    """Verification the version's digests, then each artifact against torch. Raises StoreError or CheckpointError."""
    try:
        stored = store.open(name, version)
    except ModelRefused as refused:
        yield Verification(version, "manifest.json", is_right=False, finding=str(refused))
        return
    checkpoint = load_checkpoint(stored.path_of(stored.manifest.checkpoint))
    subject = ExportRequest(name, version, checkpoint)
    reference = Reference.of(checkpoint, stored.manifest.checkpoint.sha256)
    for artifact in stored.manifest.artifacts:
        yield _check(stored, artifact, subject, reference)


def _check(stored: StoredModel, artifact: Artifact, subject: ExportRequest, reference: Reference) -> Verification:
    form = FORMATS.get(artifact.format)
    if form is None:
        return Verification(
            subject.version, artifact.file, is_right=False, finding=f"format {artifact.format} is unknown here"
        )
    try:
        is_right, finding = _compare(stored, artifact, form, subject, reference)
    except (BackendError, ExportError) as error:
        is_right, finding = False, str(error)
    return Verification(subject.version, artifact.file, is_right, finding)


def _compare(
    stored: StoredModel, artifact: Artifact, form: Format, subject: ExportRequest, reference: Reference
) -> tuple[bool, str]:
    accept = artifact.parity.is_accepted
    parity = prove(form, subject, reference, stored.path_of(artifact), artifact.sha256, accept=accept)
    within = f"logits within {parity.max_abs_logit_difference:.1e} of torch"
    agrees = f"the likeliest label agrees on {parity.top1_agreement:.1%}"
    return parity.passed, f"{'' if parity.passed else 'differs from its checkpoint: '}{within}, {agrees}"
