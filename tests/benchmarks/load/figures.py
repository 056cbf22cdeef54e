"""Figures of the gateway under load: one measurement each, their medians over the rounds, and the goals."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass

from tests.helpers.measuring.percentiles import percentile

CORES = len(os.sched_getaffinity(0))
OVERLOAD = 5

THREADS, PROCESSES = "bare, threads", "bare, processes"
ONE, PER_CORE, TWICE = "1 client", f"{CORES} clients", f"{2 * CORES} clients"
OPEN = f"{OVERLOAD} x that rate"
NUM_CLIENTS = {ONE: 1, PER_CORE: CORES, TWICE: 2 * CORES}

EMPTY, LEAST = "empty handler", "least handler"
FLOORS = (EMPTY, LEAST)
"""Services of tests.benchmarks.load.floor, asked by as many clients as TWICE has."""


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
    """One round: the loops without a server, the gateway under each load, and the services that do the least."""

    bare: dict[str, Bare]
    loads: dict[str, Load]
    floors: dict[str, Load]

    def ratio(self) -> float:
        """Return the ratio of the gateway's best rate to that of the best loop without a server."""
        return max(self.loads[name].rate for name in (PER_CORE, TWICE)) / self._best_rate()

    def floor_ratio(self) -> float:
        """Return the ratio of the rate of the service that does the least to that of the best loop without a server."""
        return self.floors[LEAST].rate / self._best_rate()

    def besides(self, load: Load | None = None) -> float:
        """Return the CPU time in ms that a request of a load, else TWICE, takes the service besides the bare loop's."""
        return (load or self.loads[TWICE]).server_ms - min(bare.milliseconds for bare in self.bare.values())

    def _best_rate(self) -> float:
        return max(bare.rate for bare in self.bare.values())

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


def pooled(rounds: list[Round], name: str) -> Load:
    """Return one load over all rounds: requests pooled, other figures as medians."""
    loads = [each.floors[name] if name in FLOORS else each.loads[name] for each in rounds]
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
