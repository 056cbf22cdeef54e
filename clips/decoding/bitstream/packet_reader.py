"""Packet header readers by codec; a codec without a reader needs a full decode."""

from __future__ import annotations

import re
from collections.abc import Callable

from clips.decoding.bitstream.av1 import Av1Reader
from clips.decoding.bitstream.batches import BatchReader, EachPacket
from clips.decoding.bitstream.h264 import H264Syntax
from clips.decoding.bitstream.hevc import HevcSyntax
from clips.decoding.bitstream.mpeg4 import Mpeg4Batches, Mpeg4Reader
from clips.decoding.bitstream.nal_batches import NalBatches
from clips.decoding.bitstream.nal_units import NalReader
from clips.decoding.bitstream.vpx import read_vp8, read_vp9
from clips.decoding.picture import FullDecodeRequired, PacketReader, Picture

INTRA_ONLY = frozenset({"mjpeg", "prores", "dnxhd", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "v210", "dvvideo"})
"""Codecs whose every packet decodes by itself."""

READERS: dict[str, Callable[[bytes], PacketReader]] = {
    "h264": lambda extradata: NalReader(extradata, H264Syntax()),
    "hevc": lambda extradata: NalReader(extradata, HevcSyntax()),
    "mpeg4": Mpeg4Reader,
    "vp8": lambda extradata: read_vp8,
    "vp9": lambda extradata: read_vp9,
    "av1": lambda extradata: Av1Reader(),
}

X264_SIGNATURE = re.compile(rb"x264 - core (\d{1,9})")
X264_WITHOUT_FAULTS = 165
"""From this build on, x264 has no fault that FFmpeg's decoder works around."""


def packet_reader(codec: str, extradata: bytes) -> PacketReader:
    """Make the reader for one stream's packets.

        read = packet_reader("h264", b"")
        read(memoryview(packet)).is_start    # True for an IDR picture

    `codec` is FFmpeg's codec name (`OpenVideo.codec`), `extradata` the stream's configuration, or b"". Raises
    FullDecodeRequired for a codec without a reader.
    """
    if codec in INTRA_ONLY:
        return _read_intra
    if codec not in READERS:
        raise FullDecodeRequired(f"the frames of {codec} may need any earlier one")
    return READERS[codec](extradata)


def batch_reader(codec: str, extradata: bytes) -> BatchReader:
    """Make the reader of many packets at once; arguments and errors are those of `packet_reader`."""
    if codec == "mpeg4":
        return Mpeg4Batches(extradata)
    read = packet_reader(codec, extradata)
    return NalBatches(read) if isinstance(read, NalReader) and read.length_size else EachPacket(read)


def first_packet_matters(codec: str, first_packet: bytes) -> bool:
    """Return True if later packets decode differently when the decoder has not seen the first one.

    H.264 decoders work around the faults of older x264 builds, and x264 signs the first packet only.
    """
    signature = X264_SIGNATURE.search(first_packet) if codec == "h264" else None
    return signature is not None and int(signature[1]) < X264_WITHOUT_FAULTS


def _read_intra(data: memoryview) -> Picture:
    return Picture(is_start=True)
