"""OpenTelemetry traces of requests, switched on by the standard OTEL_* variables; without them spans are no-ops.

    POST /predict              the request; continues the trace of an incoming `traceparent`
    ├── upload
    ├── preprocess             the wait for a decoder, and its work
    │   ├── decode
    │   └── transform
    └── batch                  the wait for the model, and its work
        └── infer

FastAPI's own spans are turned off (service.api.app), and so is its export: they contain a client's path and query.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from http import HTTPMethod
from typing import TYPE_CHECKING

from anyio import to_thread
from opentelemetry import propagate
from opentelemetry.trace import INVALID_SPAN, NoOpTracer, Span, SpanKind, StatusCode, Tracer, format_trace_id
from starlette.datastructures import Headers
from starlette.types import Scope

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

SERVICE = "tin-serve"

_OFF = NoOpTracer()
_tracer: ContextVar[Tracer] = ContextVar("tracer", default=_OFF)
"""The tracer of the current request."""

logger = logging.getLogger("service")


@asynccontextmanager
async def live_tracer() -> AsyncIterator[Tracer]:
    """Yield a tracer that exports as the OTEL_* variables say, flushed on exit; a no-op when none is set."""
    provider = await to_thread.run_sync(_open_provider) if _is_wanted(os.environ) else None
    try:
        yield provider.get_tracer(SERVICE) if provider else _OFF
    finally:
        if provider:
            await to_thread.run_sync(provider.shutdown)


@contextmanager
def server_span(scope: Scope) -> Iterator[Span]:
    """Span of a whole request, by the tracer that the application's lifespan put into the request's state."""
    tracer = scope.get("state", {}).get("tracer", _OFF)
    if tracer is _OFF:
        yield INVALID_SPAN
        return
    token = _tracer.set(tracer)
    try:
        with _span(_method(scope), SpanKind.SERVER, Headers(scope=scope)) as span:
            yield span
    finally:
        _tracer.reset(token)


def end_request(span: Span, scope: Scope, route: str, status: int | None, outcome: str) -> None:
    """Set the span's name, attributes and status at the end of a request.

    Nothing that the client sent is recorded but its request id.

    Args:
        span: the request's span.
        scope: its ASGI scope.
        route: its route's path template.
        status: HTTP status; None when none was sent.
        outcome: "ok", "abandoned", or the slug of a problem.
    """
    method = _method(scope)
    span.update_name(f"{method} {route}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    span.set_attribute("tin.outcome", outcome)
    span.set_attribute("tin.request_id", str(scope.get("state", {}).get("request_id")))
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if status is None or status >= 500:
        _fail(span, outcome)


def trace_id_of(span: Span) -> str | None:
    """Return the trace id as the log has it, 32 hexadecimal digits; None without a trace."""
    context = span.get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Span of the current request around a block; an exception is recorded by its type only."""
    if _tracer.get() is _OFF:  # a span that does nothing costs ten times as much as this question
        yield
        return
    with _span(name) as span:
        try:
            yield
        except BaseException as error:
            _fail(span, type(error).__name__)
            raise


def record_stage(name: str, started_at: float, seconds: float, **attributes: int) -> None:
    """Record a span of work done in another process, or for several requests at once.

    `started_at` is in seconds since the epoch.
    """
    if _tracer.get() is _OFF:
        return
    started = round(started_at * 1e9)
    ours = {f"tin.{attribute}": value for attribute, value in attributes.items()}
    _tracer.get().start_span(name, start_time=started, attributes=ours).end(started + round(seconds * 1e9))


@contextmanager
def _span(name: str, kind: SpanKind = SpanKind.INTERNAL, parent: Headers | None = None) -> Iterator[Span]:
    # An exception's message may hold what a client sent; the log has it.
    context = None if parent is None else propagate.extract(parent)
    with _tracer.get().start_as_current_span(
        name, context, kind, record_exception=False, set_status_on_exception=False
    ) as span:
        yield span


def _fail(span: Span, error_type: str) -> None:
    span.set_attribute("error.type", error_type)
    span.set_status(StatusCode.ERROR)


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in HTTPMethod.__members__ else "_OTHER"


def _is_wanted(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    endpoints = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    if exporter := environment.get("OTEL_TRACES_EXPORTER"):
        return exporter != "none"
    return any(environment.get(endpoint) for endpoint in endpoints)


def _open_provider() -> TracerProvider | None:
    """Return a provider; None after a warning when traces cannot be exported, which is no reason not to serve."""
    exporter = os.environ.get("OTEL_TRACES_EXPORTER") or "otlp"
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if exporter != "otlp" or protocol not in {None, "", "http/protobuf"}:
        logger.warning("no traces: they are sent as otlp over http/protobuf, not as %s %s", exporter, protocol or "")
        return None
    try:
        return _otlp_provider()
    except ImportError:
        logger.warning("no traces: OTEL_* asks for them, and the extra `otel` is not installed")
    except ValueError as error:
        logger.warning("no traces: a variable OTEL_* is not valid: %s", error)
    return None


def _otlp_provider() -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create({"service.name": SERVICE}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
