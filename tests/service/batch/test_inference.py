"""Batch inference: decoded videos become results, in batches of the backend's size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from clips.decoding.limits import DecodeLimits
from clips.preprocess import preprocess
from service.backends.base import Clips, InferenceFailed, Outputs
from service.batch.decoding import Decoded
from service.batch.inference import infer_each
from service.batch.request import PredictOptions
from service.batch.results.result import Answer, Failed
from service.models.versions import LoadedModel
from tests.helpers.fakes.fake_backend import FakeBackend

SPEC = ClipSpec(crop=32, short_side=32, view=View.SQUEEZE)


def _options(top_k: int, **added: Any) -> PredictOptions:
    return PredictOptions("m", "1", top_k, **added)


class NotingBackend(FakeBackend):
    """Notes how many clips each call has; fails where they are dark."""

    def __init__(self) -> None:
        super().__init__(3)
        self.sizes: list[int] = []

    def infer(self, clips: Clips) -> Outputs:
        self.sizes.append(len(clips))
        if not clips.any():
            raise InferenceFailed("too dark")
        return super().infer(clips)


@pytest.fixture
def backend() -> NotingBackend:
    return NotingBackend()


@pytest.fixture
def model(backend: NotingBackend) -> LoadedModel:
    return LoadedModel("m", "1", "0" * 64, "model.onnx", "runs everywhere", ("a", "b", "c"), SPEC, backend)


@pytest.fixture
def make(videos):
    def make(file: str, *, shifted: bool = False) -> Decoded:
        return Decoded(file, 7, preprocess(videos["mp4"], SPEC, DecodeLimits(), shifted=shifted))

    return make


def test_each_video_has_an_answer_in_its_turn(make, model, backend):
    answers = infer_each([make(f"{number}.mp4") for number in range(6)], model, _options(2))
    assert [answer.file for answer in answers] == [f"{number}.mp4" for number in range(6)]
    assert backend.sizes == [4, 2]
    assert all(isinstance(answer, Answer) and len(answer.response.predictions) == 2 for answer in answers)


def test_what_one_video_asks_for_stays_together(make, model, backend):
    backend.max_batch_size = 7
    answers = infer_each([make("a.mp4", shifted=True) for _ in range(5)], model, _options(1))
    assert backend.sizes == [6, 6, 3]
    assert all(isinstance(answer, Answer) and answer.response.stability for answer in answers)


def test_where_the_runtime_fails_the_videos_of_its_batch_have_failed_for_now(make, model, backend):
    backend.max_batch_size = 1
    dark = make("dark.mp4")
    dark.clip.views[...] = np.uint8(0)
    failed, answered = infer_each([dark, make("bright.mp4")], model, _options(1))
    assert failed == Failed("dark.mp4", "too dark", lasts=False)
    assert isinstance(answered, Answer)


def test_times_are_those_of_the_stages(make, model):
    (answer,) = infer_each([make("a.mp4")], model, _options(1))
    assert isinstance(answer, Answer)
    timing = answer.response.timing_ms
    assert timing.total == pytest.approx(timing.decode + timing.transform + timing.infer, abs=0.002)


def test_of_nothing_comes_nothing(model):
    assert infer_each([], model, _options(1)) == []


def test_features_come_only_when_asked_for(make, model):
    (plain,) = infer_each([make("a.mp4")], model, _options(1))
    (answer,) = infer_each([make("a.mp4", shifted=True)], model, _options(1, stability=True, features=True))
    assert isinstance(plain, Answer)
    assert isinstance(answer, Answer)
    assert plain.response.features is None
    features = model.backend.infer(make("a.mp4").clip.views).features
    np.testing.assert_array_equal(np.array(answer.response.features, np.float32), features.mean(axis=0))
