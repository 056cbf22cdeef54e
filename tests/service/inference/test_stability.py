from dataclasses import replace

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from clips.decoding.limits import DecodeLimits
from clips.preprocess import preprocess
from service.inference.prediction import score
from service.inference.stability import compare, views_to_infer
from service.models.versions import LoadedModel
from tests.helpers.fakes.fake_backend import FakeBackend

LABELS = ("pushing", "pulling", "nothing")
THREE_VIEWS = ClipSpec(crop=32, short_side=32, view=View.THREE)


def model_of(labels, **fields):
    """A loaded model with a fake backend."""
    backend = FakeBackend(len(labels))
    return LoadedModel("fake", "1", "0" * 64, "model.onnx", "runs", tuple(labels), THREE_VIEWS, backend, **fields)


def compared(sampled, shifted, backwards):
    """The verdict on probabilities of one view each."""
    return compare(np.log(np.array([sampled, shifted, backwards], np.float32)), model_of(LABELS), 2)


@pytest.mark.parametrize(
    ("shifted", "distance", "is_stable"),
    [([0.7, 0.2, 0.1], 0, True), ([0.5, 0.4, 0.1], 0.2, True), ([0.2, 0.7, 0.1], 0.5, False)],
)
def test_an_answer_is_stable_when_other_frames_give_the_same_action(shifted, distance, is_stable):
    variants = compared([0.7, 0.2, 0.1], shifted, [0.7, 0.2, 0.1])
    assert variants.is_stable is is_stable
    assert variants.shifted.distance == pytest.approx(distance, abs=1e-6)
    assert variants.shifted.scores[0].label == ("pushing" if is_stable else "pulling")
    assert variants.depends_on_order is False


@pytest.mark.parametrize(
    ("backwards", "depends_on_order"),
    [
        ([0.52, 0.48, 0], False),
        ([0.51, 0.43, 0.06], False),
        ([0.65, 0.35, 0], True),
        ([0.52, 0.37, 0.11], True),
        ([0.48, 0.52, 0], True),
    ],
)
def test_order_matters_when_the_reverse_is_another_action_or_moves_a_tenth(backwards, depends_on_order):
    sampled = np.array([0.52, 0.48, 1e-9])
    variants = compared(sampled, sampled, np.maximum(backwards, 1e-9))
    assert variants.depends_on_order is depends_on_order
    assert variants.reversed.distance == pytest.approx(abs(sampled - backwards).sum() / 2, abs=1e-6)
    assert [score.rank for score in variants.reversed.scores] == [1, 2]


def test_answers_with_nothing_in_common_are_one_apart_and_never_more():
    rng = np.random.default_rng(0)
    model = model_of([str(label) for label in range(40)])
    for _ in range(100):
        logits = rng.normal(size=(3, 40)).astype(np.float32)
        logits[0, :20] = logits[1:, 20:] = -2000
        variants = compare(logits, model, 1)
        for variant in (variants.shifted, variants.reversed):
            assert variant.distance <= 1
            assert variant.distance == pytest.approx(1)


def test_views_of_one_variant_are_averaged():
    one_view = np.log(np.array([[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8]], np.float32))
    variants = compare(np.repeat(one_view, 3, axis=0), model_of(LABELS), 1)
    assert [variants.shifted.scores[0].index, variants.reversed.scores[0].index] == [1, 2]
    assert variants.shifted.distance == pytest.approx(0.4, abs=1e-6)


def test_the_model_sees_the_frames_then_later_ones_then_the_first_in_reverse(videos):
    clip = preprocess(videos["mp4"], THREE_VIEWS, DecodeLimits(), shifted=True)
    views = views_to_infer(clip)
    assert views.shape == (9, 8, 32, 32, 3)
    assert clip.shifted is not None
    np.testing.assert_array_equal(views[:3], clip.views)
    np.testing.assert_array_equal(views[3:6], clip.shifted.views)
    for frame in range(8):
        np.testing.assert_array_equal(views[6:, frame], clip.views[:, 7 - frame])


@pytest.mark.parametrize(("shifted", "num_clips"), [(False, 3), (True, 9)])
def test_variants_are_scored_only_when_asked_for(videos, shifted, num_clips):
    model = model_of(LABELS)
    backend = model.backend
    clip = preprocess(videos["mp4"], THREE_VIEWS, DecodeLimits(), shifted=shifted)
    clips = views_to_infer(clip)
    assert len(clips) == num_clips
    prediction = score(clip, backend.infer(clips), model, 2, infer_seconds=0.0)
    assert (prediction.variants is not None) is shifted
    assert prediction.scores == score(clip, backend.infer(clip.views), model, 2, infer_seconds=0.0).scores
    assert prediction.weights is not None
    assert prediction.weights.shape == (1, 8, 2)


def test_the_temperature_calibrates_the_answer_and_its_variants(videos):
    clip = preprocess(videos["mp4"], THREE_VIEWS, DecodeLimits(), shifted=True)
    raw, warm = model_of(LABELS), model_of(LABELS, temperature=2.5)
    outputs = raw.backend.infer(views_to_infer(clip))
    tempered = replace(outputs, logits=outputs.logits.astype(np.float64) / 2.5)
    answer, expected = (
        score(clip, *with_model, 3, infer_seconds=0.0) for with_model in ((outputs, warm), (tempered, raw))
    )
    assert answer.scores == expected.scores
    assert answer.variants == expected.variants
    assert answer.scores != score(clip, outputs, raw, 3, infer_seconds=0.0).scores
