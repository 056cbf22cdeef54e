import os
import platform
import signal
import socket
import struct
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from clips.decoding.errors import LimitExceeded, NoSuchPart, NotAVideo, Undecodable
from clips.decoding.limits import DecodeLimits
from clips.model_input import TimelineEnd, TimelineStart, WindowInput
from clips.part import Part
from clips.preprocess import preprocess
from clips.video_info import VideoInfo
from clips.window_preprocess import preprocess_windows
from clips.windows import Windowing
from service.decoding.job import DecodeJob
from service.decoding.process import Decoder, DecoderEnded, DecoderFailed
from service.decoding.sandbox.confinement import Sandbox
from service.decoding.sandbox.system_calls import CPUS
from tests.helpers.videos.clip_recipes import recipe_named
from tests.helpers.videos.make_clip import make_clip

SPEC = ClipSpec(crop=32, short_side=32)
MEMORY = 1 << 30


@pytest.fixture
def decoder():
    decoder = Decoder(MEMORY)
    yield decoder
    decoder.close()


def work(decoder, video, limits=DecodeLimits(), spec=SPEC):  # noqa: B008
    return decoder.preprocess(DecodeJob(video, spec, limits, thumbnails=True))


def test_it_answers_as_this_process_would(decoder, videos):
    here = preprocess(videos["mp4"], SPEC, DecodeLimits(), thumbnails=True)
    there = work(decoder, videos["mp4"])
    np.testing.assert_array_equal(there.views, here.views)
    assert (there.video, there.indices, there.times) == (here.video, here.indices, here.times)
    assert there.thumbnails == here.thumbnails


def test_many_threads_may_decode_in_the_sandbox(decoder):
    video = make_clip(replace(recipe_named("x264-no-b"), width=640, height=480))
    here = preprocess(video, SPEC, DecodeLimits())
    for _ in range(3):
        there = decoder.preprocess(DecodeJob(video, SPEC, DecodeLimits(), threads=16))
        np.testing.assert_array_equal(there.views, here.views)


def test_two_samplings_come_whole_however_large_they_are(decoder, videos):
    spec = ClipSpec(crop=1024, view=View.SQUEEZE)
    here = preprocess(videos["mp4"], spec, DecodeLimits(), shifted=True)
    there = decoder.preprocess(DecodeJob(videos["mp4"], spec, DecodeLimits(), shifted=True))
    np.testing.assert_array_equal(there.views, here.views)
    assert here.shifted is not None
    assert there.shifted is not None
    np.testing.assert_array_equal(there.shifted.views, here.shifted.views)
    assert (there.shifted.indices, there.shifted.times) == (here.shifted.indices, here.shifted.times)


def test_what_is_wrong_with_a_video_is_told_and_the_child_goes_on(decoder, videos, not_videos):
    with pytest.raises(NotAVideo):
        work(decoder, not_videos["text"])
    with pytest.raises(LimitExceeded, match="10"):
        work(decoder, videos["mp4"], DecodeLimits(max_packets=10))
    assert work(decoder, videos["mp4"]).video.frames == 40


def test_too_little_memory_is_told_and_the_child_goes_on(decoder, videos):
    with pytest.raises(LimitExceeded, match="memory"):
        work(decoder, videos["mp4"], spec=ClipSpec(num_frames=64, crop=4096, short_side=4096))
    assert work(decoder, videos["mp4"]).video.frames == 40


def test_our_own_fault_is_no_fault_of_the_video(decoder, videos):
    spec = ClipSpec()
    object.__setattr__(spec, "short_side", "wide")
    with pytest.raises(DecoderFailed, match="Traceback"):
        work(decoder, videos["mp4"], spec=spec)
    assert work(decoder, videos["mp4"]).video.frames == 40


def end_stopped(pid, number):
    os.kill(pid, number)
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGKILL, DecoderEnded), (signal.SIGSEGV, Undecodable), (signal.SIGXCPU, LimitExceeded)],
)
def test_a_death_in_mid_work_tells_whose_fault_it_was(decoder, videos, number, error):
    pid = decoder._process.pid
    os.kill(pid, signal.SIGSTOP)
    end = threading.Timer(0.2, end_stopped, (pid, number))
    end.start()
    with pytest.raises(error):
        work(decoder, videos["mp4"])
    end.join()
    assert not decoder.is_alive


WINDOWING = Windowing(0.5, 0.25, 100)


