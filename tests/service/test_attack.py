"""Thousands of hostile uploads to a real server, whose sandbox kills decoders that open anything: all are refused."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.helpers.hostile import files, forms, requests
from tests.helpers.hostile.exchange import post, send_all
from tests.helpers.hostile.watch import FileWatch, listening, was_called
from tests.helpers.processes import resident_bytes
from tests.helpers.servers.service import UPLOAD_LIMIT
from tests.helpers.videos.clip_recipes import CLIPS, recipe_named
from tests.helpers.videos.make_clip import make_clip

AT_A_TIME = 4
AT_LEAST = 5_000
LARGEST_CLIP = 60_000
MAX_GROWTH = 1.25

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="confines and watches as Linux can")


@pytest.fixture
def server(start_server, store):
    """Has more places than requests come at a time, so that none is sent away for want of one."""
    return start_server(
        model_store=store,
        decoders=2,
        max_queue=4 * AT_A_TIME,
        max_upload_bytes=UPLOAD_LIMIT,
        max_pixels_per_frame=640 * 480,
        max_decode_seconds=4,
        upload_grace_seconds=1,
    )


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[FileWatch]:
    """A good video that no upload may make anybody look at."""
    path = tmp_path / "canary.ts"
    path.write_bytes(make_clip(recipe_named("x264-ts")))
    with FileWatch(path) as watch:
        yield watch


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listening() as server:
        yield server


@pytest.fixture
def uploads(not_videos, canary, listener) -> dict[str, list[bytes]]:
    """Requests by kind."""
    clips = [data for data in map(make_clip, CLIPS) if len(data) <= LARGEST_CLIP]
    deceitful = files.deceitful(clips[0], str(canary.path), "{}:{}".format(*listener.getsockname()))
    raw = requests.malformed() | requests.both_framings() | requests.useless()
    return {
        "damaged": [post(body) for body in files.damaged(clips, 3_000)],
        "headless": [post(body) for body in files.headless(clips, 600)],
        "bombs": [post(body) for body in files.variants(files.bombs(clips[0]), 300)],
        "deceitful": [post(body) for body in files.variants(deceitful, 600)],
        "other kinds": [post(body) for body in files.variants(files.other_kinds(not_videos), 600)],
        "forms": [post(body, kind) for kind, body in forms.forms().values()],
        "mangled forms": [post(body, kind) for kind, body in forms.mangled(1_500)],
        "HTTP": list(raw.values()),
    }


def test_all_are_refused_and_nothing_else_happens(server, uploads, videos, canary, listener):
    answer_good_ones(server, videos)
    decoders, memory = server.decoders(), memory_of(server)
    outcomes = {kind: send_all(server.address, sent, AT_A_TIME) for kind, sent in uploads.items()}
    total = sum(outcomes.values(), Counter())
    assert [outcome for outcome in total if outcome.startswith("unexpected")] == []
    assert total.total() - total["ok"] >= AT_LEAST, outcomes
    assert not any(outcomes[kind]["ok"] for kind in ("other kinds", "forms", "mangled forms", "HTTP")), outcomes
    assert not canary.was_touched()
    assert not was_called(listener)
    answer_good_ones(server, videos)
    assert server.decoders() == decoders, "a decoder crashed, hung, or opened something"
    assert memory_of(server) < MAX_GROWTH * memory


def answer_good_ones(server, videos: dict[str, bytes]) -> None:
    for _ in range(8):
        assert httpx.post(f"{server.address}/predict", content=videos["mp4"], timeout=20).status_code == 200


def memory_of(server) -> int:
    return sum(map(resident_bytes, (server.process.pid, *server.decoders())))


def test_what_is_opened_or_called_is_seen(server, canary, listener):
    assert len(server.decoders()) == 2
    for decoder in server.decoders():
        assert "\nSeccomp:\t2\n" in Path(f"/proc/{decoder}/status").read_text()
    assert not canary.was_touched()
    assert not was_called(listener)
    canary.path.read_bytes()
    socket.create_connection(listener.getsockname()).close()
    assert canary.was_touched()
    assert was_called(listener)
