"""Worker process that runs jobs: one line of JSON per job, one line per result."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from types import TracebackType
from typing import Any

import psutil


class Worker:
    """A process `python -m <module> <arguments>`, terminated at the end of the block."""

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
        """Start a job."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()

    def receive(self) -> Any:
        """Wait for the result of a job. Raises RuntimeError when the process has ended."""
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"{' '.join(map(str, self._process.args))} has ended")  # type: ignore[arg-type]
        return json.loads(line)

    def ask(self, **job: Any) -> Any:
        """Run one job and return its result."""
        self.send(**job)
        return self.receive()

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process and its descendants so far, in seconds."""
        return cpu_seconds(self._process.pid)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its running descendants, in seconds."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))


def own_cpu_seconds(pid: int) -> float:
    """Return the CPU time of a running process without its descendants, in seconds, to the nanosecond."""
    return time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid(3) returns on Linux
