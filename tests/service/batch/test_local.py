"""Many videos on this machine, some at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from service.batch import decoding, local
from service.batch.request import PredictOptions
from service.batch.results import Answer, Failed
from tests.helpers.fakes.noted_decoders import note_decoders
from tests.helpers.videos.linked import linked

OPTIONS = PredictOptions("colours", "2", 3)


@pytest.fixture
def children(monkeypatch):
    return note_decoders(monkeypatch, decoding)


def test_results_come_in_the_order_of_the_videos(settings, model, videos, not_videos, tmp_path, children):
    names = linked(videos["mp4"], tmp_path / "clips", 20)
    text = tmp_path / "text.mp4"
    text.write_bytes(not_videos["text"])
    asked = [*names[:10], str(text), *names[10:]]
    results = list(local.predict_videos([Path(name) for name in asked], model, OPTIONS, settings))
    assert [result.file for result in results] == asked
    assert [result.file for result in results if isinstance(result, Failed)] == [str(text)]
    assert 1 <= len(children) <= 3
    assert not any(child.is_alive for child in children)


def test_one_video_needs_one_child(settings, model, videos, tmp_path, children):
    names = linked(videos["mp4"], tmp_path / "clips", 1)
    (result,) = local.predict_videos([Path(names[0])], model, OPTIONS, settings)
    assert isinstance(result, Answer)
    assert len(children) == 1


def test_no_videos_are_no_results(settings, model):
    assert list(local.predict_videos([], model, OPTIONS, settings)) == []


def test_whoever_has_enough_need_not_wait(settings, model, videos, tmp_path, children):
    names = linked(videos["mp4"], tmp_path / "clips", 200)
    results = local.predict_videos([Path(name) for name in names], model, OPTIONS, settings)
    next(results)
    for child in children:
        os.kill(child._process.pid or 0, signal.SIGSTOP)
    started = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 5
    assert not any(child.is_alive for child in children)
    assert not any(thread.name.startswith("ThreadPoolExecutor") for thread in threading.enumerate())
