"""Several videos' clips in one call."""

from __future__ import annotations

import numpy as np

from service.backends.base import FakeBackend
from service.backends.together import infer_together


def test_each_gets_what_it_would_alone():
    backend, random = FakeBackend(3), np.random.default_rng(0)
    clips = [random.integers(0, 256, (number, 8, 4, 4, 3), np.uint8) for number in (1, 3, 2)]
    for part, alone in zip(infer_together(backend, clips), map(backend.infer, clips), strict=True):
        for name in ("logits", "offsets", "weights"):
            np.testing.assert_array_equal(getattr(part, name), getattr(alone, name))
