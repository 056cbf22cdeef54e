"""Attack: hostile uploads to a real server in its sandbox, 100,000 of them by `make attack`.

Prints how often each kind was answered by each status. Exit code 1 for faults: an answer other than a prediction or a
problem 4xx, 503 or 504; one that does not come; a decoder that is lost; a file or an address that is opened; growing
memory.

python -m tests.helpers.hostile.attack --uploads 1000
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from tests.helpers.hostile.exchange import Response, post, send_all
from tests.helpers.hostile.uploads import HARMLESS, uploads
from tests.helpers.hostile.watch import FileWatch, listening, was_called
from tests.helpers.processes import resident_bytes
from tests.helpers.servers.service import UPLOAD_LIMIT, Server, running_services
from tests.helpers.stores import publish
from tests.helpers.videos.clip_recipes import recipe_named
from tests.helpers.videos.make_clip import make_clip

AT_A_TIME = 4
WARM_UP = 0.2
"""Fraction of the uploads after which allocators and libraries have what they keep."""
MAX_GROWTH = 1.25
UPLOADS_PER_LINE = 5_000
MOST_FAULTS_SHOWN = 20

SETTINGS = {
    "decoders": 2,
    "max_queue": 4 * AT_A_TIME,
    "max_upload_bytes": UPLOAD_LIMIT,
    "max_pixels_per_frame": 640 * 480,
    "max_decode_seconds": 4,
    "upload_grace_seconds": 1,
}
"""Settings of the server, which has more places than requests come at a time: none is sent away for want of one."""


@dataclass
class Tally:
    """Answers by kind and status, and a line for each fault."""

    answers: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @property
    def statuses(self) -> Counter[str]:
        """Number of answers of each status."""
        return sum(self.answers.values(), Counter())

    def add(self, kind: str, response: Response | OSError) -> None:
        """Count a response, or its absence."""
        status = str(response.status) if isinstance(response, Response) else type(response).__name__
        self.answers.setdefault(kind, Counter())[status] += 1
        self.expect(_is_acceptable(kind, response), f"{kind}: {response}")

    def expect(self, condition: bool, fault: str) -> None:
        """Note a fault unless the condition holds."""
        if not condition:
            self.faults.append(fault)

    def progress(self) -> str:
        """Return a line for people who wait."""
        total = self.statuses.total()
        return f"{total:,} uploads, {total / (time.monotonic() - self.started):.0f}/s, {len(self.faults)} faults"


def attack(start_server: Callable[..., Server], folder: Path, number: int) -> Tally:
    """Start a server and send it some `number` of hostile uploads, and good ones before and after.

    `folder` is empty; it gets the server's models, and a good video that no upload may make anybody look at.
    """
    publish(folder / "store", "colours", "1")
    good, canary = make_clip(recipe_named("x264-gop-12")), folder / "canary.ts"
    canary.write_bytes(make_clip(recipe_named("x264-ts")))
    server = start_server(model_store=folder / "store", **SETTINGS)
    tally = Tally()
    with FileWatch(canary) as watch, listening() as listener:
        _send_good(server, good, tally)
        decoders = server.decoders()
        outside = str(canary), "{}:{}".format(*listener.getsockname())
        _send(server, uploads(round(WARM_UP * number), *outside), tally)
        memory = memory_of(server)
        _send(server, uploads(round((1 - WARM_UP) * number), *outside), tally)
        _send_good(server, good, tally)
        tally.expect(not watch.was_touched(), "the file that uploads refer to was opened")
        tally.expect(not was_called(listener), "the address that uploads refer to was called")
        tally.expect(server.decoders() == decoders, "a decoder crashed, hung, or opened something")
        growth = memory_of(server) / memory
        tally.expect(growth < MAX_GROWTH, f"memory grew by {growth - 1:.0%}")
    return tally


def memory_of(server: Server) -> int:
    """Return the resident memory of a server and its decoders, in bytes."""
    return sum(map(resident_bytes, (server.process.pid, *server.decoders())))


def _send(server: Server, requests: Mapping[str, Iterator[bytes]], tally: Tally) -> None:
    for kind, sent in requests.items():
        for response in send_all(server.address, sent, AT_A_TIME):
            tally.add(kind, response)
            if tally.statuses.total() % UPLOADS_PER_LINE == 0:
                sys.stderr.write(f"{tally.progress()}, {memory_of(server) >> 20} MB; now {kind}\n")


def _send_good(server: Server, video: bytes, tally: Tally) -> None:
    for response in send_all(server.address, iter([post(video)] * 8), AT_A_TIME):
        tally.expect(isinstance(response, Response) and response.status == 200, f"a good video: {response}")


def _is_acceptable(kind: str, response: Response | OSError) -> bool:
    if isinstance(response, OSError):
        return False
    if response.outcome == "ok":
        return kind not in HARMLESS
    return not response.outcome.startswith("unexpected") or (response.status in (503, 504) and response.is_problem)


def _table(tally: Tally) -> Table:
    statuses = sorted(tally.statuses)
    table = Table("kind", *statuses)
    for kind, counts in [*tally.answers.items(), ("all", tally.statuses)]:
        table.add_row(kind, *[f"{counts[status]:,}" for status in statuses])
    return table


def main() -> int:
    """Parse the command line, attack, and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=100_000)
    number = parser.parse_args().uploads
    with TemporaryDirectory() as name, running_services(lambda: Path(name)) as start_server:
        tally = attack(start_server, Path(name), number)
        log = (Path(name) / "log.txt").read_text()
    console = Console()
    console.print(_table(tally))
    console.print(tally.progress(), *tally.faults[:MOST_FAULTS_SHOWN], sep="\n", markup=False)
    console.print(*[line for line in log.splitlines() if "decoder" in line], sep="\n", markup=False)
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
