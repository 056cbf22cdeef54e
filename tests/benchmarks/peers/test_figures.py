import pytest

from tests.benchmarks.peers.clients import BROKEN, TIMED_OUT
from tests.benchmarks.peers.figures import (
    ANSWERED,
    CUT,
    FAILED,
    LATE,
    REFUSED,
    Load,
    as_facts,
    at_most,
    fate,
    goals_of,
    pooled,
)

OURS, FP32 = "ours", "ours, fp32"


def load(rate=10.0, latencies=(100.0,), server_ms=50.0, **fates):
    return Load(
        rate=rate,
        latencies=list(latencies),
        fates=fates,
        server_ms=server_ms,
        client_share=0.02,
        others_share=0.0,
        megabytes=200.0,
    )


def of(outcomes, **fields):
    shares = {"server_seconds": 1.0, "client_seconds": 0.25, "others_share": 0.0, "megabytes": 1.0}
    return Load.of(outcomes, **{"window": (1.0, 3.0), **shares, **fields})


@pytest.mark.parametrize(
    ("status", "expected"),
    [(200, ANSWERED), (429, REFUSED), (503, REFUSED), (500, FAILED), (404, FAILED), (TIMED_OUT, LATE), (BROKEN, CUT)],
)
def test_a_request_has_one_fate(status, expected):
    assert fate(status) == expected


def test_answers_within_the_window_count():
    outcomes = [(0.0, 0.9, 200), (0.9, 1.4, 200), (1.4, 2.4, 200), (2.5, 3.0, 200), (1.0, 1.1, 503)]
    measured = of(outcomes)
    assert measured.rate == pytest.approx(1.0)
    assert measured.latencies == pytest.approx([500, 1000])
    assert measured.fates == {ANSWERED: 4, REFUSED: 1}
    assert measured.lost == 0


@pytest.mark.parametrize(("last", "rate"), [(3.5, 2 / 4), (8.0, 2 / 8)])
def test_in_overload_the_rate_is_that_up_to_the_last_answer(last, rate):
    outcomes = [(0.0, 1.0, 200), (0.1, last, 200), (0.2, 10.0, TIMED_OUT)]
    assert of(outcomes, window=(0.0, 14.0), sending=4.0).rate == pytest.approx(rate)


def test_cpu_time_is_shared_by_all_answers_of_the_job():
    measured = of([(0.0, 0.5, 200), (2.0, 3.5, 200), (0.0, 10.0, TIMED_OUT)])
    assert measured.server_ms == pytest.approx(500)
    assert measured.client_share == pytest.approx(0.2)
    assert measured.lost == 1


def test_no_answer_is_no_division_by_zero():
    measured = of([(0.0, 0.1, BROKEN)])
    assert (measured.rate, measured.lost) == (0.0, 1)
    assert as_facts(measured)["p99_ms"] is None


def test_rounds_are_pooled():
    three = [
        load(rate=rate, latencies=[rate], answered=1, broken=lost) for rate, lost in ((1.0, 0), (9.0, 2), (5.0, 1))
    ]
    together = pooled(three)
    assert together.rate == 5.0
    assert sorted(together.latencies) == [1.0, 5.0, 9.0]
    assert together.fates == {"answered": 3, "broken": 3}


def goals(busy, overload):
    return {goal.name.partition(": ")[2]: goal for goal in goals_of("demo", busy, overload, [OURS, FP32], 1.4)}


def test_goals_compare_with_the_best_peer():
    busy = {
        OURS: [load(30.0), load(15.0)],
        FP32: [load(20.0), load(10.0)],
        "a": [load(20.0, [90.0]), load(10.0, [95.0])],
        "b": [load(2.0, server_ms=80.0), load(1.0)],
    }
    found = goals(busy, {OURS: [load(answered=1)], "a": [load(failed=3)], "b": [load(answered=1)]})
    assert [goal.value for goal in found.values()] == pytest.approx([1.5, 1.0, 1.0, 1.0, 100 / 95, 0, 1])
    assert [goal.is_met for goal in found.values()] == [True, None, None, None, False, True, False]


def test_goals_need_a_peer():
    assert not goals({OURS: [load()]}, {})
    assert not [*at_most("demo", {OURS: [load()]}, [OURS], [40.0])]


def test_decoding_and_inference_alone_are_compared_with_the_thriftiest_peer():
    busy = {OURS: [load(server_ms=50.0)], "a": [load(server_ms=90.0)], "b": [load(server_ms=60.0)]}
    (most,) = at_most("demo", busy, [OURS, FP32], [39.0, 40.0, 42.0])
    assert (most.value, most.is_met) == (1.5, None)
    assert not [*at_most("demo", busy, [OURS, FP32], [])]
