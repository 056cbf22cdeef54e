from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.finetune.budget import Budget, BudgetLimits
from training.finetune.listeners.terminal import Terminal
from training.finetune.mirroring import MirroredAnswers, choose_mirroring, few_of_each_class
from training.finetune.run_writer import RunWriter
from training.finetune.wishes import Wishes
from training.lists.clip_set import LabelledClip
from training.lists.splits import Split

LABELS = np.repeat([0, 1, 2], 10)


def mirrored_to(*answers: str) -> np.ndarray:
    """The answers to ten mirrored clips of each class, a digit each."""
    return np.array([int(digit) for digit in "".join(answers)])


def of_learned(mirrored: np.ndarray, learned: int = 10) -> MirroredAnswers:
    """Answers to clips of which so many of each class are learned."""
    return MirroredAnswers(np.where(np.arange(30) % 10 < learned, LABELS, 3), mirrored, LABELS)


@pytest.mark.parametrize(
    ("mirrored", "swapped", "may_mirror"),
    [
        (mirrored_to("0000000000", "1111111111", "2222222222"), 0.0, True),
        (mirrored_to("1111111110", "0000000000", "2222222222"), 0.95, False),
        (mirrored_to("1110000000", "0001111111", "2222222222"), 0.3, True),
        (mirrored_to("0000011122", "1111111111", "2222222222"), 0.15, True),
    ],
    ids=["kept", "left and right", "much alike", "spread over the others"],
)
def test_clips_are_mirrored_unless_that_swaps_two_classes(mirrored, swapped, may_mirror):
    found = of_learned(mirrored)
    assert found.swapped == pytest.approx(swapped)
    assert found.may_mirror is may_mirror


def test_clips_that_were_not_learned_do_not_count():
    mirrored = mirrored_to("0011111111", "1111111111", "2222222222")
    assert of_learned(mirrored, learned=2).swapped == 0
    assert of_learned(mirrored, learned=10).swapped == pytest.approx(0.4)


def test_nothing_is_mirrored_before_the_classes_are_learned():
    mirrored = mirrored_to("0000000000", "1111111111", "2222222222")
    assert of_learned(mirrored, learned=3).may_mirror
    assert not of_learned(mirrored, learned=2).may_mirror


@pytest.mark.parametrize("mirror", [True, False])
def test_the_users_choice_needs_no_run(mirror):
    wishes = Wishes("wave", BudgetLimits(15), 0.2, seed=0, mirror=mirror, threads=1)
    nothing: Any = None
    writer = RunWriter(usable=nothing, start=nothing, wishes=wishes)  # would fail at the first run that it writes
    splits = [Split((), ()), Split((), ())]
    assert choose_mirroring(writer, splits, Budget(96, 4, ""), Terminal()) == [mirror, mirror]


def test_the_short_run_has_a_few_clips_of_each_class():
    clips = [LabelledClip(Path(f"{label} {number}.mp4"), label) for number in range(100) for label in ("wave", "clap")]
    clips += [LabelledClip(Path(f"nod {number}.mp4"), "nod") for number in range(4)]
    few = few_of_each_class(clips)
    assert [sum(clip.label == label for clip in few) for label in ("wave", "clap", "nod")] == [15, 15, 4]
    assert (clips[0], clips[198]) == (few[0], [clip for clip in few if clip.label == "wave"][-1])
    assert list(few) == [clip for clip in clips if clip in few]
