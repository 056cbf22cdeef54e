"""Steady load of videos on a gateway, and the answers it gave while the server behind it was down."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import numpy as np

CLIENTS = 6


@dataclass(frozen=True)
class Seen:
    """One answer: start, duration, status, Retry-After and problem."""

    at: float
    seconds: float
    status: int
    retry_after: str | None
    problem: str | None


@contextmanager
def steady_load(address: str, video: bytes) -> Iterator[list[Seen]]:
    """Several clients, each of which sends its next request soon after an answer; yields the answers so far."""
    seen: list[Seen] = []
    ending = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=address, timeout=30) as client:
            while not ending.wait(0.05):
                at = time.monotonic()
                answer = client.post("/predict", content=video)
                took, problem = time.monotonic() - at, answer.json().get("type")
                seen.append(Seen(at, took, answer.status_code, answer.headers.get("retry-after"), problem))

    with ThreadPoolExecutor(CLIENTS) as threads:
        clients = [threads.submit(ask) for _ in range(CLIENTS)]
        try:
            yield seen
        finally:
            ending.set()
        for client in clients:
            client.result()


def check_sent_away(seen: Sequence[Seen], deadline: float) -> None:
    """Assert that each answer is a 200, or a quick 503 which says that the server is down and when to come back."""
    sent_away = [each for each in seen if each.status == 503]
    assert {each.status for each in seen} == {200, 503}
    assert {each.problem for each in sent_away} == {"/problems/runtime-down"}
    assert all(int(each.retry_after or 0) >= 1 for each in sent_away)
    assert max(each.seconds for each in seen) < deadline
    assert np.median([each.seconds for each in sent_away]) < 0.5
