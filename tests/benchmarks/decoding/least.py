"""CPU time that no server can leave out: of decoding exactly the packets that are needed, and of the model.

    python -m tests.benchmarks.decoding.least STORE

Reads jobs from stdin, a JSON object a line with `video`, a path, and writes the milliseconds of each to stdout. The
model is the store's default one as tin-serve runs it, on one thread.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import cv2

from clips.preprocess import preprocess
from service.config.settings import Settings
from service.decoding.sandbox.heap import keep_freed_memory
from service.models.registry import Registry
from tests.benchmarks.decoding.decoders import DECODERS, LEAST

REPEATS = 9


class LeastWork:
    """The model of a store, and the decoders that do no more than any reader must."""

    def __init__(self, store: Path) -> None:
        settings = Settings(model_store=store, onnx_threads=1)
        self._limits = settings.decode_limits()
        self._model = Registry.open(settings).get()

    def milliseconds(self, video: Path) -> float:
        """Return the median over repeats."""
        clips = preprocess(video, self._model.spec, self._limits).views
        decoding = [statistics.median(DECODERS[name](str(video))[1] for _ in range(REPEATS)) for name in LEAST]
        started = time.process_time()
        for _ in range(REPEATS):
            self._model.backend.infer(clips)
        return (sum(decoding) + (time.process_time() - started) / REPEATS) * 1000


def main() -> None:
    """Run jobs until stdin ends."""
    cv2.setNumThreads(1)
    keep_freed_memory()
    least = LeastWork(Path(sys.argv[1]))
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(least.milliseconds(Path(json.loads(line)['video'])))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
