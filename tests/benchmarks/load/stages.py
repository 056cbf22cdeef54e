"""CPU time of the server's stages: services that have only the first ones are asked in turns by one client.

The video has as many bytes as that of the other measurements, and hardly anything to decode. The time is that of the
server's process alone, without its workers.
"""

from __future__ import annotations

import http.client
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks.load.rung import Stage
from tests.benchmarks.load.services import running_service
from tests.helpers.measuring.worker import own_cpu_seconds
from tests.helpers.videos.clip_recipes import X264, ClipRecipe
from tests.helpers.videos.make_clip import make_clip

REQUESTS = 100
"""Requests to one service before the next one's turn."""
REQUESTS_TO_WARM_UP = 30

SMALL = ClipRecipe("small", options=X264, frames=8, width=64, height=64)


@dataclass(frozen=True)
class Rung:
    """A running service that ends with a stage."""

    pid: int
    host: str
    port: int
    video: bytes

    def milliseconds(self, num_requests: int = REQUESTS) -> float:
        """Send requests one after the other; return the server's CPU time for one."""
        connection = http.client.HTTPConnection(self.host, self.port)
        before = own_cpu_seconds(self.pid)
        for _ in range(num_requests):
            connection.request("POST", "/predict", self.video)
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                raise SystemExit(f"a service without all stages answered {response.status}")
        spent = own_cpu_seconds(self.pid) - before
        connection.close()
        return spent * 1000 / num_requests


@contextmanager
def ready_rungs(num_bytes: int) -> Iterator[list[Rung]]:
    """Start and warm up a service for each stage, for a video of `num_bytes`; stop them at the end of the block."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file, ExitStack() as services:
        video = _padded(make_clip(SMALL), num_bytes)
        Path(file.name).write_bytes(video)
        rungs = []
        for stage in Stage:
            process, address = services.enter_context(running_service("tests.benchmarks.load.rung", stage, file.name))
            url = urlsplit(address)
            rungs.append(Rung(process.pid, url.hostname or "", url.port or 0, video))
            rungs[-1].milliseconds(REQUESTS_TO_WARM_UP)
        yield rungs


def run_stages(num_bytes: int, num_rounds: int) -> list[dict[str, float]]:
    """Return the milliseconds of CPU time that each stage takes a request, by its name, once for each round."""
    with ready_rungs(num_bytes) as rungs:
        return [_differences([rung.milliseconds() for rung in rungs]) for _ in range(num_rounds)]


def medians(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the median of each stage over the rounds."""
    return {stage: statistics.median(each[stage] for each in rounds) for stage in Stage}


def _differences(milliseconds: Sequence[float]) -> dict[str, float]:
    steps = [later - earlier for earlier, later in pairwise([0.0, *milliseconds])]
    return dict(zip(Stage, steps, strict=True))


def _padded(video: bytes, num_bytes: int) -> bytes:
    """Add a box to an MP4 file that readers pass over, so that it has `num_bytes`."""
    padding = max(8, num_bytes - len(video))
    return video + padding.to_bytes(4, "big") + b"free" + bytes(padding - 8)
