import asyncio
import threading

import numpy as np
import pytest

from service.backends.base import InferenceFailed
from service.inference.batcher import Batcher
from service.models.replicas import Replicas
from service.telemetry.run_statistics import Run
from tests.helpers.fakes.fake_backend import FakeBackend, loaded


class SlowBackend(FakeBackend):
    """Notes the batches it is given, and answers when it is let go."""

    def __init__(self, max_batch_size=4):
        super().__init__(num_classes=3)
        self.max_batch_size = max_batch_size
        self.batches = []
        self.let_go = threading.Event()

    def infer(self, clips):
        self.batches.append(len(clips))
        assert self.let_go.wait(5)
        return super().infer(clips)


class SlowServer(SlowBackend):
    outputs = None

    def check_up(self):
        pass


class BrokenBackend(FakeBackend):
    def infer(self, clips):
        raise InferenceFailed("no")


def clips_of(brightness, num_views=1, side=4):
    return np.full((num_views, 2, side, side, 3), brightness, np.uint8)


def with_batcher(scenario, observe=lambda run: None, num_devices=1):
    async def run():
        batcher = Batcher(observe, num_devices)
        running = asyncio.create_task(batcher.run())
        try:
            await asyncio.wait_for(scenario(batcher), 10)
        finally:
            running.cancel()

    asyncio.run(run())


async def occupied(batcher, backend):
    """A request that the backend is busy with."""
    first = asyncio.create_task(batcher.infer(loaded(backend), clips_of(0)))
    await until(backend.batches)
    return first


async def until(batches, count=1):
    """Wait until a backend has been given so many batches."""
    while len(batches) < count:
        await asyncio.sleep(0.001)


def ask(batcher, backend, brightnesses, **shape):
    return [asyncio.create_task(batcher.infer(loaded(backend), clips_of(each, **shape))) for each in brightnesses]


@pytest.mark.parametrize(("max_batch_size", "batches"), [(4, [1, 4, 2]), (1, [1, 1, 1, 1, 1, 1, 1])])
def test_what_comes_while_the_model_runs_is_its_next_batch(max_batch_size, batches):
    async def scenario(batcher):
        backend = SlowBackend(max_batch_size)
        first = await occupied(batcher, backend)
        others = ask(batcher, backend, range(10, 70, 10))
        await asyncio.sleep(0)
        backend.let_go.set()
        await first
        answers = await asyncio.gather(*others)
        assert [answer.outputs.logits[0, 0] for answer in answers] == list(range(10, 70, 10))
        assert {answer.outputs.logits.shape for answer in answers} == {(1, 3)}
        assert backend.batches == batches

    with_batcher(scenario)


def test_the_views_of_a_video_stay_together():
    async def scenario(batcher):
        backend = SlowBackend(max_batch_size=4)
        first = await occupied(batcher, backend)
        others = ask(batcher, backend, (10, 20, 30), num_views=3)
        await asyncio.sleep(0)
        backend.let_go.set()
        await first
        assert [answer.outputs.logits.shape for answer in await asyncio.gather(*others)] == [(3, 3)] * 3
        assert backend.batches == [1, 3, 3, 3]

    with_batcher(scenario)


def test_whoever_gave_up_is_not_run():
    async def scenario(batcher):
        backend = SlowBackend()
        first = await occupied(batcher, backend)
        left, stayed = ask(batcher, backend, (10, 20))
        await asyncio.sleep(0)
        left.cancel()
        backend.let_go.set()
        await first
        assert (await stayed).outputs.logits[0, 0] == 20
        assert backend.batches == [1, 1]

    with_batcher(scenario)


def test_models_and_shapes_are_not_mixed():
    async def scenario(batcher):
        backend, other = SlowBackend(), SlowBackend()
        other.let_go.set()
        first = await occupied(batcher, backend)
        waiting = [
            *ask(batcher, backend, (10,)),
            *ask(batcher, other, (20,)),
            *ask(batcher, backend, (30,), side=8),
            *ask(batcher, backend, (40,)),
        ]
        await asyncio.sleep(0)
        backend.let_go.set()
        await first
        answers = await asyncio.gather(*waiting)
        assert [answer.outputs.logits[0, 0] for answer in answers] == [10, 20, 30, 40]
        assert (backend.batches, other.batches) == ([1, 2, 1], [1])

    with_batcher(scenario)


class StagingSlowBackend(SlowBackend):
    calls_at_once = 2


@pytest.mark.parametrize(("num_waiting", "given"), [(3, [1]), (4, [1, 4]), (9, [1, 4])])
def test_a_full_batch_is_staged_while_another_runs_and_others_wait_for_more(num_waiting, given):
    async def scenario(batcher):
        backend = StagingSlowBackend(max_batch_size=4)
        first = await occupied(batcher, backend)
        others = ask(batcher, backend, range(num_waiting))
        await until(backend.batches, len(given))
        await asyncio.sleep(0.05)
        assert backend.batches == given
        backend.let_go.set()
        await asyncio.gather(first, *others)
        assert sum(backend.batches) == 1 + num_waiting

    with_batcher(scenario)


