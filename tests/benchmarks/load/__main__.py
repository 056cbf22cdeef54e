"""The gateway under load, against a loop that decodes and infers the same video without a server, in one run.

    python -m tests.benchmarks.load [--video FILE] [--rounds 4] [--out FOLDER]

Each round runs the loop without a server (threads of one process, then a process per core), the gateway under a closed
loop of clients (one, one per core, two per core), and under an open loop at five times its best rate. Rates are medians
over the rounds, and their ratio is the median of the rounds' ratios, since other work on the machine affects a whole
round; latencies are pooled over all rounds. Clients and server share the cores.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.benchmarks.decoding.clips import CLIPS, moving_picture
from tests.benchmarks.load.services import running_service
from tests.benchmarks.load.stages import medians, run_stages
from tests.helpers.measuring.machine import cpu_name, versions_of
from tests.helpers.measuring.percentiles import percentile
from tests.helpers.measuring.worker import Worker, cpu_seconds
from tests.helpers.videos.make_clip import make_clip

PACKAGES = ("av", "fastapi", "h11", "locust", "numpy", "onnxruntime", "opencv-python-headless", "uvicorn")
CORES = len(os.sched_getaffinity(0))
SECONDS = 4.0
"""Duration of one measurement; 4 rounds of 6 take two minutes."""
OVERLOAD = 5

THREADS, PROCESSES = "bare, threads", "bare, processes"
ONE, PER_CORE, TWICE = "1 client", f"{CORES} clients", f"{2 * CORES} clients"
OPEN = f"{OVERLOAD} x that rate"
NUM_CLIENTS = {ONE: 1, PER_CORE: CORES, TWICE: 2 * CORES}


@dataclass(frozen=True)
class Load:
    """One measurement of the gateway: accepted requests per second, latencies in milliseconds, failures, CPU time."""

    rate: float
    accepted: list[float]
    rejected: list[float]
    failures: list[str]
    server_ms: float
    """CPU time per request, including rejected ones, of the service with its decoders; `client_ms` is the clients'."""
    client_ms: float


@dataclass(frozen=True)
class Bare:
    """One measurement of a loop without a server: videos per second, and CPU milliseconds per video."""

    rate: float
    milliseconds: float


@dataclass(frozen=True)
class Round:
    """One round of measurements: the loops without a server, and the gateway under each load."""

    bare: dict[str, Bare]
    loads: dict[str, Load]

    def ratio(self) -> float:
        """Return the ratio of the gateway's best rate to that of the best loop without a server."""
        return max(self.loads[name].rate for name in (PER_CORE, TWICE)) / max(bare.rate for bare in self.bare.values())

    def besides(self) -> float:
        """Return the milliseconds of CPU time that a request takes the service besides a loop without a server."""
        return self.loads[TWICE].server_ms - min(bare.milliseconds for bare in self.bare.values())

    def thrift(self) -> float:
        """Return the ratio of CPU times per video, with the clients'; other work on the machine affects it less."""
        load = self.loads[TWICE]
        return min(bare.milliseconds for bare in self.bare.values()) / (load.server_ms + load.client_ms)


@dataclass(frozen=True)
class Goal:
    """A measured value and its bound."""

    name: str
    value: float
    bound: float
    is_lower_bound: bool = False

    @property
    def is_met(self) -> bool:
        """True if the value keeps the bound."""
        return self.value >= self.bound if self.is_lower_bound else self.value <= self.bound


