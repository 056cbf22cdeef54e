"""Clients that post a video over a connection that they keep."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from urllib.parse import urlsplit


class NotAnswered(RuntimeError):
    """A service answered with another status than 200."""


def seconds_of(address: str, video: bytes, count: int) -> list[float]:
    """Post a video some times, one request after the other; return the seconds of each. Raises NotAnswered."""
    with closing(_connect(address)) as connection:
        return [_seconds_to_answer(connection, video) for _ in range(count)]


def seconds_at_once(address: str, video: bytes, count: int, num_clients: int = 2) -> list[float]:
    """Let clients post a video at the same moment, some times; return the seconds until all have theirs each time.

    Raises NotAnswered.
    """
    with ExitStack() as stack, ThreadPoolExecutor(num_clients) as clients:
        connections = [stack.enter_context(closing(_connect(address))) for _ in range(num_clients)]
        return [_seconds_to_all(clients, connections, video) for _ in range(count)]


def rate_of(address: str, video: bytes, num_clients: int, seconds: float) -> float:
    """Let clients post a video, each when it has its last answer; return answers per second. Raises NotAnswered."""
    began = time.perf_counter()

    def count(_: int) -> int:
        num_answers = 0
        with closing(_connect(address)) as connection:
            while time.perf_counter() < began + seconds:
                _seconds_to_answer(connection, video)
                num_answers += 1
        return num_answers

    with ThreadPoolExecutor(num_clients) as clients:
        answers = sum(clients.map(count, range(num_clients)))
    return answers / (time.perf_counter() - began)


def _connect(address: str) -> HTTPConnection:
    return HTTPConnection(urlsplit(address).netloc)


def _seconds_to_all(clients: Executor, connections: Sequence[HTTPConnection], video: bytes) -> float:
    began = time.perf_counter()
    for _ in clients.map(lambda connection: _seconds_to_answer(connection, video), connections):
        pass
    return time.perf_counter() - began


def _seconds_to_answer(connection: HTTPConnection, video: bytes) -> float:
    began = time.perf_counter()
    connection.request("POST", "/predict", video)
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200:
        raise NotAnswered(f"{response.status}: {answer.decode()}")
    return time.perf_counter() - began
