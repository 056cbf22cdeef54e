"""Python API: the shipped model on real clips, with the answers of the service, and errors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

import tin
from clips.decoding.decode import decode
from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.service import running_services
from tests.helpers.stores import colour_graph, publish
from tin.results import Clip

STORE = REPOSITORY / "model_store"
EXAMPLE = REPOSITORY / "service" / "web" / "predict" / "example.mp4"


@pytest.fixture(scope="module")
def model() -> Iterator[tin.Model]:
    with tin.load(store=STORE, onnx_threads=1) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running_services(lambda: tmp_path_factory.mktemp("service")) as start:
        address = start(model_store=STORE, onnx_threads=1).address
        with httpx.Client(base_url=address, timeout=30) as client:
            yield client


def test_importing_tin_loads_no_runtime() -> None:
    code = "import sys, tin; print(*sorted({'numpy', 'onnxruntime', 'service', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_every_public_name_is_there() -> None:
    assert all(getattr(tin, name) for name in tin.__all__)
    assert dir(tin) == sorted(tin.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        tin.nothing  # noqa: B018


@pytest.mark.parametrize("kind", ["mp4", "avi", "short.mp4"])
def test_predict_answers_as_the_service_does(
    model: tin.Model, service: httpx.Client, videos: dict[str, bytes], kind: str
) -> None:
    answer = service.post("/predict", params={"top_k": 7}, content=videos[kind]).raise_for_status().json()
    prediction = model.predict(videos[kind], top_k=7)
    assert [vars(score) for score in prediction.predictions] == answer["predictions"]
    assert vars(prediction.model) == answer["model"]
    assert prediction.likely == answer.get("likely")
    assert prediction.clip.indices == tuple(frame["index"] for frame in answer["clip"]["sampled"])
    assert prediction.clip.video is not None
    assert prediction.clip.video.codec == answer["clip"]["codec"]


def test_timeline_answers_as_the_service_does(model: tin.Model, service: httpx.Client) -> None:
    asked = {"window_seconds": 0.75, "step_seconds": 0.5, "top_k": 3, "min_probability": 0.5}
    lines = service.post("/timeline", params=asked, content=EXAMPLE.read_bytes()).raise_for_status().iter_lines()
    _, *windows, segments = map(json.loads, lines)
    timeline = model.timeline(EXAMPLE, window_seconds=0.75, step_seconds=0.5, top_k=3, min_probability=0.5)
    assert [[vars(score) for score in window.predictions] for window in timeline.windows] == [
        window["predictions"] for window in windows
    ]
    assert [vars(segment) for segment in timeline.segments] == [
        {"likely": None} | segment for segment in segments["segments"]
    ]
    assert all((segment.label or "nothing named") in str(timeline) for segment in timeline.segments)


def test_a_part_is_a_clip_of_its_own(model: tin.Model) -> None:
    whole = decode(EXAMPLE, range)
    within = [index for index, time in enumerate(whole.times) if 0.5 <= time < 1.1]
    part = model.predict(EXAMPLE, start=0.5, end=1.1)
    alone = np.stack([whole.images[index] for index in within])
    assert part.predictions == model.predict(alone).predictions
    assert set(part.clip.indices) <= set(within)
    assert (model.features(EXAMPLE, start=0.5, end=1.1) == model.features(alone)).all()
    timeline = model.timeline(EXAMPLE, 0.5, start=0.5, end=1.1)
    assert (timeline.windows[0].start_seconds, timeline.windows[-1].end_seconds) == (0.5, 1.1)
    with pytest.raises(ValueError, match="part"):
        model.predict(EXAMPLE, start=2, end=1)
    with pytest.raises(ValueError, match="slice"):
        model.predict(alone, start=1)
    with pytest.raises(tin.ClipError, match="ends after"):
        model.timeline(EXAMPLE, start=100)


def test_paths_bytes_and_frames_give_one_answer(model: tin.Model) -> None:
    frames = np.stack(decode(EXAMPLE, range).images)
    by_path, by_bytes = model.predict(str(EXAMPLE)), model.predict(EXAMPLE.read_bytes())
    by_frames = model.predict(frames)
    assert by_path == by_bytes
    assert by_frames.predictions == by_path.predictions
    assert by_frames.clip == Clip(by_path.clip.indices, (), None)
    assert len(model.predict(frames[:3]).predictions) == len(by_path.predictions) == 5


def test_a_prediction_prints_its_actions(model: tin.Model) -> None:
    prediction = model.predict(EXAMPLE, top_k=2)
    assert [line.split()[0] for line in str(prediction).splitlines()] == ["1", "2"]
    assert prediction.predictions[0].label in str(prediction)
    assert str(prediction.model) == f"{model.name} {model.version}"
    assert model.name in repr(model)


@pytest.mark.parametrize(("threshold", "likely", "num_lines"), [(0.0, True, 2), (1.0, False, 3), (None, None, 2)])
def test_an_answer_below_the_threshold_is_not_likely(
    tmp_path: Path, threshold: float | None, likely: bool | None, num_lines: int
) -> None:
    publish(tmp_path, "colours", "1", threshold=threshold)
    with tin.load(store=tmp_path, onnx_threads=1) as loaded:
        prediction, timeline = loaded.predict(EXAMPLE, top_k=2), loaded.timeline(EXAMPLE)
    assert (prediction.likely, len(str(prediction).splitlines())) == (likely, num_lines)
    assert {window.likely for window in timeline.windows} == {likely}
    assert {segment.likely for segment in timeline.segments} == {likely}
    assert ("nothing named" in str(timeline)) is (likely is False)
    assert {segment.label is None for segment in timeline.segments} == {likely is False}


def test_a_model_is_chosen_by_name_version_store_and_backend() -> None:
    with tin.load("tin-motion", version="1", store=str(STORE), backend="onnx") as model:
        assert (model.name, model.version, len(model.labels), model.spec.num_frames) == ("tin-motion", "1", 16, 8)
        assert "model.onnx" in repr(model)


@pytest.mark.parametrize("argument", [{"name": "none"}, {"name": "tin-motion", "version": "9"}, {"store": "nowhere"}])
def test_a_model_that_is_not_there_is_a_store_error(argument: dict[str, str]) -> None:
    with pytest.raises(tin.StoreError, match=list(argument.values())[-1]):
        tin.load(**argument)


def test_a_backend_that_is_not_there_is_a_registry_error() -> None:
    with pytest.raises(tin.RegistryError, match="tensorrt"):
        tin.load(store=STORE, backend="tensorrt")


def test_top_k_may_be_all_and_more_than_there_are(model: tin.Model) -> None:
    everything = model.predict(EXAMPLE, top_k="all").predictions
    assert [score.rank for score in everything] == list(range(1, 17))
    assert sum(score.probability for score in everything) == pytest.approx(1)
    assert model.predict(EXAMPLE, top_k=17).predictions == everything
    timeline = model.timeline(EXAMPLE, top_k="all")
    assert {len(window.predictions) for window in timeline.windows} == {16}


def test_features_are_a_vector_of_any_kind_of_video(tmp_path: Path) -> None:
    publish(tmp_path, "colours", "1", temporal="none")
    frames = np.full((20, 32, 32, 3), (10, 20, 200), np.uint8)
    with tin.load(store=tmp_path) as model:
        features = model.features(frames)
        assert (features.dtype.name, features.shape) == ("float32", (3,))
        np.testing.assert_allclose(features, (10, 20, 200), rtol=1e-5)
        of_file = model.features(EXAMPLE)
        np.testing.assert_array_equal(of_file, model.features(EXAMPLE.read_bytes()))
        assert not np.allclose(of_file, features)


def test_features_of_a_model_from_before_there_were_any_are_a_backend_error(tmp_path: Path) -> None:
    publish(tmp_path, "colours", "1", graph=colour_graph(("logits", "offsets", "weights")))
    with tin.load(store=tmp_path) as model, pytest.raises(tin.BackendError, match="tin reexport"):
        model.features(EXAMPLE)


def test_errors_of_videos_and_arguments(model: tin.Model, not_videos: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(tin.ClipError):
        model.predict(not_videos["text"])
    with pytest.raises(tin.ClipError):
        model.timeline(not_videos["wav"])
    with pytest.raises(FileNotFoundError, match=r"nowhere\.mp4"):
        model.predict(tmp_path / "nowhere.mp4")
    with pytest.raises(ValueError, match="top_k"):
        model.predict(EXAMPLE, top_k=0)
    with pytest.raises(ValueError, match="step_seconds"):
        model.timeline(EXAMPLE, window_seconds=1, step_seconds=2)
    with pytest.raises(ValueError, match="uint8"):
        model.predict(np.zeros((8, 32, 32, 3)))  # type: ignore[arg-type]


def test_the_page_of_the_python_api_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, service: httpx.Client
) -> None:
    page = (REPOSITORY / "docs" / "python.md").read_text()
    page = page.replace("http://localhost:8000", str(service.base_url))
    code = "\n".join(line[4:] for line in page.splitlines() if line.startswith("    "))
    monkeypatch.chdir(tmp_path)
    for name in ("clip.mp4", "long.mp4"):
        (tmp_path / name).symlink_to(EXAMPLE)
    exec(code, {})
    assert capsys.readouterr().out
