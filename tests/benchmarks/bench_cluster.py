"""Scaling of the Ray cluster from one to two model replicas, with a model that only sleeps.

Real models cannot show it on a machine with fewer cores than replicas. This measures the overhead of Ray and of the
service.

python -m tests.benchmarks.bench_cluster [--rounds 5]
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from clips.clip_spec import ClipSpec
from service.backends.base import Backend, Clips, Outputs
from service.deployment.ray_clients import ClusterBackend, RemoteBatcher
from service.models.registry import Registry
from service.models.versions import LoadedModel
from tests.helpers.fakes.fake_backend import FakeBackend
from tests.helpers.measuring.results import RESULTS, write_results
from tests.helpers.processes import free_port
from tests.helpers.servers.ray_cluster import running_cluster

SPEC = ClipSpec(num_frames=8, short_side=32, crop=32)
INFER_SECONDS = 0.05
ROUNDS = 5
CLIPS_PER_ROUND = 24
CLIENTS = 8


class SleepingBackend(FakeBackend):
    """A backend that takes a fixed time per clip and no CPU."""

    max_batch_size = 1

    def infer(self, clips: Clips) -> Outputs:
        """Return the outputs of FakeBackend after INFER_SECONDS."""
        time.sleep(INFER_SECONDS)
        return super().infer(clips)


def open_sleeping() -> Registry:
    """Return a registry of one model with a SleepingBackend."""
    return Registry({"sleeping": [_sleeping(SleepingBackend(2))]})


def _sleeping(backend: Backend) -> LoadedModel:
    return LoadedModel("sleeping", "1", "0" * 64, "none", "made up", ("a", "b"), SPEC, backend)


@contextmanager
def deployed(num_replicas: int) -> Iterator[RemoteBatcher]:
    """Deploy an application of `num_replicas` model replicas; delete it at the end of the block."""
    from ray import serve  # noqa: PLC0415 - an extra

    from service.deployment.ray_serve import model_deployment  # noqa: PLC0415

    scaling = {"min_replicas": num_replicas, "max_replicas": num_replicas, "target_ongoing_requests": 4}
    name = f"replicas-{num_replicas}"
    deployment: Any = model_deployment.options(autoscaling_config=scaling)
    handle = serve.run(deployment.bind(open_sleeping), name=name, route_prefix=None)
    try:
        yield RemoteBatcher(handle, observe=lambda run: None)
    finally:
        serve.delete(name)


def compare(one: RemoteBatcher, two: RemoteBatcher, rounds: int = ROUNDS) -> list[float]:
    """Return the ratio of clips per second of `two` to `one`, for each of interleaved rounds."""
    for batcher in (one, two):
        asyncio.run(clips_per_second(batcher))
    return [asyncio.run(clips_per_second(two)) / asyncio.run(clips_per_second(one)) for _ in range(rounds)]


async def clips_per_second(batcher: RemoteBatcher) -> float:
    """Return clips per second of clients that each send one clip after the other."""
    model = _sleeping(ClusterBackend("sleeping", "1", 1))
    clips = np.zeros((1, SPEC.num_frames, SPEC.crop, SPEC.crop, 3), np.uint8)

    async def client() -> None:
        for _ in range(CLIPS_PER_ROUND // CLIENTS):
            await batcher.infer(model, clips)

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return CLIENTS * (CLIPS_PER_ROUND // CLIENTS) / (time.perf_counter() - started)


def main(rounds: int = ROUNDS, out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS) -> None:
    """Print the ratio of each round and the median, and write them as JSON."""
    with running_cluster(head_cores=3, port=free_port()), deployed(1) as one, deployed(2) as two:
        ratios = compare(one, two, rounds)
    median = statistics.median(ratios)
    figures = {"infer_ms": 1000 * INFER_SECONDS, "median_ratio": median, "ratios": ratios}
    console = Console()
    console.print(f"{INFER_SECONDS * 1000:g} ms a clip: two replicas serve {median:.2f} times as much as one")
    console.print("rounds: " + ", ".join(f"{ratio:.2f}" for ratio in ratios))
    console.print(str(write_results("ray-cluster", figures, ("ray", "numpy"), out)))


if __name__ == "__main__":
    typer.run(main)
