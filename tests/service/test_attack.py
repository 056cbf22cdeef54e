"""Thousands of hostile uploads to a real server, whose decoders end when they open anything: it refuses them, and goes on."""

from __future__ import annotations

import os
import random
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.clips.made import CLIPS, make
from tests.service.hostile import files, forms, requests
from tests.service.hostile.exchange import ask_all, post
from tests.service.hostile.watch import Watch, listening, was_called

CONFINED = Path(__file__).parent / "hostile" / "confined"
CONNECTIONS = 4
AT_LEAST = 5_000
MAX_GROWTH = 1.25
LARGEST_CLIP = 60_000

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="confines and watches as Linux can")


@pytest.fixture(scope="module")
def corpus() -> list[bytes]:
    """Videos of every kind that is small."""
    return [data for data in map(make, CLIPS) if len(data) <= LARGEST_CLIP]


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "canary.ts"
    path.write_bytes(make(next(made for made in CLIPS if made.name == "x264-ts")))
    yield path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listening() as server:
        yield server


@pytest.fixture
def server(start_server, store, videos, tmp_path, monkeypatch):
    """More places than the attack has connections, so that no request is sent away for want of one."""
    good = tmp_path / "good.mp4"
    good.write_bytes(videos["mp4"])
    monkeypatch.setenv("TIN_TEST_GOOD_VIDEO", str(good))
    monkeypatch.setenv("PYTHONPATH", str(CONFINED))
    return start_server(
        model_store=store,
        decoders=2,
        max_queue=4 * CONNECTIONS,
        max_upload_bytes=2_000_000,
        max_pixels_per_frame=640 * 480,
        max_decode_seconds=4,
        upload_grace_seconds=1,
    )


def resident_bytes(server) -> int:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in (server.process.pid, *server.decoders()))
    return pages * os.sysconf("SC_PAGE_SIZE")


def hostile_uploads(corpus, not_videos, canary, address) -> dict[str, list[bytes]]:
    """Requests by kind; only damaged videos and bombs may be videos after all."""
    video = corpus[0]
    raw = {**requests.malformed(), **requests.both_framings(), **requests.wellformed()}
    return {
        "damaged": [post(body) for body in files.damaged(corpus, 3_000)],
        "headless": [post(body) for body in files.headless(corpus, 600)],
        "bombs": [post(body) for body in files.variants(files.bombs(video), 300)],
        "deceitful": [post(body) for body in files.variants(files.deceitful(video, canary, address), 600)],
        "other kinds": [post(body) for body in files.variants(files.other_kinds(not_videos), 600)],
        "forms": [post(body, kind) for kind, body in forms.forms().values()],
        "mangled forms": [post(body, kind) for kind, body in forms.mangled(1_500)],
        "HTTP": list(raw.values()) * 3,
    }


def test_thousands_of_hostile_uploads_are_refused_and_nothing_is_touched(
    server, corpus, not_videos, videos, canary, listener
):
    address = "127.0.0.1:%d" % listener.getsockname()[1]
    uploads = hostile_uploads(corpus, not_videos, str(canary), address)
    warm(server, videos)
    decoders, memory, watch = server.decoders(), resident_bytes(server), Watch(canary)
    outcomes = {kind: ask_all(server.address, of_kind, CONNECTIONS) for kind, of_kind in uploads.items()}
    print(outcomes)
    unexpected = [outcome for counts in outcomes.values() for outcome in counts if outcome.startswith("unexpected")]
    assert not unexpected
    assert server.decoders() == decoders
    assert not watch.was_touched()
    watch.close()
    assert not was_called(listener)
    print(memory>>20, resident_bytes(server)>>20)
    warm(server, videos)


def warm(server, videos):
    answers = [httpx.post(f"{server.address}/predict", content=videos["mp4"]) for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200}
