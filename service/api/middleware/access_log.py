"""Access log: a line for each request that has ended, its span, and a count of the POST requests."""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext

from opentelemetry.trace import INVALID_SPAN, Span
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.telemetry import tracing
from service.telemetry.metrics import Metrics
from service.telemetry.model_metrics import NO_MODEL

logger = logging.getLogger("service.access")

_PROBES = ("/health/", "/v2/health/", "/metrics")
"""Addresses that machines ask for every few seconds: no traces, and a line only after a failure."""

_LINE = "%(method)s %(path)s %(status)s in %(duration_ms)s ms: %(outcome)s, request %(request_id)s"


class AccessLog:
    """Wraps the whole application; logs the route, and neither the path nor the query that the client sent."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and log it, however it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), None

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with nullcontext(INVALID_SPAN) if _is_probe(scope) else tracing.server_span(scope) as span:
            try:
                await self._app(scope, receive, send_noting_status)
            finally:
                self._log(scope, status, time.perf_counter() - started, span)

    def _log(self, scope: Scope, status: int | None, seconds: float, span: Span) -> None:
        outcome, route = _outcome(scope, status), _template(scope)
        if scope["method"] == "POST":
            self._metrics.end_request(outcome, scope.get("state", {}).get("model", NO_MODEL))
        line = {
            "method": scope["method"],
            "path": route,
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
            "outcome": outcome,
            "request_id": scope.get("state", {}).get("request_id"),
        }
        if trace_id := tracing.trace_id_of(span):
            line["trace_id"] = trace_id
            tracing.end_request(span, scope, route, status, outcome)
        level = logging.DEBUG if _is_probe(scope) and outcome == "ok" else logging.INFO
        logger.log(level, _LINE, line, extra=line)


def _is_probe(scope: Scope) -> bool:
    return str(scope["path"]).startswith(_PROBES)


def _template(scope: Scope) -> str:
    if "route" in scope:
        return str(scope["route"].path)
    if "endpoint" in scope:  # FastAPI notes no route for files and pages; their paths have no parameters
        return str(scope.get("root_path") or scope["path"])
    return "(no route)"


def _outcome(scope: Scope, status: int | None) -> str:
    answered = "ok" if status is not None else "abandoned"
    return str(scope.get("state", {}).get("outcome", answered))
