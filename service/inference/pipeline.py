"""The gateway: from video bytes to a prediction, through the decoders and the batcher that all requests share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from clips.model_input import ModelInput, TimelineEnd
from clips.windows import Windowing
from service.backends.base import Clips
from service.config.settings import Settings
from service.decoding.job import DecodeJob, Preprocessor
from service.decoding.timeline_pool import TimelinePool
from service.inference.batcher import Batcher, Inferred
from service.inference.prediction import Prediction, StageTimes, score
from service.inference.stability import views_to_infer
from service.inference.windows import InferredPart, infer_windows
from service.limits.admission import Admission, ServiceTime
from service.models.registry import Registry
from service.models.versions import LoadedModel
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import record_stage, stage


class ReplicaLost(Exception):
    """Replica after replica was lost under one request (service.deployment.ray_clients)."""


class Decoders(Preprocessor, Protocol):
    """Decoders of videos: worker processes of this one, or replicas on Ray (service.deployment.ray_clients).

    Both methods raise clips.decoding.errors.ClipError and service.decoding.process.DecoderError.
    """

    def windows(self, job: DecodeJob, windowing: Windowing, model: LoadedModel) -> AsyncGenerator[InferredPart, None]:
        """Yield a start, each window with the model's logits, and an end. When it is closed, decoding ends."""


class Batching(Protocol):
    """Runs models on batches of several requests' clips: in this process, or in replicas on Ray."""

    async def infer(self, model: LoadedModel, clips: Clips) -> Inferred:
        """Return the outputs for uint8 clips [N, T, H, W, 3]; raises InferenceFailed and TryLater."""


@dataclass(frozen=True)
class LocalDecoders:
    """Worker processes of this one: a pool for POST /predict, or a GPU, and one worker per timeline."""

    pool: Preprocessor
    timelines: TimelinePool
    batcher: Batcher

    async def preprocess(self, job: DecodeJob) -> ModelInput:
        """Return the model's input."""
        return await self.pool.preprocess(job)

    def windows(self, job: DecodeJob, windowing: Windowing, model: LoadedModel) -> AsyncGenerator[InferredPart, None]:
        """Yield a start, each window with the model's logits, and an end."""
        parts = self.timelines.windows(job, windowing)
        return infer_windows(parts, partial(traced_infer, self.batcher, model))


@dataclass(frozen=True)
class InferredVideo:
    """One video's input, and the model's outputs for all of its views, `views_to_infer(clip)`."""

    clip: ModelInput
    inferred: Inferred

    @property
    def seconds(self) -> StageTimes:
        """Wall-clock seconds of each stage."""
        return StageTimes(self.clip.decode_seconds, self.clip.transform_seconds, self.inferred.seconds)


@dataclass(frozen=True)
class Gateway:
    """One per application; made when it starts up."""

    settings: Settings
    registry: Registry
    metrics: Metrics
    admission: Admission
    decoders: Decoders
    batcher: Batching

    def model(self, name: str | None = None, version: str | None = None) -> LoadedModel:
        """The model to answer with; raises as `Registry.get` does, and RuntimeDown where its server is down."""
        model = self.registry.get(name, version)
        model.check_up()
        return model

    async def predict(self, job: DecodeJob, model: LoadedModel, top_k: int, *, features: bool = False) -> Prediction:
        """Decode in a worker, infer in a batch, score. Cancelling it frees what it holds.

        Raises clips.decoding.errors.ClipError, service.decoding.process.DecoderError, InferenceFailed, TryLater, and
        NoFeatures where `features` were requested.
        """
        video = await self.infer_video(job, model)
        outputs, seconds = video.inferred.outputs, video.seconds
        prediction = score(video.clip, outputs, model, top_k, infer_seconds=seconds.infer, features=features)
        self.metrics.observe_answer(model.key, prediction.scores[0].label, prediction.scores[0].probability)
        return prediction

    async def infer_video(self, job: DecodeJob, model: LoadedModel) -> InferredVideo:
        """Decode in a worker, infer in a batch; raises as `predict`."""
        clip = await self._preprocess(job)
        inferred = await self.infer(model, views_to_infer(clip))
        video = InferredVideo(clip, inferred)
        self.admission.service_time.add(clip.decode_seconds + clip.transform_seconds + inferred.seconds)
        self.metrics.observe_decoding(clip.packets_fed)
        return video

    async def windows(
        self, job: DecodeJob, windowing: Windowing, model: LoadedModel
    ) -> AsyncGenerator[InferredPart, None]:
        """Decode and infer a long video window by window; raises as `predict`, at any time."""
        async with aclosing(self.decoders.windows(job, windowing, model)) as parts:
            async for part in parts:
                if isinstance(part, TimelineEnd):
                    self.metrics.observe_decoding(part.packets_fed)
                yield part

    async def infer(self, model: LoadedModel, clips: Clips) -> Inferred:
        """Run the model on uint8 clips [N, T, H, W, 3], in a batch with others; raises InferenceFailed and TryLater."""
        return await traced_infer(self.batcher, model, clips)

    async def _preprocess(self, job: DecodeJob) -> ModelInput:
        with stage("preprocess"):
            clip = await self.decoders.preprocess(job)
            record_stage("decode", clip.started_at, clip.decode_seconds)
            record_stage("transform", clip.started_at + clip.decode_seconds, clip.transform_seconds)
        return clip


async def traced_infer(batcher: Batching, model: LoadedModel, clips: Clips) -> Inferred:
    """Run `batcher.infer` as the stages `batch` and `infer` of a trace."""
    with stage("batch"):
        inferred = await batcher.infer(model, clips)
        record_stage("infer", inferred.started_at, inferred.seconds, batch_size=inferred.batch_size)
    return inferred


def make_gateway(
    settings: Settings,
    registry: Registry,
    metrics: Metrics,
    decoders: Decoders,
    batcher: Batching,
    is_backed_up: Callable[[], bool] = lambda: False,
) -> Gateway:
    """Put the parts of the request's path together, sized by the settings; nothing is started yet.

    `is_backed_up` is True while enough videos wait to keep the decoders busy.
    """
    admission = Admission(
        max_uploads=settings.max_uploads,
        max_bytes_held=settings.max_upload_bytes_held,
        max_queue=settings.max_queue,
        max_timelines=settings.timelines(),
        max_per_key=settings.max_queue_per_key,
        service_time=ServiceTime(settings.decoders),
        is_backed_up=is_backed_up,
    )
    metrics.set_queue_capacity(settings.max_queue)
    return Gateway(settings, registry, metrics, admission, decoders, batcher)
