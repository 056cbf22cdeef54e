"""Cross-origin requests: the allowed origins read every answer, others none, and /teach stays with its own page."""

from __future__ import annotations

import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.helpers.http import metric, problem
from tests.helpers.waiting import until

APP, OTHER = "https://app.example", "https://other.example"
KEY = {"X-API-Key": "key"}
FROM_APP = {"Origin": APP}
ALLOWED = "access-control-allow-origin"


@pytest.fixture(scope="module")
def address(start_service, store, tmp_path_factory):
    """A service that asks for a key, teaches, and takes small uploads."""
    return start_service(
        model_store=store,
        cors_origins=f"http://localhost:3000, {APP}",
        api_keys="key",
        teach="true",
        teach_folder=tmp_path_factory.mktemp("taught"),
        max_upload_bytes=1_000_000,
        upload_grace_seconds=1,
    )


def preflight(url: str, origin: str = APP, method: str = "POST", headers: str = "content-type,x-api-key"):
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return httpx.options(url, headers={"Origin": origin} | asked)


@pytest.mark.parametrize("path", ["/predict", "/timeline", "/v2/models/colours/infer", "/models", "/client.js"])
def test_a_preflight_needs_no_key(address, path):
    response = preflight(address + path)
    assert response.status_code == 200
    assert response.headers[ALLOWED] == APP
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "content-type,x-api-key"
    assert "access-control-allow-credentials" not in response.headers
    assert "Origin" in response.headers["vary"]


def test_other_origins_and_methods_are_refused(address):
    assert preflight(f"{address}/predict", origin=OTHER).status_code == 400
    assert ALLOWED not in preflight(f"{address}/predict", origin=OTHER).headers
    assert ALLOWED not in preflight(f"{address}/predict", origin=f"{APP}.evil.example").headers
    assert preflight(f"{address}/predict", method="DELETE").status_code == 400


def test_an_answer_is_for_the_allowed_origin_only(address, videos):
    def predict(origin: str) -> httpx.Response:
        return httpx.post(f"{address}/predict", content=videos["mp4"], headers=KEY | {"Origin": origin})

    assert predict(APP).status_code == predict(OTHER).status_code == 200
    assert predict(APP).headers[ALLOWED] == APP
    assert "server-timing" in predict(APP).headers["access-control-expose-headers"].lower()
    assert ALLOWED not in predict(OTHER).headers
    assert "Origin" in predict(OTHER).headers["vary"]


def test_rows_are_streamed_to_it(address, videos):
    response = httpx.post(f"{address}/timeline", content=videos["mp4"], headers=KEY | FROM_APP, timeout=30)
    assert response.headers[ALLOWED] == APP
    assert json.loads(response.text.splitlines()[-1])["kind"] == "segments"


@pytest.mark.parametrize(
    ("path", "content", "headers", "status"),
    [
        ("/predict", b"", {}, 401),
        ("/predict", b"", KEY, 422),
        ("/predict?top_k=0", b"", KEY, 422),
        ("/predict", b"text", KEY, 415),
        ("/predict", bytes(2_000_000), KEY, 413),
        ("/v2/models/none/infer", b"{}", KEY, 404),
        ("/nothing", b"", KEY, 404),
    ],
)
def test_errors_can_be_read_too(address, path, content, headers, status):
    response = httpx.post(address + path, content=content, headers=headers | FROM_APP)
    assert response.status_code == status
    assert response.headers[ALLOWED] == APP
    assert "x-request-id" in response.headers["access-control-expose-headers"].lower()


def test_a_slow_upload_can_be_read_too(address):
    url = httpx.URL(address)
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nOrigin: {APP}\r\nX-API-Key: key\r\nContent-Length: 100000\r\n\r\n"
    with socket.create_connection((url.host, url.port), timeout=10) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65536).decode().lower()
    assert answer.startswith("http/1.1 408 ")
    assert f"{ALLOWED}: {APP}\r\n" in answer


def test_overload_is_told_and_preflights_pass_it(start_server, store, videos):
    server = start_server(model_store=store, cors_origins=APP, decoders=1, max_queue=1)
    server.signal_decoders(signal.SIGSTOP)
    with ThreadPoolExecutor(1) as thread:
        sent = thread.submit(httpx.post, f"{server.address}/predict", content=videos["mp4"], timeout=20)
        until(lambda: metric(server.address, "tin_queue_depth") == 1)
        refused = httpx.post(f"{server.address}/predict", content=videos["mp4"], headers=FROM_APP)
        assert preflight(f"{server.address}/predict").status_code == 200
        server.signal_decoders(signal.SIGCONT)
        assert sent.result().status_code == 200
    assert problem(refused) == (503, "overloaded")
    assert refused.headers[ALLOWED] == APP
    assert "retry-after" in refused.headers["access-control-expose-headers"].lower()


def test_teaching_stays_with_its_own_page(address):
    assert preflight(f"{address}/teach/actions").status_code == 405
    read = httpx.get(f"{address}/teach/state", headers=KEY | FROM_APP)
    changed = httpx.post(f"{address}/teach/actions", params={"name": "wave"}, headers=KEY | FROM_APP)
    assert (read.status_code, changed.status_code) == (200, 403)
    for response in (read, changed, httpx.get(f"{address}/teach", headers=FROM_APP)):
        assert ALLOWED not in response.headers


def test_without_origins_nothing_is_allowed(client, videos):
    assert client.options("/predict", headers=FROM_APP | {"Access-Control-Request-Method": "POST"}).status_code == 405
    response = client.post("/predict", content=videos["mp4"], headers=FROM_APP)
    assert not [name for name in response.headers if name.startswith("access-control") or name == "vary"]
