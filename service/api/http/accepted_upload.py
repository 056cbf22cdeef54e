"""The one order in which a request with a body is accepted, read, worked on and measured."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.requests import Request

from service.inference.pipeline import Gateway
from service.limits.admission import MemoryReservation
from service.limits.deadline import MinUploadRate
from service.limits.slots import Slots
from service.telemetry.metrics import Metrics
from service.telemetry.model_metrics import NO_MODEL, ModelKey
from service.telemetry.tracing import stage

Body = TypeVar("Body", bytes, bytearray)

ReadBody = Callable[[Request, int, MinUploadRate, MemoryReservation], Awaitable[Body]]


@dataclass(frozen=True)
class AcceptedUpload(Generic[Body]):
    """A body that was read, and the moments (`time.perf_counter`) when the request began and the body ended."""

    body: Body
    started: float
    received: float
    model: ModelKey
    metrics: Metrics

    def finish(self, stages: Mapping[str, float]) -> dict[str, float]:
        """Return the seconds of each stage, from `upload` to `total`, and record them in the metrics."""
        total = time.perf_counter() - self.started
        seconds = {"upload": self.received - self.started, **stages, "total": total}
        self.metrics.observe_stages(self.model, seconds)
        return seconds


@asynccontextmanager
async def accepted_upload(
    request: Request,
    gateway: Gateway,
    key: str | None,
    read: ReadBody[Body],
    slots: Slots | None = None,
) -> AsyncIterator[AcceptedUpload[Body]]:
    """Take the request's slots and read its body; everything is freed at the end.

        per-key slot -> memory -> (is a work slot free?) -> upload slot -> body -> work slot

    The metrics count it for the model that `choose_model` has noted, before the body was read or by then.

    Args:
        request: Its body has not been read.
        gateway: The application's.
        key: The request's API key, None where the service has none.
        read: Reads the body while it counts the bytes: `upload.read_video` or `upload.read_body`.
        slots: Held while the request is worked on; `admission.work_slots` unless given.

    Raises KeyLimitExceeded, Overloaded, UploadError, and starlette's ClientDisconnect and HTTPException.
    """
    admission, settings, started = gateway.admission, gateway.settings, time.perf_counter()
    slots = slots or admission.work_slots
    with admission.per_key_slot(key), admission.memory_budget() as memory:
        slots.check()
        with admission.upload_slots.take(), stage("upload"):
            body = await read(request, settings.max_upload_bytes, settings.min_upload_rate(), memory)
        model = getattr(request.state, "model", NO_MODEL)
        upload = AcceptedUpload(body, started, time.perf_counter(), model, gateway.metrics)
        gateway.metrics.observe_upload(len(body))
        with slots.take(), gateway.metrics.queued(model):
            yield upload
