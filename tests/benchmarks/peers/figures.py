"""Figures of the comparison: one measurement of a load, their medians over the rounds, and the goals."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.peers.clients import BROKEN, TIMED_OUT, Outcome
from tests.helpers.measuring.percentiles import percentile

ANSWERED, REFUSED, FAILED, LATE, CUT = "answered", "refused", "failed", "timed out", "broken"
LOST = (FAILED, LATE, CUT)
"""Fates of a request that got neither its answer nor a refusal."""
REFUSALS = (429, 503)

DEMO_GOAL, R50_GOAL = 1.4, 3.0


def fate(status: int) -> str:
    """Return the fate of a request by its status, or by the load generator's code."""
    named = {200: ANSWERED, TIMED_OUT: LATE, BROKEN: CUT} | dict.fromkeys(REFUSALS, REFUSED)
    return named.get(status, FAILED)


@dataclass(frozen=True)
class Load:
    """One measurement of a contender under a load.

    `rate` is answers a second. `latencies` are those of the answers, in ms. `fates` counts all requests of the job.
    `server_ms` is CPU time of all the contender's processes for each answer; `client_share` is the load generator's
    share of the CPU time of both, and `others_share` that of everything else on the machine, which should be next to
    nothing; `megabytes` are resident at the end. `drain_seconds` pass until the contender is idle again.
    """

    rate: float
    latencies: list[float]
    fates: dict[str, int]
    server_ms: float
    client_share: float
    others_share: float
    megabytes: float
    drain_seconds: float = 0.0

    @classmethod
    def of(
        cls,
        outcomes: Iterable[Outcome],
        *,
        window: tuple[float, float],
        server_seconds: float,
        client_seconds: float,
        others_share: float,
        megabytes: float,
        drain_seconds: float = 0.0,
        sending: float | None = None,
    ) -> Load:
        """Compute the figures from the outcomes of a job.

        Args:
            outcomes: when each request began and ended, in seconds since the job began, and its status.
            window: begin and end of the measurement; answers that end within it count for rate and latencies.
            server_seconds: CPU time of the contender for the whole job.
            client_seconds: CPU time of the load generator for the whole job.
            others_share: share of the machine's CPU time that other processes had.
            megabytes: resident memory of the contender at the end.
            drain_seconds: time until it was idle again.
            sending: seconds for which an open loop sent; the rate then counts up to the last answer, and at least them.
        """
        outcomes = list(outcomes)
        fates = Counter(fate(status) for _, _, status in outcomes)
        begin, end = window
        counted = [(begun, ended) for begun, ended, status in outcomes if status == 200 and begin <= ended < end]
        if sending is not None:
            end = max([sending, *(ended for _, ended in counted)])
        return cls(
            rate=len(counted) / (end - begin),
            latencies=[(ended - begun) * 1000 for begun, ended in counted],
            fates=dict(fates),
            server_ms=server_seconds * 1000 / max(1, fates[ANSWERED]),
            client_share=client_seconds / max(1e-9, client_seconds + server_seconds),
            others_share=others_share,
            megabytes=megabytes,
            drain_seconds=drain_seconds,
        )

    @property
    def lost(self) -> int:
        """Requests that got neither their answer nor a refusal."""
        return sum(self.fates.get(each, 0) for each in LOST)


def pooled(loads: Sequence[Load]) -> Load:
    """Return one load of several rounds: latencies and fates together, other figures as medians."""
    fates: Counter[str] = Counter()
    for each in loads:
        fates.update(each.fates)

    def median(of: Callable[[Load], float]) -> float:
        return statistics.median(map(of, loads))

    return Load(
        rate=median(lambda load: load.rate),
        latencies=[latency for load in loads for latency in load.latencies],
        fates=dict(fates),
        server_ms=median(lambda load: load.server_ms),
        client_share=median(lambda load: load.client_share),
        others_share=median(lambda load: load.others_share),
        megabytes=median(lambda load: load.megabytes),
        drain_seconds=median(lambda load: load.drain_seconds),
    )


