"""Content codings: what clients send is decoded up to a limit, and answers are compressed for those that take it."""

from __future__ import annotations

import asyncio
import gzip
import random
import zlib
from collections.abc import Callable

import httpx
import numpy as np
import pytest
from fastapi import Response
from starlette.exceptions import HTTPException
from tritonclient.http import InferenceServerClient, InferInput

from service.api.http.content_coding import PIECE_BYTES, Decoder, encoded
from tests.helpers.servers.service import UPLOAD_LIMIT

DATA = random.Random(0).randbytes(100_000) + bytes(1_000_000)
ENCODE: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


def _decode(coding: str, data: bytes, chunk: int) -> bytes:
    decoder = Decoder(coding)
    pieces = [piece for start in range(0, len(data), chunk) for piece in decoder.feed(data[start : start + chunk])]
    decoder.finish()
    assert coding == "identity" or all(len(piece) <= PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("coding", ENCODE)
@pytest.mark.parametrize("chunk", [1_000, 2_000_000])
def test_a_body_is_decoded_in_pieces(coding: str, chunk: int) -> None:
    assert _decode(coding, ENCODE[coding](DATA), chunk) == DATA
    assert _decode("identity", DATA, chunk) == DATA


@pytest.mark.parametrize("coding", ENCODE)
def test_a_broken_body_is_refused(coding: str) -> None:
    whole = ENCODE[coding](DATA)
    for broken in (whole[:-1], b"", b"x", whole + b"x", whole[:50] + b"\0" * 50 + whole[100:]):
        with pytest.raises(HTTPException) as refused:
            _decode(coding, broken, 1_000)
        assert refused.value.status_code == 400


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "zstd", "compress"])
def test_other_codings_are_refused(coding: str) -> None:
    with pytest.raises(HTTPException) as refused:
        Decoder(coding)
    assert (refused.value.status_code, refused.value.headers) == (415, {"Accept-Encoding": "gzip, deflate"})


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("br, deflate, gzip", "deflate"),
        ("GZIP;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.000, deflate", "deflate"),
        ("identity", None),
        ("", None),
    ],
)
def test_an_answer_is_compressed_as_the_client_asks(accept_encoding: str, coding: str | None) -> None:
    response = asyncio.run(encoded(Response(DATA), accept_encoding))
    assert (response.headers.get("Content-Encoding"), response.headers["Vary"]) == (coding, "Accept-Encoding")
    body = bytes(response.body)
    assert response.headers["Content-Length"] == str(len(body))
    assert _decode(coding or "identity", body, len(body)) == DATA


def test_a_short_answer_is_sent_as_it_is() -> None:
    assert asyncio.run(encoded(Response(b"short"), "gzip")).body == b"short"


@pytest.mark.parametrize("coding", ENCODE)
@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client_may_compress_both_ways(base_url: str, coding: str, *, binary: bool) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (2, 8, 32, 32, 3), np.uint8)
    tensor = InferInput("clips", list(clips.shape), "UINT8").set_data_from_numpy(clips, binary_data=binary)
    with InferenceServerClient(base_url.removeprefix("http://")) as client:
        plain = client.infer("colours", [tensor])
        compressed = client.infer(
            "colours", [tensor], request_compression_algorithm=coding, response_compression_algorithm=coding
        )
    for name in ("logits", "features", "offsets", "weights", "labels"):
        np.testing.assert_array_equal(compressed.as_numpy(name), plain.as_numpy(name))


@pytest.mark.parametrize("coding", ENCODE)
def test_a_bomb_is_refused(client: httpx.Client, coding: str) -> None:
    bomb = ENCODE[coding](bytes(10 * UPLOAD_LIMIT))
    assert len(bomb) < UPLOAD_LIMIT
    response = client.post("/v2/models/colours/infer", content=bomb, headers={"Content-Encoding": coding})
    assert (response.status_code, list(response.json())) == (413, ["error"])


def test_predict_takes_no_coding(client: httpx.Client, videos: dict[str, bytes]) -> None:
    response = client.post("/predict", content=gzip.compress(videos["mp4"]), headers={"Content-Encoding": "gzip"})
    assert response.status_code == 415
