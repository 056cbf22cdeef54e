"""Failures of one file: the reason, and whether it lasts."""

from __future__ import annotations

import pytest

from clips.decoding.errors import LimitExceeded, NotAVideo
from service.backends.base import InferenceFailed
from service.batch.results.result import failure
from service.decoding.process import DecoderEnded


@pytest.mark.parametrize("error", [NotAVideo("a text"), LimitExceeded("too long")])
def test_what_is_wrong_with_the_video_lasts(error):
    failed = failure("a.mp4", error)
    assert (failed.file, failed.reason, failed.lasts) == ("a.mp4", str(error), True)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(5, "Input/output error"), "Input/output error"),
        (OSError("odd"), "odd"),
        (DecoderEnded("ended from outside"), "ended from outside"),
        (InferenceFailed("no memory"), "no memory"),
    ],
)
def test_a_fault_of_the_machine_does_not_last(error, reason):
    failed = failure("a.mp4", error)
    assert (failed.reason, failed.lasts) == (reason, False)


def test_an_unexpected_error_is_raised():
    with pytest.raises(ZeroDivisionError):
        failure("a.mp4", ZeroDivisionError())
