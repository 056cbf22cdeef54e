"""Manifest of a published version: `model_store/<name>/<version>/manifest.json`.

It lists the version's files, where they came from, and the parity report of each artifact.

`export.publishing.publish` writes it, `service.store.model_store` reads it; both use these types, so that neither
drifts from the other.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from clips.clip_spec import ClipSpec

MANIFEST_FILE = "manifest.json"

MOST_TIMES_OFF = 2
"""Allowed multiple of the largest difference in the parity report of int8, which has no limit."""

SHORTEST_WINDOW, LONGEST_WINDOW = 0.001, 600.0
"""Bounds of a timeline's windows, in seconds."""

MOST_OVERLAPPING = 16
"""Most windows of a timeline that overlap at one moment; bounds the frames that are held."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
FileName = Annotated[str, Field(pattern=FILE_NAME)]
"""A plain name inside the version's folder: no slash, no leading dot."""


TemporalKind = Literal["tin", "tsm", "none"]
"""A network's temporal module: interlacing, a fixed shift, or none."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoredFile(_Record):
    """A file of the version's folder and the SHA-256 of its bytes."""

    file: FileName
    sha256: Sha256


def percent_of(share: float) -> str:
    """Return a share in percent, as text, rounded down: 97.97 % must not read as the 98 % that it lacks.

    >>> percent_of(0.97974), percent_of(0.29), percent_of(1.0)
    ('97.9 %', '29 %', '100 %')
    """
    return f"{math.floor(share * 1000 + 1e-9) / 10:g} %"  # the small number is for shares such as 0.29


def limit_of(tolerance: float, scale: float | None) -> float:
    """Return the largest difference allowed of logits whose largest absolute value is `scale`, or unknown.

    `tolerance` where the scale is 1 to 10. Smaller logits keep it relative to their scale: a difference of 1e-4 proves
    nothing of logits of 1e-3. Larger ones get a tenth of it relative to their scale, since rounding grows with them.

    >>> limit_of(1e-4, 0.5), limit_of(1e-4, 5.0), limit_of(1e-4, 1000.0)
    (5e-05, 0.0001, 0.01)
    """
    return tolerance if scale is None else tolerance * max(min(scale, 1), scale / 10)


class ParityReport(_Record):
    """Parity report: the answers of an artifact compared with those of its checkpoint in torch, on the same clips."""

    backend: str
    device: str
    batches: tuple[int, ...]
    num_clips: int = Field(ge=1)
    num_real_clips: int = Field(ge=0)
    """Clips of real footage among them; the others are rendered, noise or flat."""
    clips_sha256: Sha256
    checkpoint_sha256: Sha256
    artifact_sha256: Sha256
    max_abs_logit_difference: float = Field(ge=0, allow_inf_nan=False)
    made_offsets: tuple[float, ...]
    """In frames: the fixed offsets of a second export, compared in the same way; empty for int8."""
    max_abs_logit_difference_at_made_offsets: float = Field(ge=0, allow_inf_nan=False)
    tolerance: float | None = Field(gt=0)
    """Largest difference allowed of logits of scale 1 to 10; None where only the agreement counts."""
    max_abs_logit: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Scale of torch's logits, to which the tolerance is relative; None in older reports, whose limit is absolute."""
    max_abs_logit_at_made_offsets: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    num_clips_judged: int = Field(ge=1)
    """Clips on which the labels were compared: for int8 others than those that it was calibrated on."""
    top1_agreement: float = Field(ge=0, le=1)
    top5_agreement: float = Field(ge=0, le=1)
    required_top1_agreement: float = Field(ge=0, le=1)
    is_accepted: bool = False
    """Published with `--accept` although it is below the required agreement."""
    versions: dict[str, str]

    @property
    def limit(self) -> float | None:
        """Largest logit difference allowed; None where only the agreement counts."""
        return None if self.tolerance is None else limit_of(self.tolerance, self.max_abs_logit)

    @property
    def limit_at_made_offsets(self) -> float | None:
        """Largest logit difference allowed of the second export; None where only the agreement counts."""
        return None if self.tolerance is None else limit_of(self.tolerance, self.max_abs_logit_at_made_offsets)

    @property
    def allowed_difference(self) -> float:
        """Largest logit difference allowed on other clips: the limit, or for int8 a multiple of the one found."""
        return self.limit or MOST_TIMES_OFF * self.max_abs_logit_difference

    @property
    def is_close(self) -> bool:
        """True when the logits of both exports are within their limits, or when there are none."""
        pairs = (
            (self.max_abs_logit_difference, self.limit),
            (self.max_abs_logit_difference_at_made_offsets, self.limit_at_made_offsets),
        )
        return all(limit is None or difference <= limit for difference, limit in pairs)

    @property
    def agrees(self) -> bool:
        """True when the top-1 labels agree with the checkpoint's on enough clips."""
        return self.top1_agreement >= self.required_top1_agreement

    @property
    def passed(self) -> bool:
        """True when the artifact may be served."""
        return self.is_close and (self.agrees or self.is_accepted)


