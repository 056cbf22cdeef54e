"""Timelines without a server: rows, windowing, and decoding in a worker process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clips.decoding.errors import NotAVideo
from clips.decoding.limits import DecodeLimits
from clips.window_preprocess import preprocess_windows
from clips.windows import Windowing
from service.api.schemas.timeline import ClipRow, SegmentsRow, WindowRow
from service.batch.timelines.rows import decode_in_worker, timeline_rows
from service.config.settings import Settings
from service.decoding.job import DecodeJob
from service.inference.timeline_plan import TimelinePlan
from service.models.open_model import open_model
from service.models.versions import LoadedModel

WINDOWING = Windowing(0.5, 0.25, 100)
PLAN = TimelinePlan(WINDOWING, 0.0)
MEMORY = 1 << 30


@pytest.fixture
def model(store: Path) -> Iterator[LoadedModel]:
    loaded = open_model(Settings(model_store=store))
    yield loaded
    loaded.backend.close()


def test_rows_are_the_video_its_windows_and_segments(model: LoadedModel, videos: dict[str, bytes]) -> None:
    parts = preprocess_windows(videos["mp4"], model.spec, DecodeLimits(), WINDOWING)
    clip, *windows, segments = timeline_rows(parts, model, PLAN, top_k=2, size_bytes=len(videos["mp4"]))
    assert isinstance(clip, ClipRow)
    assert isinstance(segments, SegmentsRow)
    assert (clip.clip.frames, clip.clip.size_bytes, clip.num_windows) == (40, len(videos["mp4"]), len(windows))
    assert all(isinstance(window, WindowRow) and len(window.predictions) == 2 for window in windows)
    assert [(segment.label, segment.start_seconds, segment.end_seconds) for segment in segments.segments] == [
        ("Showing blue", 0.0, 1.6)
    ]
    assert segments.timing_ms.total >= segments.timing_ms.infer > 0


def test_what_is_below_the_threshold_names_nothing(model: LoadedModel, videos: dict[str, bytes]) -> None:
    parts = preprocess_windows(videos["mp4"], model.spec, DecodeLimits(), WINDOWING)
    clip, *windows, last = timeline_rows(parts, model, TimelinePlan(WINDOWING, 1.0), top_k=1, size_bytes=0)
    assert isinstance(clip, ClipRow)
    assert isinstance(last, SegmentsRow)
    assert clip.min_probability == 1.0
    assert [(segment.label, segment.index, segment.num_windows) for segment in last.segments] == [
        (None, None, len(windows))
    ]
    (written,) = last.model_dump(exclude_none=True)["segments"]
    assert written.items() >= {"label": None, "index": None}.items()
    assert "likely" not in written


def test_a_worker_gives_the_same_rows(model: LoadedModel, videos: dict[str, bytes], tmp_path: Path) -> None:
    file = tmp_path / "long.mp4"
    file.write_bytes(videos["mp4"])
    job = DecodeJob(file, model.spec, DecodeLimits())
    in_worker = timeline_rows(decode_in_worker(job, WINDOWING, MEMORY), model, PLAN, top_k=2, size_bytes=0)
    parts = preprocess_windows(file, model.spec, DecodeLimits(), WINDOWING)
    here = timeline_rows(parts, model, PLAN, top_k=2, size_bytes=0)
    assert list(in_worker)[:-1] == list(here)[:-1]


def test_what_cannot_be_decoded_is_an_error(model: LoadedModel, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_bytes(b"text " * 50)
    with pytest.raises(NotAVideo):
        list(decode_in_worker(DecodeJob(tmp_path / "text.mp4", model.spec, DecodeLimits()), WINDOWING, MEMORY))
    with pytest.raises(FileNotFoundError):
        list(decode_in_worker(DecodeJob(tmp_path / "nowhere.mp4", model.spec, DecodeLimits()), WINDOWING, MEMORY))
