import pytest

from clips.video_info import VideoInfo
from training.finetune.budget import (
    LONGEST_WINDOW,
    BudgetLimits,
    choose_budget,
    typical_seconds,
    wanted_epochs,
    wanted_side,
)
from training.finetune.defaults import MAX_EPOCHS, MIN_EPOCHS, SIDES, TRAINING_SHARE


def per_pixel(seconds):
    """A machine that takes the same time for each pixel; `seconds` for a clip of the largest side."""
    return lambda side: seconds * (side / SIDES[-1]) ** 2


def video(seconds):
    return VideoInfo("mp4", "h264", 64, 64, 25, seconds)


def test_small_pictures_deserve_no_large_side():
    assert wanted_side(64) == SIDES[0]
    assert wanted_side(2000) == SIDES[-1]
    assert [wanted_side(side) for side in (120, 240, 480)] == sorted(wanted_side(side) for side in (120, 240, 480))


def test_few_clips_are_seen_more_often():
    assert wanted_epochs(4) == MAX_EPOCHS
    assert wanted_epochs(10**6) == MIN_EPOCHS


def test_a_fast_machine_takes_the_wanted_side_and_epochs():
    budget = choose_budget(2000, 100, BudgetLimits(minutes=15), per_pixel(1e-4))
    assert (budget.side, budget.epochs) == (SIDES[-1], wanted_epochs(100))


def test_a_slow_machine_takes_a_smaller_side_then_fewer_epochs():
    seconds = 15 * 60 * TRAINING_SHARE / (100 * wanted_epochs(100))
    smaller = choose_budget(2000, 100, BudgetLimits(minutes=15), per_pixel(seconds * 2))
    assert (SIDES[0] < smaller.side < SIDES[-1], smaller.epochs) == (True, wanted_epochs(100))
    shorter = choose_budget(2000, 100, BudgetLimits(minutes=15), per_pixel(seconds * 50))
    assert (shorter.side, 1 <= shorter.epochs < wanted_epochs(100)) == (SIDES[0], True)
    assert choose_budget(2000, 100, BudgetLimits(minutes=15), per_pixel(1e6)).epochs == 1


def test_the_chosen_run_keeps_to_the_limit():
    for seconds in (1e-3, 1e-2, 0.1):
        clip = per_pixel(seconds)
        budget = choose_budget(480, 300, BudgetLimits(minutes=5), clip)
        assert budget.epochs * 300 * clip(budget.side) <= 5 * 60 * TRAINING_SHARE


@pytest.mark.parametrize(("side", "epochs"), [(160, None), (None, 7), (160, 7)])
def test_what_is_given_is_taken(side, epochs):
    budget = choose_budget(120, 50, BudgetLimits(1.0, side, epochs), per_pixel(1.0))
    assert side in (None, budget.side)
    assert epochs in (None, budget.epochs)


def test_only_sides_down_to_the_chosen_one_are_measured():
    measured = []

    def clip(side):
        measured.append(side)
        return 1e-6

    choose_budget(2000, 10, BudgetLimits(minutes=1), clip)
    assert measured == [SIDES[-1]]


def test_the_typical_length_is_the_median_to_a_tenth():
    videos = [video(seconds) for seconds in (1.0, 2.26, 60.0)]
    assert typical_seconds(videos) == 2.3
    assert typical_seconds([video(0.01)]) == 0.1
    assert typical_seconds([video(10_000.0)]) == LONGEST_WINDOW
