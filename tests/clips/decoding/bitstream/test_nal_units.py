"""NAL units, written by hand: which packets require a full decode."""

import pytest

from clips.decoding.bitstream.packet_reader import packet_reader
from clips.decoding.picture import FullDecodeRequired, Picture
from tests.helpers.videos.nal_writer import avc_configuration, h264_parameters, h264_slice

IDR = h264_slice(nal=0x65, kind=7, order=0)
SPS, PPS = h264_parameters(order_type=0)
AVC_CONFIGURATION = avc_configuration(SPS, PPS)
ANNEX_B = b"\0\0\1" + SPS + b"\0\0\1" + PPS


@pytest.mark.parametrize("extradata", [ANNEX_B, AVC_CONFIGURATION], ids=["start codes", "lengths"])
def test_a_unit_begins_at_a_start_code_or_after_its_length(extradata):
    packet = (len(IDR).to_bytes(4) if extradata == AVC_CONFIGURATION else b"\0\0\1") + IDR
    picture = packet_reader("h264", extradata)(memoryview(packet))
    assert picture == Picture(is_start=True, is_reference=True, order=picture.order)
    assert picture.order is not None


@pytest.mark.parametrize(
    ("codec", "extradata", "packet"),
    [
        pytest.param("h264", b"", b"\0\0\1\x02\x80\x00", id="data partition"),
        pytest.param("h264", b"", b"\0\0\1\x74\x80\x00", id="layers or views"),
        pytest.param("h264", b"", b"\0\0\1" + IDR + b"\0\0\1" + IDR, id="two pictures"),
        pytest.param("h264", b"", b"no start code", id="no picture"),
        pytest.param("h264", b"", b"\0\0\1" + IDR, id="no parameters"),
        pytest.param("h264", AVC_CONFIGURATION, bytes([0, 0, 0, len(IDR) + 1]) + IDR, id="cut short"),
        pytest.param("h264", AVC_CONFIGURATION, bytes([0, 0, 0, len(IDR)]) + IDR + bytes(4), id="padded"),
        pytest.param("hevc", b"", b"\0\0\1\x26\x09\x80\x00", id="layers"),
        pytest.param("hevc", b"", b"\0\0\1\x20\x01\x80\x00", id="splice"),
    ],
)
def test_an_unusual_packet_requires_a_full_decode(codec, extradata, packet):
    with pytest.raises(FullDecodeRequired):
        packet_reader(codec, extradata)(memoryview(packet))


def test_parameters_that_change_require_a_full_decode():
    read = packet_reader("h264", b"")
    parameters = ANNEX_B
    read(memoryview(parameters + b"\0\0\1" + IDR))
    read(memoryview(parameters + b"\0\0\1" + IDR))
    with pytest.raises(FullDecodeRequired):
        read(memoryview(parameters + b"\x01\0\0\1" + IDR))
