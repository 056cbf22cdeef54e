"""Streamed frames: bit-identical to those of `decode`, on both paths, and in bounded memory."""

import subprocess
import sys
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from clips.decoding import seek
from clips.decoding import stream as module
from clips.decoding.decode import decode
from clips.decoding.errors import LimitExceeded, NotAVideo, Undecodable
from clips.decoding.frames import every_frame
from clips.decoding.limits import DecodeLimits
from clips.decoding.picture import FullDecodeRequired
from clips.decoding.stream import open_stream
from tests.helpers.paths import REPOSITORY
from tests.helpers.videos.alterations import overwrite_packets
from tests.helpers.videos.clip_recipes import CLIPS, recipe_named, x264
from tests.helpers.videos.make_clip import cached_clip, make_clip

FULL = {"x264-avi", "x264-raw", "x264-ps", "x264-interlaced", "mpeg4-avi-packed", "gif"}
MINIMAL = {
    "x264-gop-12",
    "x264-gop-250",
    "x264-open-gop",
    "x264-pyramid-16",
    "x264-varying-rate",
    "x264-edit-list",
    "x264-ts-open-gop",
    "x264-turned-90",
    "x264-1-frames",
    "x265-open-gop",
    "vp9-alt-ref",
    "mpeg4-avi-b",
}
CHOSEN = [recipe for recipe in CLIPS if recipe.name in FULL | MINIMAL]

by_name = pytest.mark.parametrize("recipe", CHOSEN, ids=lambda recipe: recipe.name)


def streamed(data, pick):
    with open_stream(data) as stream:
        frames = list(stream.frames(pick(len(stream.times))))
    return stream, frames


def check_equal(frames, clip):
    assert [index for index, _ in frames] == list(clip.indices)
    for (_, image), expected in zip(frames, clip.images, strict=True):
        np.testing.assert_array_equal(image, expected)


def all_of(num_frames):
    return range(num_frames)


def every_third(num_frames):
    return range(0, num_frames, 3)


def the_last_ones(num_frames):
    return range(max(0, num_frames - 3), num_frames)


@by_name
@pytest.mark.parametrize("pick", [all_of, every_third, the_last_ones])
def test_they_are_those_of_decode(recipe, pick):
    stream, frames = streamed(cached_clip(recipe), pick)
    clip = decode(cached_clip(recipe), pick)
    check_equal(frames, clip)
    assert bool(stream.reason) == (recipe.name in FULL)
    assert stream.packets_fed == clip.report.packets_fed or stream.reason


@by_name
def test_times_and_description_are_those_of_decode(recipe):
    stream, frames = streamed(cached_clip(recipe), all_of)
    clip = decode(cached_clip(recipe), all_of)
    assert stream.times == pytest.approx(sorted(clip.times))
    described = stream.describe(frames[0][1])
    assert described.duration_seconds == stream.duration_seconds == pytest.approx(len(frames) / 25, abs=0.05)
    assert replace(described, duration_seconds=clip.video.duration_seconds) == clip.video


@pytest.mark.parametrize("name", ["x264-gop-12", "x264-open-gop", "x264-varying-rate", "x264-turned-90", "mpeg4-avi-b"])
@pytest.mark.parametrize("num_exact", [0, 1, 11])
def test_the_full_path_continues_where_the_minimal_one_fails(monkeypatch, name, num_exact):
    recipe = recipe_named(name)
    check = seek._check
    checked = count()

    def doubt(frame, time):
        check(frame, time)
        if next(checked) >= num_exact:
            raise FullDecodeRequired("doubt")

    clip = decode(cached_clip(recipe), every_third)
    monkeypatch.setattr(seek, "_check", doubt)
    stream, frames = streamed(cached_clip(recipe), every_third)
    check_equal(frames, clip)
    assert stream.reason == "doubt"


LONG = x264("long", frames=250, gop=25)


@pytest.mark.parametrize("container", ["h264", "mpeg"])
def test_a_video_without_times_is_decoded_once(monkeypatch, container):
    data = make_clip(x264("untimed", container=container, frames=250, gop=25))
    decoded = []

    def counting(video):
        for frame in every_frame(video):
            decoded.append(frame.pts)
            yield frame

    monkeypatch.setattr(module, "every_frame", counting)
    _, frames = streamed(data, every_third)
    assert len(decoded) == 250
    check_equal(frames, decode(data, every_third))


def test_a_video_whose_packets_are_no_frames_is_decoded_for_its_times(monkeypatch):
    monkeypatch.setattr(module, "_holds_a_frame_each", lambda video: False)
    _, frames = streamed(cached_clip(recipe_named("x264-raw")), every_third)
    check_equal(frames, decode(cached_clip(recipe_named("x264-raw")), every_third))


def test_damage_in_the_middle_is_skipped():
    stream, frames = streamed(overwrite_packets(cached_clip(LONG), slice(125, 150), kept=0.5), every_third)
    assert [index for index, _ in frames] == list(every_third(250))
    check_equal(frames[:30], decode(cached_clip(LONG), lambda _: range(0, 90, 3)))
    assert stream.reason


def test_an_end_that_does_not_decode_is_an_error_after_the_frames_that_do():
    taken: list[int] = []
    with (
        open_stream(overwrite_packets(cached_clip(LONG), slice(125, None), kept=0)) as stream,
        pytest.raises(Undecodable),
    ):
        taken.extend(index for index, _ in stream.frames(every_third(250)))
    assert taken == list(every_third(250))[: len(taken)]
    assert 20 < len(taken) < 70


def test_a_file_that_cannot_be_read_is_an_error_at_once():
    with pytest.raises(NotAVideo), open_stream(b"words " * 50):
        pass
    for limits in (DecodeLimits(max_frames=39), DecodeLimits(max_cpu_seconds=1e-9)):
        with pytest.raises(LimitExceeded), open_stream(make_clip(x264("short")), limits):
            pass


def test_memory_stays_bounded():
    """All frames together would take 370 MB."""
    done = subprocess.run([sys.executable, "-c", PEAK], cwd=REPOSITORY, capture_output=True, check=True, text=True)
    assert float(done.stdout) < 60


PEAK = """
from pathlib import Path
from clips.decoding.stream import open_stream
from tests.helpers.videos.clip_recipes import ClipRecipe
from tests.helpers.videos.make_clip import make_clip
data = make_clip(ClipRecipe("long", "mov", "mpeg4", {"bf": "0"}, frames=400, width=640, height=480, gop=250))
def peak(): return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1000
Path("/proc/self/clear_refs").write_text("5")
before = peak()
with open_stream(data) as stream:
    assert sum(1 for _ in stream.frames(range(400))) == 400
print(peak() - before)
"""
