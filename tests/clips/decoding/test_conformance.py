"""Conformance over every kind of file: eight frames are bit-identical to those of a full decode, from fewer packets."""

import io

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from clips.decoding import seek
from clips.decoding.decode import decode
from clips.sampling import evaluation_indices
from tests.helpers.videos.clip_recipes import CLIPS, recipe_named
from tests.helpers.videos.make_clip import cached_clip

FULL = {
    "x264-avi": "bitstream",
    "x264-raw": "h264",
    "x264-ps": "mpeg",
    "x264-interlaced": "interlaced",
    "mpeg4-avi-packed": "one picture",
    "ffv1-alpha": "ffv1",
    "mpeg2-ps": "mpeg",
    "mpeg2-ts": "mpeg2video",
    "flv1": "flv1",
    "wmv2": "wmv2",
    "gif": "gif",
    "png-alpha": "png",
}
"""The files that take the full path, and the container, codec or feature that the reason names."""

H264_IDR = 5

by_name = pytest.mark.parametrize("recipe", CLIPS, ids=lambda recipe: recipe.name)


def eight(num_frames):
    return evaluation_indices(num_frames, 8)


def only(index):
    return lambda num_frames: [index]


def full_decode(data):
    """Every frame and its time, by a plain PyAV loop."""
    with av.open(io.BytesIO(data), "r") as container:
        video = container.streams.best("video")
        assert isinstance(video, VideoStream)
        frames = list(container.decode(video))
        images = [np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90)) for frame in frames]
    return images, [frame.time for frame in frames]


@by_name
def test_the_eight_frames_are_those_of_a_full_decode(recipe):
    clip = decode(cached_clip(recipe), eight)
    expected, times = full_decode(cached_clip(recipe))
    assert clip.video.frames == len(expected) == recipe.frames - recipe.drop_first
    assert clip.indices == tuple(evaluation_indices(len(expected), 8))
    for index, time, image in zip(clip.indices, clip.times, clip.images, strict=True):
        np.testing.assert_array_equal(image, expected[index])
        if None not in times:  # an AVI's frames come with times in decode order
            assert time == pytest.approx(sorted(times)[index] - min(times), abs=1e-9)


@by_name
def test_a_short_video_decodes_by_its_index_as_a_long_one_does(recipe, monkeypatch):
    expected = decode(cached_clip(recipe), eight)
    monkeypatch.setattr(seek, "FEW_PACKETS", 0)
    clip = decode(cached_clip(recipe), eight)
    np.testing.assert_array_equal(clip.images, expected.images)
    assert (clip.indices, clip.times, clip.video, clip.report) == (
        expected.indices,
        expected.times,
        expected.video,
        expected.report,
    )


@by_name
def test_the_report_names_the_path_taken(recipe):
    report = decode(cached_clip(recipe), eight).report
    assert report.path == ("full" if recipe.name in FULL else "minimal")
    assert FULL.get(recipe.name, "") in report.reason
    assert bool(report.reason) == (report.path == "full")
    assert report.packets_fed == report.packets if report.path == "full" else report.packets_fed <= report.packets


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("x264-gop-12", "h264"),
        ("x265-gop-12", "hevc"),
        ("vp8", "vp8"),
        ("vp9", "vp9"),
        ("vp9-alpha", "vp9"),
        ("av1", "av1"),
        ("mpeg4", "mpeg4"),
        ("flv1", "flv1"),
    ],
)
def test_the_codec_is_named_not_its_decoder(name, codec):
    recipe = recipe_named(name)
    assert decode(cached_clip(recipe), only(0)).video.codec == codec


@by_name
def test_one_frame_alone_is_that_of_a_full_decode(recipe):
    expected, _ = full_decode(cached_clip(recipe))
    for index in {0, len(expected) // 3, len(expected) - 2, len(expected) - 1} - {-1}:
        clip = decode(cached_clip(recipe), only(index))
        np.testing.assert_array_equal(clip.images[0], expected[index])


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("x264-300-frames", 0.5),
        ("x264-pyramid-3", 0.7),
        ("x264-pyramid-16", 0.6),
        ("x264-flat-16", 0.4),
        ("x264-all-intra", 0.25),
        ("x265-gop-12", 0.7),
        ("x265-temporal-layers", 0.8),
        ("vp9", 0.8),
        ("av1", 0.7),
        ("mpeg4-b", 0.7),
        ("mpeg4-avi-b", 0.7),
        ("mjpeg", 0.2),
        ("prores", 0.2),
    ],
)
def test_few_packets_are_fed(name, most):
    recipe = recipe_named(name)
    report = decode(cached_clip(recipe), eight).report
    assert report.packets_fed <= most * report.packets


def test_the_kinds_of_files_are_what_they_are_called():
    by_kind = {recipe.name: cached_clip(recipe) for recipe in CLIPS}
    assert len(by_kind) == len(CLIPS) >= 40
    assert any(packet.is_discard for packet in packets_of(by_kind["x264-edit-list"]))
    assert len(set(np.diff([packet.pts for packet in packets_of(by_kind["vp9-alt-ref"])]))) == 1
    assert any(bytes(packet)[-1] & 0xE0 == 0xC0 for packet in packets_of(by_kind["vp9-alt-ref"]))
    assert not all(bytes(packet)[0] & 0x10 for packet in packets_of(by_kind["vp8-alt-ref"]))
    assert packets_of(by_kind["x264-audio-first"])[0].stream.index == 1
    assert len({packet.duration for packet in packets_of(by_kind["x264-varying-rate"])}) > 3
    kinds = {bytes(packet)[4] >> 1 & 63 for packet in packets_of(by_kind["x265-open-gop"])[1:]}
    assert 21 in kinds
    assert max(bytes(packet)[5] & 7 for packet in packets_of(by_kind["x265-temporal-layers"])) > 1
    keys = [bytes(packet) for packet in packets_of(by_kind["x264-open-gop"]) if packet.is_keyframe]
    assert any(key[4] & 31 != H264_IDR for key in keys)


def test_the_first_packet_of_an_old_x264_is_fed_because_it_matters():
    recipe = recipe_named("x264-old-lossless-4:4:4")
    old = cached_clip(recipe)
    new = old.replace(b"x264 - core 148", b"x264 - core 165")
    last = recipe.frames - 1
    as_old, as_new = decode(old, only(last)), decode(new, only(last))
    assert as_old.report.packets_fed == as_new.report.packets_fed + 1
    assert not np.array_equal(as_old.images[0], as_new.images[0])
    np.testing.assert_array_equal(as_old.images[0], full_decode(old)[0][last])


def packets_of(data):
    container = av.open(io.BytesIO(data), "r")
    return [packet for packet in container.demux(container.streams.best("video")) if packet.size]


@pytest.mark.parametrize("name", ["mpeg4", "mpeg4-avi-b"])
def test_divx_that_packs_no_pictures_needs_no_full_decode(name):
    data = cached_clip(recipe_named(name)).replace(b"Lavc", b"DivX")
    clip, (expected, _) = decode(data, eight), full_decode(data)
    assert clip.report.path == "minimal"
    for index, image in zip(clip.indices, clip.images, strict=True):
        np.testing.assert_array_equal(image, expected[index])
