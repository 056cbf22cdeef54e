"""CPU time per request of each process of a Ray cluster: the overhead of Ray beside decoding and inference.

python -m tests.benchmarks.bench_request_cost [--clip FILE] [--rounds 5]

The CPU time of the cluster's idle processes over an equal period is subtracted, and from the model replica's that of
inference, which is measured in this process. The worker processes that decode are left out.
"""

from __future__ import annotations

import os
import statistics
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar

import httpx
import numpy as np
import typer
from rich.console import Console

from service.config.settings import Settings
from service.models.registry import Registry
from tests.helpers.measuring.results import RESULTS, write_results
from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import free_port
from tests.helpers.servers.ray_cluster import node_options, require_ray, running_cluster

CLIP = REPOSITORY / "service" / "doctor" / "clips" / "h264.mp4"
UPLOAD_BYTES = 160_000
CLIENTS = 4
INFERENCES = 50
PACKAGES = ("ray", "fastapi", "uvicorn", "onnxruntime", "numpy")

INGRESS = ("ingress", "haproxy", "proxy")
AROUND = ("decoders", "models", "raylet", "gcs")
PROCESSES = {
    "ray::ServeReplica:tin:ingress": "ingress",
    "haproxy": "haproxy",
    "ray::ProxyActor": "proxy",
    "ray::ServeReplica:tin:decoders": "decoders",
    "ray::ServeReplica:tin:models": "models",
    "raylet": "raylet",
    "gcs_server": "gcs",
}
"""Processes that serve requests, by the names that Ray gives them."""

GOALS_MS = {"e": 12, "o": 8}

Number = TypeVar("Number", int, float)

Processes = dict[int, str]
"""Names by process id."""

Spent = defaultdict[str, float]
"""Seconds of CPU time by the name of the process."""


def main(
    clip: Annotated[Path | None, typer.Option(help="The video; else a tiny one in a file of 160 kB.")] = None,
    rounds: int = 5,
    requests: Annotated[int, typer.Option(help="Requests of a round.")] = 100,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Print milliseconds of CPU time per request by process, and write them as JSON."""
    require_ray()
    from ray import serve  # noqa: PLC0415 - an extra

    from service.deployment.ray_serve import app  # noqa: PLC0415

    video, port = clip.read_bytes() if clip else padded(CLIP.read_bytes(), UPLOAD_BYTES), free_port()
    with running_cluster(head_cores=0, port=port) as cluster:
        cluster.add_node(num_cpus=2, **node_options())
        serve.run(app({}), name="tin")
        measured = list(rounds_of(video, f"http://127.0.0.1:{port}", rounds, requests))
    figures = summary(measured, infer_ms()) | {"bytes": len(video), "requests": requests, "rounds": measured}
    report(figures, Console())
    Console().print(str(write_results("ray-request-cost", figures, PACKAGES, out)))


def padded(video: bytes, size: int) -> bytes:
    """Return an MP4 file with a box of zeros at its end, so that it travels like a longer one."""
    free = size - len(video)
    return video + struct.pack(">I4s", free, b"free") + bytes(free - 8)


def rounds_of(video: bytes, address: str, rounds: int, requests: int) -> Iterator[dict[str, float]]:
    """Yield milliseconds of CPU time per request of each process, round by round."""
    with httpx.Client(base_url=address, timeout=120) as client, ThreadPoolExecutor(CLIENTS) as threads:

        def post_all(number: int) -> None:
            for answer in threads.map(lambda _: client.post("/predict", content=video), range(number)):
                answer.raise_for_status()

        post_all(8 * CLIENTS)
        processes = processes_of_cluster()
        for _ in range(rounds):
            busy, seconds = spent_during(processes, post_all, requests)
            idle, _ = spent_during(processes, time.sleep, seconds)
            yield {name: 1000 * (busy[name] - idle[name]) / requests for name in PROCESSES.values()}


def spent_during(processes: Processes, work: Callable[[Number], object], number: Number) -> tuple[Spent, float]:
    """Run `work(number)`; return the CPU time of each process meanwhile, and the seconds that it ran."""
    before, started = spent_so_far(processes), time.perf_counter()
    work(number)
    seconds = time.perf_counter() - started
    after = spent_so_far(processes)
    return defaultdict(float, {name: after[name] - before[name] for name in after}), seconds


def spent_so_far(processes: Processes) -> Spent:
    """Return the CPU time of the processes so far."""
    spent: Spent = defaultdict(float)
    for pid, name in processes.items():
        user, system = stat_of(pid)[11:13]
        spent[name] += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return spent


def processes_of_cluster() -> Processes:
    """Return the processes of this process's cluster that serve requests."""
    parents: dict[int, int] = {}
    names: Processes = {}
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        with suppress(OSError):
            parents[pid] = int(stat_of(pid)[1])
            program = Path((folder / "cmdline").read_text().partition("\0")[0]).name
            if name := PROCESSES.get(program.partition(".")[0]):  # behind the point, the method in work
                names[pid] = name
    return {pid: name for pid, name in names.items() if os.getpid() in ancestors_of(pid, parents)}


def ancestors_of(pid: int, parents: Mapping[int, int]) -> Iterator[int]:
    """Yield the process ids of a process's parent, of that one's, and so on."""
    while parent := parents.get(pid):
        yield parent
        pid = parent


def stat_of(pid: int) -> list[str]:
    """Return what Linux tells of a process, from its state on. Raises OSError."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def infer_ms() -> float:
    """Return the median CPU time of the default model's inference on one thread, in milliseconds."""
    model = Registry.open(Settings(onnx_threads=1)).get()
    spec = model.spec
    clips = np.zeros((1, spec.num_frames, spec.crop, spec.crop, 3), np.uint8)

    def once() -> float:
        started = time.process_time()
        model.backend.infer(clips)
        return 1000 * (time.process_time() - started)

    return statistics.median([once() for _ in range(INFERENCES)])


def summary(measured: list[dict[str, float]], infer: float) -> dict[str, Any]:
    """Return the medians of the rounds, by process, of the ingress (`e`) and of the rest without inference (`o`)."""
    ingress = [sum(each[name] for name in INGRESS) for each in measured]
    around = [sum(each[name] for name in AROUND) - infer for each in measured]
    sums = {"e": statistics.median(ingress), "o": statistics.median(around)}
    return {
        "median_ms": {name: statistics.median(each[name] for each in measured) for name in PROCESSES.values()},
        "infer_ms": infer,
        "sums_ms": sums,
        "goals": [
            {"name": name, "ms": sums[name], "at_most": bound, "is_met": sums[name] <= bound}
            for name, bound in GOALS_MS.items()
        ],
    }


def report(figures: Mapping[str, Any], console: Console) -> None:
    """Print the medians and the goals."""
    for name, milliseconds in figures["median_ms"].items():
        console.print(f"{name:10} {milliseconds:6.1f} ms a request")
    console.print(f"inference  {figures['infer_ms']:6.1f} ms of the models'")
    for goal in figures["goals"]:
        verdict = "met" if goal["is_met"] else "missed"
        console.print(f"{goal['name']} {goal['ms']:.1f} ms, goal at most {goal['at_most']}: {verdict}")


if __name__ == "__main__":
    typer.run(main)
