"""Packet headers of encoded clips, read by every reader and compared with FFmpeg's flags."""

import functools
import io

import av
import pytest

from clips.decoding.bitstream.packet_reader import first_packet_matters, packet_reader
from clips.decoding.picture import FullDecodeRequired
from tests.helpers.videos.clip_recipes import recipe_named
from tests.helpers.videos.make_clip import make_clip


@functools.cache
def read(name):
    """The pictures of a clip, and its packets with the flags of FFmpeg's demuxer."""
    with av.open(io.BytesIO(make_clip(recipe_named(name))), "r") as container:
        video = container.streams.video[0]
        reader = packet_reader(video.codec_context.codec.canonical_name, video.codec_context.extradata or b"")
        packets = [packet for packet in container.demux(video) if packet.size]
        return [reader(memoryview(packet)) for packet in packets], packets


@pytest.mark.parametrize("name", ["x264-gop-12", "x264-ts", "x265-gop-12", "vp8", "vp9", "av1", "mpeg4", "mjpeg"])
def test_starts_are_the_keyframes(name):
    pictures, packets = read(name)
    assert [picture.is_start for picture in pictures] == [packet.is_keyframe for packet in packets]


@pytest.mark.parametrize("name", ["x264-flat-16", "x265-pyramid", "mpeg4-b"])
def test_non_reference_pictures_are_shown_before_earlier_decoded_ones(name):
    pictures, packets = read(name)
    latest = -1
    for picture, packet in zip(pictures, packets, strict=True):
        if not picture.is_reference:
            assert packet.pts < latest
        latest = max(latest, packet.pts)
    assert 0.3 < sum(not picture.is_reference for picture in pictures) / len(pictures) < 0.95


def test_av1_frames_that_no_slot_keeps_are_no_references():
    pictures, _ = read("av1")
    assert 0.1 < sum(not picture.is_reference for picture in pictures) / len(pictures) < 0.75
    assert all(picture.is_reference for picture in pictures if picture.is_start)


def test_hidden_pictures_are_not_shown():
    assert {picture.is_shown for picture in read("vp8-alt-ref")[0]} == {True, False}


def test_a_codec_without_a_reader_requires_a_full_decode():
    with pytest.raises(FullDecodeRequired, match="theora"):
        packet_reader("theora", b"")


@pytest.mark.parametrize(
    ("codec", "first_packet", "matters"),
    [("h264", b"x264 - core 148 r2", True), ("h264", b"x264 - core 165", False), ("hevc", b"x264 - core 1", False)],
)
def test_old_builds_of_x264_are_known_by_their_signature(codec, first_packet, matters):
    assert first_packet_matters(codec, first_packet) is matters