def test_windows_are_those_that_this_process_would_make(decoder, videos):
    here = list(preprocess_windows(videos["mp4"], SPEC, DecodeLimits(), WINDOWING))
    there = list(decoder.windows(DecodeJob(videos["mp4"], SPEC, DecodeLimits()), WINDOWING))
    assert there[0] == here[0]
    assert len(there) == len(here) == 8
    for mine, theirs in zip(here[1:-1], there[1:-1], strict=True):
        assert isinstance(mine, WindowInput)
        assert isinstance(theirs, WindowInput)
        np.testing.assert_array_equal(theirs.views, mine.views)
        assert (theirs.start_seconds, theirs.end_seconds) == (mine.start_seconds, mine.end_seconds)
    assert isinstance(there[-1], TimelineEnd)
    assert work(decoder, videos["mp4"]).video.frames == 40


def test_what_is_wrong_with_the_video_of_a_timeline_is_told(decoder, not_videos, videos):
    with pytest.raises(NotAVideo):
        next(decoder.windows(DecodeJob(not_videos["text"], SPEC, DecodeLimits()), WINDOWING))
    with pytest.raises(LimitExceeded, match="step_seconds="):
        next(decoder.windows(DecodeJob(videos["mp4"], SPEC, DecodeLimits()), Windowing(0.5, 0.25, 2)))


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGKILL, DecoderEnded), (signal.SIGSEGV, Undecodable), (signal.SIGXCPU, LimitExceeded)],
)
def test_a_death_between_windows_tells_whose_fault_it_was(decoder, videos, number, error):
    spec = ClipSpec(crop=224, short_side=224, view=View.SQUEEZE)
    parts = decoder.windows(DecodeJob(videos["mp4"], spec, DecodeLimits()), WINDOWING)
    assert isinstance(next(parts), TimelineStart)
    os.kill(decoder._process.pid, number)
    with pytest.raises(error):
        list(parts)
    assert not decoder.is_alive


def test_a_thread_that_waits_for_a_stopped_child_is_freed_by_kill(decoder):
    os.kill(decoder._process.pid, signal.SIGSTOP)
    threading.Timer(0.2, decoder.kill).start()
    started = time.monotonic()
    with pytest.raises(DecoderEnded):
        work(decoder, b"\0" * 50_000_000)
    assert time.monotonic() - started < 5


def test_the_limits_hold_in_the_child(decoder, videos):
    work(decoder, videos["mp4"], DecodeLimits(max_cpu_seconds=7))
    with open(f"/proc/{decoder._process.pid}/limits") as file:
        limits = {line[:26].strip(): line[26:].split()[0] for line in file}
    assert limits["Max address space"] == str(MEMORY)
    assert limits["Max file size"] == limits["Max core file size"] == "0"
    assert limits["Max open files"] == "32"
    assert 8 <= int(limits["Max cpu time"]) <= 12


class Act:
    """A job whose video is a call, made where the job is unpickled: an exploited decoder's first act."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.skipif(platform.machine() not in CPUS, reason="there is no filter for this CPU")
@pytest.mark.parametrize(
    "act",
    [
        Act(open, __file__),
        Act(os.open, "/dev/null", os.O_RDONLY),
        Act(socket.socket),
        Act(os.execv, sys.executable, [sys.executable]),
        Act(os.fork),
        Act(os.kill, os.getpid(), 0),
    ],
    ids=lambda act: act.call[0].__name__,
)
def test_the_kernel_ends_a_child_that_opens_connects_executes_or_forks(decoder, act, caplog):
    assert decoder.sandbox is Sandbox.SECCOMP
    with pytest.raises(Undecodable):
        work(decoder, act)
    assert not decoder.is_alive
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "SIGSYS" in caplog.text


def test_a_file_is_read_by_its_descriptor(decoder, videos, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(videos["mp4"])
    open_files = set(os.listdir(f"/proc/{decoder._process.pid}/fd"))
    for _ in range(2):
        np.testing.assert_array_equal(work(decoder, path).views, work(decoder, videos["mp4"]).views)
        parts = list(decoder.windows(DecodeJob(path, SPEC, DecodeLimits()), WINDOWING))
        assert len(parts) == len(list(decoder.windows(DecodeJob(videos["mp4"], SPEC, DecodeLimits()), WINDOWING)))
    assert set(os.listdir(f"/proc/{decoder._process.pid}/fd")) == open_files


def test_a_path_that_cannot_be_read_leaves_the_child_as_it_is(decoder, videos, tmp_path):
    for path, error in ((tmp_path / "none.mp4", FileNotFoundError), (tmp_path, NotAVideo)):
        with pytest.raises(error):
            work(decoder, path)
    with pytest.raises(IsADirectoryError):
        next(decoder.windows(DecodeJob(tmp_path, SPEC, DecodeLimits()), WINDOWING))
    assert work(decoder, videos["mp4"]).video.frames == 40


class Takeover:
    """An exploited decoder's message: a pickle that runs a function where it is loaded."""

    def __reduce__(self):
        return print, ("taken over",)


