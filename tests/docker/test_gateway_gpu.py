"""Image of the gateway for GPUs, started without one: it serves on the CPU and says why."""

import shutil
import subprocess

import httpx
import pytest

from tests.docker.test_compose import VERSION
from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import free_port
from tests.helpers.waiting import until

IMAGE = f"tin-serve/gateway-gpu:{VERSION}"
CLIP = REPOSITORY / "service" / "doctor" / "clips" / "h264.mp4"
CONFINED = ["--read-only", "--tmpfs=/tmp:size=64m", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"]


def docker(*arguments):
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode == 0 else None


@pytest.fixture
def start():
    """Starts the image with settings; returns its address and a function that reads its log."""
    if shutil.which("docker") is None or docker("image", "inspect", IMAGE) is None:
        pytest.skip(f"needs Docker, and {IMAGE}, which `make smoke-gpu` builds")
    started = []

    def start(**settings):
        port = free_port()
        given = [f"--env={name}={value}" for name, value in settings.items()]
        store = f"--volume={REPOSITORY / 'model_store'}:/model_store:ro"
        options = [*CONFINED, *given, store, f"--publish=127.0.0.1:{port}:8000"]
        name = subprocess.check_output(["docker", "run", "--detach", *options, IMAGE], text=True).strip()
        started.append(name)
        address = f"http://127.0.0.1:{port}"
        until(lambda: answers(address), 60)
        return address, lambda: docker("logs", name)

    yield start
    for name in started:
        docker("rm", "--force", name)


def answers(address):
    try:
        return httpx.get(f"{address}/health/live").status_code == 200
    except httpx.TransportError:
        return False


def test_without_a_gpu_it_serves_on_the_cpu_and_says_why(start):
    address, log = start()
    answer = httpx.post(f"{address}/predict", content=CLIP.read_bytes(), timeout=30).json()
    assert answer["predictions"][0]["label"] == "Moving something from left to right"
    (model,) = httpx.get(f"{address}/models").json()["models"]
    assert model["devices"] == ["cpu"]
    assert "cuda:0 is not there" in model["choice"]
    assert model["choice"] in log()


def test_a_gpu_that_is_named_is_not_replaced_by_the_cpu(start):
    address, log = start(TIN_DEVICE="cuda:0")
    assert httpx.get(f"{address}/health/ready").status_code == 503
    (model,) = httpx.get(f"{address}/models").json()["models"]
    assert model["status"] == "refused"
    assert model["reason"] in log()
