"""The server process, as an operator sees it."""

from __future__ import annotations

import errno
import json
import os
import statistics
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import httpx
import pytest

from service.deployment.uvicorn_server import EXIT_GPU_LOST, listen
from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.service import SERVER_PYTHON, Server
from tests.helpers.videos.clip_recipes import ClipRecipe
from tests.helpers.videos.make_clip import cached_clip


@pytest.fixture
def json_log(store: Path) -> Iterator[IO[str]]:
    """The log of a server that writes JSON."""
    environment = os.environ | {"TIN_MODEL_STORE": str(store), "TIN_LOG_FORMAT": "json"}
    command = [SERVER_PYTHON, "-m", "service", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        yield process.stderr
        process.terminate()
        rest = process.stderr.read().splitlines()
        assert "Application shutdown complete." in [json.loads(line)["message"] for line in rest]


def test_every_line_is_json_and_tells_no_query(json_log: IO[str]) -> None:
    lines = iter(map(json.loads, json_log))
    address = next(line["message"].split()[3] for line in lines if "answers on" in line["message"])
    httpx.post(f"{address}/predict?key=secret", content=b"secret", headers={"X-Request-ID": "abc"})
    line = next(lines)
    assert (line["method"], line["path"], line["status"], line["outcome"]) == ("POST", "/predict", 422, "bad-parameter")
    assert (line["request_id"], line["level"]) == ("abc", "INFO")
    assert line["duration_ms"] > 0
    assert "trace_id" not in line
    assert "secret" not in str(line)


def test_a_port_is_taken_before_anything_is_loaded() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        listen("127.0.0.1", first.getsockname()[1])


def test_answers_on_a_kept_connection_are_not_held_back(client: httpx.Client) -> None:
    def ask() -> float:
        return client.get("/health/live").elapsed.total_seconds()

    assert statistics.median(ask() for _ in range(21)) < 0.03


def test_a_lost_gpu_ends_the_service_for_its_supervisor(
    start_server: Callable[..., Server], publish: Callable[..., Path], tmp_path: Path
) -> None:
    publish(tmp_path, "colours", "1")
    video = cached_clip(ClipRecipe("clip"))
    server = start_server(module="tests.helpers.fakes.gpu_lost_at_work", model_store=tmp_path, drain_seconds=2)
    with httpx.Client(base_url=server.address) as client:
        assert client.get("/health/ready").status_code == 200
        assert client.post("/predict", content=video).json()["type"] == "/problems/backend-failure"
        lost = client.get("/health/ready")
    assert (lost.status_code, lost.json()["type"]) in {(503, "/problems/gpu-lost"), (503, "/problems/draining")}
    assert int(lost.headers["Retry-After"]) > 0
    assert server.process.wait(timeout=20) == EXIT_GPU_LOST


def test_two_gpus_answer_at_the_same_time(
    start_server: Callable[..., Server], publish: Callable[..., Path], tmp_path: Path
) -> None:
    publish(tmp_path, "colours", "1")
    video, device = cached_clip(ClipRecipe("clip")), "cuda:0,cuda:1"
    server = start_server(module="tests.helpers.fakes.two_gpus_at_work", model_store=tmp_path, device=device)
    with httpx.Client(base_url=server.address, timeout=20) as client, ThreadPoolExecutor(2) as clients:
        (model,) = client.get("/models").json()["models"]
        assert model["devices"] == ["cuda:0", "cuda:1"]
        assert f'device="{device}"' in client.get("/metrics").text
        for _ in range(3):
            answers = list(clients.map(lambda _: client.post("/predict", content=video), range(2)))
            assert [answer.status_code for answer in answers] == [200, 200]
