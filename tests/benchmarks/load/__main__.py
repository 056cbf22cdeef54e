"""The gateway under load, against a loop that decodes and infers the same video without a server, in one run.

    python -m tests.benchmarks.load [--video FILE] [--rounds 4] [--out FOLDER]

Each round runs the loop without a server (threads of one process, then a process per core), the gateway under a closed
loop of clients (one, one per core, two per core), the services that do the least under the last of these, and the
gateway under an open loop at five times its best rate. Rates are medians over the rounds, and their ratio is the median
of the rounds' ratios, since other work on the machine affects a whole round; latencies are pooled over all rounds.
Clients and server share the cores.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from tests.benchmarks.decoding.clips import CLIPS, moving_picture
from tests.benchmarks.load.figures import (
    CORES,
    FLOORS,
    NUM_CLIENTS,
    OPEN,
    OVERLOAD,
    PER_CORE,
    PROCESSES,
    THREADS,
    TWICE,
    Bare,
    Load,
    Round,
)
from tests.benchmarks.load.report import print_stages, print_tables, write_results
from tests.benchmarks.load.services import running_service
from tests.benchmarks.load.stages import run_stages
from tests.helpers.measuring.worker import Worker, cpu_seconds
from tests.helpers.videos.make_clip import make_clip

SECONDS = 4.0
"""Duration of one measurement; 4 rounds of 8 take three minutes."""

LOAD_CLIENTS = "tests.helpers.measuring.load_clients"


@dataclass(frozen=True)
class Service:
    """A running service and its clients."""

    process: subprocess.Popen[bytes]
    clients: Worker

    def run(self, kind: str, num_clients: int) -> Load:
        """Run a closed or an open loop of clients."""
        before = cpu_seconds(self.process.pid), self.clients.cpu_seconds()
        answer = self.clients.ask(kind=kind, num_clients=num_clients, seconds=SECONDS)
        requests, num_sent = answer["counted"], max(1, answer["sent"])
        after = cpu_seconds(self.process.pid), self.clients.cpu_seconds()
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


class Bench:
    """The service, those that do the least, and the loops without a server, all ready and idle."""

    def __init__(self, service: Service, floors: dict[str, Service], bare: list[Worker]) -> None:
        self._service = service
        self._floors = floors
        self._bare = bare

    def run_round(self) -> Round:
        """Run one round of measurements."""
        bare = {THREADS: self._run_bare(self._bare[:1], CORES), PROCESSES: self._run_bare(self._bare, 1)}
        loads = {name: self._service.run("closed", num_clients) for name, num_clients in NUM_CLIENTS.items()}
        floors = {name: floor.run("closed", NUM_CLIENTS[TWICE]) for name, floor in self._floors.items()}
        rate = max(loads[name].rate for name in (PER_CORE, TWICE))
        loads[OPEN] = self._service.run("open", max(1, round(OVERLOAD * rate)))
        return Round(bare, loads, floors)

    def _run_bare(self, loops: list[Worker], num_threads: int) -> Bare:
        before = sum(loop.cpu_seconds() for loop in loops)
        for loop in loops:
            loop.send(seconds=SECONDS, num_threads=num_threads)
        rate = sum(loop.receive() for loop in loops)
        spent = sum(loop.cpu_seconds() for loop in loops) - before
        return Bare(rate, spent * 1000 / (rate * SECONDS))


@contextmanager
def ready_bench(video: Path) -> Iterator[Bench]:
    """Start and warm up everything; stop it at the end of the block."""
    with ExitStack() as resources:
        service = _ready_service(resources, video, "service", "serve", "--port", "0")
        floors = {name: _ready_service(resources, video, "tests.benchmarks.load.floor", name) for name in FLOORS}
        loops = [Worker("tests.helpers.measuring.bare_loop", str(video)) for _ in range(CORES)]
        bare = [resources.enter_context(loop) for loop in loops]
        for loop in bare:
            loop.ask(seconds=1, num_threads=1)
        yield Bench(service, floors, bare)


def _ready_service(resources: ExitStack, video: Path, *command: str) -> Service:
    process, address = resources.enter_context(running_service(*command))
    clients = resources.enter_context(Worker(LOAD_CLIENTS, address, str(video)))
    clients.ask(kind="closed", num_clients=CORES, seconds=1)
    return Service(process, clients)


def _is_rejection(request: dict[str, object]) -> bool:
    return request["status"] == 503 and request["retry_after"] is not None


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
        print_stages(rounds, stages, console)
        if arguments.out:
            console.print(write_results(rounds, stages, video, arguments.out))


if __name__ == "__main__":
    main()
