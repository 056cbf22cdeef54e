"""Hostile files: damaged videos, decompression bombs, files that refer to others, and files of other kinds."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

from tests.helpers.fuzzing.corpus import refer_outside, references
from tests.helpers.fuzzing.mutation import mutate


def damaged(corpus: list[bytes], count: int) -> Iterator[bytes]:
    """Yield `count` videos with damage at up to twelve positions; some of them can still be decoded."""
    for seed in range(count):
        rng = random.Random(seed)
        data = rng.choice(corpus)
        for _ in range(4):
            data = mutate(data, corpus, rng)
        yield data


def headless(corpus: list[bytes], count: int) -> Iterator[bytes]:
    """Yield `count` videos whose header is replaced by the signature of another kind of file and noise."""
    for seed in range(count):
        rng = random.Random(seed)
        yield rng.choice(SIGNATURES) + rng.randbytes(rng.randrange(64)) + rng.choice(corpus)[64:4096]


SIGNATURES = (
    b"\x7fELF\x02\x01\x01\0", b"MZ\x90\0", b"PK\x03\x04", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0",
    b"#!/bin/sh\n", b"<?xml version='1.0'?>", b"\x1f\x8b\x08\0", b"SQLite format 3\0", b"\xca\xfe\xba\xbe", b"BM",
)  # fmt: skip


def bombs(video: bytes) -> dict[str, bytes]:
    """Return small files that ask for much memory, time or recursion, by kind."""
    return {
        "gif": b"GIF89a\xff\xff\xff\xff\x80\0\0" + b"\0" * 6 + b"," + b"\0" * 4 + b"\xff\xff\xff\xff\0\x02\0;",
        "png": b"\x89PNG\r\n\x1a\n"
        + _png_chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 16, 6, 0, 0, 0)),
        "y4m": b"YUV4MPEG2 W65535 H65535 F25:1 C420\nFRAME\n" + b"\0" * 1000,
        "bmp": b"BM" + struct.pack("<IHHIIiiHH", 99, 0, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 32) + b"\0" * 99,
        "zip": _zip_of_zeros(),
        "gzip": gzip.compress(video),
        "gzip of zeros": gzip.compress(bytes(30_000_000)),
        "deep atoms": _nested(b"moov", 20_000),
        "deep unknown atoms": _nested(b"abcd", 20_000),
        "deep matroska": b"\x1aE\xdf\xa3\x80" + b"\x18S\x80g\x01\xff\xff\xff\xff\xff\xff\xff" * 5_000,
        "many samples": video.replace(b"stts\0\0\0\0", b"stts\0\0\0\0\xff\xff\xff\xff"),
        "huge atom": struct.pack(">I4sQ", 1, b"ftyp", 2**63 - 1) + b"isom" * 9,
        "nested playlist": b"ffconcat version 1.0\n" + b"file data:video/mp4,x\n" * 5_000,
        "id3": (b"ID3\x04\0\0\x7f\x7f\x7f\x7f") + b"\0" * 1_000,
    }


def deceitful(video: bytes, canary: str, address: str) -> dict[str, bytes]:
    """Return files that refer to the file `canary`, to /etc/passwd or to `address`, by name."""
    files = references(canary, address) | {
        f"passwd {name}": data for name, data in references("/etc/passwd", address).items()
    }
    return files | {"outside.mp4": refer_outside(video)}


def other_kinds(not_videos: dict[str, bytes]) -> dict[str, bytes]:
    """Return files that are no videos, by kind."""
    text = "\n".join(f"{number}: nothing moves here" for number in range(50)).encode()
    return {kind: data for kind, data in not_videos.items() if kind != "truncated"} | {
        "json": json.dumps({"video": [1, 2, 3] * 100}).encode(),
        "html": b"<!doctype html><video src=file:///etc/passwd></video>" * 9,
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        "csv": text.replace(b": ", b","),
        "elf": b"\x7fELF\x02\x01\x01" + bytes(500),
        "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n\n" * 20,
        "pickle": b"\x80\x04\x95cos\nsystem\n(S'true'\ntR." * 9,
        "zeros": bytes(5_000),
        "ones": b"\xff" * 5_000,
        "byte": b"\0",
    }


def variants(files: dict[str, bytes], count: int) -> Iterator[bytes]:
    """Yield each file as it is, and then with random bytes appended, `count` in all."""
    yield from files.values()
    kinds = list(files.values())
    for seed in range(count - len(kinds)):
        yield kinds[seed % len(kinds)] + random.Random(seed).randbytes(1 + seed % 40)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _zip_of_zeros() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("clip.mp4", bytes(10_000_000))
    return file.getvalue()


def _nested(kind: bytes, depth: int) -> bytes:
    """Return MP4 atoms nested `depth` levels deep."""
    return b"".join(struct.pack(">I4s", 8 * level, kind) for level in range(depth, 0, -1))
