"""Texts of a parity report: what decides that an artifact passes, and the reason why one does not."""

import re
from typing import Any

import pytest

from export.parity.report import finding, shortfall
from tests.helpers.stores import parity_report


def numbers_in(text):
    return [float(number) for number in re.findall(r"\d[\d.e+-]*", text.replace("top-1", ""))]


@pytest.mark.parametrize("described", [finding, shortfall])
@pytest.mark.parametrize(("agreed", "percent"), [(505, 98.6), (512, 100), (501, 97.8), (0, 0)])
def test_int8_is_described_by_the_agreement_that_decides(described, agreed, percent):
    share = {"top1_agreement": agreed / 512, "required_top1_agreement": 0.98, "num_clips_judged": 512}
    report = parity_report(tolerance=None, max_abs_logit_difference=0.25, **share)
    assert numbers_in(described(report)) == [percent, 512, 98]


def test_a_share_that_is_too_low_never_reads_as_enough():
    share = {"top1_agreement": 0.9799, "required_top1_agreement": 0.98, "num_clips_judged": 10_000}
    assert numbers_in(shortfall(parity_report(tolerance=None, **share)))[0] == 97.9


def test_floats_are_described_by_the_difference_that_is_nearest_to_its_limit():
    learned = {"max_abs_logit_difference": 2e-6, "max_abs_logit": 5}
    made: dict[str, Any] = {"max_abs_logit_difference_at_made_offsets": 4e-6, "max_abs_logit_at_made_offsets": 1000}
    made["made_offsets"] = (0.5,)
    assert numbers_in(finding(parity_report(**learned, **made))) == [2e-6, 1e-4]
    made["max_abs_logit_difference_at_made_offsets"] = 2e-2
    assert numbers_in(shortfall(parity_report(**learned, **made))) == [2e-2, 1e-2]


def test_a_network_without_offsets_is_described_by_its_only_difference():
    report = parity_report(max_abs_logit_difference=2e-6, max_abs_logit=5, max_abs_logit_at_made_offsets=0)
    assert numbers_in(finding(report)) == [2e-6, 1e-4]
