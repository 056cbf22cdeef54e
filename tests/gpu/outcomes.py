"""Outcomes of tests that a step runs with pytest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.gpu.session.figures import Figures


def run_tests(files: Sequence[Path], figures: Figures) -> None:
    """Run test files; add the numbers of tests by outcome and the names of those that failed.

    Raises AssertionError if one failed, or none ran.
    """
    outcomes = _Outcomes()
    # the project's conftest.py needs video libraries, and warnings differ between versions of torch
    options = ["--noconftest", "-W", "default", "-p", "no:cacheprovider", "-rs"]
    pytest.main([*options, *map(str, files)], plugins=[outcomes])
    counted = dict(outcomes.counts)
    told = ", ".join(f"{number} {outcome}" for outcome, number in counted.items())
    figures.add(tests=counted, failed=outcomes.failed, summary=[told])
    if outcomes.failed or not counted.get("passed"):
        raise AssertionError(f"{len(outcomes.failed)} tests failed: {', '.join(outcomes.failed[:3])}")


class _Outcomes:
    """Plugin of pytest that keeps what its reports say."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once, by its call, or by the phase that failed or skipped it."""
        if report.when == "call" or report.outcome != "passed":
            self.counts[report.outcome] += 1
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file that cannot be collected as failed."""
        if report.failed:
            self.failed.append(report.nodeid)
