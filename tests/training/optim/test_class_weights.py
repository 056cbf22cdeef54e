import numpy as np
import pytest

from training.optim.class_weights import balanced_weights


@pytest.mark.parametrize("counts", [[4, 4], [90, 9, 1], [6, 0, 3]], ids=["equal", "rare", "none of a class"])
def test_classes_count_the_same_and_clips_1_on_average(counts):
    weights = balanced_weights(np.array(counts))
    shares = weights * counts
    present = shares[np.array(counts) > 0]
    np.testing.assert_allclose(present, present[0], rtol=1e-6)
    np.testing.assert_allclose(shares.sum() / sum(counts), 1, rtol=1e-6)
    assert weights.dtype == np.float32
