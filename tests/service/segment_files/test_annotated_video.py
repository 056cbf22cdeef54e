"""Annotated videos, read back by PyAV: as long as the video, at its speed, upright, with the action drawn on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from clips.decoding.decode import decode
from clips.decoding.errors import NotAVideo
from clips.decoding.limits import DecodeLimits
from clips.decoding.stream import open_stream
from clips.part import WHOLE, Part
from service.inference.segmentation import Segment
from service.segment_files.annotated_video import annotate_video
from tests.helpers.paths import REPOSITORY
from tests.helpers.videos.clip_recipes import recipe_named
from tests.helpers.videos.make_clip import cached_clip

SEGMENTS = [Segment(0.0, 0.8, "waving", 3, 0.87, 4)]


def annotate(name, target, segments=SEGMENTS, part=WHOLE):
    *_, share = annotate_video(cached_clip(recipe_named(name)), segments, target, DecodeLimits(), part)
    assert share == 1
    return decode(target, range)


@pytest.mark.parametrize("name", ["x264-varying-rate", "x264-pyramid-3", "x264-interlaced", "x264-1-frames", "gif"])
def test_it_has_the_frames_of_the_video_at_their_times(tmp_path, name):
    drawn = annotate(name, tmp_path / "drawn.mp4")
    with open_stream(cached_clip(recipe_named(name))) as stream:
        assert drawn.times == pytest.approx(stream.times, abs=1e-4)
        duration = stream.duration_seconds
    with av.open(str(tmp_path / "drawn.mp4")) as file:
        (video,) = file.streams
        assert video.codec_context.name == "h264"
        assert file.duration is not None
        assert file.duration / av.time_base == pytest.approx(duration, abs=2e-3)


@pytest.mark.parametrize("name", ["x264-turned-90", "x264-pyramid-3"])
def test_it_is_upright_and_shows_the_pictures(tmp_path, name):
    drawn = annotate(name, tmp_path / "drawn.mp4", segments=[])
    plain = decode(cached_clip(recipe_named(name)), range)
    assert (drawn.video.width, drawn.video.height) == (plain.video.width, plain.video.height)
    above = drawn.video.height // 2
    for ours, theirs in zip(drawn.images, plain.images, strict=True):
        assert np.abs(ours[:above].astype(int) - theirs[:above]).mean() < 12


def test_the_action_is_drawn_while_it_lasts_and_the_bar_grows(tmp_path):
    segments = [*SEGMENTS, Segment(0.8, 1.6, None, None, 0.1, 4)]
    drawn = annotate("x264-pyramid-3", tmp_path / "drawn.mp4", segments)
    plain = annotate("x264-pyramid-3", tmp_path / "plain.mp4", [])
    changed = [
        np.abs(ours.astype(int) - theirs).mean() for ours, theirs in zip(drawn.images, plain.images, strict=True)
    ]
    assert min(changed[:19]) > 3 * max(changed[21:])
    blue = [int((image[-1, :, 2].astype(int) - image[-1, :, 0] > 80).sum()) for image in drawn.images]
    assert blue[4] < blue[19] < blue[39]
    assert blue[39] >= 0.9 * drawn.video.width


def test_a_part_is_a_video_of_its_own(tmp_path):
    drawn = annotate("x264-pyramid-3", tmp_path / "drawn.mp4", part=Part(0.4, 1.2))
    assert drawn.times == pytest.approx([index / 25 for index in range(20)], abs=1e-4)


def test_what_cannot_be_decoded_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotAVideo):
        list(annotate_video(b"text " * 50, SEGMENTS, tmp_path / "drawn.mp4", DecodeLimits()))
    assert list(tmp_path.iterdir()) == []


def test_labels_of_any_script_and_length_fit_small_and_odd_frames(tmp_path):
    label = "波 привет é " * 20
    drawn = annotate("x264-odd-size", tmp_path / "drawn.mp4", [Segment(0, 9, label, 0, 1.0, 1)])
    assert len(drawn.images) == 40


def test_memory_does_not_grow_with_the_length():
    done = subprocess.run([sys.executable, "-c", PEAKS], cwd=REPOSITORY, capture_output=True, check=True, text=True)
    short, long = map(float, done.stdout.split())
    assert long - short < 10


PEAKS = """
from pathlib import Path
from tempfile import TemporaryDirectory
from clips.decoding.limits import DecodeLimits
from service.segment_files.annotated_video import annotate_video
from tests.helpers.videos.clip_recipes import ClipRecipe
from tests.helpers.videos.make_clip import make_clip
def peak(frames):
    data = make_clip(ClipRecipe("long", "mov", "mpeg4", {"bf": "0"}, frames=frames, width=320, height=240, gop=250))
    Path("/proc/self/clear_refs").write_text("5")
    with TemporaryDirectory() as folder:
        for _ in annotate_video(data, [], Path(folder, "drawn.mp4"), DecodeLimits()):
            pass
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1000
peak(60)
print(peak(60), peak(600))
"""
