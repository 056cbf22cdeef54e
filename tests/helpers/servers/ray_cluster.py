"""A cluster of several nodes on this machine: each has a raylet of its own and says how many cores it has."""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.helpers.paths import REPOSITORY

_ENVIRONMENT = {
    "PYTHONPATH": str(REPOSITORY),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",  # on a busy machine Ray's 5 s are not enough to start one
}

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

    os.environ |= _ENVIRONMENT
    options = {"num_cpus": head_cores, "include_dashboard": False, "_system_config": _QUICK_TO_NOTICE}
    cluster = Cluster(initialize_head=True, head_node_args=options | node_options())
    try:
        yield cluster
    finally:
        cluster.shutdown()


@contextmanager
def running_cluster(head_cores: int, port: int) -> Iterator[Any]:
    """The same with Ray Serve on `port`, and this process connected to it."""
    import ray  # noqa: PLC0415 - an extra
    from ray import serve  # noqa: PLC0415

    with running_nodes(head_cores) as cluster:
        try:
            ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
            serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
            yield cluster
            serve.shutdown()
        finally:
            ray.shutdown()


def node_options() -> dict[str, Any]:
    """What every node here has in common."""
    return {"object_store_memory": 80_000_000}
