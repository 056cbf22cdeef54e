"""Start of the service: from the command to the first 200 of /health/ready, as wall and CPU time."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.helpers.processes import children_of, cpu_seconds, free_port, resident_bytes

SECONDS_BETWEEN_LOOKS = 0.005
MOST_SECONDS = 300.0


@dataclass(frozen=True)
class Start:
    """Seconds until the service was ready: on the clock, and of CPU time of the server and of its children.

    `resident_megabytes` are those of the server's own process.
    """

    wall_seconds: float
    cpu_seconds: float
    children_cpu_seconds: float
    resident_megabytes: float


class NotReady(RuntimeError):
    """The service did not become ready."""


@contextmanager
def kept_bytecode() -> Iterator[dict[str, str]]:
    """Environment variables with which Python keeps the bytecode of every module that it imports, in one folder."""
    with tempfile.TemporaryDirectory() as folder:
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        yield variables | {"PYTHONPYCACHEPREFIX": folder}


def measure_start(python: Path, repository: Path, variables: dict[str, str]) -> Start:
    """Start `python -m service serve` of a checkout once, and end it when it is ready. Raises NotReady."""
    port, environment = free_port(), variables | {"PYTHONPATH": str(repository)}
    began = time.monotonic()
    with subprocess.Popen(
        [python, "-m", "service", "serve", "--port", str(port)], cwd=repository, env=environment, stderr=subprocess.PIPE
    ) as process:
        _wait_until_ready(port, process)
        wall = time.monotonic() - began
        children = sum(map(cpu_seconds, _descendants_of(process.pid)))
        start = Start(wall, cpu_seconds(process.pid), children, resident_bytes(process.pid) / 1e6)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=MOST_SECONDS)
    return start


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False, timeout=MOST_SECONDS).is_success:
                return
        except httpx.TransportError:
            time.sleep(SECONDS_BETWEEN_LOOKS)
    process.kill()
    raise NotReady(f"the service did not become ready: {process.communicate()[1].decode()}")


def _descendants_of(pid: int) -> list[int]:
    children = children_of(pid)
    return children + [each for child in children for each in _descendants_of(child)]
