"""What the routes share: the settings, the models, and the path of a request: admission, decoders, batcher."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Protocol, TypedDict, cast

from fastapi import Depends, FastAPI, Request
from opentelemetry.trace import Tracer

from clips.clip_spec import ClipSpec
from clips.decoding.limits import DecodeLimits
from clips.preprocess import ModelInput
from service.api.http.api_keys import check_key
from service.backends.base import Backend, Clips
from service.config.settings import Settings
from service.decoding.pool import DecoderPool
from service.decoding.timeline_pool import TimelineDecoders
from service.inference.batcher import Batcher, Inferred
from service.inference.prediction import Prediction, score
from service.inference.stability import views_to_infer
from service.limits.admission import Admission
from service.limits.service_time import ServiceTime
from service.models.hot_reload import live_registry
from service.models.registry import LoadedModel, Registry
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import live_tracer, record_stage, stage


class Decoders(Protocol):
    """Decoders of videos: children of this process, or replicas on Ray (service.deployment.ray_clients)."""

    async def preprocess(
        self, video: bytes, spec: ClipSpec, limits: DecodeLimits, *, thumbnails: bool, shifted: bool
    ) -> ModelInput:
        """As DecoderPool.preprocess."""


class Inferring(Protocol):
    """Whoever runs models, on batches of several requests' clips."""

    async def infer(self, backend: Backend, clips: Clips) -> Inferred:
        """As Batcher.infer."""


@dataclass(frozen=True)
class Gateway:
    """One per application; made when it starts up."""

    settings: Settings
    registry: Registry
    metrics: Metrics
    admission: Admission
    service_time: ServiceTime
    decoders: Decoders
    timelines: TimelineDecoders
    batcher: Inferring

    def model(self, name: str | None = None, version: str | None = None) -> LoadedModel:
        """The model to answer with; raises as `Registry.get` does, and RuntimeDown where its server is down."""
        model = self.registry.get(name, version)
        model.check_up()
        return model

    async def predict(
        self, video: bytes, model: LoadedModel, top_k: int, *, thumbnails: bool, stability: bool
    ) -> Prediction:
        """Decode in a child, infer in a batch, score. Cancelling it frees what it holds.

        Raises clips.decoding.errors.ClipError, service.decoding.process.DecoderError, InferenceFailed and TryLater.
        """
        clip = await self._preprocess(video, model, thumbnails=thumbnails, shifted=stability)
        inferred = await self.infer(model, views_to_infer(clip))
        self.service_time.add(clip.decode_seconds + clip.transform_seconds + inferred.seconds)
        return score(clip, inferred.outputs, model, top_k, infer_seconds=inferred.seconds)

    async def infer(self, model: LoadedModel, clips: Clips) -> Inferred:
        """Run the model on uint8 clips [N, T, H, W, 3], in a batch with others; raises InferenceFailed and TryLater."""
        with stage("batch"):
            inferred = await self.batcher.infer(model.backend, clips)
            record_stage("infer", inferred.started_at, inferred.seconds, batch_size=inferred.batch_size)
        return inferred

    async def _preprocess(self, video: bytes, model: LoadedModel, *, thumbnails: bool, shifted: bool) -> ModelInput:
        with stage("preprocess"):
            limits = self.settings.decode_limits()
            clip = await self.decoders.preprocess(video, model.spec, limits, thumbnails=thumbnails, shifted=shifted)
            record_stage("decode", clip.started_at, clip.decode_seconds)
            record_stage("transform", clip.started_at + clip.decode_seconds, clip.transform_seconds)
        return clip


class State(TypedDict):
    """What the application's lifespan hands to each request."""

    gateway: Gateway
    tracer: Tracer


@asynccontextmanager
async def lifespan(app: FastAPI, settings: Settings, metrics: Metrics) -> AsyncIterator[State]:
    """Load the models and start the decoders, serve, free them."""
    async with live_tracer() as tracer, live_registry(settings) as registry:
        decoders = DecoderPool(settings.decoders, settings.max_decoder_bytes)
        batcher = Batcher(metrics.observe_batch)
        gateway = make_gateway(settings, registry, metrics, decoders, batcher)
        await decoders.start()
        batches = asyncio.create_task(batcher.run())
        app.state.admission = gateway.admission
        yield {"gateway": gateway, "tracer": tracer}
        batches.cancel()
        await decoders.close()


def make_gateway(
    settings: Settings, registry: Registry, metrics: Metrics, decoders: Decoders, batcher: Inferring
) -> Gateway:
    """The parts of the request's path, sized by the settings; nothing is started yet."""
    service_time = ServiceTime(settings.decoders)
    admission = Admission(
        max_uploads=settings.max_uploads,
        max_bytes_held=settings.max_upload_bytes_held,
        max_queue=settings.max_queue,
        max_per_key=settings.max_queue_per_key,
        service_time=service_time,
    )
    metrics.watch_queue(lambda: admission.num_queued, settings.max_queue)
    return Gateway(
        settings=settings,
        registry=registry,
        metrics=metrics,
        admission=admission,
        service_time=service_time,
        decoders=decoders,
        timelines=TimelineDecoders(settings.timelines(), settings.max_decoder_bytes),
        batcher=batcher,
    )


async def _of_request(request: Request) -> Gateway:
    # What is not async, FastAPI sends to a thread and back.
    return cast(Gateway, request.state.gateway)


GatewayOfApp = Annotated[Gateway, Depends(_of_request)]


async def _key_of_request(request: Request, gateway: GatewayOfApp) -> str | None:
    return check_key(request.headers, gateway.settings.keys())


KeyOfRequest = Annotated[str | None, Depends(_key_of_request)]
"""The request's API key, checked; None where the service has none."""
