"""H.264 slices: the display order of pictures, written by hand and of an encoder."""

import pytest

from clips.decoding.bitstream.packet_reader import packet_reader
from clips.decoding.picture import FullDecodeRequired
from tests.helpers.videos.nal_writer import avc_configuration, h264_parameters, h264_slice

IDR, REFERENCE, NO_REFERENCE = 0x65, 0x41, 0x01


def ranks(orders):
    """The place of each picture among all."""
    return [sorted(orders).index(order) for order in orders]


def orders_of(slices, order_type=0, **fields):
    read = packet_reader("h264", avc_configuration(*h264_parameters(order_type, **fields)))
    return [read(memoryview(len(one).to_bytes(4) + one)).order for one in slices]


def pictures(*named):
    return [h264_slice(nal, 5, order) for nal, order in named]


def test_low_bits_are_completed_by_the_references_before():
    shown = [0, 6, 2, 4, 12, 8, 10, 18, 14, 16, 24, 20, 22]
    kinds = [IDR, *[REFERENCE, NO_REFERENCE, NO_REFERENCE] * 4]
    assert ranks(orders_of(pictures(*zip(kinds, shown, strict=True)))) == ranks(shown)


def test_a_picture_that_is_no_reference_does_not_carry_the_count():
    shown = [0, 7, 6, 13]
    assert ranks(orders_of(pictures((IDR, 0), (NO_REFERENCE, 7), (REFERENCE, 6), (REFERENCE, 13)))) == ranks(shown)


def test_pictures_of_a_later_sequence_are_shown_later():
    assert ranks(orders_of(pictures((IDR, 0), (REFERENCE, 8), (IDR, 0), (REFERENCE, 2)))) == [0, 1, 2, 3]


def test_negative_counts_are_shown_before_the_idr_picture():
    assert ranks(orders_of(pictures((IDR, 0), (NO_REFERENCE, -2), (NO_REFERENCE, -1), (REFERENCE, 2)))) == [2, 0, 1, 3]


def test_streams_without_reordering_are_shown_as_decoded():
    assert ranks(orders_of(pictures((IDR, 0), (NO_REFERENCE, 9), (REFERENCE, 3)), order_type=2)) == [0, 1, 2]


def test_a_rare_rule_of_order_and_fields_require_a_full_decode():
    with pytest.raises(FullDecodeRequired):
        orders_of(pictures((IDR, 0)), order_type=1)
    with pytest.raises(FullDecodeRequired):
        orders_of([h264_slice(IDR, 7, 0, field_bit="1")], has_fields=True)
    assert orders_of([h264_slice(IDR, 7, 0, field_bit="0")], has_fields=True)
