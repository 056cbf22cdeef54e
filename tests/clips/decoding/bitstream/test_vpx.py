"""VP8 and VP9 packets, written by hand."""

import pytest

from clips.decoding.bitstream.vpx import read_vp8, read_vp9
from clips.decoding.picture import FullDecodeRequired, Picture

KEY, HIDDEN_KEY, INTER, HIDDEN_INTER, SHOW_EXISTING = b"\x82", b"\x80", b"\x86", b"\x84", b"\x88"


def superframe(*frames):
    marker = bytes([0xC0 | (len(frames) - 1)])
    return b"".join(frames) + marker + bytes(map(len, frames)) + marker


@pytest.mark.parametrize(
    ("packet", "picture"),
    [
        (b"\x10", Picture(is_start=True)),
        (b"\x11", Picture(is_start=False)),
        (b"\x01", Picture(is_start=False, is_shown=False)),
    ],
)
def test_vp8_frame_tags(packet, picture):
    assert read_vp8(memoryview(packet)) == picture


@pytest.mark.parametrize(
    ("packet", "picture"),
    [
        (KEY, Picture(is_start=True)),
        (INTER, Picture(is_start=False)),
        (SHOW_EXISTING, Picture(is_start=False)),
        (HIDDEN_INTER, Picture(is_start=False, is_shown=False)),
        (superframe(HIDDEN_INTER, INTER), Picture(is_start=False)),
        (superframe(KEY, HIDDEN_INTER), Picture(is_start=True)),
        (superframe(HIDDEN_KEY, INTER), Picture(is_start=False)),
    ],
)
def test_vp9_frames_and_superframes(packet, picture):
    assert read_vp9(memoryview(packet)) == picture


@pytest.mark.parametrize(
    "packet",
    [b"\x00", superframe(KEY, b""), superframe(INTER, INTER)],
    ids=["damaged", "empty frame", "two shown frames"],
)
def test_an_unusual_vp9_packet_requires_a_full_decode(packet):
    with pytest.raises(FullDecodeRequired):
        read_vp9(memoryview(packet))
