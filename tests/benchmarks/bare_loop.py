"""What a script would do: decode, transform and infer the same video over and over, with no server in between.

Jobs come on stdin, one JSON object a line; an answer goes to stdout for each.
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
    """The model that the gateway answers with, one thread an inference, and one video in memory."""

    def __init__(self, video: bytes) -> None:
        cv2.setNumThreads(1)
        settings = Settings(onnx_threads=1)
        self._bounds = settings.decode_limits()
        self._model = Registry.open(settings).get()
        self._video = video

    def run(self, seconds: float, num_threads: int) -> float:
        """Videos per second, after so many seconds in so many threads."""
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
    """Answer until stdin ends."""
    loop = BareLoop(Path(sys.argv[1]).read_bytes())
    for line in sys.stdin:
        print(json.dumps(loop.run(**json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
