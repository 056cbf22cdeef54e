"""A check and its finding."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from service.doctor.check import Check, CheckFailed, CheckSkipped, CheckWarned, Finding, examine


def _raise(error: Exception) -> Callable[[], str]:
    def run() -> str:
        raise error

    return run


def test_a_check_is_told_and_run() -> None:
    told: list[str] = []
    finding = examine(Check("water", lambda: "wet", "pour some"), told.append)
    assert told == ["water"]
    assert finding == Finding(check="water", status="ok", found="wet", advice=None)


@pytest.mark.parametrize(
    ("error", "status", "found"),
    [
        (CheckFailed("dry"), "failed", "dry"),
        (CheckSkipped("no tap"), "skipped", "no tap"),
        (CheckWarned("damp"), "warning", "damp"),
        (ImportError("libtap.so:\n  not found"), "failed", "libtap.so: not found"),
        (MemoryError(), "failed", "MemoryError"),
    ],
)
def test_whatever_is_raised_is_a_finding(error: Exception, status: str, found: str) -> None:
    finding = examine(Check("water", _raise(error), "pour some"), lambda _: None)
    assert (finding.status, finding.found) == (status, found)
    assert finding.advice == (None if status == "skipped" else "pour some")
