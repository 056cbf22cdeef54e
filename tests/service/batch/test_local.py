"""Prediction on this machine: order, number of worker processes, streams, frames, and stopping early."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from service.batch import decoding, local
from service.batch.request import PredictOptions
from service.batch.results.result import Answer, Failed
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


def test_pipes_and_frames_are_predicted(settings, model, videos, tmp_path):
    pipe, frames = tmp_path / "pipe", tmp_path / "frames"
    os.mkfifo(pipe)
    frames.mkdir()
    for number in range(8):
        cv2.imwrite(str(frames / f"{number}.png"), np.full((48, 64, 3), (200, 0, 0), np.uint8))
    writer = threading.Thread(target=pipe.write_bytes, args=(videos["mp4"],))
    writer.start()
    results = list(local.predict_videos([pipe, frames], model, OPTIONS, settings))
    writer.join()
    piped, framed = [result.response for result in results if isinstance(result, Answer)]
    assert piped.predictions[0].label == framed.predictions[0].label == "Showing blue"
    assert piped.clip.size_bytes == len(videos["mp4"])
    assert framed.clip.size_bytes == sum(path.stat().st_size for path in frames.iterdir())
    assert (framed.clip.codec, framed.clip.frames) == ("png", 8)


def test_a_stream_beyond_the_limit_fails_alone(settings, model, videos, tmp_path):
    pipe, file = tmp_path / "pipe", tmp_path / "a.mp4"
    os.mkfifo(pipe)
    file.write_bytes(videos["short.mp4"])
    small = settings.model_copy(update={"max_upload_bytes": len(videos["short.mp4"])})
    writer = threading.Thread(target=pipe.write_bytes, args=(videos["short.mp4"] + b"0",))
    writer.start()
    too_large, answered = local.predict_videos([pipe, file], model, OPTIONS, small)
    writer.join()
    assert isinstance(too_large, Failed)
    assert isinstance(answered, Answer)


def test_whoever_has_enough_need_not_wait(settings, model, videos, tmp_path, children):
    names = linked(videos["mp4"], tmp_path / "clips", 200)
    others = set(threading.enumerate())
    results = local.predict_videos([Path(name) for name in names], model, OPTIONS, settings)
    next(results)
    for child in children:
        os.kill(child._process.pid or 0, signal.SIGSTOP)
    started = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 5
    assert not any(child.is_alive for child in children)
    left = set(threading.enumerate()) - others
    assert not [thread.name for thread in left if thread.name.startswith("ThreadPoolExecutor")]
