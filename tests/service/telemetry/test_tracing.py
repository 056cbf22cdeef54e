"""Traces of real requests as a collector gets them; without a collector, no spans."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer, StatusCode

from service.api.middleware.access_log import AccessLog
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import live_tracer, record_stage, stage
from tests.helpers.paths import REPOSITORY

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


class Collector(ThreadingHTTPServer):
    """Takes what is exported over OTLP/HTTP, on a port of its own."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []

    def spans(self) -> list[Any]:
        """Everything that came, in the order it ended."""
        requests = map(ExportTraceServiceRequest.FromString, self.bodies)
        scopes = [
            scope for request in requests for resource in request.resource_spans for scope in resource.scope_spans
        ]
        return [span for scope in scopes for span in scope.spans]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


@contextmanager
def _server(store: Path, log: list[dict[str, Any]], **environment: str) -> Iterator[httpx.Client]:
    """A server of this environment, which has the extra; `log` gets its lines when it has ended."""
    settings = {"TIN_MODEL_STORE": str(store), "TIN_LOG_FORMAT": "json"} | environment
    command = [sys.executable, "-m", "service", "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=os.environ | settings, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        lines = map(json.loads, process.stderr)
        address = next(line["message"].split()[3] for line in lines if "answers on" in line["message"])
        with httpx.Client(base_url=address, timeout=20) as client:
            yield client
        process.terminate()
        log.extend(lines)


def _tree(spans: list[Any]) -> dict[str, list[str]]:
    """Names of the children by name of the parent, in the order they began."""
    names = {span.span_id: span.name for span in spans}
    in_order = sorted(spans, key=lambda span: span.start_time_unix_nano)
    return {
        parent: [span.name for span in in_order if names.get(span.parent_span_id) == parent]
        for parent in names.values()
    }


def _attributes(span: Any) -> dict[str, Any]:
    values = {pair.key: pair.value for pair in span.attributes}
    return {key: getattr(value, value.WhichOneof("value")) for key, value in values.items()}


def test_a_request_is_a_trace_that_tells_nothing_of_the_client(
    store: Path, collector: Collector, videos: dict[str, bytes]
) -> None:
    endpoint, log = f"http://127.0.0.1:{collector.server_address[1]}", list[dict[str, Any]]()
    with _server(store, log, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, FASTAPI_OTEL_AUTO_CONFIGURE="true") as client:
        headers = TRACEPARENT | {"X-Request-ID": "abc", "Host": "secret", "User-Agent": "secret"}
        files = {"video": ("secret.mp4", videos["mp4"])}
        assert client.post("/predict?model=colours", files=files, headers=headers).status_code == 200
        client.get("/secret?secret")
        client.get("/problems/secret")
        for path in ("/health/live", "/health/ready", "/v2/health/ready", "/metrics"):
            assert client.get(path).status_code == 200
    spans = [span for span in collector.spans() if span.trace_id.hex() == TRACE]
    by_name = {span.name: span for span in spans}

    assert _tree(spans) == {
        "POST /predict": ["upload", "preprocess", "batch"],
        "preprocess": ["decode", "transform"],
        "batch": ["infer"],
    } | {name: [] for name in ("upload", "decode", "transform", "infer")}
    request = by_name["POST /predict"]
    assert request.parent_span_id.hex() == PARENT
    assert request.kind == request.SPAN_KIND_SERVER
    assert _attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "tin.outcome": "ok",
        "tin.request_id": "abc",
    }
    assert _attributes(by_name["infer"]) == {"tin.batch_size": 1}
    (line,) = (line for line in log if line.get("request_id") == "abc")
    assert line["trace_id"] == TRACE
    assert {span.name for span in collector.spans() if span.kind == span.SPAN_KIND_SERVER} == {
        "POST /predict",
        "GET (no route)",
        "GET /problems/{slug}",
    }
    everything = b"".join(collector.bodies)
    assert b"tin-serve" in everything
    assert b"secret" not in everything
    assert b"colours" not in everything


def test_times_of_a_child_lie_within_the_wait_for_it(
    store: Path, collector: Collector, videos: dict[str, bytes]
) -> None:
    endpoint = f"http://127.0.0.1:{collector.server_address[1]}/v1/traces"
    with _server(store, [], OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=endpoint) as client:
        answer = client.post("/predict", content=videos["mp4"]).json()
    spans = {span.name: (span.start_time_unix_nano, span.end_time_unix_nano) for span in collector.spans()}
    for inner, outer in (("decode", "preprocess"), ("transform", "preprocess"), ("infer", "batch")):
        assert spans[outer][0] - 1e6 <= spans[inner][0] <= spans[inner][1] <= spans[outer][1] + 1e6
    for each in ("decode", "transform", "infer"):
        assert (spans[each][1] - spans[each][0]) / 1e6 == pytest.approx(answer["timing_ms"][each], abs=0.002)


