"""A tiny model store, videos of every kind, and one real server process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from clips.clip_spec import ClipSpec, View
from service.store.manifest import Artifact, Manifest, ParityReport, StoredFile
from service.store.model_store import sha256_of
from tests.helpers.paths import REPOSITORY

SERVER_PYTHON = os.environ.get("TIN_TEST_PYTHON", sys.executable)
UPLOAD_LIMIT = 2_000_000

LABELS = ("Showing red", "Showing green", "Showing blue", "Showing cyan", "Showing pink", "Showing <b>yellow</b>")
COLOURS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0))
SPEC = ClipSpec(num_frames=8, short_side=32, crop=32, view=View.SQUEEZE)


@pytest.fixture(scope="session")
def publish() -> Callable[..., Path]:
    """Writes `<root>/<name>/<version>/` with a graph, its digest and a parity report; returns the folder."""
    return _publish


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good versions of `colours`; `broken` was tampered with; `unproven` differs from its checkpoint."""
    root = tmp_path_factory.mktemp("model_store")
    _publish(root, "colours", "1")
    _publish(root, "colours", "2")
    _publish(root, "unproven", "1", max_abs_logit_difference=1.0)
    broken = _publish(root, "broken", "1") / "model.onnx"
    broken.write_bytes(broken.read_bytes() + b"\0")
    return root


@pytest.fixture(scope="session")
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Starts `python -m service serve` on a free port with settings given by keyword; returns its address."""
    with _running_services(tmp_path_factory) as start:
        yield lambda **settings: start(**settings).address


@pytest.fixture
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """The same for one test, with the process at hand."""
    with _running_services(tmp_path_factory) as start:
        yield start


@dataclass(frozen=True)
class Server:
    """A service that runs."""

    address: str
    process: subprocess.Popen[bytes]

    def decoders(self) -> list[int]:
        """The process ids of the children that decode: those of the server that forks them."""
        return [decoder for child in _children(self.process.pid) for decoder in _children(child)]

    def signal_decoders(self, number: signal.Signals) -> None:
        """Send all of them a signal."""
        for decoder in self.decoders():
            os.kill(decoder, number)


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


@contextmanager
def _running_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    processes: list[subprocess.Popen[bytes]] = []

    def start(**settings: object) -> Server:
        log = tmp_path_factory.mktemp("service") / "log.txt"
        environment = os.environ | {f"TIN_{name.upper()}": str(value) for name, value in settings.items()}
        command = [SERVER_PYTHON, "-m", "service", "serve", "--port", "0"]
        with log.open("wb") as output:
            processes.append(
                subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=output, stderr=subprocess.STDOUT)
            )
        return Server(_wait_for_address(log, processes[-1]), processes[-1])

    yield start
    for process in processes:
        process.terminate()
        process.wait(timeout=10)


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


def linked(video: bytes, folder: Path, number: int) -> list[str]:
    """A new folder with the same video so often, which takes the room of one; their names in order."""
    folder.mkdir()
    names = [str(folder / f"{index:05}.mp4") for index in range(number)]
    Path(names[0]).write_bytes(video)
    for name in names[1:]:
        os.link(names[0], name)
    return names


def _wait_for_address(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if "answers on http" in line:
                return next(word for word in line.split() if word.startswith("http"))
        time.sleep(0.05)
    raise RuntimeError(f"the service did not start:\n{log.read_text()}")


def _publish(root: Path, name: str, version: str, *, graph: bytes | None = None, **of_parity: object) -> Path:
    folder = root / name / version
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph if graph is not None else _graph())
    (folder / "checkpoint.safetensors").write_bytes(b"weights")
    manifest = _manifest(folder, name, version, of_parity)
    (folder / "manifest.json").write_text(manifest.model_dump_json(indent=2))
    return folder


def _manifest(folder: Path, name: str, version: str, of_parity: dict[str, object]) -> Manifest:
    checkpoint = StoredFile(file="checkpoint.safetensors", sha256=sha256_of(folder / "checkpoint.safetensors"))
    digest = sha256_of(folder / "model.onnx")
    proof = _proof(checkpoint.sha256, digest) | of_parity
    artifact = Artifact(
        file="model.onnx",
        sha256=digest,
        format="onnx",
        precision="fp32",
        opset=17,
        made_from={},
        parity=ParityReport.model_validate(proof),
    )
    return Manifest(
        name=name,
        version=version,
        architecture={"num_classes": len(LABELS)},
        clip=SPEC,
        labels=LABELS,
        checkpoint=checkpoint,
        artifacts=(artifact,),
        training={},
    )


def _proof(checkpoint_sha256: str, artifact_sha256: str) -> dict[str, object]:
    return {
        "backend": "onnx_runtime",
        "device": "cpu",
        "batches": (1,),
        "num_clips": 1,
        "num_real_clips": 0,
        "num_clips_judged": 1,
        "made_offsets": (),
        "max_abs_logit_difference_at_made_offsets": 0.0,
        "clips_sha256": "0" * 64,
        "checkpoint_sha256": checkpoint_sha256,
        "artifact_sha256": artifact_sha256,
        "tolerance": 1e-4,
        "max_abs_logit_difference": 0.0,
        "top1_agreement": 1.0,
        "top5_agreement": 1.0,
        "required_top1_agreement": 1.0,
        "versions": {},
    }


def _graph() -> bytes:
    """A graph under the contract: the logit of a colour is how far the clip's mean pixel lies its way."""
    side, frames, blocks = SPEC.crop, SPEC.num_frames, 2
    constants = {
        "axes": np.array([1, 2, 3]),
        "colours": (np.array(COLOURS, np.float32) - np.mean(COLOURS, 1, keepdims=True)).T.astype(np.float32) / 25,
        "none": np.zeros((3, 1), np.float32),
        "some_offsets": np.array([[0.5, -1.0, 1.0, 0.25]], np.float32),
        "some_weights": np.ones((1, blocks * frames * 2), np.float32),
        "shape_of_offsets": np.array([-1, blocks, 2]),
        "shape_of_weights": np.array([-1, blocks, frames, 2]),
    }
    nodes = [
        helper.make_node("Cast", ["clips"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "colours"], ["logits"]),
        helper.make_node("MatMul", ["mean", "none"], ["zero"]),
        helper.make_node("Add", ["zero", "some_offsets"], ["flat_offsets"]),
        helper.make_node("Add", ["zero", "some_weights"], ["flat_weights"]),
        helper.make_node("Reshape", ["flat_offsets", "shape_of_offsets"], ["offsets"]),
        helper.make_node("Reshape", ["flat_weights", "shape_of_weights"], ["weights"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("clips", TensorProto.UINT8, ["N", frames, side, side, 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(LABELS)]),
            helper.make_tensor_value_info("offsets", TensorProto.FLOAT, ["N", blocks, 2]),
            helper.make_tensor_value_info("weights", TensorProto.FLOAT, ["N", blocks, frames, 2]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
