"""Real `python -m service serve` processes on free ports."""

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

from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import children_of

SERVER_PYTHON = os.environ.get("TIN_TEST_PYTHON", sys.executable)
"""The interpreter that runs servers: one without the development dependencies, where there is one."""
UPLOAD_LIMIT = 2_000_000
"""Bytes that the server of the fixture `base_url` takes."""


@dataclass(frozen=True)
class Server:
    """A running service."""

    address: str
    process: subprocess.Popen[bytes]

    def decoders(self) -> list[int]:
        """Process ids of the decoders: the children of the fork server."""
        return [decoder for child in children_of(self.process.pid) for decoder in children_of(child)]

    def signal_decoders(self, number: signal.Signals) -> None:
        """Send a signal to every decoder."""
        for decoder in self.decoders():
            os.kill(decoder, number)


@contextmanager
def running_services(new_folder: Callable[[], Path]) -> Iterator[Callable[..., Server]]:
    """A function that starts a service with settings given by keyword, in `folder`; all are ended on exit.

    `new_folder` returns an empty folder for the log of each. `python` is an interpreter that has the extras needed,
    `module` what it runs.
    """
    processes: list[subprocess.Popen[bytes]] = []

    def start(
        folder: Path = REPOSITORY,
        python: str = SERVER_PYTHON,
        port: int = 0,
        module: str = "service",
        **settings: object,
    ) -> Server:
        log = new_folder() / "log.txt"
        environment = os.environ | {f"TIN_{name.upper()}": str(value) for name, value in settings.items()}
        environment["PYTHONPATH"] = str(REPOSITORY)
        command = [python, "-m", module, "serve", "--port", str(port)]
        with log.open("wb") as output:
            processes.append(
                subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
            )
        return Server(_wait_for_address(log, processes[-1]), processes[-1])

    yield start
    for process in processes:
        process.terminate()
        process.wait(timeout=10)


def _wait_for_address(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if "answers on http" in line:
                return next(word for word in line.split() if word.startswith("http"))
        time.sleep(0.05)
    raise RuntimeError(f"the service did not start:\n{log.read_text()}")
