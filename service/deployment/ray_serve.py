"""The service on many machines, on Ray Serve: `serve run service.deployment.ray_serve:app`, or docker/ray/serve.yaml.

    ingress     the FastAPI application, with the routes, limits and errors of the single process
    ├── decoders    a replica is a core; it decodes in worker processes, timelines too
    └── models      a replica has every model of the store loaded, on cores or on a GPU

The three scale on their own, by the requests that wait for them. Batches form in a replica by the Batcher of the single
process: `@serve.batch` closes a batch by the clock, also while the model still runs the one before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import ray
from fastapi import FastAPI
from ray import serve
from ray.serve import Application, Deployment
from starlette.types import ASGIApp, Receive, Scope, Send

from clips.decoding.errors import ClipError
from clips.model_input import ModelInput
from clips.windows import Windowing
from service.api.app import create_app
from service.api.lifespan import State
from service.backends.base import Clips
from service.config.devices import AUTO
from service.config.settings import Settings
from service.decoding.job import DecodeJob
from service.decoding.pool import DecoderPool
from service.decoding.process import detach_main_module
from service.decoding.timeline_pool import TimelinePool
from service.deployment.ray_clients import DECODERS, MODELS, ClusterBackend, RemoteBatcher, RemoteDecoders, call
from service.inference.batcher import Batcher, Inferred
from service.inference.pipeline import make_gateway
from service.inference.windows import InferredPart, infer_windows
from service.models.registry import Registry
from service.models.versions import LoadedModel, Version, VersionedModel
from service.teaching.errors import BadTeachFolder
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import live_tracer

DECODER_REQUESTS = 6
"""Of one decoder replica: a video in work, the next ones in line, and timelines.

While all replicas are full, Ray's router asks them again and again, which costs more CPU time than a line here.
"""

MAX_REPLICAS_PER_NODE = 100
"""The most that Ray Serve accepts."""

HEAD_NODE = "node:__internal_head__"
"""Ray's own resource of the head node."""

logger = logging.getLogger("service")


class DecoderReplica:
    """One core and one worker process for videos; each timeline gets a worker of its own, which gives way to it."""

    async def __init__(self, max_memory_bytes: int) -> None:  # type: ignore[misc]  # Ray awaits it
        detach_main_module()
        self._pool = DecoderPool(1, max_memory_bytes)
        self._timelines = TimelinePool(DECODER_REQUESTS, max_memory_bytes)
        await self._pool.start()

    async def preprocess(self, job: DecodeJob) -> ModelInput | ClipError:
        """Run `DecoderPool.preprocess`; an error of the video is returned, as Ray logs a traceback of raised ones."""
        try:
            return await self._pool.preprocess(job)
        except ClipError as error:
            return error

    async def windows(
        self, job: DecodeJob, windowing: Windowing, name: str, version: str, first_window: int
    ) -> AsyncGenerator[InferredPart | ClipError, None]:
        """Decode a long video here and infer each window in a model replica; errors of the video are yielded.

        Only logits go back to the ingress. A window is inferred before the next is taken, so that nothing piles up.
        """
        infer = partial(call, serve.get_deployment_handle(MODELS).infer, name, version)
        parts = infer_windows(self._timelines.windows(job, windowing, first_window), infer)
        async with aclosing(parts):
            try:
                async for part in parts:
                    yield part
            except ClipError as error:
                yield error


class ModelReplica:
    """The models and policies of the store when the replica started; newer ones come with a rolling update."""

    async def __init__(  # type: ignore[misc]  # Ray awaits it
        self, open_registry: Callable[[], Registry], num_devices: int = 1
    ) -> None:
        self._registry = await asyncio.to_thread(open_registry)
        self._batcher = Batcher(lambda run: None, num_devices)
        self._batches = asyncio.create_task(self._batcher.run())

    async def infer(self, name: str, version: str, clips: Clips) -> Inferred:
        """Run `Batcher.infer` with the named model; also raises ModelNotFound and ModelUnavailable."""
        return await self._batcher.infer(self._registry.get(name, version), clips)

    async def describe(self) -> dict[str, VersionedModel]:
        """The models, with remote backends in place of the loaded ones."""
        models = self._registry.models().items()
        return {name: replace(model, versions=tuple(map(_remote, model.versions))) for name, model in models}


decoder_deployment = serve.deployment(
    name=DECODERS,
    ray_actor_options={"num_cpus": 1},
    max_ongoing_requests=DECODER_REQUESTS,
    max_queued_requests=64,
    autoscaling_config={"min_replicas": 1, "max_replicas": 16, "target_ongoing_requests": 1.5},
)(DecoderReplica)

model_deployment = serve.deployment(
    name=MODELS,
    ray_actor_options={"num_cpus": 1},
    max_ongoing_requests=16,
    max_queued_requests=64,
    autoscaling_config={"min_replicas": 1, "max_replicas": 16, "target_ongoing_requests": 4},
)(ModelReplica)


class Ingress:
    """Becomes the application; its lifespan finds the other deployments, which are bound here, by their names."""

    def __init__(self, decoders: Any, models: Any) -> None:
        pass


