"""The services that are compared, each a process on cores of its own choice."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.latency.figures import ONE_CORE, ONE_THREAD

SECONDS_TO_START = 60.0
ENTRY = "service"
ENTRY_OF = {ONE_THREAD: "tests.benchmarks.latency.one_thread"}
NUM_CORES = 2


@contextmanager
def running(name: str) -> Iterator[str]:
    """Start a service by its name in `figures`; yield its address, and end it with the block."""
    num_cores = 1 if name == ONE_CORE else NUM_CORES
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[-num_cores:]))
    command = ["taskset", "-c", cores, sys.executable, "-m", ENTRY_OF.get(name, ENTRY), "serve", "--port", "0"]
    with tempfile.NamedTemporaryFile() as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield _address(process, Path(log.name))
        finally:
            process.terminate()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        for word in log.read_text().split():
            if word.startswith("http://"):
                return word
        time.sleep(0.05)
    raise SystemExit(f"the service did not start:\n{log.read_text()}")
