"""What a reader is told of an error, and whether it would be told again."""

from __future__ import annotations

import pytest

from clips.decoding.errors import LimitExceeded, NotAVideo
from service.backends.base import InferenceFailed
from service.batch.results import failure
from service.decoding.process import DecoderEnded


@pytest.mark.parametrize("error", [NotAVideo("a text"), LimitExceeded("too long")])
def test_what_is_wrong_with_the_video_lasts(error):
    told = failure("a.mp4", error)
    assert (told.file, told.reason, told.lasts) == ("a.mp4", str(error), True)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(5, "Input/output error"), "Input/output error"),
        (OSError("odd"), "odd"),
        (DecoderEnded("ended from outside"), "ended from outside"),
        (InferenceFailed("no memory"), "no memory"),
    ],
)
def test_what_befalls_the_machine_does_not(error, reason):
    told = failure("a.mp4", error)
    assert (told.reason, told.lasts) == (reason, False)


def test_a_fault_of_ours_is_no_outcome():
    with pytest.raises(ZeroDivisionError):
        failure("a.mp4", ZeroDivisionError())
