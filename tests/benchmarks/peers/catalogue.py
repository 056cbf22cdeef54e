"""The contenders: tin-serve and its peers, each with the command that starts it as its documentation says."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.peers.models import ServedModel
from tests.benchmarks.peers.setups.torchserve_config import write_config

CORES = len(os.sched_getaffinity(0))
SETUPS = "tests.benchmarks.peers.setups"

Command = Callable[[ServedModel, int, Path], Sequence[str]]
"""Returns the command that serves a model on a port, with an empty folder for files of its own."""


@dataclass(frozen=True)
class Contender:
    """A server of the comparison; `packages` are those whose version is told.

    `path` is where it takes a video, and `field` the form's field with it; empty for a raw body.
    """

    name: str
    command: Command
    packages: tuple[str, ...]
    path: str = "/predict"
    field: str = "video"
    is_ours: bool = False
    environment: dict[str, str] = dataclasses.field(default_factory=dict)


def _ours(model: ServedModel, port: int, folder: Path) -> Sequence[str]:
    return [sys.executable, "-m", "service", "serve", "--port", str(port)]


def _torchserve(model: ServedModel, port: int, folder: Path) -> Sequence[str]:
    config = write_config(folder, port, num_workers=CORES)
    command = [sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--no-config-snapshots"]
    return [*command, "--model-store", str(model.folder), "--models", "video.mar", "--ts-config", str(config)]


def _litserve(model: ServedModel, port: int, folder: Path) -> Sequence[str]:
    return [sys.executable, "-m", f"{SETUPS}.litserve_server", str(port)]


def _bentoml(model: ServedModel, port: int, folder: Path) -> Sequence[str]:
    service = f"{SETUPS}.bentoml_service:VideoService"
    return [sys.executable, "-m", "bentoml", "serve", service, "--host", "127.0.0.1", "--port", str(port)]


def _fastapi(model: ServedModel, port: int, folder: Path) -> Sequence[str]:
    command = [sys.executable, "-m", "uvicorn", f"{SETUPS}.fastapi_app:app", "--port", str(port)]
    return [*command, "--workers", str(CORES), "--log-level", "warning"]


def _ray(model: ServedModel, port: int, folder: Path) -> Sequence[str]:
    return [sys.executable, "-m", f"{SETUPS}.ray_app", str(port)]


# Eight clients are served at once, as by the peers; by default tin-serve refuses what two cores cannot take soon.
QUEUE = {"TIN_MAX_QUEUE": "8"}
# Ray's proxy is given up after 5 s, which a busy machine needs to start it.
RAY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60"}
OURS, OURS_FP32 = "tin-serve", "tin-serve, fp32"
CONTENDERS = (
    Contender(OURS, _ours, (), is_ours=True, environment=QUEUE),
    Contender(OURS_FP32, _ours, (), is_ours=True, environment=QUEUE | {"TIN_BACKEND": "onnx"}),
    Contender("TorchServe", _torchserve, ("torchserve", "torch", "av"), path="/predictions/video", field=""),
    Contender("LitServe", _litserve, ("litserve",), field="request"),
    Contender("BentoML", _bentoml, ("bentoml",)),
    Contender("FastAPI", _fastapi, ("fastapi", "uvicorn", "decord2", "onnxruntime")),
    Contender("Ray Serve", _ray, ("ray",), environment=RAY),
)
