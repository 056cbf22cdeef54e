"""Display order and runs of packets, on pictures written by hand."""

import time

import numpy as np
import pytest

from clips.decoding.errors import NoFrames
from clips.decoding.packet_plan import check_beginning, display_order, plan_runs, reorder_depth
from clips.decoding.picture import FullDecodeRequired, Picture, Pictures

SHOWN = "I0 P4 B2 b1 b3 P8 B6 b5 b7 I9 P13 B11 b10 b12"
"""Pictures in decode order, each with its display time; no picture needs a lower-case b."""


def pictures_of(shown):
    return Pictures.of([Picture(is_start=name[0] == "I", is_reference=name[0] != "b") for name in shown.split()])


def times_of(shown):
    return np.array([int(name[1:]) for name in shown.split()])


def fed(shown, *targets):
    """The names of the packets, run by run, that the frames with these times need."""
    names, times = shown.split(), times_of(shown)
    runs = plan_runs({times.tolist().index(target) for target in targets}, times, pictures_of(shown))
    return [" ".join(names[i] for i in run) for run in runs]


@pytest.mark.parametrize(
    ("targets", "runs"),
    [
        ([3], ["I0 P4 B2 b3"]),
        ([13], ["I9 P13"]),
        ([3, 13], ["I0 P4 B2 b3", "I9 P13"]),
        ([7, 9], ["I0 P4 B2 P8 B6 b7 I9"]),
        ([0], ["I0"]),
        ([2, 5], ["I0 P4 B2 P8 B6 b5"]),
    ],
)
def test_only_what_the_targets_need_is_fed(targets, runs):
    assert fed(SHOWN, *targets) == runs


def test_a_frame_shown_before_the_start_that_precedes_it_needs_an_earlier_one():
    assert fed("I0 P3 I8 b6 P11", 6) == ["I0 P3 I8 b6"]


def test_an_upper_layer_is_needed_by_itself_and_a_lower_one_by_it():
    pictures = [Picture(True), Picture(False, False, 0), Picture(False, False, 1), Picture(False, False, 1)]
    assert plan_runs({3}, np.arange(4), Pictures.of(pictures)) == [[0, 1, 3]]


def test_frames_are_ordered_by_times_that_agree_with_the_bitstream():
    order = display_order(times_of(SHOWN), ordered(times_of(SHOWN)))
    assert times_of(SHOWN)[order].tolist() == sorted(times_of(SHOWN))
    hidden = [Picture(True), Picture(False, is_shown=False), Picture(False)]
    assert display_order(np.array([0, 0, 1]), Pictures.of(hidden)).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("times", "orders"),
    [
        pytest.param([0, 1, 2, 3], [0, 3, 1, 2], id="times in decode order in spite of B pictures"),
        pytest.param([0, 3, 1, 2], [None] * 4, id="reordered though the codec does not"),
        pytest.param([0, 40, 140, 120], [0, 1, 2, 3], id="a keyframe that is late"),
        pytest.param([0, 40, 20, 60], [0, 1, 1 << 40, 2 << 40], id="a clock that steps back"),
        pytest.param([0, 1], [5, 5], id="two pictures in one place"),
    ],
)
def test_times_that_contradict_the_bitstream_require_a_full_decode(times, orders):
    with pytest.raises(FullDecodeRequired):
        display_order(np.array(times), ordered(orders))


def ordered(orders):
    return Pictures.of([Picture(is_start=i == 0, order=order) for i, order in enumerate(orders)])


@pytest.mark.parametrize(("times", "depth"), [([0, 1, 2], 0), ([0, 2, 1], 1), (times_of(SHOWN), 2)])
def test_the_depth_of_reordering_is_counted(times, depth):
    assert reorder_depth(np.array(times)) == depth


def test_streams_that_cannot_be_planned():
    with pytest.raises(FullDecodeRequired):
        display_order(np.array([0, 0]), Pictures.of([Picture(True), Picture(False)]))
    with pytest.raises(FullDecodeRequired):
        reorder_depth(np.arange(18, 0, -1))
    with pytest.raises(FullDecodeRequired):
        check_beginning(Pictures.of([Picture(is_start=False)]))
    with pytest.raises(FullDecodeRequired):
        check_beginning(Pictures.of([Picture(True), Picture(False, is_leading=True)]))
    hidden = Pictures.of([Picture(True, is_shown=False)])
    for nothing in (lambda: check_beginning(Pictures.of([])), lambda: display_order(np.array([0]), hidden)):
        with pytest.raises(NoFrames):
            nothing()


def test_planning_for_thousands_of_frames_from_one_start_takes_no_time():
    num_frames = 20_000
    pictures = Pictures.of([Picture(is_start=i == 0, is_reference=True) for i in range(num_frames)])
    started = time.process_time()
    assert plan_runs(set(range(0, num_frames, 3)), np.arange(num_frames), pictures) == [list(range(num_frames - 1))]
    assert time.process_time() - started < 1
