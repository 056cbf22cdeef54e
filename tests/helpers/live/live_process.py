"""`tin live` in a process of its own, whose rows a test reads while it runs."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.service import SERVER_PYTHON
from tests.helpers.waiting import until

Row = dict[str, Any]


class LiveProcess:
    """A running `tin live SOURCE --json`; `rows` grows while it runs. Ended at the end of the block."""

    def __init__(self, store: Path, *arguments: object, stdin: BinaryIO | int = subprocess.DEVNULL) -> None:
        self.rows: list[Row] = []
        environment = os.environ | {
            "TIN_MODEL_STORE": str(store),
            "TIN_ONNX_THREADS": "1",
            "PYTHONPATH": str(REPOSITORY),
        }
        self.process = subprocess.Popen(
            [SERVER_PYTHON, "-m", "service", "live", "--json", *map(str, arguments)],
            cwd=REPOSITORY,
            env=environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> LiveProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(timeout=10)
        self._reader.join(timeout=10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def wait(self, seconds: float = 60) -> int:
        """Wait for the process to end, and read its last row; return the exit code."""
        code = self.process.wait(timeout=seconds)
        self._reader.join(timeout=10)
        return code

    def stderr(self) -> str:
        """Return all that an ended process printed on stderr."""
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def of_kind(self, kind: str) -> Sequence[Row]:
        """The rows of a kind so far."""
        return [row for row in list(self.rows) if row["kind"] == kind]

    def until(self, kind: str, number: int = 1, seconds: float = 30) -> Row:
        """Wait for the row of a kind with this number, from 1."""
        until(lambda: len(self.of_kind(kind)) >= number or self.process.poll() is not None, seconds)
        return self.of_kind(kind)[number - 1]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.rows.append(json.loads(line))