def app(settings: dict[str, Any]) -> Application:
    """The application for `serve run` and `serve deploy`; settings that `args` omits come from the environment."""
    chosen = Settings(**settings)
    return build(chosen, partial(open_in_replica, chosen))


def open_in_replica(settings: Settings) -> Registry:
    """Load the store's models, on as many threads as Ray gave cores to this replica; the others are not its own."""
    assigned = ray.get_runtime_context().get_assigned_resources().get("CPU", 1)  # type: ignore[no-untyped-call]
    threads = settings.onnx_threads or max(1, int(assigned))
    return Registry.open(on_given_gpus(settings).model_copy(update={"onnx_threads": threads}))


def on_given_gpus(settings: Settings) -> Settings:
    """Return the settings with the GPUs that Ray gives to a replica named, unless there are none or TIN_DEVICE does.

    Ray numbers them from 0, and hides the others. The CPU does not replace one that was given.
    """
    if not settings.model_gpus or settings.device != AUTO:
        return settings
    given = ",".join(f"cuda:{number}" for number in range(max(1, int(settings.model_gpus))))
    return settings.model_copy(update={"device": given})


def build(settings: Settings, open_registry: Callable[[], Registry]) -> Application:
    """The three deployments, bound; `open_registry` is called in each model replica.

    Raises BadTeachFolder where TIN_TEACH is on, and ValueError for TIN_DECODE=nvdec.
    """
    if settings.decode != "workers":
        raise ValueError(
            f"TIN_DECODE={settings.decode} works in a single service; on Ray decoders are replicas on cores"
        )
    if settings.teach:
        raise BadTeachFolder("TIN_TEACH=true works in a single service, not on Ray: its takes lie in one folder")
    decoders = decoder_deployment.options(max_replicas_per_node=max_decoders_per_node()).bind(
        settings.max_decoder_bytes
    )
    models = models_with(settings).bind(open_registry, on_given_gpus(settings).devices().count)

    def build_app() -> ASGIApp:
        return WithState(create_app(settings, cluster_lifespan))

    # Above what Admission lets in, so that it is Admission that turns away. On the head node, so that a worker that is
    # lost takes no client's connection with it; without a share of its cores, which a replica might take first. In an
    # update it is killed only when all that it accepted is answered, or too late.
    ingress = serve.deployment(
        name="ingress",
        ray_actor_options={"num_cpus": 0, "resources": {HEAD_NODE: 0.001}},
        max_ongoing_requests=2 * (settings.max_uploads + settings.max_queue),
        graceful_shutdown_timeout_s=settings.upload_grace_seconds + settings.deadline_seconds,
    )(serve.ingress(build_app)(Ingress))
    application: Application = ingress.bind(decoders, models)
    return application


def models_with(settings: Settings) -> Deployment:
    """Return the deployment of the models, with a core and the GPUs of the settings for each replica."""
    return model_deployment.options(ray_actor_options={"num_cpus": 1, "num_gpus": settings.model_gpus})


def max_decoders_per_node() -> int:
    """Return one less than the cores of the smallest node that has any, or Ray's most where no cluster is known.

    Decoders start first when a node's replicas move to another one; if they took all of its cores, no model replica
    would find a place, and every request would wait in vain.
    """
    nodes = ray.nodes() if ray.is_initialized() else []  # type: ignore[no-untyped-call]
    cores = [int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]]
    return max(1, min([num_cores - 1 for num_cores in cores if num_cores] + [MAX_REPLICAS_PER_NODE]))


@asynccontextmanager
async def cluster_lifespan(app: FastAPI, settings: Settings, metrics: Metrics) -> AsyncIterator[State]:
    """Wait for a model replica, serve, and keep up with the models that the replicas have."""
    models = serve.get_deployment_handle(MODELS)
    decoders = RemoteDecoders(serve.get_deployment_handle(DECODERS))
    registry = Registry({}, settings.default_model)
    registry.replace_all(await call(models.describe))
    async with live_tracer() as tracer:
        following = asyncio.create_task(_follow(registry, models, settings.store_poll_seconds))
        gateway = make_gateway(settings, registry, metrics, decoders, RemoteBatcher(models, metrics.runs.add))
        app.state.admission = gateway.admission
        yield {"gateway": gateway, "tracer": tracer, "teaching": None}
        following.cancel()


class WithState:
    """Gives each request the state of the application's lifespan, as uvicorn does and Ray Serve does not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._state: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        scope["state"] = self._state if scope["type"] == "lifespan" else dict(self._state)
        await self._app(scope, receive, send)


async def _follow(registry: Registry, models: Any, poll_seconds: float) -> None:
    while poll_seconds:
        await asyncio.sleep(poll_seconds)
        try:
            registry.replace_all(await call(models.describe))
        except Exception as error:  # the ingress must outlive any failure of the replicas
            logger.warning("no model replica lists its models; those known before stay: %s", error)


def _remote(version: Version) -> Version:
    if not isinstance(version, LoadedModel):
        return version
    backend = ClusterBackend(version.name, version.version, version.backend.max_batch_size)
    return replace(version, backend=backend, pending_update=None)