def send_a_takeover(connection, max_memory_bytes):
    connection.send_bytes(Sandbox.NONE.encode())
    connection.recv()
    connection.send(Takeover())


def send_something_else(connection, max_memory_bytes):
    connection.send_bytes(Sandbox.NONE.encode())
    connection.recv()
    connection.send([1, 2])


def announce_an_exabyte(connection, max_memory_bytes):
    connection.send_bytes(Sandbox.NONE.encode())
    connection.recv()
    os.write(connection.fileno(), struct.pack("!iQ", -1, 1 << 60))
    time.sleep(60)


def send_windows_without_end(connection, max_memory_bytes):
    connection.send_bytes(Sandbox.NONE.encode())
    connection.recv()
    connection.send(TimelineStart(VideoInfo("mp4", "h264", 2, 2, 9, 1.0), 1))
    while True:
        connection.send(WindowInput(0.0, 1.0, np.zeros((1, 8, 2, 2, 3), np.uint8)))


@pytest.mark.parametrize("misbehave", [send_a_takeover, send_something_else, announce_an_exabyte])
def test_a_child_that_was_taken_over_makes_no_timeline(monkeypatch, videos, misbehave):
    monkeypatch.setattr("service.decoding.process.serve", misbehave)
    with pytest.raises(Undecodable), closing(Decoder(MEMORY)) as decoder:
        next(decoder.windows(DecodeJob(videos["mp4"], SPEC, DecodeLimits()), WINDOWING))


def test_a_child_that_was_taken_over_cannot_send_windows_for_ever(monkeypatch, videos):
    monkeypatch.setattr("service.decoding.process.serve", send_windows_without_end)
    with pytest.raises(Undecodable), closing(Decoder(MEMORY)) as decoder:
        list(decoder.windows(DecodeJob(videos["mp4"], SPEC, DecodeLimits()), WINDOWING))


@pytest.mark.parametrize("misbehave", [send_a_takeover, send_something_else, announce_an_exabyte])
def test_a_child_that_was_taken_over_does_no_harm(monkeypatch, videos, capsys, misbehave):
    monkeypatch.setattr("service.decoding.process.serve", misbehave)
    decoder = Decoder(MEMORY)
    with pytest.raises(Undecodable):
        work(decoder, videos["mp4"])
    assert capsys.readouterr().out == ""
    assert not decoder.is_alive
    decoder.close()


def test_a_child_that_ends_at_once_is_an_error_of_the_system(monkeypatch):
    monkeypatch.setattr("service.decoding.process.serve", print)
    with pytest.raises(ChildProcessError):
        Decoder(MEMORY)


def test_signals_to_the_group_are_left_to_the_server(decoder, videos):
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(decoder._process.pid, number)
    assert work(decoder, videos["mp4"]).video.frames == 40


def test_a_part_is_what_this_process_would_see_of_it(decoder, videos):
    part = Part(0.4, 1.2)
    here = preprocess(videos["mp4"], SPEC, DecodeLimits(), part=part)
    there = decoder.preprocess(DecodeJob(videos["mp4"], SPEC, DecodeLimits(), part=part))
    np.testing.assert_array_equal(there.views, here.views)
    assert (there.indices, there.times) == (here.indices, here.times)
    windowing = Windowing(0.5, 0.5, 9)
    start, *windows, _ = decoder.windows(DecodeJob(videos["mp4"], SPEC, DecodeLimits(), part=part), windowing)
    assert isinstance(start, TimelineStart)
    seconds = [(window.start_seconds, window.end_seconds) for window in windows if isinstance(window, WindowInput)]
    assert seconds == [(0.4, 0.9), (pytest.approx(0.7), 1.2)]


def test_a_part_behind_the_end_is_told_and_the_child_goes_on(decoder, videos):
    with pytest.raises(NoSuchPart, match=r"1\.6 s"):
        decoder.preprocess(DecodeJob(videos["mp4"], SPEC, DecodeLimits(), part=Part(2)))
    assert work(decoder, videos["mp4"]).video.frames == 40
