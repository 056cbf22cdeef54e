import functools
import io

import av
import pytest

from clips.decoding.bitstream import FullDecodeRequired, first_packet_matters, reader_of
from tests.helpers.videos.made import CLIPS, make

VOP = b"\0\0\1\xb6"
I_PICTURE = VOP + b"\x10" + bytes(30)
P_PICTURE = VOP + b"\x50" + bytes(30)
PARAMETERS = b"\0\0\1\x20" + b"layer"


@functools.cache
def read(name):
    """The pictures of a made clip, and how FFmpeg's demuxer flags their packets."""
    with av.open(io.BytesIO(make(next(made for made in CLIPS if made.name == name))), "r") as container:
        video = container.streams.video[0]
        reader = reader_of(video.codec_context.codec.canonical_name, video.codec_context.extradata or b"")
        packets = [packet for packet in container.demux(video) if packet.size]
        return [reader(memoryview(packet)) for packet in packets], packets


@pytest.mark.parametrize("name", ["x264-gop-12", "x264-ts", "x265-gop-12", "vp8", "vp9", "av1", "mpeg4", "mjpeg"])
def test_starts_are_the_keyframes(name):
    pictures, packets = read(name)
    assert [picture.is_start for picture in pictures] == [packet.is_keyframe for packet in packets]


@pytest.mark.parametrize("name", ["x264-flat-16", "x265-pyramid", "mpeg4-b"])
def test_pictures_that_none_needs_are_those_shown_before_what_is_decoded_earlier(name):
    pictures, packets = read(name)
    latest = -1
    for picture, packet in zip(pictures, packets, strict=True):
        if not picture.is_reference:
            assert packet.pts < latest
        latest = max(latest, packet.pts)
    assert 0.3 < sum(not picture.is_reference for picture in pictures) / len(pictures) < 0.95


def test_av1_frames_that_no_slot_keeps_are_needed_by_none():
    pictures, _ = read("av1")
    assert 0.1 < sum(not picture.is_reference for picture in pictures) / len(pictures) < 0.75
    assert all(picture.is_reference for picture in pictures if picture.is_start)


def test_hidden_pictures_are_not_shown():
    assert {picture.is_shown for picture in read("vp8-alt-ref")[0]} == {True, False}


def mpeg4(*packets, extradata=b""):
    reader = reader_of("mpeg4", extradata)
    return [reader(memoryview(packet)) for packet in packets]


def test_mpeg4_parameters_may_come_with_every_start_or_with_the_container():
    assert [one.is_start for one in mpeg4(PARAMETERS + I_PICTURE, P_PICTURE, PARAMETERS + I_PICTURE)] == [
        True,
        False,
        True,
    ]
    assert len(mpeg4(PARAMETERS + I_PICTURE, I_PICTURE, extradata=PARAMETERS)) == 2
    with pytest.raises(FullDecodeRequired, match="parameters"):
        mpeg4(PARAMETERS + I_PICTURE, I_PICTURE)
    with pytest.raises(FullDecodeRequired, match="parameters"):
        mpeg4(PARAMETERS + I_PICTURE, PARAMETERS + b"changed" + P_PICTURE)


def test_two_mpeg4_pictures_in_a_packet_matter_where_divx_packs_them():
    assert len(mpeg4(PARAMETERS + I_PICTURE + P_PICTURE)) == 1
    with pytest.raises(FullDecodeRequired, match="exactly one"):
        mpeg4(PARAMETERS + b"DivX503b1393p" + I_PICTURE + P_PICTURE)
    with pytest.raises(FullDecodeRequired, match="empty"):
        mpeg4(PARAMETERS + VOP + b"\x50")


@pytest.mark.parametrize(
    ("codec", "packet", "reason"),
    [
        ("h264", b"\0\0\1\x02\x80\x00", "partitions"),
        ("h264", b"\0\0\1\x74\x80\x00", "layers or views"),
        ("h264", b"\0\0\1\x65\x80\x00\0\0\1\x65\x80\x00", "exactly one"),
        ("h264", b"no start code", "exactly one"),
        ("hevc", b"\0\0\1\x26\x09\x80\x00", "layers or views"),
        ("hevc", b"\0\0\1\x20\x01\x80\x00", "spliced"),
        ("vp9", b"\x00", "damaged"),
        ("av1", b"\x12\x00", "exactly one"),
        ("av1", b"\x32\x01\x10", "missing"),
        ("theora", b"", "may need any"),
    ],
)
def test_what_is_unusual_is_told(codec, packet, reason):
    with pytest.raises(FullDecodeRequired, match=reason):
        reader_of(codec, b"")(memoryview(packet))


@pytest.mark.parametrize(
    ("codec", "first_packet", "matters"),
    [("h264", b"x264 - core 148 r2", True), ("h264", b"x264 - core 165", False), ("hevc", b"x264 - core 1", False)],
)
def test_old_builds_of_x264_are_known_by_their_signature(codec, first_packet, matters):
    assert first_packet_matters(codec, first_packet) is matters