class Artifact(StoredFile):
    """One exported format of the checkpoint, with its parity report."""

    format: str
    """Its name in `python -m export --formats`."""
    precision: str
    weight_bits: int | None = None
    """Bits that the weights of int8 take; with 7, CPUs without VNNI run it as exactly as others. None is 8 there."""
    speedup: float | None = Field(default=None, gt=0)
    """Speed on the CPU that exported it, as a multiple of the same graph's in ONNX Runtime; None for ONNX Runtime's."""
    opset: int | None = None
    built_for: dict[str, str] = {}
    """The machine that can run it, where not every one can: the GPU's name, TensorRT's version."""
    made_from: dict[str, str]
    """Provenance by name: digests of the checkpoint and the exporter's sources, options, library versions."""
    parity: ParityReport


class TimelineDefaults(_Record):
    """Parameters of a model's timelines where a request gives none."""

    window_seconds: float = Field(default=2.0, ge=SHORTEST_WINDOW, le=LONGEST_WINDOW, allow_inf_nan=False)
    """Length of a window."""
    step_seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """From one window to the next; half a window where None."""
    min_probability: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    """Least top-1 probability of a window that names its action; where None, the threshold of a likely answer."""

    @model_validator(mode="after")
    def _step_fits_window(self) -> TimelineDefaults:
        least, most = self.window_seconds / MOST_OVERLAPPING, self.window_seconds
        if self.step_seconds is not None and not least <= self.step_seconds <= most:
            raise ValueError(f"step_seconds must be from {least:g} to {most:g}, not {self.step_seconds:g}")
        return self


class Manifest(_Record):
    """Manifest of one version of one model."""

    schema_version: int = Field(default=1, ge=1, le=1)
    name: FileName
    version: FileName
    architecture: dict[str, Any]
    clip: ClipSpec
    labels: tuple[str, ...] = Field(min_length=1)
    checkpoint: StoredFile
    artifacts: tuple[Artifact, ...] = Field(min_length=1)
    training: dict[str, Any]
    temperature: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Divides the logits before the softmax; 1 for a model that was not calibrated."""
    threshold: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    """Least top-1 probability of a likely answer; None for a model without one, such as a published checkpoint."""
    timeline: TimelineDefaults | None = None
    """Parameters of the model's timelines; None where they are not known."""

    @model_validator(mode="after")
    def _one_label_per_class(self) -> Manifest:
        num_classes = self.architecture.get("num_classes")
        if num_classes != len(self.labels):
            raise ValueError(f"{len(self.labels)} labels for {num_classes} classes")
        return self

    @model_validator(mode="after")
    def _known_temporal(self) -> Manifest:
        if self.temporal not in get_args(TemporalKind):
            raise ValueError(f"a network is temporal: {', '.join(get_args(TemporalKind))}; not {self.temporal!r}")
        return self

    @property
    def temporal(self) -> TemporalKind:
        """The network's temporal module."""
        kind: TemporalKind = self.architecture.get("temporal", "tin")
        return kind
