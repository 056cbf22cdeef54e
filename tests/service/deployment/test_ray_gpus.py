"""GPUs of model replicas on Ray: a replica gets as many as the settings say, and no other sees them.

Ray counts GPUs that are not there; each replica sees the numbers of its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from tests.helpers.servers.ray_cluster import require_ray

require_ray()

import ray  # noqa: E402
from ray import serve  # noqa: E402

from service.config.settings import Settings  # noqa: E402
from service.deployment.ray_serve import models_with, on_given_gpus  # noqa: E402
from service.models.registry import Registry  # noqa: E402
from service.models.versions import RefusedModel  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


@pytest.fixture(scope="module")
def two_gpus() -> Iterator[None]:
    ray.init("local", num_cpus=4, num_gpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    serve.start(proxy_location="Disabled")
    yield
    serve.shutdown()
    ray.shutdown()


def named_by_gpus() -> Registry:
    """A registry of one model, whose name is what CUDA would see in this replica."""
    name = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return Registry({name: [RefusedModel(name, "1", "a test")]})


def seen_by_replicas(num_replicas: int, model_gpus: float) -> set[str]:
    """The GPUs of each replica, as it sees them, by asking until all have answered."""
    deployment = models_with(Settings(model_gpus=model_gpus)).options(
        name="models", num_replicas=num_replicas, autoscaling_config=None
    )
    handle = serve.run(deployment.bind(named_by_gpus), name="gpus", route_prefix=None)
    answers = [handle.describe.remote() for _ in range(40)]
    found = {name for answer in answers for name in answer.result(timeout_s=60)}
    serve.delete("gpus")
    return found


@pytest.mark.usefixtures("two_gpus")
def test_each_replica_has_a_gpu_of_its_own() -> None:
    assert seen_by_replicas(2, 1) == {"0", "1"}


@pytest.mark.usefixtures("two_gpus")
def test_without_any_a_replica_sees_none() -> None:
    assert seen_by_replicas(1, 0) == {""}


@pytest.mark.parametrize(
    ("model_gpus", "device", "used"),
    [
        (0, "auto", "auto"),
        (0.5, "auto", "cuda:0"),
        (1, "auto", "cuda:0"),
        (2, "auto", "cuda:0,cuda:1"),
        (2, "cuda:1", "cuda:1"),
    ],
)
def test_a_replica_uses_what_it_was_given_and_not_the_cpu(model_gpus: float, device: str, used: str) -> None:
    assert on_given_gpus(Settings(model_gpus=model_gpus, device=device)).device == used


@pytest.mark.parametrize("value", ["-1", "1.5", "inf", "nan"])
def test_a_share_of_several_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIN_MODEL_GPUS", value)
    with pytest.raises(ValidationError, match="model_gpus"):
        Settings()
