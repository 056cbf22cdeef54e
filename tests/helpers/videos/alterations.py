"""Changes to finished video files: packed, hidden, signed, turned and damaged pictures."""

import io
import re
import struct
from collections.abc import Collection
from fractions import Fraction
from typing import Any

import av

VOP, B_VOP = b"\0\0\1\xb6", 2
EMPTY_VOP = VOP + b"\x53\x00"
DIVX = b"\0\0\1\xb2DivX503b1393p"

NUM_NAL_HEADER_BYTES = 5
"""Bytes before a NAL unit's data in an MP4: four of its length, one of its type."""

NUM_BYTES_TO_MATRIX = 44
"""Bytes from a track header's name to its display matrix."""


def pack_b_pictures(data: bytes) -> bytes:
    """Pack an AVI's B pictures as DivX does: each into the packet before, with an empty picture in its place."""
    return _remux(data, "avi", lambda packets: enumerate(_packed([bytes(packet) for packet in packets])))


def hide_pictures(data: bytes) -> bytes:
    """Add VP8 alternative references: packets that change what later ones refer to and show nothing."""
    return _remux(data, "webm", _with_hidden)


def sign_as_old_x264(data: bytes) -> bytes:
    """Change x264's signature to build 148, whose faults in 4:4:4 pictures decoders then reproduce."""
    return re.sub(rb"x264 - core \d{3}", b"x264 - core 148", data)


def set_display_matrix(mp4: bytes, linear: tuple[float, float, float, float]) -> bytes:
    """Give an MP4's first track the display matrix with these numbers: x' = a x + c y, y' = b x + d y."""
    a, b, c, d = (round(number * (1 << 16)) for number in linear)
    at = mp4.index(b"tkhd") + NUM_BYTES_TO_MATRIX
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    return mp4[:at] + matrix + mp4[at + len(matrix) :]


def mark_as_encrypted(mkv: bytes) -> bytes:
    """Announce encryption in a Matroska track named with 18 letters "x"; its name makes room."""
    key = b"\x50\x35\x88" + b"\x47\xe1\x81\x05" + b"\x47\xe2\x81k"  # AES, by the key "k"
    encodings = b"\x62\x40\x8f" + b"\x50\x33\x81\x01" + key  # encryption, not compression
    name, announcement = b"\x53\x6e\x92" + b"x" * 18, b"\x6d\x80\x92" + encodings
    assert len(name) == len(announcement)
    return mkv.replace(name, announcement)


def rename_programme(transport_stream: bytes, name: bytes) -> bytes:
    """Change the name of an MPEG-TS programme, which FFmpeg writes as `Service01` into its first packet."""
    assert len(name) == len(b"Service01")
    start = 5 + transport_stream[4]
    size = 3 + (int.from_bytes(transport_stream[start + 1 : start + 3], "big") & 0xFFF)
    section = transport_stream[start : start + size - 4].replace(b"Service01", name)
    return transport_stream[:start] + section + _crc32_of(section) + transport_stream[start + size :]


def _crc32_of(section: bytes) -> bytes:
    """Return the checksum of a section of MPEG-TS."""
    remainder = 0xFFFFFFFF
    for byte in section:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = remainder << 1 ^ (0x104C11DB7 if remainder >> 31 else 0)
    return remainder.to_bytes(4, "big")


def overwrite_packets(data: bytes, packets: slice, kept: float) -> bytes:
    """Overwrite all but a fraction of each of these packets of an MP4: damage that only decoding can notice."""
    damaged = bytearray(data)
    with av.open(io.BytesIO(data), "r") as container:
        chosen = [packet for packet in container.demux(video=0) if packet.size][packets]
    for packet in chosen:
        assert packet.pos is not None
        num_kept = max(NUM_NAL_HEADER_BYTES, int(kept * packet.size))
        damaged[packet.pos + num_kept : packet.pos + packet.size] = bytes([255]) * (packet.size - num_kept)
    return bytes(damaged)


def pad_packets(data: bytes, chosen: Collection[int]) -> bytes:
    """Add four zeros to these packets of an MP4, by their number in decode order: no decoder shows their pictures."""
    target = io.BytesIO()
    with av.open(io.BytesIO(data), "r") as source, av.open(target, "w", format="mp4") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate([packet for packet in source.demux(video=0) if packet.size]):
            padded = av.Packet(bytes(packet) + bytes(4 * (number in chosen)))
            padded.stream, padded.pts, padded.dts = stream, packet.pts, packet.dts
            padded.time_base, padded.is_keyframe = packet.time_base, packet.is_keyframe
            container.mux(padded)
    return target.getvalue()


def _remux(data: bytes, container_format: str, change: Any) -> bytes:
    target = io.BytesIO()
    with av.open(io.BytesIO(data), "r") as source, av.open(target, "w", format=container_format) as container:
        video = source.streams.video[0]
        stream = container.add_stream_from_template(video)
        for time, body in change([packet for packet in source.demux(video) if packet.size]):
            packet = av.Packet(body)
            packet.stream, packet.pts, packet.dts = stream, time, time
            packet.time_base = Fraction(1, 25 if container_format == "avi" else 1000)
            container.mux(packet)
    return target.getvalue()


def _with_hidden(packets):
    for packet in packets:
        body = bytes(packet)
        if packet.pts % 160 == 80 and body[0] & 1:
            yield packet.pts - 1, bytes([body[0] & ~0x10]) + body[1:]
        yield packet.pts, body


def _packed(bodies):
    for index, body in enumerate(bodies):
        follower = bodies[index + 1] if index + 1 < len(bodies) else b""
        if _coding_type(body) == B_VOP:
            yield EMPTY_VOP
        else:
            at = body.index(VOP)
            yield body[:at] + DIVX + body[at:] + (follower if follower and _coding_type(follower) == B_VOP else b"")


def _coding_type(body):
    return body[body.index(VOP) + 4] >> 6
