"""Memory does not grow over many requests. `make soak` sends 10,000; without it, 1,000 are sent."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.processes import resident_bytes

NUM_CLIENTS = 4
NUM_REQUESTS = int(os.environ.get("SOAK_REQUESTS", "1000"))
WARM_UP = 400
"""As many answers as it takes until allocators and libraries have what they keep."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="reads memory in /proc")


def test_memory_does_not_grow(
    start_server: Callable[..., Any], store: Path, videos: dict[str, bytes], not_videos: dict[str, bytes]
) -> None:
    server = start_server(model_store=store, decoders=2, max_queue=NUM_CLIENTS, store_poll_seconds=0)
    decoders = server.decoders()
    requests: list[tuple[dict[str, Any], int]] = [
        ({"files": {"video": videos["mp4"]}}, 200),
        ({"content": videos["short.mp4"], "params": {"explain": "true"}}, 200),
        ({"content": videos["avi"]}, 200),
        ({"content": not_videos["text"]}, 415),
    ]

    def send(num_requests: int) -> None:
        with httpx.Client(base_url=server.address, timeout=20) as client:
            for index in range(num_requests):
                arguments, status = requests[index % len(requests)]
                assert client.post("/predict", **arguments).status_code == status

    def memory_after(num_requests: int) -> int:
        with ThreadPoolExecutor(NUM_CLIENTS) as clients:
            list(clients.map(send, [num_requests // NUM_CLIENTS] * NUM_CLIENTS))
        return sum(resident_bytes(pid) for pid in (server.process.pid, *decoders))

    warm = memory_after(WARM_UP)
    assert memory_after(NUM_REQUESTS) < 1.05 * warm
    assert server.decoders() == decoders
