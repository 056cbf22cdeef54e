"""The process of a training: its events, line by line, and its end, with all processes that it started."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from clips.cpu_quota import usable_cores

SECONDS_TO_END = 15.0
"""From SIGTERM to SIGKILL."""

MAX_LINE_BYTES = 1 << 20
MAX_LAST_WORDS = 500

SECRETS = ("TIN_API_KEYS", "OTEL_EXPORTER_OTLP_HEADERS")


class TrainingProcess:
    """A command in a process group of its own, at a low priority, and on a core less than there are.

    process = await TrainingProcess.start(command, log=Path("log.txt"))
    """

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @classmethod
    async def start(cls, command: Sequence[str], log: Path) -> TrainingProcess:
        """Start the command, whose stderr goes to `log`; raises OSError."""
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "service.teaching.child", *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env=environment(os.environ, usable_cores()),
                limit=MAX_LINE_BYTES,
                start_new_session=True,
            )
        return cls(process, log)

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the JSON objects that the command prints, one a line; other lines are left out."""
        stdout = self._process.stdout
        assert stdout is not None
        while True:
            try:
                line = await stdout.readline()
            except ValueError:  # longer than MAX_LINE_BYTES
                continue
            if not line:
                return
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event

    async def end(self) -> int:
        """Wait for the end and return the exit code; whatever the command has started ends with it."""
        exit_code = await self._process.wait()
        self._signal(signal.SIGKILL)
        return exit_code

    async def stop(self, seconds: float = SECONDS_TO_END) -> None:
        """Send SIGTERM to the process group, and SIGKILL after so many seconds."""
        self._signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._process.wait()
        self._signal(signal.SIGKILL)

    def last_words(self) -> str:
        """Return the last line of the log, "" where there is none."""
        with suppress(OSError):
            lines = self._log.read_text(errors="replace").strip().splitlines()
            return lines[-1][-MAX_LAST_WORDS:].strip() if lines else ""
        return ""

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def environment(variables: Mapping[str, str], cores: int) -> dict[str, str]:
    """Return a training's environment: no secrets of the service, and a thread fewer than there are cores."""
    kept = {name: value for name, value in variables.items() if name.upper() not in SECRETS}
    return kept | {"OMP_NUM_THREADS": str(max(1, cores - 1)), "PYTHONUNBUFFERED": "1"}
