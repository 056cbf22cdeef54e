"""CPU time per request of each process of a Ray cluster: the overhead of Ray beside decoding and inference.

The CPU time of idle processes over an equal period is subtracted.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import typer

from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.ray_cluster import node_options, require_ray, running_cluster

CLIP = REPOSITORY / "service" / "doctor" / "clips" / "h264.mp4"
NUM_REQUESTS = 300
CLIENTS = 4
PORT = 8123

Spent = defaultdict[str, float]
"""Seconds of CPU time by the name of the process."""


def main(clip: Path = CLIP) -> None:
    """Print milliseconds per request by the kind of process."""
    require_ray()
    from ray import serve  # noqa: PLC0415 - an extra

    from service.deployment.ray_serve import app  # noqa: PLC0415

    with running_cluster(head_cores=0, port=PORT) as cluster:
        cluster.add_node(num_cpus=2, **node_options())
        serve.run(app({}), name="tin")
        for name, seconds in spent_on(clip.read_bytes()).items():
            typer.echo(f"{name:32} {seconds * 1000:6.1f} ms a request")


def spent_on(video: bytes) -> dict[str, float]:
    """Return seconds of CPU time per request, by the name of the process."""
    address = f"http://127.0.0.1:{PORT}"
    with httpx.Client(base_url=address, timeout=60) as client, ThreadPoolExecutor(CLIENTS) as threads:

        def post(_: int) -> None:
            client.post("/predict", content=video).raise_for_status()

        list(threads.map(post, range(2 * CLIENTS)))
        busy, seconds = spent_during(lambda: list(threads.map(post, range(NUM_REQUESTS))))
    idle, _ = spent_during(lambda: time.sleep(seconds))
    return {name: (busy[name] - idle[name]) / NUM_REQUESTS for name in busy}


def spent_during(work: Callable[[], object]) -> tuple[Spent, float]:
    """Run `work`; return the CPU time of each process meanwhile, and the seconds that it ran."""
    before, started = spent_so_far(), time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    after = spent_so_far()
    return defaultdict(float, {name: after[name] - before[name] for name in after}), seconds


def spent_so_far() -> Spent:
    """Return the CPU time of Ray's processes so far, without the worker processes that decode."""
    spent: Spent = defaultdict(float)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().split("\0")
            user, system = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
        except OSError:
            continue
        if name := name_of(words):
            spent[name] += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return spent


def name_of(words: list[str]) -> str | None:
    """Return the name of a Ray process from its command line; None for any other, or one that serves no requests."""
    program = Path(words[0]).name
    return program if program.startswith(("ray::ServeReplica", "ray::ProxyActor", "raylet", "gcs_server")) else None


if __name__ == "__main__":
    typer.run(main)