def test_failures_are_told_where_they_happened(store: Path, collector: Collector) -> None:
    endpoint = f"http://127.0.0.1:{collector.server_address[1]}"
    with _server(store, [], OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_SERVICE_NAME="ours") as client:
        assert client.post("/predict", content=b"secret").status_code == 415
        clips = np.zeros((2, 8, 32, 32, 3), np.uint8)
        tensor = {"name": "clips", "shape": clips.shape, "datatype": "UINT8", "data": clips.ravel().tolist()}
        assert client.post("/v2/models/colours/infer", json={"inputs": [tensor]}).status_code == 200
    spans = {span.name: span for span in collector.spans()}
    assert _attributes(spans["preprocess"])["error.type"] == "NotAVideo"
    assert spans["preprocess"].status.code == spans["preprocess"].status.STATUS_CODE_ERROR
    assert _attributes(spans["POST /predict"])["tin.outcome"] == "not-a-video"
    assert _attributes(spans["infer"]) == {"tin.batch_size": 2}
    assert "POST /v2/models/{name}/infer" in spans
    assert b"secret" not in b"".join(collector.bodies)
    assert b"ours" in collector.bodies[0]


def test_a_collector_that_is_not_there_costs_no_answer(store: Path, videos: dict[str, bytes]) -> None:
    log: list[dict[str, Any]] = []
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    with _server(store, log, **settings) as client:
        assert client.post("/predict", content=videos["mp4"]).status_code == 200
    assert any(line["logger"].startswith("opentelemetry.") for line in log)
    assert any(line["message"] == "Application shutdown complete." for line in log)


@pytest.fixture
def traced() -> Iterator[Callable[..., list[ReadableSpan]]]:
    """Sends a request to an application under AccessLog; returns its spans in the order they ended."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def traced(app: Any, method: str = "POST") -> list[ReadableSpan]:
        state = {"tracer": provider.get_tracer("test"), "request_id": "abc"}
        scope = {"type": "http", "method": method, "path": "/secret", "headers": [], "state": state}
        asyncio.run(AccessLog(app, Metrics())(scope, app, _ignore))
        return list(exporter.get_finished_spans())

    yield traced
    provider.shutdown()


async def _ignore(*_: Any) -> None:
    return


async def _answer_500(scope: Any, receive: Any, send: Any) -> None:
    scope["state"]["outcome"] = "internal-error"
    await send({"type": "http.response.start", "status": 500})


def test_a_failure_of_ours_is_an_error(traced: Callable[..., list[ReadableSpan]]) -> None:
    (span,) = traced(_answer_500)
    assert (span.name, span.status.status_code) == ("POST (no route)", StatusCode.ERROR)
    assert span.attributes is not None
    assert span.attributes["error.type"] == "internal-error"


def test_a_method_that_nobody_knows_is_not_told(traced: Callable[..., list[ReadableSpan]]) -> None:
    (span,) = traced(_ignore, "SECRET")
    assert span.name == "_OTHER (no route)"


def test_work_that_is_cancelled_ends_its_span(traced: Callable[..., list[ReadableSpan]]) -> None:
    async def wait() -> None:
        with stage("waiting"):
            await asyncio.Event().wait()

    async def give_up(*_: Any) -> None:
        record_stage("before", 1.5, 0.25, batch_size=3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait(), 0.001)

    before, waiting, request = traced(give_up)
    assert (before.start_time, before.end_time) == (1_500_000_000, 1_750_000_000)
    assert dict(before.attributes or {}) == {"tin.batch_size": 3}
    assert (waiting.name, dict(waiting.attributes or {})) == ("waiting", {"error.type": "CancelledError"})
    assert waiting.parent is not None
    assert waiting.parent.span_id == request.context.span_id


def _tracer_here() -> Any:
    async def open_one() -> Any:
        async with live_tracer() as tracer:
            return tracer

    return asyncio.run(open_one())


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
    ],
)
def test_unasked_there_is_no_tracer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert isinstance(_tracer_here(), NoOpTracer)
    assert not caplog.records


@pytest.mark.parametrize(
    ("environment", "warning"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "no traces: they are sent as otlp over http/protobuf, not as zipkin"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "not as otlp grpc"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_BSP_SCHEDULE_DELAY": "-1"}, "a variable OTEL_* is not valid"),
    ],
)
def test_what_cannot_be_had_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, environment: dict[str, str], warning: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert isinstance(_tracer_here(), NoOpTracer)
    assert warning in caplog.text


def test_without_the_extra_the_service_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert isinstance(_tracer_here(), NoOpTracer)
    assert "the extra `otel` is not installed" in caplog.text


def test_unasked_nothing_is_loaded() -> None:
    code = """
import asyncio, sys
from service.api.app import create_app
from service.telemetry.tracing import live_tracer
async def main():
    create_app()
    async with live_tracer():
        print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
