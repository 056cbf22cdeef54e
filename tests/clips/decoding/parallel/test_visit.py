"""Several threads decode the frames that one would."""

import dataclasses
import threading
import time

import numpy as np
import pytest

from clips.decoding.container import QUICK_PROBING, VideoFile
from clips.decoding.decode import decode
from clips.decoding.errors import LimitExceeded
from clips.decoding.limits import CpuClock, DecodeLimits
from clips.decoding.parallel import threads as choice
from clips.decoding.parallel import visit
from clips.decoding.parallel.threads import Threads, choose_threads
from clips.decoding.seek import Plan, survey_packets
from clips.sampling import evaluation_indices
from tests.helpers.fuzzing.clock_faults import full_decode
from tests.helpers.videos.clip_recipes import CLIPS, recipe_named
from tests.helpers.videos.make_clip import cached_clip

WAYS = (Threads(3, 1), Threads(1, 3), Threads(2, 2))


@pytest.fixture
def choose(monkeypatch):
    """Let every decode on more than one thread be divided in one way, where its runs allow it."""

    def choose_always(threads):
        def chosen(max_threads, video, survey, plan):
            divisible = choice._has_independent_runs(video, survey)
            return dataclasses.replace(threads, decoders=threads.decoders if divisible else 1)

        monkeypatch.setattr(visit, "choose_threads", chosen)

    return choose_always


def eight(num_frames):
    return evaluation_indices(num_frames, 8)


def damaged(data):
    """Overwrite a piece in the middle, where the pictures are."""
    middle = len(data) // 2
    return data[:middle] + bytes(200) + data[middle + 200 :]


def assert_same(clip, expected):
    assert (clip.report, clip.indices, clip.times) == (expected.report, expected.indices, expected.times)
    for image, reference in zip(clip.images, expected.images, strict=True):
        np.testing.assert_array_equal(image, reference)


@pytest.mark.parametrize("recipe", CLIPS, ids=lambda recipe: recipe.name)
def test_every_way_gives_the_frames_of_one_thread(recipe, choose):
    data = cached_clip(recipe)
    choose(Threads())
    expected = decode(data, eight)
    for threads in WAYS:
        choose(threads)
        assert_same(decode(data, eight, threads=4), expected)


@pytest.mark.parametrize("threads", WAYS, ids=str)
@pytest.mark.parametrize("name", ["x264-pyramid-3", "x265-gop-12", "vp9", "av1", "mpeg4-b", "mjpeg"])
def test_all_frames_are_those_of_a_plain_decode(name, threads, choose):
    data = cached_clip(recipe_named(name))
    choose(threads)
    clip = decode(data, range, threads=4)
    assert clip.report.path == "minimal"
    for image, reference in zip(clip.images, full_decode(data), strict=True):
        np.testing.assert_array_equal(image, reference)


@pytest.mark.parametrize("threads", WAYS, ids=str)
@pytest.mark.parametrize("name", ["x264-gop-12", "x264-slices", "x265-no-b", "vp9", "mpeg4", "mjpeg"])
def test_damage_is_found_and_decoded_as_by_one_thread(name, threads, choose):
    data = damaged(cached_clip(recipe_named(name)))
    choose(Threads())
    expected = decode(data, eight)
    choose(threads)
    assert_same(decode(data, eight, threads=4), expected)


@pytest.mark.parametrize(
    ("name", "num_threads", "scale", "threads"),
    [
        ("x264-gop-12", 1, 16, Threads(1, 1)),
        ("x264-gop-12", 2, 1, Threads(1, 1)),
        ("x264-gop-12", 2, 4, Threads(2, 1)),
        ("x264-gop-12", 2, 16, Threads(2, 1)),
        ("x264-gop-12", 8, 16, Threads(4, 4)),
        ("x264-gop-250", 2, 4, Threads(1, 1)),
        ("x264-gop-250", 2, 16, Threads(1, 4)),
        ("x264-old-lossless-4:4:4", 2, 16, Threads(1, 4)),
        ("mpeg4", 2, 4, Threads(1, 1)),
        ("mpeg4", 2, 16, Threads(1, 4)),
        ("av1-mkv-one-key", 2, 16, Threads(1, 1)),
    ],
)
def test_runs_are_shared_and_large_pictures_of_few_runs_decoded_by_threads(name, num_threads, scale, threads):
    file = VideoFile(cached_clip(recipe_named(name)), DecodeLimits())
    with file.open(QUICK_PROBING) as video:
        survey = survey_packets(file, video)
        runs = [range(start, start + 10) for start in (0, 12, 24, 36)][: 1 if "250" in name or "one" in name else 4]
        video.stream.codec_context.width *= scale
        video.stream.codec_context.height *= scale
        plan = Plan((0,), survey.times, runs)
        assert choose_threads(num_threads, video, survey, plan) == threads


def test_one_thread_decodes_where_none_can_be_started(choose, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    data = cached_clip(recipe_named("x264-gop-12"))
    expected = decode(data, eight)
    choose(Threads(3, 1))
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert_same(decode(data, eight, threads=3), expected)


def test_the_limit_of_cpu_time_counts_all_threads():
    def work():
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass

    alone, together = CpuClock(0.04), CpuClock(0.04, threads=2)
    other = threading.Thread(target=work)
    other.start()
    other.join()
    alone.check()
    with pytest.raises(LimitExceeded):
        together.check()