def test_a_batch_of_another_model_waits_for_the_one_that_runs():
    async def scenario(batcher):
        backend, other = StagingSlowBackend(max_batch_size=1), StagingSlowBackend(max_batch_size=1)
        other.let_go.set()
        first = await occupied(batcher, backend)
        second = asyncio.create_task(batcher.infer(loaded(other), clips_of(0)))
        await asyncio.sleep(0.05)
        assert not other.batches
        backend.let_go.set()
        await asyncio.gather(first, second)

    with_batcher(scenario)


def test_each_idle_device_takes_the_next_batch():
    async def scenario(batcher):
        first, second = SlowBackend(), SlowBackend()
        model = Replicas([first, second])
        asked = ask(batcher, model, [10])
        await until(first.batches)
        asked += ask(batcher, model, [20])
        await until(second.batches)
        asked += ask(batcher, model, [30, 40])
        await asyncio.sleep(0.01)
        assert (first.batches, second.batches) == ([1], [1])
        second.let_go.set()
        await until(second.batches, 2)
        first.let_go.set()
        assert [(await each).outputs.logits[0, 0] for each in asked] == [10, 20, 30, 40]
        assert (first.batches, second.batches) == ([1], [1, 2])

    with_batcher(scenario, num_devices=2)


def test_a_model_on_the_cpu_runs_one_batch_at_a_time_beside_two_gpus():
    async def scenario(batcher):
        alone, first, second = SlowBackend(), SlowBackend(), SlowBackend()
        second.let_go.set()
        asked = [await occupied(batcher, alone), *ask(batcher, alone, [10])]
        (other,) = ask(batcher, Replicas([first, second]), [20])
        assert (await other).outputs.logits[0, 0] == 20
        assert (alone.batches, first.batches, second.batches) == ([1], [], [1])
        alone.let_go.set()
        await asyncio.gather(*asked)
        assert alone.batches == [1, 1]

    with_batcher(scenario, num_devices=2)


def test_a_failure_is_told_and_the_next_batch_runs():
    async def scenario(batcher):
        with pytest.raises(InferenceFailed):
            await batcher.infer(loaded(BrokenBackend(3)), clips_of(1))
        assert (await batcher.infer(loaded(FakeBackend(3)), clips_of(7))).outputs.logits[0, 0] == 7

    with_batcher(scenario)


def test_what_a_server_runs_goes_there_as_it_comes():
    async def scenario(batcher):
        server, local = SlowServer(), FakeBackend(num_classes=3)
        asked = ask(batcher, server, [10, 20, 30])
        while server.batches != [1, 1, 1]:
            await asyncio.sleep(0.001)
        assert (await batcher.infer(loaded(local), clips_of(40))).outputs.logits[0, 0] == 40
        server.let_go.set()
        assert [(await each).outputs.logits[0, 0] for each in asked] == [10, 20, 30]

    with_batcher(scenario)


def test_nobody_waits_for_a_server_after_giving_up():
    async def scenario(batcher):
        server = SlowServer()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(batcher.infer(loaded(server), clips_of(0)), 0.05)
        assert not server.let_go.is_set()
        server.let_go.set()

    with_batcher(scenario)


def test_each_run_is_observed_with_its_requests():
    runs: list[Run] = []

    async def scenario(batcher):
        backend = SlowBackend(max_batch_size=4)
        first = await occupied(batcher, backend)
        others = ask(batcher, backend, (10, 20), num_views=2)
        await asyncio.sleep(0.01)
        backend.let_go.set()
        await asyncio.gather(first, *others)

    with_batcher(scenario, runs.append)
    assert [(run.model, run.num_clips, run.failed) for run in runs] == [
        (("fake", "1"), (1,), False),
        (("fake", "1"), (2, 2), False),
    ]
    assert all(queue_ns >= 9e6 for queue_ns in runs[1].queue_ns)
    assert runs[0].infer_ns >= 9e6
    assert min(run.input_ns for run in runs) > 0 < min(run.output_ns for run in runs)


def test_failures_are_observed_too_and_so_are_calls_of_a_server():
    runs: list[Run] = []

    async def scenario(batcher):
        with pytest.raises(InferenceFailed):
            await batcher.infer(loaded(BrokenBackend(3)), clips_of(1))
        server = SlowServer()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(batcher.infer(loaded(server), clips_of(0)), 0.01)
        server.let_go.set()
        await batcher.infer(loaded(server), clips_of(0, num_views=3))

    with_batcher(scenario, runs.append)
    assert [(run.num_clips, run.failed) for run in runs] == [((1,), True), ((1,), True), ((3,), False)]
    assert [run.queue_ns for run in runs[1:]] == [(0,), (0,)]
