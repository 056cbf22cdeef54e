"""Gateway with a real TorchServe: equal answers, and an outage of TorchServe under load."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.service import SERVER_PYTHON
from tests.helpers.servers.steady_load import CLIENTS, check_sent_away, steady_load
from tests.helpers.servers.torchserve import DEMO, TorchServe, need_torchserve
from tests.helpers.waiting import until

STORE = DEMO.parents[1]
DEADLINE = 10.0


@pytest.fixture(scope="module")
def torchserve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A TorchServe whose keys expire after a minute."""
    need_torchserve(java=True)
    archive = STORE / "tin-motion.mar"
    with TorchServe(tmp_path_factory.mktemp("torchserve"), archive, "token_expiration_min=1") as server:
        server.wait_until_ready("tin-motion")
        yield server


@pytest.fixture(scope="module")
def settings(torchserve: TorchServe) -> dict[str, object]:
    """Settings of a gateway that uses it."""
    return {
        "model_store": STORE,
        "backend": "torchserve",
        "torchserve_url": torchserve.addresses["inference"],
        "torchserve_management_url": torchserve.addresses["management"],
        "torchserve_keys": torchserve.key_file,
        "deadline_seconds": DEADLINE,
        "max_queue": 2 * CLIENTS,
    }


@pytest.fixture(scope="module")
def gateway(start_service: Callable[..., str], settings: dict[str, object]) -> str:
    return start_service(**settings)


def post(address: str, video: bytes) -> httpx.Response:
    return httpx.post(f"{address}/predict", content=video, timeout=30)


def scores(response: httpx.Response) -> list[tuple[str, float]]:
    assert response.status_code == 200, response.text
    return [(each["label"], each["probability"]) for each in response.json()["predictions"]]


def test_the_answers_are_those_of_one_process(
    gateway: str, start_service: Callable[..., str], videos: dict[str, bytes]
) -> None:
    alone = start_service(model_store=STORE, backend="onnx")
    for kind in ("mp4", "short.mp4"):
        behind, within = scores(post(gateway, videos[kind])), scores(post(alone, videos[kind]))
        assert [label for label, _ in behind] == [label for label, _ in within]
        np.testing.assert_allclose([p for _, p in behind], [p for _, p in within], atol=1e-5, rtol=0)
    model = httpx.get(f"{gateway}/models").json()["models"][0]
    assert (model["status"], model["artifact"]) == ("ready", "model.mar")


def test_clips_that_are_sent_as_tensors_go_there_too(gateway: str) -> None:
    clips = {"name": "clips", "shape": [1, 8, 96, 96, 3], "datatype": "UINT8", "data": [7] * (8 * 96 * 96 * 3)}
    answer = httpx.post(f"{gateway}/v2/models/tin-motion/infer", json={"inputs": [clips]}, timeout=30)
    assert answer.status_code == 200
    assert answer.json()["outputs"][0]["shape"] == [1, 16]


def test_no_runtime_is_needed(settings: dict[str, object]) -> None:
    given = {name: str(value) for name, value in settings.items()}
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['onnxruntime', 'torch', 'tensorrt']))\n"
        "from service.models.registry import Registry; from service.config.settings import Settings\n"
        f"registry = Registry.open(Settings(**{given!r})); registry.get().check_up(); registry.close()"
    )
    subprocess.run([SERVER_PYTHON, "-c", code], cwd=REPOSITORY, check=True, timeout=30)


def test_the_doctor_looks_at_it(torchserve: TorchServe, settings: dict[str, object], run_cli: Any) -> None:
    environment = {f"TIN_{name.upper()}": str(value) for name, value in settings.items()}
    found = run_cli("doctor", "--json", **environment)
    assert '"check": "tin-motion 1: server", "status": "ok"' in found.stdout
    assert '"check": "tin-motion 1: logits", "status": "ok"' in found.stdout
    elsewhere = run_cli("doctor", "--json", **environment | {"TIN_TORCHSERVE_URL": "http://127.0.0.1:1"})
    assert elsewhere.returncode == 1
    assert '1: server", "status": "failed"' in elsewhere.stdout
    assert "ConnectError" in elsewhere.stdout


def test_killed_under_load_and_started_again(torchserve: TorchServe, gateway: str, videos: dict[str, bytes]) -> None:
    before = scores(post(gateway, videos["mp4"]))
    with steady_load(gateway, videos["mp4"]) as seen:
        until(lambda: sum(each.status == 200 for each in seen) >= 10, 20)
        torchserve.kill()
        killed_at = time.monotonic()
        until(lambda: httpx.get(f"{gateway}/health/ready").status_code == 503, 5)
        ready = httpx.get(f"{gateway}/health/ready")
        assert ready.json()["type"] == "/problems/runtime-down"
        assert int(ready.headers["retry-after"]) >= 1
        assert httpx.get(f"{gateway}/health/live").status_code == 200
        model = httpx.get(f"{gateway}/models").json()["models"][0]
        assert model["status"] == "down"
        assert "TorchServe" in model["reason"]
        time.sleep(2)
        torchserve.start()
        until(lambda: httpx.get(f"{gateway}/health/ready").status_code == 200, 90)
        back_at = time.monotonic()
        until(lambda: seen[-1].at > back_at + 1, 10)
    check_sent_away(seen, DEADLINE)
    assert all(each.at > killed_at - DEADLINE for each in seen if each.status == 503)
    assert {each.status for each in seen if each.at > back_at} == {200}
    assert scores(post(gateway, videos["mp4"])) == before
