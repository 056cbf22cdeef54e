"""Features of a video, and models without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clips.clip_spec import ClipSpec
from service.backends.base import Outputs
from service.inference.features import NoFeatures, check_features, mean_features
from service.models.versions import LoadedModel
from tests.helpers.fakes.fake_backend import FakeBackend

LOGITS = np.zeros((6, 2), np.float32)
MODEL = LoadedModel("fake", "7", "0" * 64, "model.onnx", "runs", ("a", "b"), ClipSpec(), FakeBackend(2))


def test_features_are_the_mean_over_the_sampled_views() -> None:
    features = np.arange(18, dtype=np.float32).reshape(6, 3)
    mean = mean_features(Outputs(LOGITS, features), MODEL, num_views=2)
    assert mean.dtype == np.float32
    np.testing.assert_array_equal(mean, [1.5, 2.5, 3.5])


def test_a_model_without_features_is_refused_by_name() -> None:
    check_features(MODEL)
    with pytest.raises(NoFeatures, match="fake 7"):
        check_features(replace(MODEL, outputs=("logits", "offsets", "weights")))


def test_outputs_without_features_are_refused() -> None:
    with pytest.raises(NoFeatures, match="fake 7"):
        mean_features(Outputs(LOGITS), MODEL, num_views=2)
