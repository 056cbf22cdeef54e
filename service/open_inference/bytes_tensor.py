"""Elements of BYTES tensors as binary data: each is its length, a little-endian uint32, and then its bytes."""

from __future__ import annotations

from collections.abc import Iterable

_LENGTH_BYTES = 4


class BrokenElement(ValueError):
    """The data is not one element of a BYTES tensor."""


def join_texts(texts: Iterable[str]) -> bytes:
    r"""Return texts, in UTF-8, as the binary data of a tensor.

    >>> join_texts(["ab"])
    b'\x02\x00\x00\x00ab'
    """
    encoded = (text.encode() for text in texts)
    return b"".join(len(each).to_bytes(_LENGTH_BYTES, "little") + each for each in encoded)


def only_element(data: memoryview) -> memoryview:
    """Return the one element of a tensor, without a copy; raises BrokenElement."""
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    element = data[_LENGTH_BYTES:]
    if len(data) < _LENGTH_BYTES or len(element) != length:
        raise BrokenElement(f"an element is its length in {_LENGTH_BYTES} bytes and then as many bytes")
    return element
