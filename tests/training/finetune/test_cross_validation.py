from pathlib import Path

import numpy as np
import pytest

from training.finetune.cross_validation import CrossValidation, FoldResult, Folds
from training.lists.clip_set import LabelledClip
from training.reports.confusion_matrix import ConfusionMatrix

CLIPS = tuple(
    LabelledClip(Path(f"{label}-{person}.mp4"), label, None, person) for label in ("a", "b") for person in "xyz"
)


def test_a_fold_for_each_group():
    splits = Folds().splits(CLIPS, seed=0)
    assert [{clip.group for clip in split.val} for split in splits] == [{"x"}, {"y"}, {"z"}]
    assert [Folds().group_of(split) for split in splits] == ["x", "y", "z"]


def test_folds_by_number_keep_groups_together():
    folds = Folds(2)
    splits = folds.splits(CLIPS, seed=0)
    assert sorted(clip.path for split in splits for clip in split.val) == sorted(clip.path for clip in CLIPS)
    assert [folds.group_of(split) for split in splits] == [None, None]


def test_mean_and_spread_are_over_the_folds_and_the_matrix_over_the_clips():
    labels, answers = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    confusion = ConfusionMatrix.of(labels, answers, ("a", "b"))
    measured = CrossValidation((FoldResult(1, 1), FoldResult(3, 2, "x")), confusion)
    assert measured.mean == pytest.approx((1 + 2 / 3) / 2)
    assert measured.spread == pytest.approx(np.std([1, 2 / 3], ddof=1))
    assert measured.pooled == 0.75
    assert measured.to_json()["confusion_matrix"] == [[1, 1], [0, 2]]
    assert list(measured.confusion_lines()) == ["a: 1 of 2 right; taken 1 for b", "b: 2 of 2 right"]
