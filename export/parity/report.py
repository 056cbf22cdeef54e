"""Parity report of an artifact: make a format's file, compare it with its checkpoint, describe it for the manifest."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from export.errors import ExportError
from export.formats.catalogue import BASE, BASE_FILE, FORMATS, ExportRequest, Format
from export.graph.onnx_export import interlaces
from export.parity.compare import (
    BATCHES,
    MADE_OFFSETS,
    Agreement,
    Difference,
    Reference,
    agreement_on,
    clips_sha256,
    compare,
    environment,
)
from export.parity.provenance import made_from
from export.parity.speed import speedup
from service.backends.base import Backend, Clips
from service.store.manifest import Artifact, ParityReport, percent_of

logger = logging.getLogger(__name__)


def make_artifact(fmt: Format, request: ExportRequest, reference: Reference, folder: Path, *, accept: bool) -> Artifact:
    """Write the format's file into a folder, check its parity, and return its entry of the manifest.

    Args:
        fmt: the format.
        request: the checkpoint and the names under which it is exported.
        reference: the same checkpoint, with the clips to compare on.
        folder: the version's folder; formats that are made from the base format find its file there.
        accept: publish the artifact even if its top-1 agreement is too low.

    Raises:
        ExportError: the artifact differs from the checkpoint; its file is removed.
    """
    logger.info("%s: exporting", fmt.name)
    path = folder / fmt.file()
    content = fmt.make(request, folder)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    try:
        parity = check_parity(fmt, request, reference, path, digest, accept=accept)
        if not parity.passed:
            raise ExportError(f"{path.name} differs from the checkpoint: {shortfall(parity)}")
    except BaseException:
        path.unlink()
        raise
    return Artifact(
        file=path.name,
        sha256=digest,
        format=fmt.name,
        precision=fmt.precision,
        weight_bits=fmt.weight_bits,
        speedup=_speedup(fmt, reference, path),
        opset=fmt.opset,
        built_for=dict(fmt.built_for()),
        made_from=sources_of(fmt, request, reference.checkpoint_sha256),
        parity=parity,
    )


def sources_of(fmt: Format, request: ExportRequest, checkpoint_sha256: str) -> dict[str, str]:
    """Return the sources from which the artifact would be made now, by name.

    Raises FormatUnavailable where the format's device is missing.
    """
    return made_from(checkpoint_sha256, fmt.libraries, {**fmt.options(request), **fmt.built_for()})


def check_parity(
    fmt: Format, request: ExportRequest, reference: Reference, path: Path, digest: str, *, accept: bool = False
) -> ParityReport:
    """Compare an artifact with torch, and report; a second artifact with made offsets is made and compared as well.

    A format with validation clips is compared on them with the base format's artifact in the same folder, instead of
    with made offsets. A network that does not interlace has no offsets to make.

    Args:
        fmt: the artifact's format.
        request: the checkpoint and the names under which it is exported.
        reference: the same checkpoint, with the clips to compare on.
        path: the artifact.
        digest: its SHA-256, for the report.
        accept: mark the report as accepted, so that it passes even if the top-1 agreement is too low.
    """
    logger.info("%s: comparing with torch", fmt.name)
    with _opened(fmt, path) as backend:
        learned = compare(reference, backend)
        agreement = _judged(fmt, request, backend, path) or learned.agreement
    has_offsets = interlaces(request.checkpoint.architecture)
    made = _difference_at_made_offsets(fmt, request, reference) if has_offsets and not fmt.validation else None
    device, versions = environment()
    return ParityReport(
        backend=fmt.backend,
        device=device,
        batches=BATCHES,
        num_clips=len(reference.clips),
        num_real_clips=len(reference.real),
        clips_sha256=clips_sha256(reference.clips),
        checkpoint_sha256=reference.checkpoint_sha256,
        artifact_sha256=digest,
        max_abs_logit_difference=learned.max_abs_logit_difference,
        made_offsets=MADE_OFFSETS if made else (),
        max_abs_logit_difference_at_made_offsets=made.max_abs_logit_difference if made else 0.0,
        tolerance=fmt.tolerance,
        max_abs_logit=learned.max_abs_logit,
        max_abs_logit_at_made_offsets=made.max_abs_logit if made else 0.0,
        num_clips_judged=agreement.num_clips,
        top1_agreement=agreement.top1,
        top5_agreement=agreement.top5,
        required_top1_agreement=fmt.required_top1,
        is_accepted=accept,
        versions=versions,
    )


def finding(parity: ParityReport) -> str:
    """Return what decides that the artifact passes, as text: the agreement for int8, else the largest difference."""
    return agreement_found(parity) if parity.limit is None else _difference_found(parity)


def shortfall(parity: ParityReport) -> str:
    """Return the reason why the artifact does not pass, as text."""
    if not parity.is_close:
        return _difference_found(parity)
    return f"{agreement_found(parity)}; --accept publishes it anyway"


def agreement_found(parity: ParityReport) -> str:
    """Return the agreement of the top-1 labels as text, such as "top-1 agrees on 98.6 % of 512 clips (98 % needed)"."""
    share, needed = percent_of(parity.top1_agreement), percent_of(parity.required_top1_agreement)
    return f"top-1 agrees on {share} of {parity.num_clips_judged} clips ({needed} needed)"


def _difference_found(parity: ParityReport) -> str:
    """Return the difference that comes closest to its limit, or exceeds it most, as text."""
    pairs = [(parity.max_abs_logit_difference, parity.limit or 0)]
    if parity.made_offsets:
        pairs.append((parity.max_abs_logit_difference_at_made_offsets, parity.limit_at_made_offsets or 0))
    difference, limit = max(pairs, key=lambda pair: pair[0] - pair[1])
    return f"logits within {difference:.1e} of torch ({limit:.1e} allowed)"


def _speedup(fmt: Format, reference: Reference, path: Path) -> float | None:
    """Return the speed against the format that the file is of; None for a format with a file of its own."""
    source = FORMATS[fmt.source]
    if fmt.source == BASE:
        return None
    with _opened(fmt, path) as backend, _opened(source, path.with_name(source.file())) as other:
        return round(speedup(backend, other, reference.clips[:1]), 3)


@contextmanager
def _opened(fmt: Format, path: Path) -> Iterator[Backend]:
    backend = fmt.open(path)
    try:
        yield backend
    finally:
        backend.close()


def _judged(fmt: Format, request: ExportRequest, backend: Backend, path: Path) -> Agreement | None:
    """Return the agreement with the base format on the format's validation clips; None if it has none."""
    if fmt.validation is None:
        return None
    logger.info("%s: measuring the agreement with %s", fmt.name, BASE)
    return _agreement_with_base(fmt.validation(request), backend, path)


def _agreement_with_base(clips: Iterable[Clips], backend: Backend, path: Path) -> Agreement:
    with _opened(FORMATS[BASE], path.with_name(BASE_FILE)) as base:
        return agreement_on(clips, backend, base)


def _difference_at_made_offsets(fmt: Format, request: ExportRequest, reference: Reference) -> Difference:
    logger.info("%s: comparing with torch at made offsets", fmt.name)
    other = reference.with_made_offsets
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / fmt.file()
        path.write_bytes(fmt.make(dataclasses.replace(request, checkpoint=other.checkpoint), Path(folder)))
        with _opened(fmt, path) as backend:
            return compare(other, backend)
