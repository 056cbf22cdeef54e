"""MPEG-4 Part 2 packets, written by hand: parameters and packed pictures."""

import pytest

from clips.decoding.bitstream.mpeg4 import Mpeg4Reader
from clips.decoding.picture import FullDecodeRequired

VOP = b"\0\0\1\xb6"
I_PICTURE = VOP + b"\x10" + bytes(30)
P_PICTURE = VOP + b"\x50" + bytes(30)
B_PICTURE = VOP + b"\x90" + bytes(30)
PARAMETERS = b"\0\0\1\x20" + b"layer"


def read(*packets, extradata=b""):
    reader = Mpeg4Reader(extradata)
    return [reader(memoryview(packet)) for packet in packets]


def test_parameters_may_come_with_every_start():
    pictures = read(PARAMETERS + I_PICTURE, P_PICTURE, PARAMETERS + I_PICTURE)
    assert [picture.is_start for picture in pictures] == [True, False, True]


def test_parameters_may_come_with_the_container():
    assert len(read(PARAMETERS + I_PICTURE, I_PICTURE, extradata=PARAMETERS)) == 2


@pytest.mark.parametrize("later", [I_PICTURE, PARAMETERS + b"changed" + P_PICTURE], ids=["missing", "changed"])
def test_parameters_that_are_missing_or_change_require_a_full_decode(later):
    with pytest.raises(FullDecodeRequired):
        read(PARAMETERS + I_PICTURE, later)


def test_two_pictures_in_a_packet_matter_only_where_divx_packs_them():
    assert len(read(PARAMETERS + I_PICTURE + P_PICTURE)) == 1
    with pytest.raises(FullDecodeRequired):
        read(PARAMETERS + b"DivX503b1393p" + I_PICTURE + P_PICTURE)


@pytest.mark.parametrize("packet", [PARAMETERS + VOP + b"\x50", PARAMETERS, b""], ids=["empty", "none", "no bytes"])
def test_a_packet_without_a_picture_requires_a_full_decode(packet):
    with pytest.raises(FullDecodeRequired):
        read(packet)


def test_b_pictures_are_shown_at_once_and_others_when_the_next_one_is_decoded():
    pictures = read(PARAMETERS + I_PICTURE, P_PICTURE, B_PICTURE, B_PICTURE, P_PICTURE)
    orders = [picture.order for picture in pictures]
    assert [sorted(orders).index(order) for order in orders] == [0, 3, 1, 2, 4]
