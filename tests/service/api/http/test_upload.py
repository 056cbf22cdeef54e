"""Bodies over the limit are refused before they are read to the end, however they are sent."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

CHUNK = b"\0" * 65536
LIMIT = 2_000_000


def _too_much() -> Iterator[bytes]:
    for _ in range(3 * LIMIT // len(CHUNK)):
        yield CHUNK


def _check_too_large(response: httpx.Response) -> None:
    assert response.status_code == 413
    assert response.json()["type"] == "/problems/upload-too-large"
    assert "2,000,000 bytes" in response.json()["detail"]


def test_raw_body_with_its_length_announced(client: httpx.Client) -> None:
    _check_too_large(client.post("/predict", content=b"\0" * (3 * LIMIT)))


def test_raw_body_in_chunks(client: httpx.Client) -> None:
    _check_too_large(client.post("/predict", content=_too_much()))


def test_form_with_its_length_announced(client: httpx.Client) -> None:
    _check_too_large(client.post("/predict", files={"video": b"\0" * (3 * LIMIT)}))


def test_form_in_chunks(client: httpx.Client) -> None:
    def form() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
        yield from _too_much()
        yield b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    _check_too_large(client.post("/predict", content=form(), headers=headers))


@pytest.mark.parametrize("path", ["/predict", "/timeline"])
@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
def test_a_content_encoding_is_refused(
    client: httpx.Client, videos: dict[str, bytes], path: str, encoding: str
) -> None:
    response = client.post(path, content=videos["mp4"], headers={"Content-Encoding": encoding})
    assert (response.status_code, response.json()["type"]) == (415, "/problems/unsupported-media-type")


def test_identity_is_no_encoding(client: httpx.Client, videos: dict[str, bytes]) -> None:
    assert client.post("/predict", content=videos["mp4"], headers={"Content-Encoding": "Identity"}).status_code == 200


def test_answer_comes_before_the_body_has_ended(base_url: str) -> None:
    url = httpx.URL(base_url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(LIMIT // len(CHUNK) + 1):
            connection.sendall(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_client_that_waits_for_a_go_ahead_sends_nothing(base_url: str) -> None:
    url = httpx.URL(base_url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 200000000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("option", ["--form=video=@{}", "--data-binary=@{}", "--upload-file={}"])
@pytest.mark.parametrize("header", ["Expect: 100-continue", "Expect:", "Transfer-Encoding: chunked"])
def test_curl_is_told(base_url: str, tmp_path: Path, option: str, header: str) -> None:
    large = tmp_path / "large.mp4"
    large.write_bytes(b"\0" * (8 * LIMIT))
    name, _, value = option.format(large).partition("=")
    command = ["curl", "-sS", "-X", "POST", "-H", header, name, value, f"{base_url}/predict"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert '"status":413' in done.stdout, done.stderr


def test_the_clients_file_name_is_not_used(client: httpx.Client, videos: dict[str, bytes]) -> None:
    for name in ("../../etc/passwd", "/dev/null", "x" * 3000, "\N{CLAPPER BOARD}.mp4"):
        response = client.post("/predict", files={"video": (name, videos["mp4"])})
        assert response.status_code == 200, response.text


def test_upload_that_breaks_off_harms_nobody(client: httpx.Client, base_url: str, videos: dict[str, bytes]) -> None:
    url = httpx.URL(base_url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nonly this")
    assert client.post("/predict", content=videos["mp4"]).status_code == 200
