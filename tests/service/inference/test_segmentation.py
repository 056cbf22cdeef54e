import pytest

from clips.scores import Score
from service.inference.segmentation import ScoredWindow, merge


def judged(start, end, label, probability=0.5):
    return ScoredWindow(start, end, Score(1, label, "ABC".index(label), probability))


def spans(windows):
    return [(segment.label, segment.start, segment.end, segment.num_windows) for segment in merge(windows)]


def test_neighbours_that_agree_are_one_segment_and_borders_lie_in_the_middle_of_what_is_shared():
    windows = [judged(0, 2, "A"), judged(1, 3, "A"), judged(2, 4, "B"), judged(3, 5, "B"), judged(3.5, 5.5, "A")]
    assert spans(windows) == [("A", 0, 2.5, 2), ("B", 2.5, 4.25, 2), ("A", 4.25, 5.5, 1)]


def test_windows_that_only_touch_keep_their_borders():
    assert spans([judged(0, 2, "A"), judged(2, 4, "C")]) == [("A", 0, 2, 1), ("C", 2, 4, 1)]


def test_the_probability_is_the_mean():
    (segment,) = merge([judged(0, 2, "B", 0.4), judged(1, 3, "B", 0.8)])
    assert segment.probability == pytest.approx(0.6)
    assert segment.index == 1


def test_one_window_is_one_segment_and_none_is_none():
    assert spans([judged(0, 0.4, "A")]) == [("A", 0, 0.4, 1)]
    assert merge([]) == []
