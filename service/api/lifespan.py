"""Start-up and shut-down of the service in one process: models loaded, decoders started, all of it freed at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI
from opentelemetry.trace import Tracer

from service.config.settings import Settings
from service.decoding.job import Preprocessor
from service.decoding.pool import DecoderPool
from service.decoding.timeline_pool import TimelinePool
from service.inference.batcher import Batcher
from service.inference.pipeline import Gateway, LocalDecoders, make_gateway
from service.models.hot_reload import live_registry
from service.teaching.live_teaching import live_teaching
from service.teaching.teaching import Teaching
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import live_tracer


class State(TypedDict):
    """The state that the application's lifespan hands to each request."""

    gateway: Gateway
    tracer: Tracer
    teaching: Teaching | None


@asynccontextmanager
async def lifespan(app: FastAPI, settings: Settings, metrics: Metrics) -> AsyncIterator[State]:
    """Load the models and start the decoders, serve, free them."""
    async with (
        live_tracer() as tracer,
        live_registry(settings) as registry,
        live_teaching(settings, metrics.end_training) as teaching,
    ):
        pool = DecoderPool(settings.decoders, settings.max_decoder_bytes)
        timelines = TimelinePool(settings.timelines(), settings.max_decoder_bytes)
        batcher = Batcher(metrics.observe_run, settings.devices().count)
        decoders = LocalDecoders(_in_front_of(pool, settings), timelines, batcher)
        gateway = make_gateway(settings, registry, metrics, decoders, batcher, pool.is_backed_up)
        await pool.start()
        batches = asyncio.create_task(batcher.run())
        app.state.admission, app.state.registry = gateway.admission, registry
        yield {"gateway": gateway, "tracer": tracer, "teaching": teaching}
        batches.cancel()
        await pool.close()


def _in_front_of(pool: DecoderPool, settings: Settings) -> Preprocessor:
    """Return the pool, or a GPU that decodes in front of it where the settings say so; raises NvdecUnavailable."""
    if settings.decode == "workers":
        return pool
    from service.decoding.nvdec import NvdecPool, check_nvdec  # noqa: PLC0415 - brings a decoder into this process

    gpus = settings.devices().gpus
    check_nvdec(gpus)
    return NvdecPool(pool, gpus[0])
