"""A service that has only the first stages of the gateway, to measure what each one costs.

    python -m tests.benchmarks.load.rung STAGE VIDEO

What comes after the stages is answered at once, with the answer to VIDEO. All else is the real service's: the model,
the settings, the log.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from clips.model_input import ModelInput
from clips.preprocess import preprocess
from clips.windows import Windowing
from service.api.app import Lifespan, create_app
from service.api.lifespan import State
from service.backends.base import Clips, Outputs
from service.config.settings import Settings
from service.decoding.job import DecodeJob
from service.decoding.pool import DecoderPool
from service.decoding.timeline_pool import TimelinePool
from service.deployment.uvicorn_server import listen, serve
from service.inference.batcher import Batcher, Inferred
from service.inference.pipeline import Batching, Decoders, LocalDecoders, make_gateway
from service.inference.windows import InferredPart
from service.models.hot_reload import live_registry
from service.models.versions import LoadedModel
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import live_tracer


class Stage(StrEnum):
    """The last stage that a service has; each has those before it."""

    HTTP = "http"
    """Sockets, the HTTP parser, the body; answered with as many bytes as an answer has."""
    APPLICATION = "application"
    """Middleware, routes, admission control, the answer, its log line, its metrics."""
    BATCH = "batch"
    """The batcher and its thread."""
    DECODER = "decoder"
    """The worker process, the way of the video to it, that of the views back."""


ANSWER = bytes(1100)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body of a request and send ANSWER."""
    while (await receive())["more_body"]:
        pass
    await send_answer(send)


async def send_answer(send: Send) -> None:
    """Send ANSWER."""
    head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": ANSWER})


@dataclass(frozen=True)
class RememberedClip:
    """Decoders for a video that was decoded."""

    clip: ModelInput

    async def preprocess(self, job: DecodeJob) -> ModelInput:
        """Return the clip."""
        return self.clip

    def windows(self, job: DecodeJob, windowing: Windowing, model: LoadedModel) -> AsyncGenerator[InferredPart, None]:
        """Timelines are not measured."""
        raise NotImplementedError


@dataclass(frozen=True)
class RememberedBackend:
    """A model that ran."""

    outputs: Outputs
    max_batch_size = 1

    def infer(self, clips: Clips) -> Outputs:
        """Return the outputs."""
        return self.outputs

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True)
class WithoutModel:
    """Batches of a model that ran; without a batcher, not even that."""

    backend: RememberedBackend
    batcher: Batcher | None

    async def infer(self, model: LoadedModel, clips: Clips) -> Inferred:
        """Return the outputs, by way of the batcher where there is one."""
        if self.batcher is None:
            return Inferred(self.backend.outputs, 1, 0.0, 0.0)
        return await self.batcher.infer(replace(model, backend=self.backend), clips)


def lifespan_until(stage: Stage, video: bytes) -> Lifespan:
    """Return the lifespan of an application that ends with a stage."""

    @asynccontextmanager
    async def lifespan(app: FastAPI, settings: Settings, metrics: Metrics) -> AsyncIterator[State]:
        async with live_tracer() as tracer, live_registry(settings) as registry:
            model = registry.get()
            clip = preprocess(video, model.spec, settings.decode_limits())
            backend = RememberedBackend(model.backend.infer(clip.views))
            batcher = Batcher(metrics.observe_run)
            pool = DecoderPool(settings.decoders, settings.max_decoder_bytes)
            decoders: Decoders = RememberedClip(clip)
            if stage is Stage.DECODER:
                await pool.start()
                decoders = LocalDecoders(pool, TimelinePool(1, settings.max_decoder_bytes), batcher)
            batching: Batching = WithoutModel(backend, None if stage is Stage.APPLICATION else batcher)
            gateway = make_gateway(settings, registry, metrics, decoders, batching)
            batches = asyncio.create_task(batcher.run())
            app.state.admission, app.state.registry = gateway.admission, registry
            yield {"gateway": gateway, "tracer": tracer, "teaching": None}
            batches.cancel()
            await pool.close()

    return lifespan


def with_handler(application: ASGIApp, handler: ASGIApp) -> ASGIApp:
    """Return an application that starts and ends as another one, and answers requests by a handler."""

    async def serve_one(scope: Scope, receive: Receive, send: Send) -> None:
        await (handler if scope["type"] == "http" else application)(scope, receive, send)

    return serve_one


def main() -> None:
    """Serve until SIGTERM."""
    stage, video, settings = Stage(sys.argv[1]), Path(sys.argv[2]).read_bytes(), Settings(port=0)
    app = create_app(settings, lifespan_until(stage, video))
    if stage is Stage.HTTP:
        app.middleware_stack = with_handler(app.build_middleware_stack(), echo)
    serve(app, settings, listen(settings.host, 0))


if __name__ == "__main__":
    main()
