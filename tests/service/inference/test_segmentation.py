"""Segmentation: borders, threshold and bridges; windows one by one give what all at once give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips.scores import Score
from service.inference.segmentation import BRIDGED_SECONDS, ScoredWindow, Segment, Segmenter, segments_of

LABELS = "ABC"


def window(start: float, end: float, label: str, probability: float = 0.5) -> ScoredWindow:
    return ScoredWindow(start, end, Score(1, label, LABELS.index(label), probability))


def windows_of_two_seconds(labels: str, probability: float = 0.5) -> list[ScoredWindow]:
    return [window(start, start + 2, label, probability) for start, label in enumerate(labels)]


def spans(segments: Iterable[Segment]) -> list[tuple[str | None, float, float, int]]:
    return [(segment.label, segment.start, segment.end, segment.num_windows) for segment in segments]


def test_neighbours_that_agree_are_one_segment_and_borders_lie_in_the_middle_of_what_is_shared() -> None:
    windows = [*windows_of_two_seconds("AABB"), window(3.5, 5.5, "C")]
    assert spans(segments_of(windows)) == [("A", 0, 2.5, 2), ("B", 2.5, 4.25, 2), ("C", 4.25, 5.5, 1)]


def test_windows_that_only_touch_keep_their_borders() -> None:
    assert spans(segments_of([window(0, 2, "A"), window(2, 4, "C")])) == [("A", 0, 2, 1), ("C", 2, 4, 1)]


def test_the_probability_is_the_mean_of_the_windows_that_agree() -> None:
    windows = [window(0, 2, "B", 0.4), window(1, 3, "A", 0.9), window(2, 4, "B", 0.8)]
    (segment,) = segments_of(windows)
    assert (segment.label, segment.index, segment.num_windows) == ("B", 1, 3)
    assert segment.probability == pytest.approx(0.6)


def test_one_window_is_one_segment_and_none_is_none() -> None:
    assert spans(segments_of([window(0, 0.4, "A")])) == [("A", 0, 0.4, 1)]
    assert segments_of([]) == []


@pytest.mark.parametrize(
    ("labels", "expected"), [("AABAA", "A"), ("ABABB", "AB"), ("ABCC", "ABC"), ("AABBAA", "ABA"), ("AAB", "AB")]
)
def test_one_odd_window_does_not_split_a_segment(labels: str, expected: str) -> None:
    segments = segments_of(windows_of_two_seconds(labels))
    assert [segment.label for segment in segments] == list(expected)
    assert sum(segment.num_windows for segment in segments) == len(labels)


def test_a_window_between_others_that_do_not_meet_is_not_odd() -> None:
    windows = [window(0, 2, "A"), window(1.5, 3.5, "B"), window(3, 5, "A")]
    assert [segment.label for segment in segments_of(windows)] == list("ABA")


@pytest.mark.parametrize(
    ("labels", "bridged_seconds", "expected"),
    [
        ("AABBBAA", 0.75, "A"),
        ("AABBBBAA", 0.75, "ABA"),
        ("AABCBAA", 0.75, "A"),
        ("AABBAA", 0.25, "ABA"),
        ("AABAA", 0.0, "ABA"),
        ("ABCBBBBB", 0.5, "AB"),
    ],
)
def test_a_short_stretch_does_not_split_a_segment(labels: str, bridged_seconds: float, expected: str) -> None:
    windows = [window(0.25 * place, 0.25 * place + 2, label) for place, label in enumerate(labels)]
    assert [segment.label for segment in segments_of(windows, bridged_seconds=bridged_seconds)] == list(expected)


def test_a_short_name_in_the_midst_of_nothing_is_bridged_but_one_of_a_second_is_not() -> None:
    for step, expected in ((BRIDGED_SECONDS, [None]), (1.0, [None, "B", None])):
        windows = [window(step * place, step * place + 2, "B", place == 2) for place in range(5)]
        assert [segment.label for segment in segments_of(windows, 0.5)] == expected


def test_the_threshold_applies_before_neighbours_are_merged() -> None:
    windows = [window(0, 2, "A", 0.3), window(1, 3, "B", 0.2), window(2, 4, "B", 0.6), window(3, 5, "B", 0.9)]
    assert spans(segments_of(windows, 0.6)) == [(None, 0, 2.5, 2), ("B", 2.5, 5, 2)]
    nothing, named = segments_of(windows, 0.6)
    assert (nothing.index, named.index) == (None, 1)
    assert nothing.probability == pytest.approx(0.25)
    assert named.probability == pytest.approx(0.75)


def test_a_weak_window_is_bridged_as_an_odd_one_is() -> None:
    windows = [window(0, 2, "A", 0.9), window(1, 3, "A", 0.1), window(2, 4, "A", 0.9)]
    assert spans(segments_of(windows, 0.5)) == [("A", 0, 4, 3)]


def test_the_open_segment_is_what_goes_on() -> None:
    segmenter = Segmenter()
    assert segmenter.open_segment is None
    opened: list[Segment | None] = []
    closed = []
    for each in windows_of_two_seconds("ABBB"):
        closed.append(spans(segmenter.add(each)))
        opened.append(segmenter.open_segment)
    assert closed == [[], [], [("A", 0, 1.5, 1)], []]
    assert [(segment.label, segment.end) for segment in opened if segment] == [("A", 2), ("A", 2), ("B", 4), ("B", 5)]
    assert spans(segmenter.finish()) == [("B", 1.5, 5, 3)]
    assert (segmenter.open_segment, segmenter.finish()) == (None, [])


@st.composite
def films(draw: st.DrawFn) -> list[ScoredWindow]:
    """Windows in order of time, each of which begins in the one before or at its end."""
    windows: list[ScoredWindow] = []
    start = end = 0.0
    for label, probability in draw(st.lists(st.tuples(st.sampled_from(LABELS), st.floats(0, 1)), max_size=30)):
        start = draw(st.floats(start, end)) if windows else start
        end = max(end, start) + draw(st.floats(0.1, 3))
        windows.append(window(start, end, label, probability))
    return windows


def _plain_rule(windows: Sequence[ScoredWindow]) -> list[tuple[str | None, float, float, int]]:
    runs = [list(run) for _, run in groupby(windows, key=lambda each: each.top1.label)]
    borders = [(earlier[-1].end + later[0].start) / 2 for earlier, later in pairwise(runs)]
    starts, ends = [*(run[0].start for run in runs[:1]), *borders], [*borders, *(run[-1].end for run in runs[-1:])]
    return [(run[0].top1.label, start, end, len(run)) for run, start, end in zip(runs, starts, ends, strict=True)]


@given(windows=films())
def test_without_threshold_and_bridges_segments_are_the_runs(windows: list[ScoredWindow]) -> None:
    assert spans(segments_of(windows, bridged_seconds=0)) == _plain_rule(windows)


@given(windows=films(), min_probability=st.floats(0, 1), bridged_seconds=st.floats(0, 4), split=st.integers(0, 30))
def test_segments_tile_the_time_and_are_certain_once_they_are_closed(
    windows: list[ScoredWindow], min_probability: float, bridged_seconds: float, split: int
) -> None:
    expected = segments_of(windows, min_probability, bridged_seconds)
    online = Segmenter(min_probability, bridged_seconds)
    closed = [segment for each in windows[:split] for segment in online.add(each)]
    assert closed == expected[: len(closed)]
    going_on = online.open_segment
    assert (going_on is None) == (not windows[:split])
    if going_on is not None:
        assert (going_on.start, going_on.label) == (expected[len(closed)].start, expected[len(closed)].label)
    closed += [segment for each in windows[split:] for segment in online.add(each)]
    assert closed + online.finish() == expected
    assert sum(segment.num_windows for segment in expected) == len(windows)
    assert [segment.end for segment in expected[:-1]] == [segment.start for segment in expected[1:]]
    if windows:
        assert (expected[0].start, expected[-1].end) == (windows[0].start, windows[-1].end)
    assert all(segment.start <= segment.end for segment in expected)
    assert all(one.label != next_one.label for one, next_one in pairwise(expected))