class Bench:
    """A running service, its clients and the loops without a server, all ready and idle."""

    def __init__(self, server: subprocess.Popen[bytes], clients: Worker, bare: list[Worker]) -> None:
        self._server = server
        self._clients = clients
        self._bare = bare

    def run_round(self) -> Round:
        """Run one round of measurements."""
        bare = {THREADS: self._run_bare(self._bare[:1], CORES), PROCESSES: self._run_bare(self._bare, 1)}
        loads = {name: self._run_load("closed", num_clients) for name, num_clients in NUM_CLIENTS.items()}
        rate = max(loads[name].rate for name in (PER_CORE, TWICE))
        loads[OPEN] = self._run_load("open", max(1, round(OVERLOAD * rate)))
        return Round(bare, loads)

    def _run_bare(self, loops: list[Worker], num_threads: int) -> Bare:
        before = sum(loop.cpu_seconds() for loop in loops)
        for loop in loops:
            loop.send(seconds=SECONDS, num_threads=num_threads)
        rate = sum(loop.receive() for loop in loops)
        spent = sum(loop.cpu_seconds() for loop in loops) - before
        return Bare(rate, spent * 1000 / (rate * SECONDS))

    def _run_load(self, kind: str, num_clients: int) -> Load:
        before = cpu_seconds(self._server.pid), self._clients.cpu_seconds()
        answer = self._clients.ask(kind=kind, num_clients=num_clients, seconds=SECONDS)
        requests, num_sent = answer["counted"], max(1, answer["sent"])
        after = cpu_seconds(self._server.pid), self._clients.cpu_seconds()
        accepted = [each["milliseconds"] for each in requests if each["status"] == 200]
        rejected = [each["milliseconds"] for each in requests if _is_rejection(each)]
        return Load(
            rate=len(accepted) / SECONDS,
            accepted=accepted,
            rejected=rejected,
            failures=[str(each["status"]) for each in requests if each["status"] != 200 and not _is_rejection(each)],
            server_ms=(after[0] - before[0]) * 1000 / num_sent,
            client_ms=(after[1] - before[1]) * 1000 / num_sent,
        )


@contextmanager
def ready_bench(video: Path) -> Iterator[Bench]:
    """Start and warm up everything; stop it at the end of the block."""
    with ExitStack() as resources:
        server, address = resources.enter_context(running_service("service", "serve", "--port", "0"))
        clients = resources.enter_context(Worker("tests.helpers.measuring.load_clients", address, str(video)))
        loops = [Worker("tests.helpers.measuring.bare_loop", str(video)) for _ in range(CORES)]
        bare = [resources.enter_context(loop) for loop in loops]
        for loop in bare:
            loop.ask(seconds=1, num_threads=1)
        clients.ask(kind="closed", num_clients=CORES, seconds=1)
        yield Bench(server, clients, bare)


def _is_rejection(request: dict[str, object]) -> bool:
    return request["status"] == 503 and request["retry_after"] is not None


def pooled(rounds: list[Round], name: str) -> Load:
    """Return one load over all rounds: requests pooled, other figures as medians."""
    loads = [each.loads[name] for each in rounds]
    return Load(
        rate=statistics.median(load.rate for load in loads),
        accepted=[each for load in loads for each in load.accepted],
        rejected=[each for load in loads for each in load.rejected],
        failures=[each for load in loads for each in load.failures],
        server_ms=statistics.median(load.server_ms for load in loads),
        client_ms=statistics.median(load.client_ms for load in loads),
    )


def pooled_bare(rounds: list[Round], name: str) -> Bare:
    """Return the medians of a loop without a server over all rounds."""
    loops = [each.bare[name] for each in rounds]
    return Bare(statistics.median(loop.rate for loop in loops), statistics.median(loop.milliseconds for loop in loops))


def goals_of(rounds: list[Round]) -> list[Goal]:
    """Return the goals with the measured values."""
    unloaded, overloaded = pooled(rounds, ONE), pooled(rounds, OPEN)
    slower = percentile(overloaded.accepted, 99) / percentile(unloaded.accepted, 99)
    failures = [failure for name in (*NUM_CLIENTS, OPEN) for failure in pooled(rounds, name).failures]
    return [
        Goal("gateway / bare loop", statistics.median(each.ratio() for each in rounds), 0.95, is_lower_bound=True),
        Goal("CPU besides the bare loop's, ms", statistics.median(each.besides() for each in rounds), 2.2),
        Goal("p99 of accepted, overloaded / unloaded", slower, 2.5),
        Goal("p99 of rejections, ms", percentile(overloaded.rejected, 99), 10),
        Goal("anything but 200, or 503 with Retry-After", len(failures), 0),
    ]


def print_stages(stages: list[dict[str, float]], console: Console) -> None:
    """Print what each stage of the server takes, one request at a time."""
    table = Table("stage", "server's CPU, ms")
    for stage, spent in medians(stages).items():
        table.add_row(stage, f"{spent:.2f}")
    table.add_row("all", f"{statistics.median(sum(each.values()) for each in stages):.2f}")
    console.print(table)


