import asyncio
import os
import signal
from contextlib import aclosing

import pytest

from clips.clip_spec import ClipSpec
from clips.decoding.errors import NotAVideo
from clips.decoding.limits import DecodeLimits
from clips.model_input import TimelineStart, WindowInput
from clips.windows import Windowing
from service.decoding import timeline_pool
from service.decoding.job import DecodeJob
from service.decoding.process import Decoder, DecoderEnded
from service.decoding.timeline_pool import TimelinePool
from tests.helpers.fakes.noted_decoders import note_decoders

SPEC = ClipSpec(crop=32, short_side=32)
WINDOWING = Windowing(0.5, 0.25, 100)


@pytest.fixture
def started(monkeypatch):
    """The decoders in the order that they were started."""
    return note_decoders(monkeypatch, timeline_pool)


def windows(video, first_window=0):
    return TimelinePool(1, 1 << 30).windows(DecodeJob(video, SPEC, DecodeLimits()), WINDOWING, first_window)


async def first_of(parts):
    async with aclosing(parts):
        return await anext(parts)


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, 10))


def test_a_child_lives_as_long_as_its_timeline(videos, started):
    async def scenario():
        return [part async for part in windows(videos["mp4"])]

    start, *rest, _ = run(scenario())
    assert isinstance(start, TimelineStart)
    assert [type(part) for part in rest] == [WindowInput] * start.num_windows
    assert [decoder.is_alive for decoder in started] == [False]


def test_a_timeline_that_is_not_read_to_the_end_ends_its_child(videos, started):
    async def scenario():
        async with aclosing(windows(videos["mp4"])) as parts:
            await anext(parts)
            assert started[0].is_alive

    run(scenario())
    assert [decoder.is_alive for decoder in started] == [False]


def test_giving_up_while_the_child_hangs_ends_it(videos, monkeypatch):
    hanging = []

    def start_and_stop(max_memory_bytes):
        hanging.append(decoder := Decoder(max_memory_bytes))
        os.kill(decoder._process.pid or 0, signal.SIGSTOP)
        return decoder

    async def scenario():
        async with asyncio.timeout(0.5):
            await first_of(windows(videos["mp4"]))

    monkeypatch.setattr(timeline_pool, "Decoder", start_and_stop)
    with pytest.raises(TimeoutError):
        run(scenario())
    assert [decoder.is_alive for decoder in hanging] == [False]


def test_failures_are_told_and_leave_no_child(not_videos, started):
    with pytest.raises(NotAVideo):
        run(first_of(windows(not_videos["text"])))
    assert [decoder.is_alive for decoder in started] == [False]


def test_a_child_that_cannot_be_started_is_told(videos, monkeypatch):
    def fail(max_memory_bytes):
        raise OSError("no processes left")

    monkeypatch.setattr(timeline_pool, "Decoder", fail)
    with pytest.raises(DecoderEnded):
        run(first_of(windows(videos["mp4"])))


def test_a_timeline_can_go_on_from_any_of_its_windows(videos):
    async def parts_from(first_window):
        return [part async for part in windows(videos["mp4"], first_window)]

    start, *rest, _ = run(parts_from(0))
    later_start, *later, _ = run(parts_from(2))
    assert later_start == start
    assert len(later) == len(rest) - 2 > 0
    for one, other in zip(later, rest[2:], strict=True):
        assert (one.start_seconds, one.end_seconds) == (other.start_seconds, other.end_seconds)
        assert (one.views == other.views).all()
