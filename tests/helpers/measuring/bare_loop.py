"""Baseline without a server: decode, transform and infer the same video over and over.

Reads jobs from stdin, one JSON object a line, and writes one result a line to stdout.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2

from service.config.settings import Settings
from service.models.registry import Registry
from tests.helpers.one_process import predict


class BareLoop:
    """A loop over one video in memory with the gateway's default model, one thread per inference."""

    def __init__(self, video: bytes) -> None:
        cv2.setNumThreads(1)
        settings = Settings(onnx_threads=1)
        self._bounds = settings.decode_limits()
        self._model = Registry.open(settings).get()
        self._video = video

    def run(self, seconds: float, num_threads: int) -> float:
        """Run for some seconds in some threads; return videos per second."""
        started = time.perf_counter()
        with ThreadPoolExecutor(num_threads) as threads:
            counts = list(threads.map(self._count, [started + seconds] * num_threads))
        return sum(counts) / (time.perf_counter() - started)

    def _count(self, until: float) -> int:
        count = 0
        while time.perf_counter() < until:
            predict(self._video, self._model, 5, self._bounds)
            count += 1
        return count


def main() -> None:
    """Run jobs until stdin ends."""
    loop = BareLoop(Path(sys.argv[1]).read_bytes())
    for line in sys.stdin:
        print(json.dumps(loop.run(**json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
