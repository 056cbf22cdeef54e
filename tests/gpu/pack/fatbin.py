"""Fatbins of a CUDA library: its kernels for each architecture, which can be blanked where nothing will run them.

A fatbin is a header and entries, one for each architecture; an entry is a header and a cubin, compressed by Zstandard.
Blanked bytes keep every offset of the library, load lazily like the others, and cost nothing in an archive.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import zstandard

MAGIC = struct.pack("<I", 0xBA55ED50)
ZSTANDARD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class Entry:
    """A cubin in a library: compute capability times ten (90), and where its bytes lie."""

    architecture: int
    start: int
    size: int


def entries(library: bytes | bytearray) -> Iterator[Entry]:
    """Yield the entries of all fatbins of a library, in order."""
    at = library.find(MAGIC)
    while at >= 0:
        _, _, header, size = struct.unpack_from("<IHHQ", library, at)
        at, end = at + header, at + header + size
        while at < end:
            (entry_header,) = struct.unpack_from("<I", library, at + 4)
            (entry_size,) = struct.unpack_from("<Q", library, at + 8)
            (architecture,) = struct.unpack_from("<I", library, at + 28)
            yield Entry(architecture, at + entry_header, entry_size)
            at += entry_header + entry_size
        at = library.find(MAGIC, end)


def blank(library: bytearray, architecture: int, is_needed: Callable[[bytes], bool]) -> tuple[int, int]:
    """Blank every cubin of another architecture, and those that are not needed; return bytes kept and blanked.

    Args:
        library: the whole file, which is changed.
        architecture: compute capability times ten, to keep.
        is_needed: takes a cubin, uncompressed; it holds the names of its kernels.
    """
    kept = blanked = 0
    for entry in entries(library):
        end = entry.start + entry.size
        if entry.architecture == architecture and is_needed(_uncompressed(bytes(library[entry.start : end]))):
            kept += entry.size
        else:
            library[entry.start : end] = bytes(entry.size)
            blanked += entry.size
    return kept, blanked


def _uncompressed(cubin: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(cubin) if cubin.startswith(ZSTANDARD) else cubin
