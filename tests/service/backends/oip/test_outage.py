"""Gateway in front of another service: equal answers to the bit, and a kill -9 of the one behind under load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput

from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import free_port
from tests.helpers.servers.service import Server, running_services
from tests.helpers.servers.steady_load import CLIENTS, check_sent_away, steady_load
from tests.helpers.waiting import until

STORE = REPOSITORY / "model_store"
DEADLINE = 10.0
KEY = "secret"
CLIPS = np.random.default_rng(0).integers(0, 256, (20, 8, 96, 96, 3), np.uint8)


@dataclass
class Pair:
    """A gateway, and the service behind it, which can be killed and started again on its port."""

    start: Callable[..., Server]
    behind: Server
    gateway: Server

    def restart(self) -> None:
        """Start the service behind again."""
        self.behind = start_behind(self.start, httpx.URL(self.behind.address).port)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both serve the demo model; the one behind asks for a key."""
    with running_services(lambda: tmp_path_factory.mktemp("service")) as start:
        behind = start_behind(start, free_port())
        yield Pair(start, behind, start_gateway(start, oip_url=behind.address, oip_key=KEY))


def start_behind(start: Callable[..., Server], port: int | None) -> Server:
    return start(port=port, model_store=STORE, backend="onnx", api_keys=KEY, max_queue_per_key=64, max_queue=64)


def start_gateway(start: Callable[..., Server], **settings: object) -> Server:
    """Start a gateway, whose interpreter has the extra `oip`."""
    common = {"model_store": STORE, "backend": "oip", "deadline_seconds": DEADLINE, "max_queue": 2 * CLIENTS}
    return start(python=sys.executable, **common, **settings)


def infer(address: str, clips: np.ndarray, **headers: str) -> dict[str, np.ndarray]:
    """Send clips as bytes; returns the outputs by name."""
    client = InferenceServerClient(address.removeprefix("http://"), network_timeout=60)
    tensor = InferInput("clips", clips.shape, "UINT8")
    tensor.set_data_from_numpy(clips)
    answer = client.infer("tin-motion", [tensor], headers=headers)
    client.close()
    return {name: answer.as_numpy(name) for name in ("logits", "features", "offsets", "weights")}


def predict(address: str, video: bytes, **headers: str) -> httpx.Response:
    return httpx.post(f"{address}/predict?top_k=all", content=video, headers=headers, timeout=30)


def doctor(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service", "doctor", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def status(address: str, path: str = "/health/ready") -> int:
    return httpx.get(f"{address}{path}").status_code


def test_the_outputs_are_those_of_the_one_behind_to_the_bit(pair: Pair) -> None:
    within = infer(pair.behind.address, CLIPS[:16], Authorization=f"Bearer {KEY}")
    through = infer(pair.gateway.address, CLIPS[:16])
    for name, array in within.items():
        assert array.dtype == through[name].dtype == np.float32
        np.testing.assert_array_equal(through[name], array)


def test_videos_get_the_same_predictions(pair: Pair, videos: dict[str, bytes]) -> None:
    for kind in ("mp4", "short.mp4"):
        within = predict(pair.behind.address, videos[kind], Authorization=f"Bearer {KEY}")
        through = predict(pair.gateway.address, videos[kind])
        assert (within.status_code, through.status_code) == (200, 200)
        assert within.json()["predictions"] == through.json()["predictions"]


def test_the_gateway_names_the_graph_that_proves_the_model(pair: Pair) -> None:
    (model,) = httpx.get(f"{pair.gateway.address}/models").json()["models"]
    assert (model["status"], model["artifact"]) == ("ready", "model.onnx")


def test_the_doctor_looks_at_both(pair: Pair) -> None:
    given = {
        "TIN_BACKEND": "oip",
        "TIN_OIP_URL": pair.behind.address,
        "TIN_OIP_KEY": KEY,
        "TIN_MODEL_STORE": str(STORE),
    }
    found = doctor(given)
    assert found.returncode == 0
    assert '"check": "tin-motion 1: server", "status": "ok"' in found.stdout
    assert '"check": "tin-motion 1: logits", "status": "ok"' in found.stdout
    refused = doctor(given | {"TIN_OIP_KEY": "other"})
    assert refused.returncode == 1
    assert '1: server", "status": "failed"' in refused.stdout


def test_killed_under_load_and_started_again(pair: Pair, videos: dict[str, bytes]) -> None:
    gateway = pair.gateway.address
    before = predict(gateway, videos["mp4"]).json()["predictions"]
    with steady_load(gateway, videos["mp4"]) as seen:
        until(lambda: sum(each.status == 200 for each in seen) >= 10, 20)
        os.kill(pair.behind.process.pid, signal.SIGKILL)
        killed_at = time.monotonic()
        until(lambda: status(gateway) == 503, 5)
        ready = httpx.get(f"{gateway}/health/ready")
        assert ready.json()["type"] == "/problems/runtime-down"
        assert int(ready.headers["retry-after"]) >= 1
        assert status(gateway, "/health/live") == 200
        (model,) = httpx.get(f"{gateway}/models").json()["models"]
        assert model["status"] == "down"
        assert pair.behind.address in model["reason"]
        time.sleep(1)
        pair.restart()
        until(lambda: status(gateway) == 200, 30)
        back_at = time.monotonic()
        until(lambda: seen[-1].at > back_at + 1, 10)
    check_sent_away(seen, DEADLINE)
    assert all(each.at > killed_at - DEADLINE for each in seen if each.status == 503)
    assert {each.status for each in seen if each.at > back_at} == {200}
    assert predict(gateway, videos["mp4"]).json()["predictions"] == before
