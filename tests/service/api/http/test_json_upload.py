"""A video in JSON: decoded as it comes in, under the limits of any upload; the other fields are parameters."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import socket
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from service.api.http.json_upload import MAX_FIELDS_BYTES, read_json_video
from service.api.http.upload import BadBase64, EmptyUpload, MissingVideo, UploadError, UploadTooLarge
from service.limits.admission import Admission, ServiceTime
from service.limits.deadline import MinUploadRate
from service.limits.slots import Overloaded
from tests.helpers.http import metric, problem
from tests.helpers.servers.service import UPLOAD_LIMIT

VIDEO = random.Random(0).randbytes(1000)
TEXT = base64.b64encode(VIDEO).decode()


def read(pieces: Iterable[bytes], max_bytes: int = 10_000, held: int = 20_000, length: int | None = None) -> Any:
    """Read a body that comes in pieces; returns the video and the fields, and checks the memory that was counted."""
    admission = Admission(
        max_uploads=1,
        max_bytes_held=held,
        max_queue=1,
        max_timelines=1,
        max_per_key=1,
        service_time=ServiceTime(workers=1),
    )
    left = iter(pieces)

    async def receive() -> dict[str, Any]:
        piece = next(left, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)

    results = []

    async def reading() -> None:
        with admission.memory_budget() as memory:
            video, fields = await read_json_video(request, max_bytes, MinUploadRate(9, 9), memory)
            assert len(video) <= memory.num_bytes <= len(video) + MAX_FIELDS_BYTES
            results.append((video, fields))

    asyncio.run(reading())
    return results[0]


def pieces_of(text: str | bytes, size: int = 1) -> Iterator[bytes]:
    data = text.encode() if isinstance(text, str) else text
    return (data[begin : begin + size] for begin in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"video": TEXT, "top_k": 3, "model": "a"}),
        json.dumps({"top_k": 3, "model": "a", "video": TEXT}, indent=4),
        json.dumps({"top_k": 3, "video": f"data:video/mp4;base64,{TEXT}", "model": "a"}, separators=(",", ":")),
        f'\n{{"model":"a" , "video"  :\n\t"{TEXT}"\r\n, "top_k":3}}\n',
    ],
)
def test_the_video_and_the_other_fields(text, size):
    assert read(pieces_of(text, size)) == (VIDEO, {"top_k": 3, "model": "a"})


def test_a_text_that_looks_like_the_field_is_none():
    tricky = {"model": '"video":"AAAA"', "version": "video", 'a"video': "AAAA"}
    text = json.dumps(tricky | {"video": TEXT})
    assert '"video": "AAAA"' in text
    with pytest.raises(HTTPException, match="more than once"):
        read([text.encode()])
    del tricky['a"video']
    assert read([json.dumps(tricky | {"video": TEXT}).encode()]) == (VIDEO, tricky)


@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", HTTPException),
        ("video", HTTPException),
        ("[]", HTTPException),
        ('"video"', HTTPException),
        ('{"video": "AAAA"', HTTPException),
        ('{"video": "AAAA', HTTPException),
        ('{"video": "AAAA",}', HTTPException),
        ('{"video": "AAAA"}}', HTTPException),
        ('{"video": "AAAA", "top_k": NaN}', HTTPException),
        ('{"video": "AAAA", "video": "AAAA"}', HTTPException),
        ('["video", {"video": "AAAA"}]', HTTPException),
        ("[" * MAX_FIELDS_BYTES, HTTPException),
        ('{"a":' * 1000 + '"b"' + "}" * 1000, HTTPException),
        (b'{"video": "AAAA", "model": "\xff"}', HTTPException),
        ("{}", MissingVideo),
        ('{"clip": "AAAA"}', MissingVideo),
        ('{"video": null}', MissingVideo),
        ('{"video": 1}', MissingVideo),
        ('{"video": ["AAAA"]}', MissingVideo),
        ('{"video": {"video": "AAAA"}}', MissingVideo),
        ('{"model": {"video": "AAAA"}}', MissingVideo),
        ('{"v\\u0069deo": "AAAA"}', MissingVideo),
        ('{"video": ""}', EmptyUpload),
        ('{"video": "data:video/mp4;base64,"}', EmptyUpload),
        ('{"video": "AAA"}', BadBase64),
        ('{"video": "not base64"}', BadBase64),
        ('{"video": "AA\\""}', BadBase64),
        ('{"video": "data:video/mp4,AAAA"}', BadBase64),
        ('{"video": "http://10.0.0.1/a.mp4"}', BadBase64),
        ('{"model": "' + "x" * MAX_FIELDS_BYTES + '", "video": "AAAA"}', UploadTooLarge),
        ('{"video": "AAAA", "model": "' + "x" * MAX_FIELDS_BYTES, UploadTooLarge),
    ],
)
def test_what_is_refused(text, error, size):
    with pytest.raises(error) as refused:
        read(pieces_of(text, size))
    if isinstance(refused.value, HTTPException):
        assert refused.value.status_code == 400
    else:
        assert isinstance(refused.value, UploadError)


def test_the_limit_counts_decoded_bytes():
    text = json.dumps({"video": TEXT}).encode()
    assert len(text) > 1000
    assert read([text], max_bytes=1000, length=len(text))[0] == VIDEO
    assert read([text], max_bytes=1000, held=1020, length=len(text))[0] == VIDEO
    with pytest.raises(UploadTooLarge, match=" 999 bytes"):
        read([text], max_bytes=999)
    with pytest.raises(Overloaded):
        read([text], held=999)


def test_an_endless_text_of_line_breaks_is_ended():
    breaks = (b"\\n" * 1000 for _ in range(10**9))
    with pytest.raises(UploadTooLarge):
        read((b'{"video": "', *[next(breaks) for _ in range(1000)]), max_bytes=1000)


def test_an_announced_size_is_refused_before_anything_is_read():
    def untouched() -> Iterator[bytes]:
        raise AssertionError("nothing is read")
        yield b""

    with pytest.raises(UploadTooLarge):
        read(untouched(), max_bytes=1000, length=2 * 1000 + MAX_FIELDS_BYTES + 1)


def test_small_pieces_take_no_time_that_grows_with_the_square():
    started = time.process_time()
    with pytest.raises(UploadTooLarge):
        read(pieces_of("{" + " " * MAX_FIELDS_BYTES))
    assert time.process_time() - started < 2


def test_text_and_bytes_are_not_in_memory_together():
    megabytes = 24
    text = base64.b64encode(bytes(49_152))

    def pieces() -> Iterator[bytes]:
        yield b'{"video": "'
        for _ in range(megabytes * 1_000_000 // 49_152):
            yield bytes(bytearray(text))
        yield b'"}'

    tracemalloc.start()
    try:
        video, _ = read(pieces(), max_bytes=10**8, held=10**8)
        assert tracemalloc.get_traced_memory()[1] < 2.2 * len(video)  # the pieces, joined once, as for a raw body
    finally:
        tracemalloc.stop()


def post(client: httpx.Client, path: str = "/predict", **fields: Any) -> httpx.Response:
    return client.post(path, json=fields)


def test_predict_answers_as_for_the_raw_body(client, videos):
    raw = client.post("/predict", content=videos["mp4"], params={"top_k": 2, "explain": "true"}).json()
    text = base64.b64encode(videos["mp4"]).decode()
    for video in (text, f"data:video/mp4;base64,{text}"):
        answer = post(client, video=video, top_k=2, explain=True)
        assert answer.status_code == 200
        assert answer.json() | {"timing_ms": 0} == raw | {"timing_ms": 0}
    mixed = client.post("/predict?top_k=2", json={"video": text, "explain": True}).json()
    assert mixed | {"timing_ms": 0} == raw | {"timing_ms": 0}


def test_timeline_takes_it_too(client, videos):
    text = base64.b64encode(videos["mp4"]).decode()
    response = post(client, "/timeline", video=text, window_seconds=1, top_k="all")
    rows = [json.loads(line) for line in response.text.splitlines()]
    assert rows[0]["window_seconds"] == 1
    assert rows[-1]["kind"] == "segments"


def test_the_model_is_chosen_by_the_body_and_counted(client, base_url, videos):
    text = base64.b64encode(videos["mp4"]).decode()
    before = metric(base_url, "tin_requests_total", model="colours", version="1", outcome="ok")
    answer = post(client, video=text, model="colours", version="1")
    assert answer.json()["model"]["version"] == "1"
    assert metric(base_url, "tin_requests_total", model="colours", version="1", outcome="ok") == before + 1
    assert problem(post(client, video=text, model="none")) == (404, "unknown-model")
    assert metric(base_url, "tin_queue_depth") == 0


@pytest.mark.parametrize(
    "fields", [{"topk": 3}, {"top_k": 0}, {"top_k": "3"}, {"explain": "yes"}, {"version": 1}, {"model": ["a"]}]
)
def test_a_field_that_is_no_parameter(client, fields):
    response = post(client, video="AAAA", **fields)
    assert problem(response) == (422, "bad-parameter")
    assert f"body {next(iter(fields))}: " in response.json()["detail"]


def test_other_refusals_are_problems(client, videos):
    assert problem(post(client, video="AAAA")) == (415, "not-a-video")
    assert problem(post(client, video="clip.mp4")) == (422, "bad-base64")
    assert problem(post(client, clip="AAAA")) == (422, "missing-video")
    assert problem(client.post("/predict?top_k=2", json={"video": "AAAA", "top_k": 2})) == (400, "bad-request")
    large = base64.b64encode(bytes(UPLOAD_LIMIT + 1)).decode()
    assert problem(post(client, video=large)) == (413, "upload-too-large")
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert problem(client.post("/predict", content=b"{}", headers=headers)) == (415, "unsupported-media-type")


def test_a_body_that_comes_too_slowly(start_service, store):
    url = httpx.URL(start_service(model_store=store, upload_grace_seconds=1))
    head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-8\r\n"
    with socket.create_connection((url.host, url.port), timeout=10) as connection:
        connection.sendall(f'{head}Content-Length: 1000\r\n\r\n{{"video": "AAAA'.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")
