"""One line for each request, with the route and never what the client wrote."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest

from service.api.app import create_app
from service.api.middleware.access_log import AccessLog
from service.config.settings import Settings
from service.telemetry.metrics import Metrics


@pytest.fixture
def line_of(caplog: pytest.LogCaptureFixture) -> Any:
    """Sends a request to an application that has loaded nothing; returns its line in the log."""
    app = create_app(Settings())

    async def send(method: str, path: str, **arguments: Any) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            await client.request(method, path, **arguments)

    def line_of(*request: str, **arguments: Any) -> logging.LogRecord:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="service.access"):
            asyncio.run(send(*request, **arguments))
        (line,) = [record for record in caplog.records if record.name == "service.access"]
        return line

    return line_of


@pytest.mark.parametrize(
    ("method", "path", "route", "status", "outcome"),
    [
        ("GET", "/health/live?key=secret", "/health/live", 200, "ok"),
        ("GET", "/problems/secret", "/problems/{slug}", 404, "not-found"),
        ("GET", "/", "/", 200, "ok"),
        ("GET", "/docs?secret", "/docs", 200, "ok"),
        ("GET", "/openapi.json", "/openapi.json", 200, "ok"),
        ("GET", "/web/predict/app.js", "/web", 200, "ok"),
        ("GET", "/web/secret", "/web", 404, "not-found"),
        ("GET", "/secret", "(no route)", 404, "not-found"),
        ("GET", "/v2/secret", "(no route)", 404, "not-found"),
        ("DELETE", "/predict", "/predict", 405, "method-not-allowed"),
    ],
)
def test_the_line_says_what_happened(
    line_of: Any, method: str, path: str, route: str, status: int, outcome: str
) -> None:
    line = line_of(method, path, headers={"X-Request-ID": "abc"})
    told = (line.method, line.path, line.status, line.outcome, line.request_id)
    assert told == (method, route, status, outcome, "abc")
    assert line.duration_ms > 0
    assert line.levelno == (logging.DEBUG if path.startswith("/health/") else logging.INFO)
    assert line.getMessage() == f"{method} {route} {status} in {line.duration_ms} ms: {outcome}, request abc"


def test_a_failure_that_nobody_foresaw_is_told(line_of: Any) -> None:
    line = line_of("GET", "/health/ready")  # the application was not started, so there is no gateway
    assert (line.status, line.outcome, line.levelno) == (500, "internal-error", logging.INFO)
    assert line.request_id


def test_a_request_that_is_given_up_is_told_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()

    async def never(*_: Any) -> Any:
        await asyncio.Event().wait()

    async def give_up() -> None:
        scope = {"type": "http", "method": "POST", "path": "/predict", "state": {"request_id": "abc"}}
        async with asyncio.timeout(0.01):
            await AccessLog(never, metrics)(scope, never, never)

    with caplog.at_level(logging.INFO, logger="service.access"), pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert "abandoned, request abc" in caplog.text
    assert b'tin_requests_total{model="",outcome="abandoned",version=""} 1.0' in metrics.render([])
