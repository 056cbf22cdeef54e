"""Running services of the benchmark, each in a process of its own on a free port."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SECONDS_TO_START = 60.0


@contextmanager
def running_service(*arguments: str, prefix: Sequence[str] = ()) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `<prefix> python -m <arguments>`; yields the process and the address that its log names, and ends it."""
    command = [*prefix, sys.executable, "-m", *arguments]
    with tempfile.NamedTemporaryFile() as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield process, _address(process, Path(log.name))
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
