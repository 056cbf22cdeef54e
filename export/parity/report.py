"""A format's artifact is made and proven: the file, and the manifest's entry that vouches for it."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from export.errors import ExportError
from export.formats.catalogue import BASE, BASE_FILE, FORMATS, ExportRequest, Format
from export.parity.compare import (
    BATCHES,
    MADE_OFFSETS,
    Agreement,
    Reference,
    agreement_on,
    clips_sha256,
    compare,
    surroundings,
)
from export.parity.provenance import made_from
from service.backends.base import Backend, Clips
from service.store.manifest import Artifact, ParityReport


def make_artifact(
    form: Format, subject: ExportRequest, reference: Reference, folder: Path, *, accept: bool
) -> Artifact:
    """Write the format's file into the folder and prove it. Raises ExportError when it differs from the checkpoint.

    With `accept`, one that agrees too seldom on the likeliest label is taken all the same.
    """
    path = folder / form.file()
    content = form.make(subject, folder)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    try:
        parity = prove(form, subject, reference, path, digest, accept=accept)
        if not parity.passed:
            raise ExportError(f"{path.name} differs from the checkpoint: {_shortfall(parity)}")
    except BaseException:
        path.unlink()
        raise
    return Artifact(
        file=path.name,
        sha256=digest,
        format=form.name,
        precision=form.precision,
        opset=form.opset,
        built_for=dict(form.built_for()),
        made_from=sources_of(form, subject, reference.checkpoint_sha256),
        parity=parity,
    )


def sources_of(form: Format, subject: ExportRequest, checkpoint_sha256: str) -> dict[str, str]:
    """What the artifact would be made from now; raises UnavailableHere where its device is missing."""
    return made_from(checkpoint_sha256, form.libraries, {**form.options(subject), **form.built_for()})


def prove(
    form: Format, subject: ExportRequest, reference: Reference, path: Path, digest: str, *, accept: bool = False
) -> ParityReport:
    """Compare the artifact with torch, and so a second one whose offsets are made.

    One that is judged on other clips is compared on these with the base format's artifact, which lies beside it.
    """
    with _opened(form, path) as backend:
        learned = compare(reference, backend)
        agreement = learned.agreement if form.judged_on is None else _judge(form.judged_on(subject), backend, path)
    made = _difference_at_made_offsets(form, subject, reference) if form.judged_on is None else 0.0
    device, versions = surroundings()
    return ParityReport(
        backend=form.backend,
        device=device,
        batches=BATCHES,
        num_clips=len(reference.clips),
        num_real_clips=len(reference.real),
        clips_sha256=clips_sha256(reference.clips),
        checkpoint_sha256=reference.checkpoint_sha256,
        artifact_sha256=digest,
        max_abs_logit_difference=learned.max_abs_logit_difference,
        made_offsets=MADE_OFFSETS if form.judged_on is None else (),
        max_abs_logit_difference_at_made_offsets=made,
        tolerance=form.tolerance,
        num_clips_judged=agreement.num_clips,
        top1_agreement=agreement.top1,
        top5_agreement=agreement.top5,
        required_top1_agreement=form.required_top1,
        is_accepted=accept,
        versions=versions,
    )


@contextmanager
def _opened(form: Format, path: Path) -> Iterator[Backend]:
    backend = form.open(path)
    try:
        yield backend
    finally:
        backend.close()


def _judge(clips: Iterable[Clips], backend: Backend, path: Path) -> Agreement:
    with _opened(FORMATS[BASE], path.with_name(BASE_FILE)) as base:
        return agreement_on(clips, backend, base)


def _difference_at_made_offsets(form: Format, subject: ExportRequest, reference: Reference) -> float:
    other = reference.with_made_offsets
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / form.file()
        path.write_bytes(form.make(dataclasses.replace(subject, checkpoint=other.checkpoint), Path(folder)))
        with _opened(form, path) as backend:
            return compare(other, backend).max_abs_logit_difference


def _shortfall(parity: ParityReport) -> str:
    if not parity.is_close:
        largest = max(parity.max_abs_logit_difference, parity.max_abs_logit_difference_at_made_offsets)
        return f"logits by {largest:.2g}, more than {parity.tolerance:.2g}"
    share, needed = parity.top1_agreement, parity.required_top1_agreement
    return (
        f"the likeliest label agrees on {share:.1%} of the clips, less than {needed:.1%}; --accept publishes it anyway"
    )