def print_tables(rounds: list[Round], console: Console) -> None:
    """Print rates and latencies, then the goals."""
    table = Table("", "video/s", "p50", "p99", "rejected", "p99", "max", "failed", "server", "clients")
    for name in (THREADS, PROCESSES):
        bare = pooled_bare(rounds, name)
        table.add_row(name, f"{bare.rate:.1f}", *[""] * 6, f"{bare.milliseconds:.1f}")
    for name in (*NUM_CLIENTS, OPEN):
        table.add_row(name, *_cells(pooled(rounds, name)))
    console.print(table)
    console.print("latencies in ms; server, clients: ms of CPU time per request, including rejected ones")
    thrift = statistics.median(each.thrift() for each in rounds)
    console.print(f"CPU time per video, bare / {TWICE} and server: {thrift:.3f}")
    goals = Table("goal", "measured", "wanted", "met")
    for goal in goals_of(rounds):
        wanted = f"{'at least' if goal.is_lower_bound else 'at most'} {goal.bound:g}"
        goals.add_row(goal.name, f"{goal.value:.3g}", wanted, "yes" if goal.is_met else "no")
    console.print(goals)


def _cells(load: Load) -> list[str]:
    accepted = [percentile(load.accepted, percent) for percent in (50, 99)]
    rejected = [percentile(load.rejected, percent) for percent in (99, 100)]
    return [
        f"{load.rate:.1f}",
        *(f"{value:.0f}" for value in accepted),
        str(len(load.rejected)),
        *(f"{value:.0f}" if load.rejected else "" for value in rejected),
        str(len(load.failures)),
        f"{load.server_ms:.1f}",
        f"{load.client_ms:.1f}",
    ]


def write_results(rounds: list[Round], stages: list[dict[str, float]], video: Path, out: Path) -> Path:
    """Write all figures as JSON, named by today's date; return the path."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"load-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}.json"
    facts = {
        "machine": {
            "processor": cpu_name(),
            "cores": CORES,
            "load": os.getloadavg(),
            "python": platform.python_version(),
        },
        "versions": versions_of(PACKAGES),
        "video_bytes": video.stat().st_size,
        "goals": [{**asdict(goal), "is_met": goal.is_met} for goal in goals_of(rounds)],
        "stages": medians(stages),
        "bare": {name: asdict(pooled_bare(rounds, name)) for name in (THREADS, PROCESSES)},
        "loads": {name: _summary(pooled(rounds, name)) for name in (*NUM_CLIENTS, OPEN)},
        "ratios": [each.ratio() for each in rounds],
    }
    path.write_text(json.dumps(_rounded(facts), indent=1) + "\n")
    return path


def _summary(load: Load) -> dict[str, float]:
    return {
        "rate": load.rate,
        "p50_ms": percentile(load.accepted, 50),
        "p99_ms": percentile(load.accepted, 99),
        "num_rejected": len(load.rejected),
        "rejected_p99_ms": percentile(load.rejected, 99) if load.rejected else 0.0,
        "num_failed": len(load.failures),
        "server_ms": load.server_ms,
        "client_ms": load.client_ms,
    }


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def main() -> None:
    """Parse arguments, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, help="the video to send; by default ten generated seconds of 340 x 256")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--out", type=Path, help="folder for the figures as JSON")
    arguments = parser.parse_args()
    if arguments.video and not arguments.video.is_file():
        parser.error(f"there is no video at {arguments.video}")
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        video = arguments.video or Path(folder) / "made.mp4"
        if not arguments.video:
            video.write_bytes(make_clip(CLIPS[0], moving_picture))
        with ready_bench(video) as bench:
            rounds = [bench.run_round() for _ in track(range(arguments.rounds), "rounds", console=console)]
        stages = run_stages(video.stat().st_size, arguments.rounds)
        print_tables(rounds, console)
        print_stages(stages, console)
        if arguments.out:
            console.print(write_results(rounds, stages, video, arguments.out))


if __name__ == "__main__":
    main()
