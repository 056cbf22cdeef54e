"""Interleaved measurement of contenders that all run at once: one at a time has work, in rotating order."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.benchmarks.peers.figures import Load, Rounds, pooled
from tests.benchmarks.peers.server import Server
from tests.helpers.measuring.worker import Worker

ONE, MANY, LARGE, OVERLOAD = "1 client", "8 clients", "8 clients, 720p", "5 x its rate"
NUM_CLIENTS = {ONE: 1, MANY: 8, LARGE: 8}
TIMES_ITS_RATE = 5
LEAST_RATE = 0.5
"""Answers a second that a contender is taken to give, even if none came in time."""
PATIENCE = 10.0
"""Seconds until a client gives up in overload; in the other loads it is SECONDS_TO_FINISH."""
SECONDS_TO_FINISH = 60.0
IDLE_SHARE = 0.15
"""Share of a core below which a contender counts as idle: some poll while they wait."""
SECONDS_TO_DRAIN = 60.0


@dataclass(frozen=True)
class Timing:
    """Seconds of a measurement, and those before it in which clients start."""

    seconds: float
    to_settle: float
    overload: float


@dataclass(frozen=True)
class Damage:
    """Answer to a damaged video: status, text, if that has a stack trace, and if the next video was answered."""

    status: int
    text: str
    has_trace: bool
    is_alive: bool


@dataclass
class Measured:
    """All measurements of one model, by load and contender."""

    rounds: dict[str, Rounds] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    damage: dict[str, Damage] = field(default_factory=dict)
    idle_share: dict[str, float] = field(default_factory=dict)
    """Share of a core that a contender uses without requests."""
    least_ms: list[float] = field(default_factory=list)
    """CPU time of decoding and inference alone, in ms, in each round."""


class Bench:
    """Warm contenders, and processes of the load generator and of tests.benchmarks.decoding.least."""

    def __init__(
        self, servers: Sequence[Server], clients: Worker, least: Worker, videos: dict[str, Path], timing: Timing
    ) -> None:
        self._servers = servers
        self._clients = clients
        self._least = least
        self._videos = videos
        self._timing = timing

    def measure(self, rounds: int, told: Callable[[str], None], *, with_large: bool) -> Measured:
        """Measure all loads in rounds, then overload each contender once and send it a damaged video.

        Args:
            rounds: number of rounds.
            told: called with what is measured next.
            with_large: True to measure the large video as well.
        """
        measured = Measured()
        for number in range(rounds):
            for load in (ONE, MANY, LARGE) if with_large else (ONE, MANY):
                for server in _rotated(self._servers, number):
                    told(f"round {number + 1}, {load}: {server.contender.name}")
                    measured.rounds[load][server.contender.name].append(self._closed(server, load))
            measured.least_ms.append(self._least.ask(video=str(self._videos["main"])))
        for server in self._servers:
            name = server.contender.name
            told(f"overload and damage: {name}")
            measured.idle_share[name] = _share_of_a_core(server, 1.0)
            rate = max(LEAST_RATE, *(pooled(measured.rounds[load][name]).rate for load in (ONE, MANY)))
            measured.rounds[OVERLOAD][name].append(self._overload(server, rate))
            measured.damage[name] = self._damage(server)
        return measured

    def _closed(self, server: Server, load: str) -> Load:
        begin = self._timing.to_settle
        window = (begin, begin + self._timing.seconds)
        video = self._videos["large" if load == LARGE else "main"]
        return self._run(server, video, window, SECONDS_TO_FINISH, num_clients=NUM_CLIENTS[load])

    def _overload(self, server: Server, rate: float) -> Load:
        window = (0.0, self._timing.overload + PATIENCE)
        job = {"rate": rate * TIMES_ITS_RATE, "seconds": self._timing.overload}
        return self._run(server, self._videos["main"], window, PATIENCE, sending=self._timing.overload, **job)

    def _run(
        self,
        server: Server,
        video: Path,
        window: tuple[float, float],
        patience: float,
        sending: float | None = None,
        **job: Any,
    ) -> Load:
        before, busy = server.cpu_seconds(), _busy_seconds()
        job = {"seconds": window[1], **job, "video": str(video), "patience": patience}
        done = self._clients.ask(address=server.address, field=server.contender.field, **job)
        # A contender may go on with requests that their clients have given up.
        drain_seconds = _drain(server)
        spent, all_busy = server.cpu_seconds() - before, _busy_seconds() - busy
        return Load.of(
            [tuple(each) for each in done["outcomes"]],
            window=window,
            server_seconds=spent,
            client_seconds=done["cpu_seconds"],
            others_share=max(0.0, 1 - (spent + done["cpu_seconds"]) / all_busy),
            megabytes=server.megabytes(),
            drain_seconds=drain_seconds,
            sending=sending,
        )

    def _damage(self, server: Server) -> Damage:
        try:
            response = server.post(self._videos["damaged"])
            status, text = response.status_code, response.text
        except httpx.TransportError as error:
            status, text = 0, f"{type(error).__name__}: {error}"
        alive = _is_alive(server, self._videos["main"])
        return Damage(status, " ".join(text.split())[:200], "Traceback" in text, alive)


def _is_alive(server: Server, video: Path) -> bool:
    try:
        return server.post(video).status_code == 200
    except httpx.TransportError:
        return False


def _drain(server: Server) -> float:
    started = time.monotonic()
    while _share_of_a_core(server, 0.3) > IDLE_SHARE and time.monotonic() < started + SECONDS_TO_DRAIN:
        pass
    return time.monotonic() - started


def _share_of_a_core(server: Server, seconds: float) -> float:
    before = server.cpu_seconds()
    time.sleep(seconds)
    return (server.cpu_seconds() - before) / seconds


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _rotated(servers: Sequence[Server], by: int) -> Sequence[Server]:
    by %= len(servers)
    return [*servers[by:], *servers[:by]]


def damage_facts(measured: Measured) -> dict[str, dict[str, Any]]:
    """Return the answers to the damaged video as JSON, by contender."""
    return {name: asdict(damage) for name, damage in measured.damage.items()}
