import asyncio
import os
import signal

import pytest

from clips.clip_spec import ClipSpec
from clips.decoding.errors import NotAVideo
from clips.decoding.limits import DecodeLimits
from service.decoding import pool as pool_module
from service.decoding import worker
from service.decoding.job import DecodeJob
from service.decoding.pool import DecoderPool
from service.decoding.process import Decoder
from tests.helpers.fakes.noted_decoders import note_decoders
from tests.helpers.fakes.unconfined_worker import serve_unconfined

SPEC = ClipSpec(crop=32, short_side=32)


def with_pool(size, scenario):
    async def run():
        pool = DecoderPool(size, 1 << 30)
        await pool.start()
        try:
            await asyncio.wait_for(scenario(pool), 10)
        finally:
            await pool.close()

    asyncio.run(run())


@pytest.fixture
def started(monkeypatch):
    """The decoders in the order that they were started."""
    return note_decoders(monkeypatch, pool_module)


def work(pool, video):
    return pool.preprocess(DecodeJob(video, SPEC, DecodeLimits()))


def test_more_videos_than_children_are_all_answered(videos, not_videos):
    async def scenario(pool):
        good = [asyncio.create_task(work(pool, videos["mp4"])) for _ in range(4)]
        bad = [asyncio.create_task(work(pool, not_videos["text"])) for _ in range(4)]
        await asyncio.wait(good + bad)
        assert [task.result().video.frames for task in good] == [40] * 4
        assert {type(task.exception()) for task in bad} == {NotAVideo}

    with_pool(2, scenario)


@pytest.mark.parametrize(
    ("size", "cores", "num_jobs", "threads"),
    [(4, 4, 1, [4]), (4, 4, 3, [2, 3, 4]), (4, 2, 3, [1, 1, 2]), (1, 4, 1, [1]), (12, 12, 1, [8])],
)
def test_a_job_gets_the_cores_that_no_other_has(videos, monkeypatch, size, cores, num_jobs, threads):
    monkeypatch.setattr(pool_module, "usable_cores", lambda: cores)
    given = []
    begin = Decoder.begin

    def note(decoder, job):
        given.append(job.threads)
        begin(decoder, job)

    monkeypatch.setattr(Decoder, "begin", note)

    async def scenario(pool):
        answers = await asyncio.gather(*(work(pool, videos["mp4"]) for _ in range(num_jobs)))
        assert [answer.video.frames for answer in answers] == [40] * num_jobs

    with_pool(size, scenario)
    assert sorted(given) == threads


@pytest.mark.parametrize(("size", "num_waiting"), [(1, 1), (2, 1), (3, 2)])
def test_half_as_many_jobs_as_workers_back_it_up(videos, size, num_waiting):
    async def scenario(pool):
        jobs = [asyncio.create_task(work(pool, videos["mp4"])) for _ in range(size + num_waiting - 1)]
        await asyncio.sleep(0)
        assert not pool.is_backed_up()
        jobs.append(asyncio.create_task(work(pool, videos["mp4"])))
        await asyncio.sleep(0)
        assert pool.is_backed_up()
        await asyncio.gather(*jobs)
        assert not pool.is_backed_up()

    with_pool(size, scenario)


def test_giving_up_ends_the_child_that_works_and_not_the_one_that_waits(videos, started):
    async def scenario(pool):
        os.kill(started[0]._process.pid, signal.SIGSTOP)
        running, waiting, patient = (asyncio.create_task(work(pool, videos["mp4"])) for _ in range(3))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.sleep(0.1)
        assert len(started) == 1
        running.cancel()
        assert (await patient).video.frames == 40
        assert len(started) == 2
        assert not started[0].is_alive

    with_pool(1, scenario)


def test_a_child_that_cannot_be_started_is_tried_again(videos, started, monkeypatch):
    monkeypatch.setattr(pool_module, "SECONDS_BEFORE_ANOTHER_TRY", 0.01)
    tries = []

    def fail_twice(max_memory_bytes):
        tries.append(max_memory_bytes)
        if len(tries) < 3:
            raise OSError("no processes left")
        return Decoder(max_memory_bytes)

    async def scenario(pool):
        monkeypatch.setattr(pool_module, "Decoder", fail_twice)
        started[0].kill()
        assert (await work(pool, videos["mp4"])).video.frames == 40
        assert len(tries) == 3

    with_pool(1, scenario)


def test_close_ends_the_children(started):
    async def nothing(pool):
        assert all(decoder.is_alive for decoder in started)

    with_pool(2, nothing)
    assert len(started) == 2
    assert not any(decoder.is_alive for decoder in started)


@pytest.mark.parametrize(("serve", "levels"), [(worker.serve, []), (serve_unconfined, ["WARNING"])])
def test_a_line_in_the_log_says_that_nothing_confines_the_children(videos, monkeypatch, caplog, serve, levels):
    monkeypatch.setattr("service.decoding.process.serve", serve)

    async def scenario(pool):
        assert (await work(pool, videos["mp4"])).video.frames == 40

    with_pool(2, scenario)
    assert [record.levelname for record in caplog.records] == levels
