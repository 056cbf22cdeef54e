"""A contender's running processes: started, watched, and all ended."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import httpx
import psutil

from tests.benchmarks.peers.catalogue import Contender
from tests.benchmarks.peers.clients import Request
from tests.benchmarks.peers.models import ServedModel
from tests.benchmarks.peers.setups.processing import MODEL_FOLDER
from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import free_port

SECONDS_TO_START = 240.0
SECONDS_TO_STOP = 15.0
MEGABYTE = 1e6


class NotStarted(RuntimeError):
    """A contender did not answer in time; the message ends with its log."""


class Server:
    """A contender that serves a model, in a block; its processes are ended at the end."""

    def __init__(self, contender: Contender, model: ServedModel) -> None:
        self.contender = contender
        self._model = model
        self._folder = tempfile.TemporaryDirectory(prefix="peer-")
        port = free_port()
        self.address = f"http://127.0.0.1:{port}{contender.path}"
        self._command = contender.command(model, port, Path(self._folder.name))

    def __enter__(self) -> Server:
        environment = os.environ | {
            "PYTHONPATH": str(REPOSITORY),
            "TIN_MODEL_STORE": str(self._model.store),
            MODEL_FOLDER: str(self._model.folder),
            # TorchServe's unpacked models and sockets.
            "TEMP": self._folder.name,
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder.name,
                env=environment | self.contender.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        processes = self._processes()
        with suppress(psutil.NoSuchProcess):
            self._process.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs(processes, SECONDS_TO_STOP)
        for each in alive:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self._process.wait()
        self._folder.cleanup()

    def wait_until_ready(self, video: Path) -> str:
        """Post a video until it is answered; return the top-1 label. Raises NotStarted."""
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(httpx.TransportError):
                response = self.post(video)
                if response.status_code == 200:
                    return str(response.json()["predictions"][0]["label"])
                if response.status_code == 422:
                    raise NotStarted(f"{self.contender.name}: {response.text[:300]}")
            time.sleep(0.2)
        raise NotStarted(f"{self.contender.name} did not start:\n{self._log.read_text()[-3000:]}")

    def post(self, video: Path) -> httpx.Response:
        """Post a video. Raises httpx.TransportError."""
        request = Request.of(self.address, video.read_bytes(), field=self.contender.field)
        return httpx.post(request.address, content=request.body, headers=request.headers, timeout=60)

    def cpu_seconds(self) -> float:
        """Return the CPU time of all processes so far, of those that have ended as well."""
        total = 0.0
        for each in self._processes():
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def megabytes(self) -> float:
        """Return the resident memory of all processes; shared pages count once."""
        total = 0
        for each in self._processes():
            with suppress(psutil.NoSuchProcess):
                total += each.memory_full_info().pss
        return total / MEGABYTE

    @property
    def _log(self) -> Path:
        return Path(self._folder.name) / "log.txt"

    def _processes(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        return []
