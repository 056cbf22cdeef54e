"""Hostile inference requests under /v2: compressed bombs, broken streams, and tensors that lie about their sizes."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Iterator

from tests.helpers.fuzzing.mutation import mutate
from tests.helpers.servers.service import UPLOAD_LIMIT

NO_VIDEO = b"this is no video"
BOMB = bytes(20 * UPLOAD_LIMIT)


def infer(body: bytes, *lines: str) -> bytes:
    """Return POST /v2/models/colours/infer with this body and more headers."""
    head = ["POST /v2/models/colours/infer HTTP/1.1", "Host: tin", f"Content-Length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def requests() -> Iterator[bytes]:
    """Yield each request once."""
    yield infer(gzip.compress(BOMB), "Content-Encoding: gzip")
    yield infer(gzip.compress(gzip.compress(BOMB)), "Content-Encoding: gzip")
    yield infer(zlib.compress(BOMB), "Content-Encoding: deflate")
    yield infer(gzip.compress(b"{}" * 9) * 9_000, "Content-Encoding: gzip")
    yield infer(gzip.compress(_request())[:-9], "Content-Encoding: gzip")
    yield infer(b"", "Content-Encoding: gzip")
    yield infer(_request(), "Content-Encoding: gzip")
    yield infer(_request(), "Content-Encoding: gzip, deflate, br")
    for length in ("-1", "1e3", "9" * 400, "2", ""):
        yield infer(_request(), f"Inference-Header-Content-Length: {length}")
    for shape in ([2**31 - 1] * 8, [1, 8, 32, 32, 3] * 2, [0, 8, 32, 32, 3], [1.5], ["1"], None, [16, 8, 32, 32, 3]):
        yield infer(
            json.dumps({"inputs": [{"name": "clips", "datatype": "UINT8", "shape": shape, "data": []}]}).encode()
        )
    for element in (
        b"\xff\xff\xff\xff",
        b"\0\0\0\x80x",
        b"\0\0\0\0",
        b"",
        len(NO_VIDEO).to_bytes(4, "little") + NO_VIDEO,
    ):
        yield _binary(element)


def mangled(count: int) -> Iterator[bytes]:
    """Yield `count` requests, a half of them compressed, whose bytes were damaged."""
    whole, packed = _request(), gzip.compress(_request())
    for seed in range(count):
        rng = random.Random(seed)
        if rng.random() < 0.5:
            yield infer(mutate(packed, [whole], rng), "Content-Encoding: gzip")
        else:
            yield infer(mutate(whole, [packed], rng))


def _request() -> bytes:
    tensor = {"name": "video", "datatype": "BYTES", "shape": [1], "data": ["dGhpcyBpcyBubyB2aWRlbw=="]}
    outputs = [{"name": "logits", "parameters": {"classification": 3}}, {"name": "labels"}]
    return json.dumps({"inputs": [tensor], "outputs": outputs}).encode()


def _binary(element: bytes) -> bytes:
    parameters = {"binary_data_size": len(element)}
    tensor = {"name": "video", "datatype": "BYTES", "shape": [1], "parameters": parameters}
    text = json.dumps({"inputs": [tensor]}).encode()
    return infer(text + element, f"Inference-Header-Content-Length: {len(text)}")
