"""Session: the steps one after another within a time, each a process with a limit of its own."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from tests.gpu.session.step import Step
from tests.helpers.paths import REPOSITORY

LEAST_SECONDS = 8
"""With less time left, no step is started: it would not come to its first figure."""


class Session:
    """Runs steps, tells how each ended, and writes their figures to `out`."""

    def __init__(self, out: Path, seconds: float, stream: TextIO) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self._out = out
        self._end = time.monotonic() + seconds
        self._stream = stream
        self._all = out / f"gpu-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}.json"
        self._results: dict[str, dict[str, Any]] = {}

    def run(self, steps: Sequence[Step]) -> int:
        """Run the steps; return 1 if one failed or was cut, else 0."""
        for step in steps:
            result = self._results[step.name] = self._run(step)
            self._all.write_text(json.dumps(self._results, indent=1) + "\n")
            self._tell(step, result)
        self._say(f"figures: {self._all}")
        return int(any(result["outcome"] in {"failed", "cut"} for result in self._results.values()))

    def _run(self, step: Step) -> dict[str, Any]:
        left = self._end - time.monotonic()
        if left < LEAST_SECONDS:
            return {"outcome": "not run", "reason": f"{max(left, 0):.0f} s were left"}
        started = time.monotonic()
        path = self._out / f"{step.name}.json"
        code = self._in_process(step, path, min(step.seconds, left))
        result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"outcome": "cut"}
        if code is None:
            result["reason"] = f"it took more than {min(step.seconds, left):.0f} s"
        elif result["outcome"] == "cut":
            result |= {"outcome": "failed", "reason": f"its process ended with exit code {code}"}
        result["seconds"] = round(time.monotonic() - started, 1)
        path.write_text(json.dumps(result, indent=1) + "\n")
        return result

    def _in_process(self, step: Step, path: Path, seconds: float) -> int | None:
        """Run a step with its children in a process group, which is ended after `seconds`; None for one that was."""
        path.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.gpu.session.step", step.module, "--out", str(path)]
        with (self._out / f"{step.name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=REPOSITORY, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                return process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                return None
            finally:
                _end_group(process)

    def _tell(self, step: Step, result: dict[str, Any]) -> None:
        took = f" in {result['seconds']} s" if "seconds" in result else ""
        why = f": {result['reason']}" if "reason" in result else ""
        self._say(f"{step.name}: {result['outcome']}{took}{why}")
        self._say(f"    {step.shows}")
        for line in result.get("figures", {}).get("summary", []):
            self._say(f"    {line}")

    def _say(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
