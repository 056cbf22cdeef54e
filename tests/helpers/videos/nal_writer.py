"""NAL units of H.264 written by hand: parameter sets and the beginnings of slices."""

from __future__ import annotations

FRAME_NUM_BITS = ORDER_BITS = 4
"""Bits of `frame_num` and of the order count in a slice: the least that H.264 allows."""


def golomb(number: int) -> str:
    """Return an unsigned Exp-Golomb code, as a string of bits."""
    code = f"{number + 1:b}"
    return "0" * (len(code) - 1) + code


def fixed(number: int, count: int) -> str:
    """Return the lowest `count` bits of a number, as a string."""
    return f"{number % (1 << count):0{count}b}"


def unit(header: int, bits: str) -> bytes:
    """Return a NAL unit: its header, the bits, the stop bit."""
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    return bytes([header, *(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))])


def h264_parameters(order_type: int, *, has_fields: bool = False) -> tuple[bytes, bytes]:
    """Return a sequence and a picture parameter set of the Baseline profile, both numbered 0."""
    order = golomb(0) if order_type == 0 else ""
    sequence = golomb(0) + golomb(0) + golomb(order_type) + order + golomb(4) + "0" + golomb(4) + golomb(3)
    sequence += "0" if has_fields else "1"
    return unit(0x67, fixed(66, 8) + fixed(0, 8) + fixed(30, 8) + sequence + "1"), unit(0x68, golomb(0) + golomb(0))


def h264_slice(nal: int, kind: int, order: int, *, field_bit: str = "") -> bytes:
    """Return the beginning of a picture's first slice: `nal` is its header, `order` its order count."""
    idr = golomb(0) if nal & 31 == 5 else ""
    bits = golomb(0) + golomb(kind) + golomb(0) + fixed(0, FRAME_NUM_BITS) + field_bit + idr + fixed(order, ORDER_BITS)
    return unit(nal, bits + "0" * 64)


def avc_configuration(sequence: bytes, picture: bytes) -> bytes:
    """Return an avcC record, which says that units have lengths of four bytes."""
    sets = b"\xe1" + len(sequence).to_bytes(2) + sequence + b"\1" + len(picture).to_bytes(2) + picture
    return b"\1\x42\0\x1e\xff" + sets
