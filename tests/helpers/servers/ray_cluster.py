"""Ray cluster of several nodes on this machine, each with its own raylet and a stated number of cores."""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import children_of, free_port
from tests.helpers.waiting import until

PROXY_SECONDS = 300

REPLICA_TITLE = "ray::ServeReplica:tin:"
"""Ray names the process of a replica of the application `tin` so, followed by its deployment."""

THROUGHPUT = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_LOG_TO_STDERR": "1",
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(2**31 - 1),
}
"""What docs/growing.md tells to set; docker/ray.Dockerfile sets it."""

_ENVIRONMENT = THROUGHPUT | {
    "PYTHONPATH": str(REPOSITORY),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # at Ray's 15 a busy machine starves them
    # On a busy machine Ray's 5 s are not enough to start a proxy, nor its 30 s for a node.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "300",
    "RAY_raylet_start_wait_time_s": "120",
}

_PORTS = ("RAY_SERVE_HAPROXY_METRICS_PORT", "RAY_SERVE_HAPROXY_STATS_PORT", "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT")

_QUICK_TO_NOTICE = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 3,
}


def require_ray() -> None:
    """Import Ray Serve, whose own code warns; skip the module without it, unless TIN_REQUIRE_RAY is set."""
    if not os.environ.get("TIN_REQUIRE_RAY") and importlib.util.find_spec("ray") is None:
        pytest.skip("the extra `cluster` is not installed", allow_module_level=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("ray.serve")


@contextmanager
def running_nodes(head_cores: int) -> Iterator[Any]:
    """A `ray.cluster_utils.Cluster` of a head node; nodes are added by `add_node`."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - an extra

    os.environ |= _ENVIRONMENT | _own_ports()
    options = {"num_cpus": head_cores, "include_dashboard": False, "_system_config": _QUICK_TO_NOTICE}
    cluster = Cluster(initialize_head=True, head_node_args=options | node_options())
    try:
        yield cluster
    finally:
        cluster.shutdown()


@contextmanager
def running_cluster(head_cores: int, port: int) -> Iterator[Any]:
    """A cluster with Ray Serve on `port`, and this process connected to it."""
    import ray  # noqa: PLC0415 - an extra
    from ray import serve  # noqa: PLC0415

    with running_nodes(head_cores) as cluster:
        try:
            ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
            with suppress(TimeoutError):  # Ray waits 60 s for its proxy, which a busy machine may take longer to start
                serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
            until(lambda: _listens(port), PROXY_SECONDS)
            yield cluster
            serve.shutdown()
        finally:
            ray.shutdown()


def _own_ports() -> dict[str, str]:
    """Ports of one cluster's HAProxy beside that of the service, as other clusters may run on this machine."""
    return {name: str(free_port()) for name in _PORTS}


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def node_options() -> dict[str, Any]:
    """Return the options of every node."""
    return {"object_store_memory": 80_000_000}


@dataclass(frozen=True)
class Replica:
    """A replica's process: its deployment, the raylet of its node, and the decoding workers that it runs."""

    deployment: str
    raylet: int
    num_workers: int


def replicas() -> list[Replica]:
    """All replicas of the application `tin` on this machine, as their processes show."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            title = (folder / "cmdline").read_text().partition("\0")[0]
            if title.startswith(REPLICA_TITLE):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                deployment = title.removeprefix(REPLICA_TITLE).partition(".")[0]  # behind it, the method in work
                found.append(Replica(deployment, parent, _num_workers(int(folder.name))))
    return found


def raylet_of(node: Any) -> int:
    """The process id of a node's raylet, the parent of the node's replicas."""
    return int(node.all_processes["raylet"][0].process.pid)


def _num_workers(replica: int) -> int:
    """Decoding workers are the children of the server that they are forked from."""
    return sum(len(children_of(child)) for child in children_of(replica))
