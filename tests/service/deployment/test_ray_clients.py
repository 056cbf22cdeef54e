"""Clients of Ray deployments: losses, full queues and errors; test_ray_serve runs the deployments themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from clips.decoding.errors import NotAVideo
from clips.decoding.limits import DecodeLimits
from clips.model_input import TimelineEnd, TimelineStart
from clips.video_info import VideoInfo
from clips.windows import Windowing
from service.backends.base import Outputs
from service.decoding.job import DecodeJob
from service.inference.batcher import Inferred
from service.inference.windows import InferredWindow
from service.limits.slots import Overloaded
from service.models.versions import LoadedModel
from service.telemetry.run_statistics import Run
from tests.helpers.fakes.fake_backend import FakeBackend, loaded
from tests.helpers.servers.ray_cluster import require_ray
from tests.helpers.stores import SPEC

require_ray()

from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError  # noqa: E402
from ray.serve.exceptions import BackPressureError  # noqa: E402

from service.deployment.ray_clients import MAX_LOSSES, ClusterBackend, RemoteBatcher, RemoteDecoders, call  # noqa: E402
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
    with pytest.raises(ReplicaLost):
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
    with pytest.raises(NotAVideo):
        asyncio.run(RemoteDecoders(deployment).preprocess(DecodeJob(b"", SPEC, DecodeLimits())))


def test_a_model_that_is_loaded_here_is_not_sent_away():
    with pytest.raises(TypeError, match="FakeBackend"):
        asyncio.run(
            RemoteBatcher(None, observe=lambda run: None).infer(
                loaded(FakeBackend(2)), np.zeros((1, 8, 32, 32, 3), np.uint8)
            )
        )


def test_each_call_of_a_replica_is_observed_as_a_run():
    runs: list[Run] = []
    inferred = Inferred(Outputs(np.zeros((2, 2), np.float32)), 8, 0.0, seconds=0.0)
    batcher = RemoteBatcher(SimpleNamespace(infer=Method(inferred, RuntimeError("no memory"))), runs.append)
    model, clips = loaded(ClusterBackend("fake", "1", 4)), np.zeros((2, 8, 32, 32, 3), np.uint8)
    assert asyncio.run(batcher.infer(model, clips)) is inferred
    with pytest.raises(RuntimeError):
        asyncio.run(batcher.infer(model, clips))
    assert [(run.model, run.num_clips, run.infer_ns, run.failed) for run in runs] == [
        (("fake", "1"), (2,), 0, False),
        (("fake", "1"), (2,), 0, True),
    ]
    assert all(run.queue_ns[0] > 0 for run in runs)


START = TimelineStart(VideoInfo("mp4", "h264", 2, 2, 9, 1.0), 3)
END = TimelineEnd(9, 0.1, 0.1)
WINDOWS = [InferredWindow(float(start), start + 1.0, np.zeros((1, 2), np.float32), 0.01) for start in range(3)]


class Deployment:
    """Streams one of `answers` after the other, each a list of parts, of which an exception is raised."""

    def __init__(self, *answers: Sequence[object]) -> None:
        self.answers = list(answers)
        self.first_windows: list[int] = []
        self.num_cancelled = 0
        self.windows = SimpleNamespace(remote=self._stream)

    def options(self, *, stream: bool) -> Deployment:
        assert stream
        return self

    def _stream(self, job: object, windowing: object, name: str, version: str, first_window: int) -> Stream:
        self.first_windows.append(first_window)
        return Stream(self)


class Stream:
    """One streamed answer, as Ray's DeploymentResponseGenerator."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._parts = iter(deployment.answers.pop(0))

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> object:
        part = next(self._parts, None)
        if isinstance(part, Exception) and not isinstance(part, NotAVideo):
            raise part
        if part is None:
            raise StopAsyncIteration
        return part

    def cancel(self) -> None:
        self._deployment.num_cancelled += 1


async def received(deployment: Deployment) -> list[object]:
    model = LoadedModel("colours", "1", "", "", "", ("a", "b"), SPEC, ClusterBackend("colours", "1", 1))
    parts = RemoteDecoders(deployment).windows(DecodeJob(b"", SPEC, DecodeLimits()), Windowing(1, 1, 9), model)
    return [part async for part in parts]


@pytest.mark.parametrize("num_before", [0, 1, 2, 3])
def test_a_timeline_that_loses_its_replica_goes_on_where_it_was(num_before):
    lost = [START, *WINDOWS[:num_before], ActorDiedError()]
    first = min(num_before, 2)
    deployment = Deployment(lost, [START, *WINDOWS[first:], END])
    assert asyncio.run(received(deployment)) == [START, *WINDOWS, END]
    assert deployment.first_windows == [0, first]
    assert deployment.num_cancelled == 2


def test_losses_count_only_while_nothing_comes():
    answers = [[START, ActorDiedError()], *([START, window, ActorDiedError()] for window in WINDOWS)]
    assert asyncio.run(received(Deployment(*answers, [START, WINDOWS[2], END]))) == [START, *WINDOWS, END]
    with pytest.raises(ReplicaLost):
        asyncio.run(received(Deployment(*[[ActorDiedError()]] * MAX_LOSSES)))


def test_a_fault_of_a_timelines_video_is_raised():
    with pytest.raises(NotAVideo):
        asyncio.run(received(Deployment([NotAVideo("no video")])))


def test_a_full_queue_refuses_a_timeline():
    with pytest.raises(Overloaded):
        asyncio.run(received(Deployment([BackPressureError(64, 64)])))
