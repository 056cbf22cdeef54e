"""A prediction becomes the answer that a client reads."""

from __future__ import annotations

import base64
from dataclasses import asdict

import cv2
import numpy as np

from clips.decode import DecodedClip
from clips.transform import Image, resize_short_side
from service.predictor import Prediction, StageTimes
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

THUMBNAIL_SHORT_SIDE = 160
"""Pixels: enough to recognise, eight of them well under 100 kB."""


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
    return ModelStatus(
        name=version.name,
        version=version.version,
        status="ready",
        reason=version.update_refused,
        digest=_digest(version),
        artifact=version.artifact,
        choice=version.reason,
        num_frames=version.spec.num_frames,
        labels=list(version.labels),
    )


def frame_images(clip: DecodedClip) -> list[FrameImage]:
    """The frames in the order sampled; one that a short clip repeats is encoded once."""
    url_of = {index: _data_url(image) for index, image in dict(zip(clip.indices, clip.images, strict=True)).items()}
    return [FrameImage(**dict(frame), image=url_of[frame.index]) for frame in _sampled(clip)]


def _describe(clip: DecodedClip, size_bytes: int) -> Clip:
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


def _sampled(clip: DecodedClip) -> list[SampledFrame]:
    pairs = zip(clip.indices, clip.times, strict=True)
    return [SampledFrame(index=index, time_seconds=round(time, 6)) for index, time in pairs]


def _data_url(image: Image) -> str:
    small = resize_short_side(image, THUMBNAIL_SHORT_SIDE) if min(image.shape[:2]) > THUMBNAIL_SHORT_SIDE else image
    done, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not done:
        raise RuntimeError(f"OpenCV could not encode a frame of shape {small.shape} as JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"


def _digest(model: LoadedModel) -> str:
    return f"sha256:{model.digest}"
