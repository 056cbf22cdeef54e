"""Fixtures: a tiny model store, real server processes, and the command line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.helpers import stores
from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.service import SERVER_PYTHON, UPLOAD_LIMIT, Server, running_services


@pytest.fixture(scope="session")
def publish() -> Callable[..., Path]:
    """Writes `<root>/<name>/<version>/` with a graph, its digest and a parity report; returns the folder."""
    return stores.publish


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good versions of `colours`; `broken` was tampered with; `unproven` differs from its checkpoint."""
    root = tmp_path_factory.mktemp("model_store")
    stores.publish(root, "colours", "1")
    stores.publish(root, "colours", "2")
    stores.publish(root, "unproven", "1", max_abs_logit_difference=1.0)
    broken = stores.publish(root, "broken", "1") / "model.onnx"
    broken.write_bytes(broken.read_bytes() + b"\0")
    return root


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of each network, by its temporal module, and `old`: a TIN from before there were features."""
    root = tmp_path_factory.mktemp("networks")
    for temporal in stores.OUTPUTS_OF:
        stores.publish(root, temporal, "1", temporal=temporal)
    stores.publish(root, "old", "1", graph=stores.colour_graph(("logits", "offsets", "weights")))
    return root


@pytest.fixture(scope="session")
def networks_url(networks: Path, start_service: Callable[..., str]) -> str:
    """The address of a server of `networks`."""
    return start_service(model_store=networks)


@pytest.fixture(scope="session")
def thresholds_url(tmp_path_factory: pytest.TempPathFactory, start_service: Callable[..., str]) -> str:
    """The address of a server of models: `never` finds no answer likely, `always` each, `silent` has no threshold."""
    root = tmp_path_factory.mktemp("thresholds")
    for name, threshold in {"never": 1.0, "always": 0.0, "silent": None}.items():
        stores.publish(root, name, "1", threshold=threshold)
    return start_service(model_store=root, default_model="never")


@pytest.fixture(scope="session")
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Starts `python -m service serve` on a free port with settings given by keyword; returns its address."""
    with running_services(lambda: tmp_path_factory.mktemp("service")) as start:
        yield lambda **settings: start(**settings).address


@pytest.fixture
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts a service for one test; returns a Server, which has the process too."""
    with running_services(lambda: tmp_path_factory.mktemp("service")) as start:
        yield start


@pytest.fixture(scope="session")
def base_url(store: Path, start_service: Callable[..., str]) -> str:
    """The address of a server of `store` that takes uploads of up to 2 MB."""
    return start_service(model_store=store, max_upload_bytes=UPLOAD_LIMIT, max_pixels_per_frame=640 * 480)


@pytest.fixture(scope="session")
def client(base_url: str) -> Iterator[httpx.Client]:
    """Talks to the server over real HTTP."""
    with httpx.Client(base_url=base_url, timeout=20) as client:
        yield client


@pytest.fixture(scope="session")
def run_cli(store: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `python -m service ...` on `store`."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SERVER_PYTHON, "-m", "service", *arguments],
            cwd=REPOSITORY,
            env=os.environ | {"TIN_MODEL_STORE": str(store), "COLUMNS": "100"} | environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run
