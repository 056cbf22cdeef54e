"""POST /timeline, over HTTP, against a real process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest

from service.store.manifest import TimelineDefaults
from tests.helpers.http import metric
from tests.helpers.stores import publish
from tests.helpers.videos.alterations import overwrite_packets
from tests.helpers.videos.clip_recipes import ClipRecipe, x264
from tests.helpers.videos.make_clip import make_clip
from tests.helpers.waiting import until

Row = dict[str, Any]

SCENES = {"Showing red": (0.0, 4.6), "Showing green": (4.6, 8.6), "Showing blue": (8.6, 12.6)}
"""Each from and to, in seconds: six frames or more of eight are of one scene, whichever second a window starts at."""
SECONDS = 12.6
MANY = {"window_seconds": 0.5, "step_seconds": 0.1, "top_k": 1}
DEADLINE = 5.0

COLOUR_OF = {"Showing red": (230, 10, 10), "Showing green": (10, 230, 10), "Showing blue": (10, 10, 230)}


def _scenes(recipe: ClipRecipe) -> Iterator[av.VideoFrame]:
    for index in range(recipe.frames):
        scene = next(scene for scene, (start, end) in SCENES.items() if start <= index / 25 % SECONDS < end)
        picture = np.full((recipe.height, recipe.width, 3), COLOUR_OF[scene], np.uint8)
        yield av.VideoFrame.from_ndarray(picture, format="rgb24")


@pytest.fixture(scope="module")
def scenes() -> bytes:
    """Red, then green, then blue; with B-frames."""
    return make_clip(x264("scenes", frames=round(SECONDS * 25)), _scenes)


@pytest.fixture(scope="module")
def long_video() -> bytes:
    """A minute of it, again and again."""
    return make_clip(x264("long", frames=60 * 25, gop=250), _scenes)


@pytest.fixture
def server(start_server: Callable[..., Any], store: Path) -> Any:
    """Two decoders, so that there is one timeline at a time."""
    return start_server(model_store=store, decoders=2)


def _rows(response: httpx.Response) -> Iterator[Row]:
    return (json.loads(line) for line in response.iter_lines())


def _post(client: httpx.Client, video: bytes, **params: Any) -> list[Row]:
    response = client.post("/timeline", files={"video": ("long.mp4", video)}, params=params)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


def test_scenes_become_segments(client: httpx.Client, scenes: bytes) -> None:
    clip, *windows, last = _post(client, scenes)
    assert (clip["kind"], last["kind"]) == ("clip", "segments")
    assert {window["kind"] for window in windows} == {"window"}
    facts = {"codec": "h264", "size_bytes": len(scenes), "width": 80, "height": 64, "frames": 315}
    assert facts.items() <= clip["clip"].items()
    assert clip["clip"]["duration_seconds"] == pytest.approx(SECONDS, abs=1e-3)
    assert (clip["num_windows"], clip["window_seconds"], clip["step_seconds"]) == (len(windows), 2, 1)
    assert clip["model"]["name"] == "colours"

    spans = [(window["start_seconds"], window["end_seconds"]) for window in windows]
    assert spans == [*((float(start), start + 2.0) for start in range(11)), (10.6, 12.6)]
    assert all(len(window["predictions"]) == 5 for window in windows)

    segments = last["segments"]
    assert [segment["label"] for segment in segments] == list(SCENES)
    assert [(segment["start_seconds"], segment["end_seconds"]) for segment in segments] == [
        (0, 4.5),
        (4.5, 8.5),
        (8.5, 12.6),
    ]
    assert [segment["num_windows"] for segment in segments] == [4, 4, 4]
    by_label: dict[str, list[float]] = {label: [] for label in SCENES}
    for window in windows:
        by_label[window["predictions"][0]["label"]].append(window["predictions"][0]["probability"])
    for segment in segments:
        assert segment["probability"] == pytest.approx(np.mean(by_label[segment["label"]]))
    timing = last["timing_ms"]
    assert list(timing) == ["upload", "decode", "transform", "infer", "total"]
    assert all(spent > 0 for spent in timing.values())


@pytest.mark.parametrize("kind", ["mp4", "avi", "short.mp4"])
def test_a_clip_of_one_window_is_predicted_as_by_predict(
    client: httpx.Client, videos: dict[str, bytes], kind: str
) -> None:
    clip, window, last = _post(client, videos[kind])
    alone = client.post("/predict", content=videos[kind]).json()
    assert window["predictions"] == alone["predictions"]
    assert clip["model"] == alone["model"]
    assert clip["clip"].items() <= alone["clip"].items()
    assert (window["start_seconds"], window["end_seconds"]) == (0, clip["clip"]["duration_seconds"])
    assert last["segments"][0]["num_windows"] == 1


def test_every_class_of_each_window(client: httpx.Client, videos: dict[str, bytes]) -> None:
    _, *windows, _ = _post(client, videos["mp4"], top_k="all", window_seconds=0.5)
    assert {len(window["predictions"]) for window in windows} == {6}


@pytest.mark.parametrize(
    ("params", "slug", "told"),
    [
        ({"step_seconds": 2.5}, "bad-parameter", "step_seconds must be from 0.125 to 2, not 2.5"),
        ({"window_seconds": 8, "step_seconds": 0.4}, "bad-parameter", "from 0.5 to 8"),
        ({"window_seconds": 0}, "bad-parameter", "window_seconds"),
        ({"window_seconds": 5e-324}, "bad-parameter", "window_seconds"),
        ({"window_seconds": "nan"}, "bad-parameter", "window_seconds"),
        ({"windows": 3}, "bad-parameter", "windows"),
        ({"top_k": 0}, "bad-parameter", "top_k"),
        ({"min_probability": 1.1}, "bad-parameter", "min_probability"),
        ({"min_probability": "nan"}, "bad-parameter", "min_probability"),
    ],
)
def test_parameters_that_make_no_sense(
    client: httpx.Client, scenes: bytes, params: dict[str, Any], slug: str, told: str
) -> None:
    response = client.post("/timeline", content=scenes, params=params)
    assert (response.status_code, response.json()["type"]) == (422, f"/problems/{slug}")
    assert told in response.json()["detail"]


def test_what_is_below_the_threshold_is_null(client: httpx.Client, scenes: bytes) -> None:
    clip, *windows, last = _post(client, scenes, min_probability=1)
    assert clip["min_probability"] == 1
    (segment,) = last["segments"]
    assert (segment["label"], segment["index"], segment["num_windows"]) == (None, None, len(windows))
    assert (segment["start_seconds"], segment["end_seconds"]) == (0, pytest.approx(SECONDS, abs=1e-3))


def test_the_model_s_own_parameters_count_where_a_request_gives_none(
    start_server: Callable[..., Any], tmp_path: Path, scenes: bytes
) -> None:
    own = {"window_seconds": 1.0, "step_seconds": 0.75, "min_probability": 0.25}
    publish(tmp_path, "colours", "1", timeline=TimelineDefaults(**own))
    with httpx.Client(base_url=start_server(model_store=tmp_path).address, timeout=60) as client:
        (status,) = client.get("/models").json()["models"]
        assert status["timeline"] == own
        assert own.items() <= _post(client, scenes)[0].items()
        overridden = {"window_seconds": 2.0, "step_seconds": 1.0, "min_probability": 0.5}
        assert overridden.items() <= _post(client, scenes, window_seconds=2, min_probability=0.5)[0].items()
        refused = client.post("/timeline", content=scenes, params={"step_seconds": 1.5})
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/bad-parameter")


@pytest.mark.parametrize(("kind", "status"), [("text", 415), ("png", 415), ("truncated", 422)])
def test_what_fails_before_the_first_row_is_a_problem(
    client: httpx.Client, not_videos: dict[str, bytes], kind: str, status: int
) -> None:
    response = client.post("/timeline", content=not_videos[kind])
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["instance"] == "/timeline"


def test_too_many_windows_are_told_with_a_step_that_fits(
    start_server: Callable[..., Any], store: Path, scenes: bytes
) -> None:
    server = start_server(model_store=store, max_windows=10)
    response = httpx.post(f"{server.address}/timeline", content=scenes)
    assert (response.status_code, response.json()["type"]) == (422, "/problems/bounds-exceeded")
    assert "step_seconds=1.178" in response.json()["detail"]
    fitting = httpx.post(f"{server.address}/timeline?step_seconds=1.178", content=scenes)
    assert json.loads(fitting.text.splitlines()[0])["num_windows"] == 10


needs_children = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the children in /proc")


@contextmanager
def _under_way(server: Any, video: bytes) -> Iterator[tuple[Iterator[Row], int]]:
    """A timeline of which two rows have come: the rows to come, and the child that decodes, which is stopped."""
    before = set(server.decoders())
    url = f"{server.address}/timeline"
    with httpx.stream("POST", url, content=video, params=MANY, timeout=20) as response:
        rows = _rows(response)
        assert [next(rows)["kind"], next(rows)["kind"]] == ["clip", "window"]
        (child,) = set(server.decoders()) - before
        os.kill(child, signal.SIGSTOP)
        yield rows, child


@needs_children
def test_rows_come_while_decoding_goes_on(server: Any, long_video: bytes) -> None:
    with _under_way(server, long_video) as (rows, child):
        os.kill(child, signal.SIGCONT)
        *windows, last = rows
    assert len(windows) == 596 - 1
    assert last["kind"] == "segments"
    # where scenes meet, mixed colours come between them
    assert [segment["label"] for segment in last["segments"] if segment["label"] in SCENES] == list(SCENES) * 5
    assert metric(server.address, "tin_requests_total", outcome="ok") == 1
    assert metric(server.address, "tin_stage_duration_seconds_count", stage="decode") == 1
    assert metric(server.address, "tin_frames_decoded_count") == 1


@needs_children
def test_a_client_that_leaves_frees_the_child_and_the_place(server: Any, long_video: bytes) -> None:
    with _under_way(server, long_video) as (_, child):
        assert metric(server.address, "tin_queue_depth") == 1
    until(lambda: metric(server.address, "tin_queue_depth") == 0)
    until(lambda: child not in server.decoders())
    assert metric(server.address, "tin_requests_total", outcome="abandoned") == 1
    with _under_way(server, long_video):
        pass


@needs_children
def test_a_child_that_dies_or_hangs_is_told_in_the_last_row(
    start_server: Callable[..., Any], store: Path, long_video: bytes
) -> None:
    deaths = {
        signal.SIGKILL: ("decoder-ended", 503),
        signal.SIGSEGV: ("undecodable", 422),
        signal.SIGXCPU: ("bounds-exceeded", 422),
        signal.SIGSTOP: ("deadline-exceeded", 504),
    }
    server = start_server(model_store=store, decoders=2, deadline_seconds=DEADLINE)
    for number, (slug, status) in deaths.items():
        with _under_way(server, long_video) as (rows, child):
            os.kill(child, number)
            if number != signal.SIGSTOP:
                os.kill(child, signal.SIGCONT)
            *windows, last = rows
        assert {row["kind"] for row in windows} <= {"window"}
        assert (last["kind"], last["type"], last["status"]) == ("problem", f"/problems/{slug}", status)
        assert metric(server.address, "tin_requests_total", outcome=slug) == 1
        assert metric(server.address, "tin_queue_depth") == 0
        assert child not in server.decoders()


@needs_children
def test_a_timeline_takes_no_decoder_from_predict(
    start_server: Callable[..., Any], store: Path, long_video: bytes, videos: dict[str, bytes]
) -> None:
    server = start_server(model_store=store, decoders=1)
    with _under_way(server, long_video):
        refused = httpx.post(f"{server.address}/timeline", content=long_video)
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/overloaded")
        assert "timelines" in refused.json()["detail"]
        assert int(refused.headers["retry-after"]) >= 1
        for _ in range(3):
            assert httpx.post(f"{server.address}/predict", content=videos["mp4"]).status_code == 200


@pytest.mark.parametrize(
    ("packets", "kept", "kind"), [(slice(125, None), 0.0, "problem"), (slice(125, 150), 0.5, "segments")]
)
def test_a_damaged_second_half_gives_what_decodes(client: httpx.Client, packets: slice, kept: float, kind: str) -> None:
    ten_seconds = make_clip(x264("ten-seconds", frames=250, gop=25))
    clip, *windows, last = _post(client, overwrite_packets(ten_seconds, packets, kept))
    assert last["kind"] == kind
    assert clip["num_windows"] == 9
    if kind == "segments":
        assert len(windows) == 9
    else:
        assert last["type"] == "/problems/undecodable"
        assert 3 <= len(windows) < 6


@needs_children
def test_sigterm_lets_a_timeline_finish(server: Any, long_video: bytes) -> None:
    with _under_way(server, long_video) as (rows, child):
        server.process.terminate()
        os.kill(child, signal.SIGCONT)
        assert list(rows)[-1]["kind"] == "segments"
    assert server.process.wait(timeout=10) in {0, -signal.SIGTERM}


def test_windows_cover_a_part_in_the_times_of_the_video(client: httpx.Client, scenes: bytes) -> None:
    clip, *windows, last = _post(client, scenes, **{"from": 3.6, "to": 7.6})
    assert clip["part"] == {"from_seconds": 3.6, "to_seconds": 7.6}
    assert (clip["clip"]["frames"], clip["num_windows"]) == (315, 3)
    assert [(window["start_seconds"], window["end_seconds"]) for window in windows] == [
        (3.6, 5.6), (4.6, 6.6), (5.6, 7.6),
    ]  # fmt: skip
    segments = last["segments"]
    assert (segments[0]["start_seconds"], segments[-1]["end_seconds"]) == (3.6, 7.6)
    assert segments[-1]["label"] == "Showing green"


def test_a_part_behind_the_end_is_refused_before_the_first_row(client: httpx.Client, scenes: bytes) -> None:
    response = client.post("/timeline", content=scenes, params={"from": 13})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/no-such-part")
