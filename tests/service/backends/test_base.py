"""Errors of backends in other processes, and inference on several videos at once."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from service.backends.base import RuntimeDown, RuntimeFull, TryLater, infer_together
from service.backends.contract import OUTPUTS
from tests.helpers.fakes.fake_backend import FakeBackend


@pytest.mark.parametrize("kind", [RuntimeDown, RuntimeFull])
def test_when_to_come_again_survives_pickling(kind: type[TryLater]) -> None:
    error = pickle.loads(pickle.dumps(kind("it is full", 3)))
    assert type(error) is kind
    assert (str(error), error.retry_after) == ("it is full", 3)


def test_each_gets_what_it_would_alone():
    backend, random = FakeBackend(3), np.random.default_rng(0)
    clips = [random.integers(0, 256, (number, 8, 4, 4, 3), np.uint8) for number in (1, 3, 2)]
    for part, alone in zip(infer_together(backend, clips), map(backend.infer, clips), strict=True):
        for name in OUTPUTS:
            np.testing.assert_array_equal(getattr(part, name), getattr(alone, name))
