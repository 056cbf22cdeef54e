"""A prediction becomes the answer that a client reads."""

from __future__ import annotations

import base64
from dataclasses import asdict

from service.backends.base import RuntimeDown
from service.predictor import Prediction, StageTimes
from service.preprocess import ModelInput
from service.registry import LoadedModel, RefusedModel
from service.schemas import (
    Action,
    Clip,
    FrameImage,
    Interlacing,
    ModelRef,
    ModelStatus,
    PredictionResponse,
    SampledFrame,
    Timing,
)


def answer(
    prediction: Prediction, model: LoadedModel, *, size_bytes: int, timing: Timing, explain: bool = False
) -> PredictionResponse:
    """The whole answer; with `explain` also the frames and what was interlaced."""
    response = PredictionResponse(
        predictions=[Action(**asdict(score)) for score in prediction.scores],
        model=ModelRef(name=model.name, version=model.version, digest=_digest(model)),
        clip=_describe(prediction.clip, size_bytes),
        timing_ms=timing,
    )
    if explain:
        response.frames = frame_images(prediction.clip)
        response.interlacing = Interlacing(offsets=prediction.offsets.tolist(), weights=prediction.weights.tolist())
    return response


def timing_ms(stages: StageTimes, *, total_seconds: float, upload_seconds: float | None = None) -> Timing:
    """Seconds to milliseconds, to the microsecond."""
    seconds = {"upload": upload_seconds, **asdict(stages), "total": total_seconds}
    return Timing(**{stage: round(spent * 1000, 3) for stage, spent in seconds.items() if spent is not None})


def server_timing(timing: Timing) -> str:
    """The same as the value of a `Server-Timing` header."""
    return ", ".join(f"{stage};dur={spent:g}" for stage, spent in timing.model_dump(exclude_none=True).items())


def model_status(version: LoadedModel | RefusedModel) -> ModelStatus:
    """One row of GET /models."""
    if isinstance(version, RefusedModel):
        return ModelStatus(name=version.name, version=version.version, status="refused", reason=version.reason)
    outage = _outage(version)
    return ModelStatus(
        name=version.name,
        version=version.version,
        status="down" if outage else "ready",
        reason=outage or version.update_refused,
        digest=_digest(version),
        artifact=version.artifact,
        choice=version.reason,
        num_frames=version.spec.num_frames,
        labels=list(version.labels),
    )


def _outage(model: LoadedModel) -> str | None:
    try:
        model.check_up()
    except RuntimeDown as reason:
        return str(reason)
    return None


def frame_images(clip: ModelInput) -> list[FrameImage]:
    """The frames in the order sampled."""
    pairs = zip(_sampled(clip), clip.thumbnails, strict=True)
    return [FrameImage(**dict(frame), image=_data_url(jpeg)) for frame, jpeg in pairs]


def _describe(clip: ModelInput, size_bytes: int) -> Clip:
    return Clip(
        container=clip.video.container,
        codec=clip.video.codec,
        size_bytes=size_bytes,
        width=clip.video.width,
        height=clip.video.height,
        duration_seconds=round(clip.video.duration_seconds, 6),
        frames=clip.video.frames,
        sampled=_sampled(clip),
    )


def _sampled(clip: ModelInput) -> list[SampledFrame]:
    pairs = zip(clip.indices, clip.times, strict=True)
    return [SampledFrame(index=index, time_seconds=round(time, 6)) for index, time in pairs]


def _data_url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _digest(model: LoadedModel) -> str:
    return f"sha256:{model.digest}"
