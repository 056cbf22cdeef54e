"""What the routes share: the settings, the models, and how many videos are worked on at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, TypedDict, cast

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI, Request

from service.backends.base import Clips, Outputs
from service.metrics import Metrics
from service.predictor import Prediction, predict
from service.registry import LoadedModel, Registry
from service.settings import Settings
from service.store_watch import live_registry


@dataclass(frozen=True)
class Gateway:
    """One per application; made when it starts up."""

    settings: Settings
    registry: Registry
    limiter: CapacityLimiter
    metrics: Metrics

    async def predict(self, video: bytes, model: LoadedModel, top_k: int) -> Prediction:
        """`predictor.predict` in a thread of its own, when one is free; raises what it raises."""
        return await to_thread.run_sync(predict, video, model, top_k, self.settings.bounds(), limiter=self.limiter)

    async def infer(self, model: LoadedModel, clips: Clips) -> Outputs:
        """Run the model on uint8 clips [N, T, H, W, 3] in a thread, when one is free; raises InferenceFailed."""
        self.metrics.observe_batch(len(clips))
        return await to_thread.run_sync(model.backend.infer, clips, limiter=self.limiter)


class State(TypedDict):
    """What the application's lifespan hands to each request."""

    gateway: Gateway


@asynccontextmanager
async def lifespan(app: FastAPI, settings: Settings, metrics: Metrics) -> AsyncIterator[State]:
    """Load the models, serve, free them."""
    limiter = CapacityLimiter(settings.max_concurrent_predictions)
    metrics.watch_queue(lambda: limiter.statistics().tasks_waiting)
    async with live_registry(settings) as registry:
        yield {"gateway": Gateway(settings, registry, limiter, metrics)}


def _of_request(request: Request) -> Gateway:
    return cast(Gateway, request.state.gateway)


GatewayOfApp = Annotated[Gateway, Depends(_of_request)]
