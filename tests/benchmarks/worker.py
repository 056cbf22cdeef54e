"""A process that does one thing on demand: a job is a line of JSON to it, and so is its answer."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any

import psutil


class Worker:
    """`python -m <module> <arguments>`, ended with the block."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.communicate()

    def send(self, **job: Any) -> None:
        """Have it begin."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()

    def receive(self) -> Any:
        """Wait for its answer; raises RuntimeError when it has ended."""
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"{' '.join(map(str, self._process.args))} has ended")  # type: ignore[arg-type]
        return json.loads(line)

    def ask(self, **job: Any) -> Any:
        """Its answer to one job."""
        self.send(**job)
        return self.receive()

    def processor_seconds(self) -> float:
        """So far."""
        return processor_seconds(self._process.pid)


def processor_seconds(pid: int) -> float:
    """Of a process and of all that it started and that still runs."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))
