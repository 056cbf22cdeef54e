"""Presenters: predictions, models and segments as the response bodies that clients read."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from clips.clip_spec import ClipSpec
from clips.model_input import ModelInput, Sampling
from clips.part import WHOLE, Part
from clips.scores import Score
from clips.video_info import VideoInfo
from service.api.schemas.part import part_of_video
from service.api.schemas.predict import (
    Action,
    Clip,
    ClipInput,
    FrameImage,
    InferTiming,
    Interlacing,
    ModelRef,
    ModelStatus,
    PredictionResponse,
    ReversedOrder,
    SampledFrame,
    ShiftedSampling,
    Stability,
    Temporal,
    TimelineParameters,
    Timing,
    Video,
)
from service.api.schemas.timeline import SegmentOfClip
from service.inference.prediction import Prediction
from service.inference.segmentation import Segment
from service.inference.stability import Variants
from service.inference.temporal import DESCRIPTIONS
from service.inference.timeline_plan import plan_timeline
from service.models.versions import LoadedModel, RefusedModel, UnloadedModel, Version, VersionedModel


def answer(
    prediction: Prediction,
    model: LoadedModel,
    *,
    size_bytes: int,
    timing: Timing,
    explain: bool = False,
    part: Part = WHOLE,
) -> PredictionResponse:
    """The whole answer of POST /predict.

    With `explain` it also holds the frames, the network's temporal module, and the offsets and weights of TIN; with
    variants, how stable it is; and the features, where there are any.
    """
    response = PredictionResponse(
        predictions=actions(prediction.scores),
        likely=prediction.likely,
        model=model_ref(model),
        clip=_describe(prediction.clip, size_bytes),
        part=part_of_video(part),
        timing_ms=timing,
    )
    if prediction.variants and prediction.clip.shifted:
        response.stability = _stability(prediction.variants, prediction.clip.shifted)
    if prediction.features is not None:
        response.features = prediction.features.tolist()
    if explain:
        response.frames = frame_images(prediction.clip)
        response.temporal = Temporal(kind=model.temporal, description=DESCRIPTIONS[model.temporal])
        response.interlacing = _interlacing(prediction)
    return response


def timing_ms(seconds: Mapping[str, float]) -> Timing:
    """Convert the seconds of each stage, `total` among them, to milliseconds, rounded to the microsecond."""
    return Timing(**{stage: _milliseconds(spent) for stage, spent in seconds.items()})


def infer_timing_ms(seconds: Mapping[str, float]) -> InferTiming:
    """Convert the seconds of each stage of a request under /v2 to milliseconds."""
    return InferTiming(**{stage: _milliseconds(spent) for stage, spent in seconds.items()})


def server_timing(timing: Timing | InferTiming) -> str:
    """Return the value of a `Server-Timing` header."""
    return ", ".join(f"{stage};dur={spent:g}" for stage, spent in timing.model_dump(exclude_none=True).items())


def model_statuses(models: Iterable[VersionedModel]) -> list[ModelStatus]:
    """The rows of GET /models: every version of every model."""
    return [_model_status(version, model) for model in models for version in model.versions]


def _model_status(version: Version, model: VersionedModel) -> ModelStatus:
    policy: dict[str, Any] = {
        "policy": str(model.policy),
        "policy_refused": model.policy.reason,
        "is_default": version is model.default(),
    }
    if isinstance(version, RefusedModel):
        status = "unloaded" if isinstance(version, UnloadedModel) else "refused"
        return ModelStatus(name=version.name, version=version.version, status=status, reason=version.reason, **policy)
    outage = version.outage()
    return ModelStatus(
        name=version.name,
        version=version.version,
        status="down" if outage else "ready",
        reason=outage or version.update_refused,
        digest=tagged_digest(version),
        artifact=version.artifact,
        choice=version.reason,
        devices=list(version.devices),
        temporal=version.temporal,
        num_frames=version.spec.num_frames,
        num_views=version.spec.num_views,
        clip=_clip_input(version.spec),
        temperature=version.temperature,
        threshold=version.threshold,
        timeline=_timeline_parameters(version),
        labels=list(version.labels),
        **policy,
    )


def _timeline_parameters(model: LoadedModel) -> TimelineParameters:
    plan = plan_timeline(model, max_windows=1)
    return TimelineParameters(
        window_seconds=plan.windowing.window_seconds,
        step_seconds=plan.windowing.step_seconds,
        min_probability=plan.min_probability,
    )


def _clip_input(spec: ClipSpec) -> ClipInput:
    return ClipInput(
        num_frames=spec.num_frames, clips=spec.clips, view=spec.view, short_side=spec.short_side, crop=spec.crop
    )


def frame_images(clip: ModelInput) -> list[FrameImage]:
    """The first clip's sampled frames as small JPEGs, in the order in which they were sampled."""
    pairs = zip(_sampled(clip)[: len(clip.thumbnails)], clip.thumbnails, strict=True)
    return [FrameImage(**dict(frame), image=_data_url(jpeg)) for frame, jpeg in pairs]


def model_ref(model: LoadedModel) -> ModelRef:
    """The model that answered."""
    return ModelRef(name=model.name, version=model.version, digest=tagged_digest(model))


def describe_video(video: VideoInfo, size_bytes: int) -> Video:
    """The upload's properties, as counted and measured."""
    return Video(
        container=video.container,
        codec=video.codec,
        size_bytes=size_bytes,
        width=video.width,
        height=video.height,
        duration_seconds=round(video.duration_seconds, 6),
        frames=video.frames,
    )


def _describe(clip: ModelInput, size_bytes: int) -> Clip:
    return Clip(**dict(describe_video(clip.video, size_bytes)), sampled=_sampled(clip))


def _interlacing(prediction: Prediction) -> Interlacing | None:
    if prediction.offsets is None or prediction.weights is None:
        return None
    return Interlacing(offsets=prediction.offsets.tolist(), weights=prediction.weights.tolist())


def _stability(variants: Variants, shifted: Sampling) -> Stability:
    return Stability(
        is_stable=variants.is_stable,
        depends_on_order=variants.depends_on_order,
        shift=variants.shifted.distance,
        reversal=variants.reversed.distance,
        shifted=ShiftedSampling(predictions=actions(variants.shifted.scores), sampled=_sampled(shifted)),
        reversed=ReversedOrder(predictions=actions(variants.reversed.scores)),
    )


def actions(scores: list[Score]) -> list[Action]:
    """The scores as actions, in the order given."""
    return [Action(**vars(score)) for score in scores]


def segment_of_clip(segment: Segment, model: LoadedModel) -> SegmentOfClip:
    """A segment of the model's answers, its times rounded to the microsecond."""
    return SegmentOfClip(
        start_seconds=round(segment.start, 6),
        end_seconds=round(segment.end, 6),
        label=segment.label,
        index=segment.index,
        probability=segment.probability,
        likely=model.is_likely(segment.probability),
        num_windows=segment.num_windows,
    )


def _sampled(clip: Sampling) -> list[SampledFrame]:
    pairs = zip(clip.indices, clip.times, strict=True)
    return [SampledFrame(index=index, time_seconds=round(time, 6)) for index, time in pairs]


def _data_url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def tagged_digest(model: LoadedModel) -> str:
    """The digest of the artifact that runs, as `sha256:<hexadecimal>`."""
    return f"sha256:{model.digest}"
