"""Golden values: equal to those of the training code now, and the difference to other arrays."""

from __future__ import annotations

import numpy as np

from service.doctor.golden import FOLDER, RECORD_FILE, GoldenArray, load_golden
from tests.helpers.recording.record_doctor import MADE, file_of, make_record


def test_training_computes_what_is_recorded() -> None:
    made, kept = make_record(), load_golden()
    refresh = "training computes otherwise: run `python -m tests.helpers.recording.record_doctor` if that is meant"
    assert made.clips == kept.clips, refresh
    np.testing.assert_allclose(made.stages.logits, kept.stages.logits, atol=1e-4, err_msg=refresh)
    assert made.stages.model_copy(update={"logits": kept.stages.logits}) == kept.stages, refresh


def test_every_codec_has_a_small_clip() -> None:
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir() if path.name != RECORD_FILE}
    assert sizes.keys() == {file_of(codec) for codec in MADE}
    assert max(sizes.values()) < 8_000


def test_difference() -> None:
    array = np.arange(100, dtype=np.float32).reshape(10, 10)
    recorded = GoldenArray.of(array, every=7)
    assert recorded.difference(array) == 0
    assert recorded.difference(array + np.float32(0.5)) == 0.5
    assert recorded.difference(array.T.ravel()) == float("inf")
    assert recorded.difference(array.astype(np.float64)) == float("inf")


def test_a_difference_between_what_was_kept_is_not_missed() -> None:
    array = np.zeros(100, np.uint8)
    changed = array.copy()
    changed[3] = 1
    assert GoldenArray.of(array, every=7).difference(changed) > 0


def test_no_number_is_no_number_that_passes() -> None:
    recorded = GoldenArray.of(np.zeros(100, np.float32), every=7)
    assert not recorded.difference(np.full(100, np.nan, np.float32)) <= 1e9
