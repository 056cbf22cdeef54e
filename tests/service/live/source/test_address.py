"""Source addresses: kinds, FFmpeg's options, passwords."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.live.source.address import source_of
from service.live.source.errors import BadSource


def test_a_password_is_sent_and_never_shown() -> None:
    source = source_of("rtsp://user:sec@ret@camera:554/stream?x=1")
    assert source.location == "rtsp://user:sec@ret@camera:554/stream?x=1"
    assert source.name == "rtsp://camera:554/stream?x=1"
    assert "ret" not in repr(source)


@pytest.mark.parametrize("address", ["rtsp://camera/stream", "http://camera/mjpeg", "HTTPS://tv.example/live.m3u8"])
def test_an_address_of_the_network_reads_no_local_file(address: str) -> None:
    source = source_of(address)
    protocols = source.options["protocol_whitelist"].split(",")
    assert source.is_reopened
    assert not {"file", "pipe", "fd", "concat", "subfile", "data", "unix"} & set(protocols)


def test_a_file_opens_no_address(make_video) -> None:
    source = source_of(str(make_video()))
    assert source.options["protocol_whitelist"] == "file"
    assert not source.is_reopened


def test_standard_input_reads_nothing_else() -> None:
    assert source_of("-").options["protocol_whitelist"] == "pipe"


@pytest.mark.parametrize("address", ["ftp://host/x.mp4", "file:///etc/passwd", "concat://a", "rtmp://host/x"])
def test_other_kinds_of_addresses_are_refused(address: str) -> None:
    with pytest.raises(BadSource, match="is of no kind"):
        source_of(address)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    for missing in (str(tmp_path / "no.mp4"), "/dev/video987"):
        with pytest.raises(BadSource, match=missing):
            source_of(missing)
    with pytest.raises(BadSource, match="folder"):
        source_of(str(tmp_path))
