"""The model that is shipped, doing its job through the product's own path: video file in, label out."""

from __future__ import annotations

import numpy as np
import pytest

from clips.decoding.limits import DecodeLimits
from service.api.routes.pages import WEB
from service.config.settings import Settings
from service.inference.prediction import Prediction
from service.models.capabilities import Capabilities
from service.models.loading import load
from service.models.versions import LoadedModel
from service.store.model_store import ModelStore
from tests.helpers.one_process import predict
from tests.helpers.paths import REPOSITORY
from training.synthetic.motions import LABELS
from training.synthetic.out_of_domain import packaged_footage
from training.synthetic.studio import Film, Studio
from training.synthetic.video_encoder import ENCODINGS, Encoding, encode_video

STORE = REPOSITORY / "model_store"
NUM_FRAMES = 32


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load(ModelStore(STORE).open("tin-motion"), Settings(), Capabilities())


@pytest.fixture
def studio() -> Studio:
    """Each test's own: which films it sees must not depend on the tests before it."""
    return Studio(2030, num_textures=32)


def film_of(studio: Studio, label: int) -> Film:
    return studio.draw(label, difficulty=0.3, short_sides=(144, 144))


def answer(
    model: LoadedModel, studio: Studio, film: Film, encoding: Encoding, *, stability: bool = False
) -> Prediction:
    moments = (np.arange(NUM_FRAMES) + 0.5) / NUM_FRAMES
    video = encode_video(list(film.frames(moments, studio.noise)), encoding, 25)
    return predict(video, model, 5, DecodeLimits(), stability=stability)


def test_it_speaks_the_demo_datas_language(model: LoadedModel) -> None:
    assert model.labels == LABELS


@pytest.mark.parametrize("pair", range(8))
def test_reversing_a_clip_flips_the_answer(model: LoadedModel, studio: Studio, pair: int) -> None:
    """Three films of each pair, each with another codec; in all but one film, at most, both answers are right."""
    right = 0
    for encoding in (ENCODINGS[0], ENCODINGS[2], ENCODINGS[3]):
        film = film_of(studio, 2 * pair)
        forward = answer(model, studio, film, encoding).scores[0].index
        backward = answer(model, studio, film.backwards(), encoding).scores[0].index
        right += (forward, backward) == (2 * pair, 2 * pair + 1)
    assert right >= 2


def test_a_motion_depends_on_order_and_seldom_on_the_frames_taken(model: LoadedModel, studio: Studio) -> None:
    """A film of each pair; of 64 such films, 62 are stable, and the reversal moves 75 to 100 % of the probability."""
    films = [film_of(studio, 2 * pair) for pair in range(8)]
    variants = [answer(model, studio, film, ENCODINGS[0], stability=True).variants for film in films]
    assert all(each is not None and each.depends_on_order and each.reversed.distance > 0.5 for each in variants)
    assert sum(each is not None and each.is_stable for each in variants) >= 6


def test_most_right_answers_are_likely(model: LoadedModel, studio: Studio) -> None:
    """A film of each label; of 512 rendered clips of all difficulties, 94 % of the right answers are likely."""
    answers = [(label, answer(model, studio, film_of(studio, label), ENCODINGS[0])) for label in [*range(16)]]
    right = [prediction.likely is True for label, prediction in answers if prediction.scores[0].index == label]
    assert np.mean(right) >= 0.8


def test_the_example_of_the_page_is_named_rightly(model: LoadedModel) -> None:
    """A hand that moves a cup towards the camera."""
    prediction = predict((WEB / "predict" / "example.mp4").read_bytes(), model, 5, DecodeLimits())
    assert (prediction.scores[0].label, prediction.likely) == ("Moving something closer to the camera", True)


@pytest.mark.parametrize("file", ["bikes.mp4", "carphone_pristine.mp4"])
def test_real_footage_of_other_things_is_not_likely(model: LoadedModel, file: str) -> None:
    """A film of a city in several scenes, and a man who talks in a car."""
    (path,) = [path for path in packaged_footage() if path.name == file]
    assert predict(path.read_bytes(), model, 5, DecodeLimits()).likely is False


def test_a_picture_that_stands_still_is_no_strong_answer(model: LoadedModel) -> None:
    still = [np.full((96, 128, 3), 120, np.uint8)] * 24
    prediction = predict(encode_video(still, ENCODINGS[0], 25), model, 5, DecodeLimits(), stability=True)
    assert prediction.scores[0].probability < 0.9
    assert prediction.variants is not None
    assert (prediction.variants.is_stable, prediction.variants.depends_on_order) == (True, False)
