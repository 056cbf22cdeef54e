"""Circuit breaker: opening, closing and its errors, by a clock that the tests set."""

from __future__ import annotations

import logging

import pytest

from service.backends.base import RuntimeDown
from service.backends.remote.circuit_breaker import MAX_FAILURES, MAX_RETRY_AFTER, CircuitBreaker


class Clock:
    """Seconds that pass when they are told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> CircuitBreaker:
    """A closed circuit breaker."""
    circuit = CircuitBreaker("the server", clock)
    circuit.close()
    return circuit


def _fail(circuit: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        circuit.failed("no connection")


def test_it_is_open_until_the_server_was_tried() -> None:
    circuit = CircuitBreaker("the server")
    with pytest.raises(RuntimeDown, match="the server"):
        circuit.check()
    circuit.close()
    circuit.check()


def test_failures_in_a_row_open_it(circuit: CircuitBreaker) -> None:
    _fail(circuit, MAX_FAILURES - 1)
    circuit.check()
    circuit.failed("no route")
    with pytest.raises(RuntimeDown, match="no route"):
        circuit.check()


def test_a_success_between_them_does_not(circuit: CircuitBreaker) -> None:
    _fail(circuit, MAX_FAILURES - 1)
    circuit.succeeded()
    _fail(circuit, MAX_FAILURES - 1)
    assert not circuit.is_open


def test_a_late_success_does_not_close_it(circuit: CircuitBreaker) -> None:
    circuit.open("gone")
    circuit.succeeded()
    assert circuit.is_open


def test_after_it_closed_failures_are_counted_anew(circuit: CircuitBreaker) -> None:
    _fail(circuit, MAX_FAILURES)
    circuit.close()
    _fail(circuit, MAX_FAILURES - 1)
    assert not circuit.is_open


@pytest.mark.parametrize(("lasted", "retry_after"), [(0.0, 1), (0.4, 1), (6.2, 7), (9999.0, MAX_RETRY_AFTER)])
def test_an_outage_is_expected_to_last_as_long_again(
    circuit: CircuitBreaker, clock: Clock, lasted: float, retry_after: int
) -> None:
    circuit.open("gone")
    clock.now += lasted
    circuit.open("still gone")
    with pytest.raises(RuntimeDown, match="still gone") as caught:
        circuit.check()
    assert caught.value.retry_after == retry_after


def test_each_news_is_logged_once(circuit: CircuitBreaker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "service")
    _fail(circuit, 3 * MAX_FAILURES)
    circuit.open("another model")
    circuit.close()
    circuit.close()
    warnings = [record.getMessage().split(";")[0] for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["no connection", "another model"]
    assert len(caplog.records) == len(warnings) + 1
