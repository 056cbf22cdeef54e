"""Connections whose bytes are no request, or never become one."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest

from service.api.middleware.response_headers import HEADERS

HEAD_SECONDS = 2.0
HALF_A_HEAD = b"GET /health/live HTTP/1.1\r\nHost: tin\r\nX-Half"
WHOLE = b"GET /health/live HTTP/1.1\r\nHost: tin\r\n\r\n"
OVER_THE_LIMIT = b"POST /predict HTTP/1.1\r\nHost: tin\r\nContent-Length: 999999999\r\n\r\n"


@pytest.fixture(scope="module")
def address(store, start_service):
    return start_service(model_store=store, head_seconds=HEAD_SECONDS, upload_grace_seconds=60)


@pytest.fixture
def connect(address) -> Callable[[bytes], socket.socket]:
    url = httpx.URL(address)

    def connect(sent: bytes) -> socket.socket:
        connection = socket.create_connection((url.host, url.port), timeout=10)
        connection.sendall(sent)
        return connection

    return connect


def read_all(connection: socket.socket) -> bytes:
    """Up to where the server closes."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


def check_problem(answer: bytes, status: int, slug: str) -> None:
    head, body = answer.split(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = httpx.Headers(dict(line.split(": ", 1) for line in lines))
    assert first.startswith(f"HTTP/1.1 {status}")
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    problem = json.loads(body)
    assert (problem["status"], problem["type"]) == (status, f"/problems/{slug}")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 no HTTP at all\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: tin\r\nX(y): z\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: tin\r\nContent-Length: +1\r\n\r\nx",
        b"POST /predict HTTP/1.1\r\nHost: tin\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n",
    ],
)
def test_what_is_no_http_is_a_problem_like_others(connect, sent):
    check_problem(read_all(connect(sent)), 400, "bad-request")


def test_a_bad_chunk_behind_a_head_that_takes_no_body(connect):
    sent = b"HEAD /predict HTTP/1.1\r\nHost: tin\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"
    answer = read_all(connect(sent))
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.endswith(b"\r\n\r\n")


def test_a_bad_chunk_in_an_upload_that_is_under_way(connect):
    connection = connect(b"POST /predict HTTP/1.1\r\nHost: tin\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    time.sleep(0.2)
    connection.sendall(b"no size\r\n")
    check_problem(read_all(connection), 400, "bad-request")


def test_heads_that_never_end_are_closed_and_take_nothing_from_others(address, connect, videos):
    connections = [connect(HALF_A_HEAD) for _ in range(300)]
    for _ in range(5):
        assert httpx.post(f"{address}/predict", content=videos["mp4"], timeout=20).status_code == 200
    started = time.monotonic()
    for connection in connections:
        check_problem(read_all(connection), 408, "slow-upload")
    assert time.monotonic() - started < HEAD_SECONDS + 2


def test_a_head_that_trickles_in_is_not_waited_for_longer(connect):
    started, connection = time.monotonic(), connect(b"GET / HTTP/1.1\r\n")
    while time.monotonic() - started < HEAD_SECONDS - 0.5:
        connection.sendall(b"X: y\r\n")
        time.sleep(0.1)
    check_problem(read_all(connection), 408, "slow-upload")


def test_a_client_that_says_nothing_is_told_nothing(connect):
    assert read_all(connect(b"")) == b""


def test_a_second_head_must_come_in_time_as_well(connect):
    connection = connect(WHOLE)
    first = b""
    while not first.endswith(b'{"status":"live"}'):
        first += connection.recv(65536)
    connection.sendall(HALF_A_HEAD)
    check_problem(read_all(connection), 408, "slow-upload")


def test_a_body_of_a_request_that_was_refused_is_not_read_for_ever(connect):
    started, connection = time.monotonic(), connect(OVER_THE_LIMIT)
    assert connection.recv(65536).startswith(b"HTTP/1.1 413")
    with connection, suppress(BrokenPipeError, ConnectionResetError):
        while time.monotonic() - started < HEAD_SECONDS + 5:
            connection.sendall(b"x")
            time.sleep(0.1)
    assert HEAD_SECONDS <= time.monotonic() - started < HEAD_SECONDS + 2


def test_a_long_upload_has_time_of_its_own(connect, videos):
    video = videos["mp4"]
    connection = connect(b"POST /predict HTTP/1.1\r\nHost: tin\r\nContent-Length: %d\r\n\r\n" % len(video))
    time.sleep(HEAD_SECONDS + 0.5)
    connection.sendall(video)
    with connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_length_and_chunks_are_not_taken_together(connect):
    both = b"POST /predict HTTP/1.1\r\nHost: tin\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    answer = read_all(connect(both + WHOLE))
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 400")
