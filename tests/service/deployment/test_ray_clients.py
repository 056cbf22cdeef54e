"""What a call to another process's deployment makes of what Ray raises; the deployments themselves: test_cluster."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from clips.decoding.errors import NotAVideo
from clips.decoding.limits import DecodeLimits
from service.decoding.job import DecodeJob
from service.limits.admission import Overloaded
from tests.helpers.fakes.fake_backend import FakeBackend
from tests.helpers.servers.ray_cluster import require_ray
from tests.helpers.stores import SPEC

require_ray()

from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError  # noqa: E402
from ray.serve.exceptions import BackPressureError  # noqa: E402

from service.deployment.ray_clients import MAX_LOSSES, RemoteBatcher, RemoteDecoders, call  # noqa: E402
from service.inference.pipeline import ReplicaLost  # noqa: E402


class Method:
    """Answers like a deployment's method, with one of `answers` after the other."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    async def remote(self, *args: object, **kwargs: object) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize("loss", [ActorDiedError(), ActorUnavailableError("gone", None)])
def test_a_request_that_is_lost_with_its_replica_is_sent_again(loss):
    assert asyncio.run(call(Method(loss, "answer"))) == "answer"


def test_a_request_that_loses_every_replica_is_not_sent_for_ever():
    method = Method(*[ActorDiedError() for _ in range(MAX_LOSSES)], "answer")
    with pytest.raises(ReplicaLost, match="send it again"):
        asyncio.run(call(method))
    assert method.answers == ["answer"]


def test_what_a_replica_raises_is_raised_here_as_it_was():
    cause = RuntimeError("no memory")
    error = RayTaskError("infer", "Traceback ...", cause).as_instanceof_cause()
    with pytest.raises(RuntimeError) as raised:
        asyncio.run(call(Method(error, "answer")))
    assert type(raised.value) is RuntimeError
    assert str(raised.value) == "no memory"


def test_a_full_queue_sends_the_client_away_for_a_while():
    with pytest.raises(Overloaded) as raised:
        asyncio.run(call(Method(BackPressureError(64, 64))))
    assert raised.value.retry_after >= 1


def test_a_fault_of_the_video_is_raised():
    deployment = SimpleNamespace(preprocess=Method(NotAVideo("no video")))
    with pytest.raises(NotAVideo, match="no video"):
        asyncio.run(RemoteDecoders(deployment).preprocess(DecodeJob(b"", SPEC, DecodeLimits())))


def test_a_model_that_is_loaded_here_is_not_sent_away():
    with pytest.raises(TypeError, match="FakeBackend is loaded here"):
        asyncio.run(RemoteBatcher(None).infer(FakeBackend(2), np.zeros((1, 8, 32, 32, 3), np.uint8)))
