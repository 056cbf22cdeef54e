"""Figures and tables of the gateway under load."""

from __future__ import annotations

import dataclasses

import pytest

from tests.benchmarks.load.figures import (
    EMPTY,
    LEAST,
    ONE,
    OPEN,
    PER_CORE,
    PROCESSES,
    THREADS,
    TWICE,
    Bare,
    Load,
    Round,
    goals_of,
    pooled,
)
from tests.benchmarks.load.table import BESIDES, stages
from tests.benchmarks.tables.pages import newest_results


def load(rate, server_ms, **others):
    return Load(rate, [10.0, 20.0], others.get("rejected", []), others.get("failures", []), server_ms, client_ms=1.0)


ROUND = Round(
    bare={THREADS: Bare(40.0, 50.0), PROCESSES: Bare(44.0, 45.0)},
    loads={ONE: load(20.0, 50.0), PER_CORE: load(38.0, 48.0), TWICE: load(40.0, 47.0), OPEN: load(36.0, 9.0)},
    floors={EMPTY: load(2000.0, 0.4), LEAST: load(42.0, 46.0)},
)


def test_a_round_compares_with_the_better_loop():
    assert ROUND.ratio() == pytest.approx(40 / 44)
    assert ROUND.besides() == pytest.approx(2.0)
    assert ROUND.thrift() == pytest.approx(45 / 48)


def test_the_floor_is_that_of_the_service_that_does_the_least():
    assert ROUND.floor_ratio() == pytest.approx(42 / 44)
    assert ROUND.besides(ROUND.floors[LEAST]) == pytest.approx(1.0)


def test_rounds_are_pooled_also_those_of_the_floors():
    slower = dataclasses.replace(ROUND, floors={EMPTY: load(1000.0, 0.6), LEAST: load(40.0, 48.0)})
    assert pooled([ROUND, slower], EMPTY).rate == 1500.0
    assert len(pooled([ROUND, slower], ONE).accepted) == 4


def test_failures_of_any_load_miss_a_goal():
    broken = ROUND.loads | {PER_CORE: load(38.0, 48.0, failures=["500"])}
    assert goals_of([ROUND])[-1].is_met
    assert not goals_of([dataclasses.replace(ROUND, loads=broken)])[-1].is_met


def test_the_stages_sum_up_to_what_is_besides_the_bare_loop():
    results = newest_results("load")
    *parts, total = [float(row.split("|")[2]) for row in stages(results).splitlines()[2:]]
    besides = next(goal["value"] for goal in results["goals"] if goal["name"] == BESIDES)
    assert sum(parts) == pytest.approx(total, abs=0.05)
    assert total == pytest.approx(besides, abs=0.01)
