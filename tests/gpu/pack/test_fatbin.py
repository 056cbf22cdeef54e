"""Fatbins: found in a library, and blanked in place, on fatbins made here."""

import struct

import pytest
import zstandard

from tests.gpu.pack.__main__ import UNNEEDED, pinned
from tests.gpu.pack.fatbin import blank, entries


def entry(architecture, cubin):
    header = struct.pack("<HHIQ", 2, 0x101, 64, len(cubin)).ljust(28, b"\0") + struct.pack("<I", architecture)
    return header.ljust(64, b"\0") + cubin


def fatbin(*made):
    body = b"".join(made)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


COMPRESSED = zstandard.compress(b"\x7fELF .text._Z7convolve")
LIBRARY = b"".join(
    [
        b"code",
        fatbin(entry(80, b"\x7fELF old"), entry(90, COMPRESSED)),
        b"more code",
        fatbin(entry(90, b"\x7fELF .text._Z15flash_attention"), entry(120, b"\x7fELF new")),
        b"end",
    ]
)


def test_every_entry_is_found():
    found = [(each.architecture, LIBRARY[each.start : each.start + each.size]) for each in entries(LIBRARY)]
    assert [architecture for architecture, _ in found] == [80, 90, 90, 120]
    assert found[1][1] == COMPRESSED


def test_what_is_not_needed_is_blanked_in_place():
    library = bytearray(LIBRARY)
    kept, blanked = blank(library, 90, lambda cubin: not UNNEEDED.search(cubin))
    assert kept == len(COMPRESSED)
    assert blanked == len(b"\x7fELF old" + b"\x7fELF .text._Z15flash_attention" + b"\x7fELF new")
    assert len(library) == len(LIBRARY)
    assert COMPRESSED in library
    assert library.startswith(b"code")
    assert library.endswith(b"end")
    for gone in (b"ELF old", b"flash_attention", b"ELF new"):
        assert gone not in library


def test_packages_come_in_pinned_versions():
    assert pinned("pydantic-core").startswith("pydantic-core==2.")
    with pytest.raises(LookupError, match="no-such-package"):
        pinned("no-such-package")