@dataclass(frozen=True)
class Goal:
    """A measured value with its bound; without a bound it is only told."""

    name: str
    value: float
    bound: float | None = None
    is_lower_bound: bool = True

    @property
    def is_met(self) -> bool | None:
        """True if the value keeps the bound; None without a bound."""
        if self.bound is None:
            return None
        return self.value >= self.bound if self.is_lower_bound else self.value <= self.bound


Rounds = dict[str, list[Load]]
"""Loads of each round, by contender."""


def goals_of(model: str, busy: Rounds, overload: Rounds, ours: Sequence[str], bound: float) -> Iterator[Goal]:
    """Yield the goals of a model.

    Args:
        model: its name.
        busy: the rounds with many clients.
        overload: those at more than a contender can take.
        ours: names of tin-serve among the contenders; the first is that which starts by default.
        bound: least ratio of its rate to the best peer's.
    """
    peers = [name for name in busy if name not in ours]
    if not peers:
        return
    for name in ours:
        goal = bound if name == ours[0] else None
        yield Goal(f"{model}: answers/s of {name}, times the best peer's", ratio_to_best(busy, name, peers), goal)
    for name in ours:
        thrift = _thriftiest(busy, peers) / pooled(busy[name]).server_ms
        yield Goal(f"{model}: CPU time an answer of the thriftiest peer, times that of {name}", thrift)
    p99 = {name: percentile(pooled(busy[name]).latencies, 99) for name in busy}
    lowest = min(p99[peer] for peer in peers)
    yield Goal(f"{model}: p99 of {ours[0]}, times the lowest peer's", p99[ours[0]] / lowest, 1.0, is_lower_bound=False)
    lost = {name: pooled(overload[name]).lost for name in overload}
    yield Goal(f"{model}: requests that {ours[0]} loses in overload", lost[ours[0]], 0, is_lower_bound=False)
    yield Goal(f"{model}: peers that lose none", sum(not lost[peer] for peer in peers), 0, is_lower_bound=False)


def at_most(model: str, busy: Rounds, ours: Sequence[str], least_ms: Sequence[float]) -> Iterator[Goal]:
    """Yield what a server would reach that does no more than decode and infer.

    Args:
        model: its name.
        busy: the rounds with many clients.
        ours: names of tin-serve among the contenders.
        least_ms: CPU time of decoding and inference alone in each round; empty where it was not measured.
    """
    peers = [name for name in busy if name not in ours]
    if peers and least_ms:
        most = _thriftiest(busy, peers) / statistics.median(least_ms)
        alone = "decoding and inference alone"
        yield Goal(f"{model}: CPU time an answer of the thriftiest peer, times that of {alone}", most)


def _thriftiest(busy: Rounds, peers: Sequence[str]) -> float:
    return min(pooled(busy[peer]).server_ms for peer in peers)


def ratio_to_best(rounds: Rounds, ours: str, peers: Sequence[str]) -> float:
    """Return the median over the rounds of our rate over that of the peer that is best by its median rate."""
    best = max(peers, key=lambda peer: pooled(rounds[peer]).rate)
    pairs = zip(rounds[ours], rounds[best], strict=True)
    return statistics.median(mine.rate / max(1e-9, theirs.rate) for mine, theirs in pairs)


def as_facts(load: Load) -> dict[str, Any]:
    """Return a load as JSON: its figures, with percentiles instead of every latency."""
    facts = {key: value for key, value in vars(load).items() if key != "latencies"}
    return {
        **{key: round(value, 3) if isinstance(value, float) else value for key, value in facts.items()},
        "num_latencies": len(load.latencies),
        **{f"p{each}_ms": round(percentile(load.latencies, each), 1) if load.latencies else None for each in (50, 99)},
    }
