from tests.benchmarks.latency.figures import ONE_CORE, ONE_THREAD, TWO_CORES, Goal, Round, goals_of, medians


def a_round(one_core, two_cores, rate):
    return Round(
        {"small": {ONE_CORE: one_core, ONE_THREAD: one_core - 1, TWO_CORES: two_cores}},
        {"small": {ONE_THREAD: 10.0, TWO_CORES: rate}},
        {"small": 1.25 * one_core},
    )


ROUNDS = [a_round(18.0, 10.0, 9.9), a_round(90.0, 60.0, 9.7), a_round(20.0, 10.0, 10.0)]


def test_a_ratio_is_the_median_of_those_of_the_rounds():
    speedup, throughput = goals_of(ROUNDS)
    assert speedup == Goal("small: one core / two", 1.8, 1.7, most=1.6)
    assert throughput == Goal("small: throughput", 0.99, 0.98)
    assert speedup.is_met
    assert throughput.is_met
    assert not Goal("small: throughput", 0.97, 0.98).is_met


def test_times_are_medians_over_the_rounds():
    assert medians([each.milliseconds["small"] for each in ROUNDS]) == {ONE_CORE: 20, ONE_THREAD: 19, TWO_CORES: 10}
