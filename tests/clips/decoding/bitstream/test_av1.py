"""AV1 packets, written by hand; those of an encoder are in test_packet_reader.py."""

import pytest

from clips.decoding.bitstream.av1 import Av1Reader
from clips.decoding.picture import FullDecodeRequired

TEMPORAL_DELIMITER = b"\x12\x00"
FRAME = b"\x32\x01\x10"
STILL_SEQUENCE = b"\x0a\x01\x10"


@pytest.mark.parametrize(
    "packet",
    [TEMPORAL_DELIMITER, FRAME, STILL_SEQUENCE + FRAME, b""],
    ids=["no frame", "no sequence header", "still picture", "no bytes"],
)
def test_an_unusual_packet_requires_a_full_decode(packet):
    with pytest.raises(FullDecodeRequired):
        Av1Reader()(memoryview(packet))
