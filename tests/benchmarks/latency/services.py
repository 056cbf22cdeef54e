"""The services that are compared, each a process on cores of its own choice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.latency.figures import ONE_CORE, ONE_THREAD
from tests.benchmarks.load.services import running_service

ENTRY = "service"
ENTRY_OF = {ONE_THREAD: "tests.benchmarks.latency.one_thread"}
NUM_CORES = 2


@contextmanager
def running(name: str) -> Iterator[str]:
    """Start a service by its name in `figures`; yield its address, and end it with the block."""
    num_cores = 1 if name == ONE_CORE else NUM_CORES
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[-num_cores:]))
    with running_service(ENTRY_OF.get(name, ENTRY), "serve", "--port", "0", prefix=("taskset", "-c", cores)) as service:
        yield service[1]
