"""Predictions: the number of scores."""

from __future__ import annotations

from typing import Any

import pytest

from service.inference.prediction import BadTopK, TopK, choose_top_k, parse_top_k


@pytest.mark.parametrize(
    ("top_k", "num_classes", "count"),
    [(None, 16, 5), (None, 3, 3), (1, 16, 1), (16, 16, 16), (17, 16, 16), (10**30, 16, 16), ("all", 16, 16)],
)
def test_top_k_is_five_by_default_and_never_above_the_classes(top_k: TopK | None, num_classes: int, count: int) -> None:
    assert choose_top_k(top_k, num_classes) == count


@pytest.mark.parametrize("top_k", [0, -1, 1.5, "3", "many"])
def test_no_top_k_below_one_and_no_other_word(top_k: Any) -> None:
    with pytest.raises(BadTopK):
        choose_top_k(top_k, 16)


def test_top_k_as_typed() -> None:
    assert [parse_top_k(text) for text in (None, "3", "-3", "all")] == [None, 3, -3, "all"]


@pytest.mark.parametrize("text", ["", "ALL", "1.5", "9" * 5_000])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(BadTopK):
        parse_top_k(text)
